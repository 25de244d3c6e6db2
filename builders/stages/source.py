"""Stage ``source``: read rows as pages and drop repeated pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.removed import REMOVED, hidden_name, is_removed_row, without_removed
from nyxqa.builders.formatting import listed
from nyxqa.builders.rows import SOURCE_PAGES
from nyxqa.builders.sources.base import Batch, Item, Page, Source
from nyxqa.builders.stages.names import SOURCE
from nyxqa.schemas.credentials import without_credentials
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web
from nyxqa.schemas.removals import Removals, read_removals

Keys = np.ndarray[Any, np.dtype[np.uint64]]

# A part file and, for each of its rows that repeats an earlier page, the name of that page's row.
Repeats = tuple[Path, dict[int, str]]


def source(run: Run, opened: Source, web: Web) -> StepOutput:
    """Pages of ``opened`` (rows of SOURCE_PAGES); of several with one id the first is retained.

    :param opened: The source that ``web.source`` names.
    :raises WorldError: If the source is missing, empty or unreadable.
    """
    params = {
        "kind": opened.kind,
        "files": opened.fingerprint(),
        "generation": run.generation(SOURCE),
        **section_params(web, ("limit", "every")),
    }
    removals = read_removals(run.work.parent)
    if removals:
        params["removals"] = removals.digest
    read = Step("source/read", 16, {**params, "license": web.license}, unit_in="row", unit_out="page")
    reader = partial(read_pages, opened, web.license, removals=run.work.parent if removals else None)
    pages = run.map(read, reader, partial(opened.tasks, run.say), SOURCE_PAGES)
    once = Step("source", 1, {}, (read.fingerprint,), unit_in="row", unit_out="page")
    return run.map(once, keep_first, partial(_repeats, pages, web.source), SOURCE_PAGES)


def read_pages(opened: Source, license_: str | None, batch: Batch, removals: Path | None = None) -> ShardOutput:
    """Parse a batch of rows.

    :param removals: Folder of the dataset whose removals apply.
    """
    kept_out = Removals() if removals is None else read_removals(removals)
    rows, account = [], Account()
    names, parents = [], []
    for item, read in zip(batch, opened.pages(batch), strict=True):
        page = _allowed(read, item, opened, kept_out) if kept_out else read
        names.append(page.item_id if isinstance(page, Drop) else item.name)
        if isinstance(page, Drop):
            account.dropped.append(page)
            continue
        rows.append(
            {
                "page_id": page.page_id,
                "row": page.row,
                "path": page.path,
                "title": page.title,
                "url": None if page.url is None else without_credentials(page.url),  # its id is of the whole URL
                "language": page.language,
                "license": page.license or license_,
                "source": opened.kind,
                "parts": page.parts,
            }
        )
        parents.append(item.name)
        account.notes += page.notes
    account.inputs, account.parents = names, parents
    return ShardOutput(pa.Table.from_pylist(rows, schema=SOURCE_PAGES), account)


def _allowed(page: Page | Drop, item: Item, opened: Source, removals: Removals) -> Page | Drop:
    """``page`` without what is kept out; a drop without its name if nothing is left."""
    if isinstance(page, Drop):
        left: Page | Drop | None = None if is_removed_row(item.name, removals) else page
    else:
        left = without_removed(page, item, opened, removals)
    return Drop("row", hidden_name(item.name), "", REMOVED) if left is None else left


def keep_first(task: Repeats) -> ShardOutput:
    """Pages of one part file that repeat no earlier page."""
    file, repeats = task
    table = pq.read_table(file, schema=SOURCE_PAGES)
    names = table["row"].to_pylist()
    first_rows = [index for index in range(len(names)) if index not in repeats]
    dropped = [
        Drop("row", names[index], "", "same_page", f"the page of {first}") for index, first in sorted(repeats.items())
    ]
    rows = table.take(pa.array(first_rows, pa.int64()))
    return ShardOutput(rows, Account(names, [names[index] for index in first_rows], dropped))


def _repeats(pages: StepOutput, spec: str) -> Iterator[Repeats]:
    """Each part file with its repeated pages; holds 16 bytes per page and one entry for each repeated id.

    :raises WorldError: If there is no page.
    """
    files = pages.files()
    keys = [_keys(file) for file in files]
    every = np.sort(np.concatenate([np.zeros(0, np.uint64), *keys]))
    if not len(every):
        raise WorldError(f"source {spec} has no page: {_reasons(pages)}")
    repeated = np.unique(every[1:][every[1:] == every[:-1]])
    del every
    first: dict[str, str] = {}
    for file, own in zip(files, keys, strict=True):
        repeats: dict[int, str] = {}
        again = np.flatnonzero(np.isin(own, repeated)) if len(repeated) else np.zeros(0, np.int64)
        for index, page_id, row in _rows(file, again):
            if first.setdefault(page_id, row) != row:
                repeats[index] = first[page_id]
        yield file, repeats


def _rows(file: Path, places: npt.NDArray[np.int64]) -> Iterator[tuple[int, str, str]]:
    """Place, page_id and row of some pages of a part file, which is not opened for none."""
    if len(places):
        found = pq.read_table(file, columns=["page_id", "row"]).take(pa.array(places)).to_pydict()
        yield from zip(places.tolist(), found["page_id"], found["row"], strict=True)


def _keys(file: Path) -> Keys:
    return leading_bits(pq.read_table(file, columns=["page_id"])["page_id"])


def _reasons(pages: StepOutput) -> str:
    """Why there are no pages, with the first row as an example."""
    ledgers = [pq.read_table(file, columns=["reason", "detail"]) for file in pages.ledgers()]
    if not ledgers:
        return "it has no row"
    drops = pa.concat_tables(ledgers)
    counts = dict(sorted(Counter(drops["reason"].to_pylist()).items()))
    return f"all rows were dropped ({listed(counts)}), the first because: {drops['detail'][0].as_py()}"


def leading_bits(ids: pa.Array | pa.ChunkedArray) -> Keys:
    """First 64 bits of each id, uint64 [ids].

    :param ids: Ids of at least 16 hex digits.
    """
    text = "".join(pc.utf8_slice_codeunits(ids, 0, 16).to_pylist())
    return np.frombuffer(bytes.fromhex(text), dtype=">u8").astype(np.uint64)
