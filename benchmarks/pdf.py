"""Reading PDF files whose text is known, beside pdftotext: words, order of paragraphs, sheets a second.

The truth is the text that Debian's packages ship beside their PDF files. Words are compared as bags; the order is
Kendall's tau of the places at which the paragraphs of the truth begin, of those found in both. Needs the extra ``pdf``
and pdftotext.

What the two do not share is left out of both, and the figures with it stand beside: the lists of contents of fhs-3.0
(its text repeats them in each chapter: of 15,000 words 867 that its PDF does not have), and in the order footnotes,
which a PDF has at the bottom of a sheet and a text at the end of a chapter.

Docling finds regions by models from the Hub; where these cannot be had its parser alone is measured (docling-parse: the
lines of each sheet as they are drawn), in an interpreter of its own that has it.

    apt-get download debian-policy debian-reference-en && for d in *.deb; do dpkg -x $d debs; done
    python -m benchmarks.pdf debs [--docling PYTHON] [--out benchmarks/results/pdf.json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pypdfium2

from nyxqa.builders.sources.pdf.source import read_apart

_WORD = re.compile(r"[^\W_]+")
_ENTRY = re.compile(r"\s*(?:Chapter )?(?:\d+|[A-Z])(?:\.\d+)*\. |\s{8}")
_NOTE = re.compile(r"[\s_]*\^?\[\d+\]")
_KEY = 8  # words by which a paragraph is found again
REPEATED_CONTENTS = ("fhs-3.0",)
PAIRS = ("policy", "fhs-3.0", "debian-reference.en")


def words(text: str) -> list[str]:
    """Words in lower case, those that a line end divides joined."""
    return _WORD.findall(re.sub(r"(\w)-\n\s*(\w)", r"\1\2", text).casefold())


def f1(found: list[str], truth: list[str]) -> float:
    """F1 of two bags of words."""
    common = sum((Counter(found) & Counter(truth)).values())
    return 2 * common / max(len(found) + len(truth), 1)


def without_contents(text: str) -> str:
    """``text`` without the lines of lists of contents: with leaders, or the indented ones after "Table of Contents"."""
    kept, listed = [], False
    for line in text.splitlines():
        if re.search(r"(?:\. ?){5}", line):
            continue
        if line.strip() in ("Table of Contents", "Contents", "List of Tables"):
            listed = True
            continue
        if listed and line.strip() and not _ENTRY.match(line):
            listed = False
        if not listed:
            kept.append(line)
    return "\n".join(kept)


def order(found: list[str], paragraphs: list[list[str]]) -> tuple[float, int]:
    """Kendall's tau of the places of the paragraphs whose first words occur once in both, and their number."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place in range(len(found) - _KEY):
        places.setdefault(tuple(found[place : place + _KEY]), []).append(place)
    keys = [tuple(paragraph[:_KEY]) for paragraph in paragraphs if len(paragraph) >= _KEY]
    once = Counter(keys)
    seen = np.array([places[key][0] for key in keys if once[key] == 1 and len(places.get(key, ())) == 1])
    later = seen[None, :] - seen[:, None]
    upper = np.triu_indices(len(seen), 1)
    return float(np.sign(later[upper]).mean()), len(seen)


def nyxqa_text(file: Path) -> str:
    """Text of the pages that nyxqa makes."""
    answer = read_apart({"file": str(file), "dpi": 72, "render": False, "unit": "tokens", "ocr": False})
    return "\n\n".join(block["text"] or block["caption"] for block in answer["blocks"])


def pdftotext(file: Path) -> str:
    """Text that poppler's pdftotext gives."""
    done = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


_DOCLING = """
import sys
from docling_core.types.doc.page import TextCellUnit
from docling_parse.pdf_parser import DoclingPdfParser
for _, page in DoclingPdfParser(loglevel="fatal").load(path_or_stream=sys.argv[1]).iterate_pages():
    print("\\n".join(cell.text for cell in page.iterate_cells(unit_type=TextCellUnit.LINE)), end="\\n\\n")
"""


