"""PDF files that are damaged or made to harm: each is dropped with its reason or read, and never ends the build."""

from __future__ import annotations

import signal
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import Page
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.sources.pdf.source import FailedReadError, read_apart
from nyxqa.schemas.recipe import Web
from tests.support.pdf import canvas, draw_lines, manual

_CHILD = "nyxqa.builders.sources.pdf.child"
SAID = b"BT /F1 12 Tf 20 60 Td (The weir was built in 1842 by the guild.) Tj ET"


def pdf(content: bytes, catalog: bytes = b"", page: bytes = b"", packed: bool = False, kids: bytes = b"3 0 R") -> bytes:
    """A file of one sheet; readers rebuild the table that it leaves out."""
    stream = zlib.compress(content, 9) if packed else content
    kind = b"/Filter /FlateDecode " if packed else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        b"<< /Type /Pages /Kids [" + kids + b"] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 100] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> "
        + page
        + b" >>",
        b"<< " + kind + b"/Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, one) for number, one in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer << /Root 1 0 R /Size 6 >>\n%%EOF\n"


def packed_objects(padding: bytes) -> bytes:
    """A file whose objects are in a stream that is 1,000 times as large as it is stored."""
    inner = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    inner.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 100] >>")
    places = [sum(map(len, inner[:number])) + number for number in range(len(inner))]
    index = b" ".join(b"%d %d" % (number, place) for number, place in enumerate(places, 1)) + b" "
    stream = zlib.compress(index + b" ".join(inner) + padding, 9)
    head = b"<< /Type /ObjStm /N 3 /First %d /Filter /FlateDecode /Length %d >>" % (len(index), len(stream))
    body = b"%PDF-1.7\n4 0 obj\n" + head + b"\nstream\n" + stream + b"\nendstream\nendobj\n"
    rows = [(0, 0, 255), (2, 4, 0), (2, 4, 1), (2, 4, 2), (1, 9, 0), (1, len(body), 0)]
    table = b"".join(kind.to_bytes(1, "big") + place.to_bytes(4, "big") + b"%c" % last for kind, place, last in rows)
    body += b"5 0 obj\n<< /Type /XRef /Size 6 /W [1 4 1] /Root 1 0 R /Length %d >>\nstream\n" % len(table)
    end = b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (body.index(b"5 0 obj"))
    return body + table + end


def outcome(file: Path) -> str:
    """The reason of the drop, or the text of the page."""
    opened = open_source(Web(source=f"pdf:{file}"))
    ((item,),) = opened.tasks(lambda line: None)
    (page,) = opened.pages((item,))
    if isinstance(page, Drop):
        assert page.detail
        return page.reason
    assert isinstance(page, Page)
    return "\n".join(part["text"] or "" for part in page.parts)


_TEXT = "The weir was built in 1842 by the guild."
# Each as a function, since some take long to make.
FILES: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "plain": (lambda: pdf(SAID), _TEXT),
    "nothing": (lambda: b"", "bad_pdf"),
    "no sheet": (lambda: pdf(SAID, kids=b""), "empty"),
    "its own parent": (lambda: pdf(SAID, kids=b"2 0 R"), "empty"),
    "huge sheet": (lambda: pdf(SAID, page=b"/CropBox [0 0 400 100] /UserUnit 100000"), _TEXT),
    "script and launch": (
        lambda: pdf(
            SAID, catalog=b"/OpenAction << /S /Launch /F (/bin/true) /Next << /S /JavaScript /JS (while(1);) >> >>"
        ),
        _TEXT,
    ),
    "deep nesting": (lambda: pdf(SAID, page=b"/A " + b"[" * 50_000 + b"]" * 50_000), None),
    "table of itself": (lambda: pdf(SAID).replace(b"%%EOF", b"startxref\n9\n%%EOF"), _TEXT),
    "five thousand sheets": (
        lambda: pdf(SAID, kids=b"3 0 R " * 5000).replace(b"/Count 1", b"/Count 5000"),
        "too_many_sheets",
    ),
    "objects of much in little": (lambda: packed_objects(b" " * 400_000_000), None),
    "much in little": (lambda: pdf(SAID + b" " * 60_000_000, packed=True), _TEXT),
}


@pytest.mark.parametrize("name", list(FILES))
def test_each_file_is_read_or_dropped(name: str, tmp_path: Path) -> None:
    make, expected = FILES[name]
    (tmp_path / "a.pdf").write_bytes(make())
    found = outcome(tmp_path / "a.pdf")
    assert found == expected if expected is not None else found in (_TEXT, "bad_pdf", "empty", "crashed")


def test_a_file_cut_off_is_read_in_part_or_dropped(tmp_path: Path) -> None:
    manual(tmp_path / "whole.pdf", 3)
    data = (tmp_path / "whole.pdf").read_bytes()
    (tmp_path / "a.pdf").write_bytes(data[: len(data) // 2])
    assert outcome(tmp_path / "a.pdf") in ("bad_pdf", "empty", "bad_sheet")


def test_a_file_with_a_password_is_dropped(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf", encrypt="password")
    draw_lines(page, 72, 700, ["Nobody reads this."])
    page.save()
    assert outcome(tmp_path / "a.pdf") == "encrypted"


@pytest.mark.parametrize("signal_", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_of_the_reader_is_a_drop_and_the_next_file_is_read(tmp_path: Path, signal_: signal.Signals) -> None:
    """The process that reads is ended as a crash of pdfium ends it."""
    manual(tmp_path / "a.pdf", 400)
    manual(tmp_path / "b.pdf", 1)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(outcome, tmp_path / "a.pdf")
        child = None
        while child is None and not reading.done():
            child = next((one for one in psutil.Process().children() if _CHILD in one.cmdline()), None)
        assert child is not None
        child.send_signal(signal_)
        assert reading.result() == "crashed"
    assert outcome(tmp_path / "b.pdf") != "crashed"


def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    manual(tmp_path / "a.pdf", 1)
    request = {"file": str(tmp_path / "a.pdf"), "dpi": 72, "render": False, "unit": "tokens", "ocr": False}
    with pytest.raises(FailedReadError, match="not read within") as caught:
        read_apart(request, seconds=0.01)
    assert caught.value.reason == "timed_out"
