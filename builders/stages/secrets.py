"""Step ``prefilter/secrets``: pages that hold secrets or personal data are dropped, masked or reported."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.filters.secrets.detect import VERSION, mask
from nyxqa.builders.formatting import counted, listed
from nyxqa.builders.rows import SOURCE_PAGES
from nyxqa.schemas.recipe import Filters

_OF_PAGE = ("title", "url")
_OF_PART = ("text", "caption", "section")
# Where something was found in a page: "title", "url", or the number of a part.
Found = dict[str, list[str]]


def secrets(run: Run, pages: StepOutput, settings: Filters) -> StepOutput:
    """Pages after ``filters.secrets``: before any id is made of their text, so that ids follow the masked text.

    :param pages: Rows of SOURCE_PAGES.
    :returns: Rows of SOURCE_PAGES; ``pages`` itself if nothing is to be looked for.
    """
    if not settings.enabled or not settings.secrets:
        return pages
    params = {"secrets": settings.secrets, "detector": VERSION}
    step = Step("prefilter/secrets", 1, params, (pages.fingerprint,), unit_in="page", unit_out="page")
    return run.map(step, partial(secrets_shard, settings.secrets), pages.files, SOURCE_PAGES)


def secrets_shard(mode: str, file: Path) -> ShardOutput:
    """Pages of one shard.

    :param mode: ``drop``, ``mask`` or ``report``.
    """
    pages = pq.read_table(file, schema=SOURCE_PAGES).to_pylist()
    rows, account = [], Account([page["page_id"] for page in pages])
    for page in pages:
        masked, found = _masked(page)
        kinds = Counter(kind for own in found.values() for kind in own)
        if found and mode == "drop":
            reason = f"secret_{kinds.most_common(1)[0][0]}"
            account.dropped.append(Drop("page", page["page_id"], "", reason, listed(dict(kinds))))
            continue
        for place, own in found.items():
            item, count = f"{page['page_id']}:{place}", counted(len(own), "finding")
            verb = "masked" if mode == "mask" else "found"
            account.notes.append(Drop("block", item, page["page_id"], f"secret_{own[0]}", f"{count} {verb}"))
        rows.append(masked if mode == "mask" else page)
    account.parents = [page["page_id"] for page in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=SOURCE_PAGES), account)


def _masked(page: dict[str, Any]) -> tuple[dict[str, Any], Found]:
    """A page with its findings masked; an image whose address holds one is left out, as a masked one leads nowhere."""
    found: Found = {}
    changed = dict(page)
    for name in _OF_PAGE:
        if page[name]:
            changed[name], kinds = mask(page[name])
            if kinds:
                found[name] = kinds
    changed["parts"] = []
    for number, part in enumerate(page["parts"]):
        own = dict(part)
        kinds = []
        for name in _OF_PART:
            if part[name]:
                own[name], more = mask(part[name])
                kinds += more
        address = part["image"] or ""
        leads = [] if address[:5].lower() == "data:" else mask(address)[1]
        if kinds or leads:
            found[str(number)] = [*kinds, *leads]
        if not leads:
            changed["parts"].append(own)
    return changed, found
