"""Reading PDF files whose text is known, beside pdftotext: words, order of paragraphs, sheets a second.

The truth is the text that Debian's packages ship beside their PDF files. Words are compared as bags; the order is
Kendall's tau of the places at which the paragraphs of the truth begin, of those found in both. Needs the extra ``pdf``
and pdftotext.

What the two do not share is left out of both, and the figures with it stand beside: the lists of contents of fhs-3.0
(its text repeats them in each chapter, its PDF has page numbers), and in the order footnotes, which a PDF has at the
bottom of a sheet and a text at the end of a chapter.

    apt-get download debian-policy debian-reference-en && for d in *.deb; do dpkg -x $d debs; done
    python -m benchmarks.pdf debs [--out benchmarks/results/pdf.json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pypdfium2

from nyxqa.builders.sources.pdf.process import read_apart

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
    """Kendall's tau of the places of the paragraphs whose first words stand once in both, and their number."""
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


READERS: dict[str, Callable[[Path], str]] = {"nyxqa": nyxqa_text, "pdftotext": pdftotext}


def measure(folder: Path, name: str) -> dict[str, object]:
    """Figures of all readers for one document."""
    truth = _content(folder, f"{name}.txt").decode("utf-8", "replace")
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"{name}.pdf"
        file.write_bytes(_content(folder, f"{name}.pdf"))
        sheets = len(pypdfium2.PdfDocument(file))
        figures: dict[str, object] = {"sheets": sheets}
        for reader, read in READERS.items():
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


def _content(folder: Path, name: str) -> bytes:
    file = min(found.resolve() for found in folder.rglob(f"{name}*") if found.name in (name, f"{name}.gz"))
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = {"pypdfium2": version("pypdfium2"), **{name: measure(options.folder, name) for name in PAIRS}}
    print(json.dumps(figures, indent=2))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
