"""The index of ``bm25`` over more documents than fit into one piece: time, memory, and whether it finds what it must.

``python -m benchmarks.bm25 [--documents 2000001] [--words 24] [--queries 200]``

Documents are made: words drawn from a vocabulary whose frequencies fall as those of natural language do (Zipf), and one
word that no other document has. A query is that word of a drawn document with three of its other words, so the
document must be the first hit. Building and searching are processes of their own, so that the memory of each is its
own: its greatest resident size, of which mapped files are a part. Results go to ``benchmarks/results/bm25-N.json``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import command, machine
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.protocols import SearchEntry

_ROOT = Path(__file__).resolve().parent.parent
_VOCABULARY = 100_000
_BATCH = 8192
_TOP_K = 20


def main() -> None:
    """Build and search, each in a process of its own, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2_000_001)
    parser.add_argument("--words", type=int, default=24, help="words of a document")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--part", choices=["build", "search"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(build(options) if options.part == "build" else search(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        parts = {part: child(part, Path(folder)) for part in ("build", "search")}
    result = {
        "command": command("bm25.py"),
        "machine": machine("pyarrow", "numpy"),
        "documents": options.documents,
        "words": options.words,
        **parts,
    }
    file = _ROOT / "benchmarks" / "results" / f"bm25-{options.documents}.json"
    file.write_text(json.dumps(result, indent=1) + "\n")


def child(part: str, folder: Path) -> dict[str, Any]:
    """One part in a process of its own."""
    line = [sys.executable, "-m", "benchmarks.bm25", *sys.argv[1:], "--part", part, "--folder", str(folder)]
    done = subprocess.run(line, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(part, found, flush=True)
    return found


def entries(documents: int, length: int) -> Iterator[SearchEntry]:
    """All documents, in order."""
    for first in range(0, documents, _BATCH):
        for row, text in enumerate(texts(first, min(_BATCH, documents - first), length), first):
            yield SearchEntry(f"{row:032x}", text)


def texts(first: int, count: int, length: int) -> list[str]:
    """Texts of the documents from ``first`` on; ``first`` is the start of a batch."""
    drawn = np.random.default_rng([7, first]).random((count, length))
    ranks = np.exp(drawn * np.log(_VOCABULARY)).astype(np.int64)  # the chance of a rank falls as 1 / rank
    return [f"own{first + row} " + " ".join(f"w{rank}" for rank in one) for row, one in enumerate(ranks.tolist())]


def build(options: argparse.Namespace) -> dict[str, Any]:
    """Write the index."""
    start_times = now()
    Bm25Encoder().build(entries(options.documents, options.words), options.folder)
    size = sum(file.stat().st_size for file in options.folder.iterdir())
    return {**used(start_times), "bytes": size, "shards": len(list(options.folder.glob("bm25-*.arrow")))}


def search(options: argparse.Namespace) -> dict[str, Any]:
    """Look drawn documents up by words of theirs; the last document is always among them."""
    random = np.random.default_rng(1)
    rows = [*random.integers(options.documents, size=options.queries - 1).tolist(), options.documents - 1]
    asked = []
    for row in rows:
        first = row - row % _BATCH
        text = texts(first, min(_BATCH, options.documents - first), options.words)[row - first]
        asked.append(SearchEntry("", " ".join(text.split()[:4])))
    start_times = now()
    index = Bm25Encoder().open(options.folder)
    hits = index.search(asked, _TOP_K)
    right = int(np.sum(hits.rows[:, 0] == np.array(rows)))
    return {**used(start_times), "queries": len(rows), "found_first": right, "entries": len(index.ids)}


def now() -> tuple[float, float]:
    """Seconds by the clock and of this process on processors."""
    return time.perf_counter(), time.process_time()


def used(start_times: tuple[float, float]) -> dict[str, float]:
    """Seconds since ``start_times`` by both, and the greatest resident memory of this process so far."""
    seconds, cpu = (round(end - start, 1) for start, end in zip(start_times, now(), strict=True))
    return {"seconds": seconds, "cpu": cpu, "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}


if __name__ == "__main__":
    main()
