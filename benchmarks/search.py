"""Exact search over more vectors than one wants in memory: how much it takes, and whether it finds the same.

``python -m benchmarks.search [--passages 2000000] [--questions 10000] [--dimensions 128] [--slice 500]``

Each part is a process of its own, so that its memory is its own: ``store`` writes random unit vectors as an encoder's
shards are written, ``search`` looks the questions up in them, ``once`` loads all vectors and searches the first
``--slice`` questions in one go with a flat index of FAISS. Memory is the greatest that the process held itself, sampled
every 20 ms; pages of the mapped file belong to the system. Results go to ``benchmarks/results/search-N.json``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.machine import machine
from nyxqa.retriever.index.embeddings import SEARCH_ROWS, Embeddings, write_embeddings
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.index.stored_strings import StoredIds

Vectors = npt.NDArray[np.float32]

ROOT = Path(__file__).parents[1]
TOP_K = 20
# Two sums of the same 128 products in another order differ by about that much.
NEAR = 1e-6
_FINGERPRINT = "random"
_ROWS = 100_000
_PERIOD = 0.02
_LIMIT = 2 * 2**30


def main() -> None:
    """Run the parts one after the other, compare, write the results."""
    options = _options()
    if options.part is not None:
        print(json.dumps(_PARTS[options.part](options)))
        return
    with tempfile.TemporaryDirectory() as name:
        parts = {part: child(part, options, Path(name)) for part in _PARTS}
        agreement = compare(Path(name), options.slice)
    shard = SEARCH_ROWS * options.dimensions * 4
    own = parts["search"]["own_bytes"]
    result = {
        "machine": machine("faiss-cpu", "numpy"),
        "passages": options.passages,
        "questions": options.questions,
        "dimensions": options.dimensions,
        **parts,
        "shard_bytes": shard,
        "search_beyond_one_shard_bytes": own - shard,
        "under_2_gib_beyond_one_shard": own - shard < _LIMIT,
        "slice": agreement,
    }
    print(json.dumps(result, indent=1))
    file = ROOT / "benchmarks/results" / f"search-{options.passages}.json"
    file.write_text(json.dumps(result, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=2_000_000)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--slice", type=int, default=500, help="questions searched in one go")
    parser.add_argument("--part", choices=list(_PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def child(part: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One part in a process of its own."""
    sizes = [f"--{name}={getattr(options, name)}" for name in ("passages", "questions", "dimensions", "slice")]
    command = [sys.executable, "-m", "benchmarks.search", *sizes, "--part", part, "--folder", str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(part, found, flush=True)
    return found


def unit_vectors(seed: int, start: int, count: int, dimensions: int) -> Vectors:
    """Random unit vectors of rows ``start`` and on, float32 [count, dimensions]."""
    vectors = np.random.default_rng([seed, start]).standard_normal((count, dimensions), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


class RandomEncoder:
    """What shards are encoded with: the item is the row."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def encode(self, items: Sequence[int], /) -> Vectors:
        """Vectors of rows in a row."""
        return unit_vectors(1, items[0], len(items), self.dimensions)


def store(options: argparse.Namespace) -> dict[str, Any]:
    """Write the vectors."""
    items = ((f"{row:032x}", row) for row in range(options.passages))
    with measured() as found:
        write_embeddings(
            items,
            options.folder / "index",
            _FINGERPRINT,
            lambda: [RandomEncoder(options.dimensions)],
            lambda row: (row.to_bytes(8, "big"),),
        )
    return found


def search(options: argparse.Namespace) -> dict[str, Any]:
    """Search them as an encoder's index does."""
    queries = unit_vectors(2, 0, options.questions, options.dimensions)
    with measured() as found:
        index = options.folder / "index"
        hits = search_vectors(queries, Embeddings(index, _FINGERPRINT), TOP_K, StoredIds(index).order)
    np.savez(options.folder / "search.npz", rows=hits.rows[: options.slice], scores=hits.scores[: options.slice])
    return found


def once(options: argparse.Namespace) -> dict[str, Any]:
    """Search a slice of the questions in one index with all vectors."""
    import faiss

    queries = unit_vectors(2, 0, options.questions, options.dimensions)[: options.slice]
    with measured() as found:
        index = faiss.IndexFlatIP(options.dimensions)
        for _, shard in Embeddings(options.folder / "index", _FINGERPRINT).shards():
            index.add(np.ascontiguousarray(shard))
        scores, rows = index.search(queries, TOP_K)
    np.savez(options.folder / "once.npz", rows=rows, scores=scores)
    return found


_PARTS = {"store": store, "search": search, "once": once}


def compare(folder: Path, count: int) -> dict[str, Any]:
    """How the two results of the slice agree."""
    with np.load(folder / "search.npz") as ours, np.load(folder / "once.npz") as other:
        same = ours["rows"] == other["rows"]
        difference = np.abs(ours["scores"] - other["scores"])
        sets = [set(one) == set(two) for one, two in zip(ours["rows"].tolist(), other["rows"].tolist(), strict=True)]
    return {
        "questions": count,
        "equal_lists": int(same.all(axis=1).sum()),
        "equal_sets": sum(sets),
        "places_that_differ": int((~same).sum()),
        "greatest_difference_of_scores": float(difference.max()),
        "differences_are_ties": bool((difference[~same] < NEAR).all()),
    }


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Seconds by the clock and of processor, and the most memory the process itself held meanwhile."""
    found: dict[str, Any] = {}
    most, stop = [own_bytes()], threading.Event()

    def watch() -> None:
        while not stop.wait(_PERIOD):
            most.append(max(most.pop(), own_bytes()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    start, cpu = time.perf_counter(), time.process_time()
    try:
        yield found
    finally:
        seconds = {"seconds": round(time.perf_counter() - start, 1), "processor": round(time.process_time() - cpu, 1)}
        stop.set()
        thread.join()
        found.update(seconds, own_bytes=max(most[0], own_bytes()))


def own_bytes() -> int:
    """Bytes this process holds that are no pages of a file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))


if __name__ == "__main__":
    main()
