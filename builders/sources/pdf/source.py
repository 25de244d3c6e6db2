"""Pages from a folder of PDF files, or from one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import (
    Item,
    Page,
    checked_page,
    image_part,
    text_part,
)
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.folder import FolderSource, ListedFile, listed_files
from nyxqa.builders.sources.pdf.child import OCR_TIMES
from nyxqa.builders.sources.pdf.ocr import PACKAGE
from nyxqa.schemas.errors import missing_extra
from nyxqa.schemas.ids import page_id_of_path
from nyxqa.schemas.locator import write_locator
from nyxqa.schemas.recipe import Pdf

_PREFORMATTED = ("table", "listing", "contents")
_SHEET_ORIGINS = {"sheet": "alt", "scan": "model"}  # the text of a sheet stands for its picture

SECONDS = 1800  # of the clock


@dataclass(frozen=True)
class PdfSource(FolderSource):
    """All PDF files below a folder, sorted by relative path, or one file; each is one page.

    :param folder: The folder or file.
    :param unit: ``page``: every sheet is a picture with its text as caption.
    """

    settings: Pdf = field(default_factory=Pdf)
    kind: str = "pdf"
    max_bytes = 1 << 30
    batch_files = 8

    @property
    def root(self) -> Path:
        """The folder, or that of the file."""
        return self.folder if self.folder.is_dir() else self.folder.parent

    @property
    def suffixes(self) -> tuple[str, ...]:
        """That of PDF."""
        return (".pdf",)

    def is_page(self, path: str) -> bool:
        """Whether a file is PDF by its name; a compressed one is not."""
        return path.lower().endswith(".pdf")

    def listed(self) -> list[ListedFile]:
        """The PDF files."""
        if self.folder.is_file():
            return [(self.folder.name, self.folder.stat())]
        return listed_files(self.folder, ".pdf")

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every PDF file, and what changes how they are read.

        :raises WorldError: If there is no PDF file.
        :raises MissingExtraError: If the extra ``pdf`` is not installed, or ``ocr`` where the recipe asks for it.
        """
        if find_spec("pypdfium2") is None:
            raise missing_extra("pypdfium2", "pdf")
        if self.settings.ocr and find_spec(PACKAGE) is None:
            raise missing_extra(PACKAGE, "ocr")
        return {"files": super().fingerprint(), "unit": self.unit, **self.settings.model_dump()}

    def read(self, item: Item) -> Page | Drop:
        """The page of a file, read by a process of its own, or a drop."""
        request = {"file": str(self.root / item.path), "unit": self.unit, **self.settings.model_dump()}
        try:
            answer = read_apart(request)
        except FailedReadError as error:
            return item.drop(error.reason, error.detail)
        if "drop" in answer:
            return item.drop(*answer["drop"])
        return _page(item, answer)


def _page(item: Item, answer: dict[str, Any]) -> Page | Drop:
    """The page of what was read."""
    cleaner = TextCleaner()
    parts = []
    for block in answer["blocks"]:
        section, locator = cleaner.line(block["section"]), write_locator(block["places"])
        if block["picture"] is not None:
            sheet = block["role"] in _SHEET_ORIGINS
            caption = (cleaner if sheet else cleaner.line)(block["caption"])
            origin = _SHEET_ORIGINS.get(block["role"], "figure") if caption else ""
            parts.append(image_part(f"data:image/png;base64,{block['picture']}", caption, origin, section, locator))
        elif text := cleaner(block["text"], preformatted=block["role"] in _PREFORMATTED):
            parts.append(text_part(text, section, locator))
    page_id = page_id_of_path(item.path)
    title, language = cleaner.line(answer["title"]) or None, cleaner.line(answer["language"]) or None
    page = Page(item.name, item.path, page_id, parts, title, None, language)
    page.notes += [Drop("page", page_id, item.name, reason, detail[:500]) for reason, detail in answer["notes"]]
    return checked_page(page, item, cleaner)


class FailedReadError(Exception):
    """The process ended without an answer.

    :param reason: Reason in the ledger.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_apart(request: dict[str, Any], seconds: float | None = None) -> dict[str, Any]:
    """The answer of a process of its own.

    :param request: File, resolution, unit and whether text is read from pictures, as ``child`` takes them.
    :param seconds: Time that it gets.
    :raises FailedReadError: If it crashed, ran too long or said nothing.
    """
    seconds = SECONDS * (OCR_TIMES if request["ocr"] else 1) if seconds is None else seconds
    search = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nyxqa.builders.sources.pdf.child"],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=seconds,
            env={**os.environ, "PYTHONPATH": search},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FailedReadError("timed_out", f"not read within {seconds:g} seconds") from error
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise FailedReadError("timed_out", "ended by the limit of processor time")
    if done.returncode < 0:
        raise FailedReadError("crashed", f"the reader ended with {signal.Signals(-done.returncode).name}")
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FailedReadError("crashed", f"the reader ended with code {done.returncode}: {lines[-1] if lines else ''}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