def docling_parse(python: str, file: Path) -> str:
    """Lines that docling's parser gives, in an interpreter that has it."""
    done = subprocess.run([python, "-c", _DOCLING, str(file)], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


Readers = dict[str, Callable[[Path], str]]
READERS: Readers = {"nyxqa": nyxqa_text, "pdftotext": pdftotext}


def measure(folder: Path, name: str, readers: Readers) -> dict[str, object]:
    """Figures of all readers for one document."""
    truth = _content(folder, f"{name}.txt").decode("utf-8", "replace")
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"{name}.pdf"
        file.write_bytes(_content(folder, f"{name}.pdf"))
        sheets = len(pypdfium2.PdfDocument(file))
        figures: dict[str, object] = {"sheets": sheets}
        for reader, read in readers.items():
            start = time.perf_counter()
            found = read(file)
            seconds = time.perf_counter() - start
            shared = [without_contents(text) if name in REPEATED_CONTENTS else text for text in (found, truth)]
            figures[reader] = {
                **compared(*shared, notes=False),
                "with_contents_and_notes": compared(found, truth, notes=True),
                "sheets_a_second": round(sheets / seconds, 1),
            }
    return figures


def compared(found: str, truth: str, *, notes: bool) -> dict[str, object]:
    """Word F1, Kendall's tau and the number of paragraphs placed.

    :param notes: Whether footnotes count in the order.
    """
    pieces = re.split(r"\n\s*\n", truth)
    paragraphs = [words(piece) for piece in pieces if notes or not _NOTE.match(piece)]
    tau, placed = order(words(found), paragraphs)
    return {
        "word_f1": round(f1(words(found), words(truth)), 4),
        "kendall_tau": round(tau, 4),
        "paragraphs": placed,
    }


def drawn(place: Path) -> dict[str, object]:
    """Figures, captions and tables found in a file that is drawn here: 20 sheets of two figures and a table each.

    Every fourth sheet has one caption for two pictures; every second figure is drawn of lines.
    """
    from tests.support.pdf import canvas, draw_lines, picture, sentence, wrapped

    page, truth = canvas(place / "drawn.pdf"), []
    for sheet in range(20):
        draw_lines(page, 72, 740, wrapped(sentence("lock", sheet), 80))
        page.drawImage(picture((sheet * 12, 80, 30)), 72, 600, 120, 80)
        captions = [f"Figure {2 * sheet + 1}: The lock {sheet} before the flood.", f"Figure {2 * sheet + 2}. Its plan."]
        if sheet % 4 == 0:
            page.drawImage(picture((30, 80, sheet * 12)), 220, 600, 120, 80)
            draw_lines(page, 72, 580, captions[:1])
            truth += [captions[0], captions[0]]
        else:
            draw_lines(page, 72, 580, captions[:1])
            page.rect(72, 450, 200, 80)
            for step in range(6):
                page.line(80, 460 + 10 * step, 260, 470 + 10 * step)
            draw_lines(page, 100, 500, ["sluice"])
            draw_lines(page, 72, 430, captions[1:])
            truth += captions
        draw_lines(page, 72, 380, wrapped(sentence("weir", sheet), 80))
        for row, cells in enumerate((("Lock", "Rise", "Gates"), (f"{sheet}", "", "2"), ("", "4", f"{sheet}"))):
            for column, cell in enumerate(cells):
                page.rect(72 + 90 * column, 300 - 20 * row, 90, 20)
                draw_lines(page, 78 + 90 * column, 306 - 20 * row, [cell] if cell else [])
        page.showPage()
    page.save()
    request = {"file": str(place / "drawn.pdf"), "dpi": 72, "render": False, "unit": "tokens", "ocr": False}
    blocks = read_apart(request)["blocks"]
    found = [block["caption"] for block in blocks if block["picture"] is not None]
    tables = [block["text"] for block in blocks if block["role"] == "table"]
    expected = [f"Lock | Rise | Gates\n{sheet} |  | 2\n | 4 | {sheet}" for sheet in range(20)]
    paired = sum((Counter(found) & Counter(truth)).values())
    return {
        "figures": len(truth),
        "figures_found": len(found),
        "captions_paired": paired,
        "tables": len(expected),
        "tables_equal": sum((Counter(tables) & Counter(expected)).values()),
    }


def large(place: Path) -> dict[str, object]:
    """Sheets a second and peak memory over files of 250 and 1,000 sheets of two columns."""
    from tests.support.pdf import manual

    figures: dict[str, object] = {}
    for sheets in (250, 1000):
        file = place / f"{sheets}.pdf"
        manual(file, sheets)
        code = "import resource, sys; from nyxqa.builders.sources.pdf.document import read_pdf; "
        code += "read_pdf(sys.argv[1], 72, False, 'tokens'); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        start = time.perf_counter()
        # A process that starts another lends it its own peak, so a small one is started in between.
        done = subprocess.run(["sh", "-c", '"$0" -c "$1" "$2"', sys.executable, code, str(file)], capture_output=True)
        seconds = time.perf_counter() - start
        started = time.perf_counter()
        pdftotext(file)
        figures[str(sheets)] = {
            "sheets_a_second": round(sheets / seconds, 1),
            "pdftotext_sheets_a_second": round(sheets / (time.perf_counter() - started), 1),
            "peak_mib": int(done.stdout) >> 10,
        }
    return figures


def _content(folder: Path, name: str) -> bytes:
    file = min(found.resolve() for found in folder.rglob(f"{name}*") if found.name in (name, f"{name}.gz"))
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--docling", help="an interpreter that has docling-parse")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    readers = {**READERS, **({"docling-parse": partial(docling_parse, options.docling)} if options.docling else {})}
    about = {
        "command": "python -m benchmarks.pdf debs --docling PYTHON --out benchmarks/results/pdf.json",
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, shared",
        "pypdfium2": version("pypdfium2"),
    }
    with tempfile.TemporaryDirectory() as place:
        made = {"drawn_here": drawn(Path(place)), "large_files": large(Path(place))}
    figures = {**about, **{name: measure(options.folder, name, readers) for name in PAIRS}, **made}
    print(json.dumps(figures, indent=2))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
