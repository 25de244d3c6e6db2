"""From ``--source`` to a source."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.sources.base import Source
from nyxqa.builders.sources.html import HtmlSource
from nyxqa.builders.sources.jsonl import JsonlSource
from nyxqa.builders.sources.obelics import ObelicsFolder
from nyxqa.builders.sources.obelics_hub import ObelicsHub, hub_source
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import Web

SAMPLE = Path(__file__).parent.parent / "sample_pages" / "pages.jsonl"
_KINDS = ("sample", "html", "jsonl", "obelics")


def open_source(web: Web) -> Source:
    """The source that ``web.source`` names.

    One of ``sample``, ``html:DIR``, ``jsonl:FILE[.gz]``, ``obelics:DIR``, ``obelics`` (the Hub's, without pages whose
    publishers opted out) and ``obelics:hf:USER/NAME[/CONFIG][@REVISION]``.

    Nothing is read yet.

    :raises UsageError: If it names no known kind or no path.
    """
    kind, _, path = web.source.partition(":")
    if kind not in _KINDS:
        raise UsageError(f"unknown source {web.source!r}{nearest(kind, _KINDS)}")
    if kind == "obelics":
        if not path or path.startswith("hf:"):
            return hub_source(path.removeprefix("hf:"), web)
        return ObelicsFolder(Path(path), web)
    if kind == "sample":
        if path:
            raise UsageError(f"source {web.source!r}: 'sample' takes no path; did you mean 'jsonl:{path}'?")
        return JsonlSource("sample", SAMPLE, web)
    if not path:
        raise UsageError(f"source {web.source!r} names no path; use {'html:DIR' if kind == 'html' else 'jsonl:FILE'}")
    return HtmlSource("html", Path(path), web) if kind == "html" else JsonlSource("jsonl", Path(path), web)


def source_revisions(web: Web) -> dict[str, str]:
    """Resolved revision of each thing that the source takes from the Hub.

    :raises WorldError: If the Hub does not tell.
    """
    opened = open_source(web)
    return opened.revisions() if isinstance(opened, ObelicsHub) else {}
