"""Reading PDF files whose text is known, beside pdftotext: words, order of paragraphs, sheets a second.

The truth is the text that Debian's packages ship beside their PDF files. Words are compared as bags; the order is
Kendall's tau of the places at which the paragraphs of the truth begin, of those found in both. Needs the extra ``pdf``
and pdftotext.

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
_KEY = 8  # words by which a paragraph is found again
PAIRS = ("policy", "fhs-3.0", "debian-reference.en")


def words(text: str) -> list[str]:
    """Words in lower case, those that a line end divides joined."""
    return _WORD.findall(re.sub(r"(\w)-\n\s*(\w)", r"\1\2", text).casefold())


def f1(found: list[str], truth: list[str]) -> float:
    """F1 of two bags of words."""
    common = sum((Counter(found) & Counter(truth)).values())
    return 2 * common / max(len(found) + len(truth), 1)


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
    answer = read_apart({"file": str(file), "dpi": 72, "render": False, "unit": "tokens"})
    return "\n\n".join(block["text"] or block["caption"] for block in answer["blocks"])


def pdftotext(file: Path) -> str:
    """Text that poppler's pdftotext gives."""
    done = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


READERS: dict[str, Callable[[Path], str]] = {"nyxqa": nyxqa_text, "pdftotext": pdftotext}


def measure(folder: Path, name: str) -> dict[str, object]:
    """Figures of both readers for one document."""
    truth = _content(folder, f"{name}.txt").decode("utf-8", "replace")
    paragraphs = [words(paragraph) for paragraph in re.split(r"\n\s*\n", truth)]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"{name}.pdf"
        file.write_bytes(_content(folder, f"{name}.pdf"))
        sheets = len(pypdfium2.PdfDocument(file))
        figures: dict[str, object] = {"sheets": sheets}
        for reader, read in READERS.items():
            start = time.perf_counter()
            found = words(read(file))
            seconds = time.perf_counter() - start
            tau, placed = order(found, paragraphs)
            figures[reader] = {
                "word_f1": round(f1(found, [word for paragraph in paragraphs for word in paragraph]), 4),
                "kendall_tau": round(tau, 4),
                "paragraphs": placed,
                "sheets_a_second": round(sheets / seconds, 1),
            }
    return figures


def _content(folder: Path, name: str) -> bytes:
    (file,) = {found.resolve() for found in folder.rglob(f"{name}*") if found.name in (name, f"{name}.gz")}
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
