"""From ``web.source`` to a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nyxqa.builders.sources.base import Source
from nyxqa.builders.sources.bucket import bucket_source
from nyxqa.builders.sources.docling_document import DoclingSource
from nyxqa.builders.sources.html import HtmlSource
from nyxqa.builders.sources.jsonl import JsonlFile
from nyxqa.builders.sources.obelics import ObelicsFolder
from nyxqa.builders.sources.obelics_hub import hub_source
from nyxqa.builders.sources.pdf.source import PdfSource
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import Pdf, Web
from nyxqa.schemas.web.s3 import is_s3

DEFAULT_PDF = Pdf()
SAMPLE = Path(__file__).parent.parent / "sample_pages" / "pages.jsonl"


def open_source(web: Web, pdf: Pdf = DEFAULT_PDF, unit: str = "tokens") -> Source:
    """Return the source that ``web.source`` names; nothing is read yet.

    One of ``sample``, ``html:DIR``, ``markdown:DIR``, ``pdf:DIR``, ``pdf:FILE``, ``docling:DIR``,
    ``jsonl:FILE[.gz|.zst]``, ``obelics:DIR``, ``obelics`` (the Hub's, without pages whose publishers opted out) and
    ``obelics:hf:USER/NAME[/CONFIG][@REVISION]``. ``jsonl:`` and ``obelics:`` take ``s3://BUCKET/KEY`` too.

    :param pdf: How PDF files are read.
    :param unit: What becomes a document, ``chunk.unit``: a ``page`` is a picture of each sheet of a PDF, and of HTML
        and Markdown the pictures that lie beside the file.
    :raises UsageError: If the kind is unknown or its path is missing or malformed.
    """
    kind, _, path = web.source.partition(":")
    if is_s3(path) and kind in _KINDS:
        return bucket_source(kind, path, web)
    if kind == "pdf":
        return PdfSource(_required(path, web, "pdf:DIR or pdf:FILE"), web, unit, pdf)
    if kind == "docling":
        return DoclingSource(_required(path, web, "docling:DIR"), web, unit)
    if kind in ("html", "markdown"):
        return HtmlSource(_required(path, web, f"{kind}:DIR"), web, unit, kind)
    if kind not in _SOURCES:
        raise UsageError(f"unknown source {web.source!r}{nearest(kind, _KINDS)}")
    return _SOURCES[kind](path, web)


def _sample(path: str, web: Web) -> Source:
    if path:
        raise UsageError(f"source {web.source!r}: 'sample' takes no path; did you mean 'jsonl:{path}'?")
    return JsonlFile("sample", SAMPLE, web)


def _jsonl(path: str, web: Web) -> Source:
    return JsonlFile("jsonl", _required(path, web, "jsonl:FILE"), web)


def _obelics(path: str, web: Web) -> Source:
    if not path or path.startswith("hf:"):
        return hub_source(path.removeprefix("hf:"), web)
    return ObelicsFolder(Path(path), web)


def _required(path: str, web: Web, form: str) -> Path:
    if not path:
        raise UsageError(f"source {web.source!r} has no path; use {form}")
    return Path(path)


_SOURCES: dict[str, Callable[[str, Web], Source]] = {
    "sample": _sample,
    "jsonl": _jsonl,
    "obelics": _obelics,
}
_KINDS = ("pdf", "docling", "html", "markdown", *_SOURCES)
