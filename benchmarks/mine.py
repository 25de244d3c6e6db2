"""Mining negatives against ``mine_hard_negatives``, and search against bare FAISS: vectors given, interleaved rounds.

``python -m benchmarks.mine`` needs the extra ``bench``. Pairs are random unit vectors with a query near its passage.
Both sides get them ready, the peer through a model that hands them out, and mine 10 negatives from rank 11 on, as the
method of the Nyx paper does, and 3 from rank 1 on, the peer's own default; the peer runs with FAISS and otherwise at
its defaults. Rounds are timed by the clock and by processor time. Results go to ``benchmarks/results/mine-N.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from benchmarks.machine import machine
from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.mining.text_rules import Rules, mine_set_question
from nyxqa.retriever.index.search import search_vectors

Vectors = npt.NDArray[np.float32]

TOP_K = 20


@dataclass(frozen=True)
class Asked:
    """Which negatives are mined: so many after so many that are passed over."""

    skipped: int
    negatives: int

    @property
    def rules(self) -> Rules:
        """The query's own passage ranks first in these pairs, and the peer does not count it."""
        return Rules(positive="gold", negatives=(self.skipped + 2, self.skipped + self.negatives + 1), exclude=())


ASKED = {"10 from rank 11": Asked(10, 10), "3 from rank 1": Asked(0, 3)}


@dataclass
class Passage:
    """A passage as mining sees it."""

    id: str
    title: str
    text: str


class Pieces:
    """Vectors in memory in the pieces that search takes."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def shards(self) -> Iterator[tuple[int, Vectors]]:
        """All of them as one."""
        yield 0, self._vectors


def main() -> None:
    """Run the rounds and write the results."""
    options = _options()
    queries, passages = make_pairs(options.pairs, options.dimensions)
    names = [str(row) for row in range(len(passages))]
    pairs = Dataset.from_dict({"anchor": [f"q{name}" for name in names], "positive": names})
    result: dict[str, Any] = {"machine": machine("faiss-cpu", "sentence-transformers"), "pairs": options.pairs}
    for name, asked in ASKED.items():
        result[f"mining {name}"] = mining(queries, passages, pairs, asked, options.rounds)
    found, timed = compare(
        {"nyxqa": lambda: searched(queries, passages), "faiss": lambda: bare(queries, passages)}, options.rounds
    )
    equal = (np.sort(found["nyxqa"]) == np.sort(found["faiss"])).all(axis=1)
    result["search"] = timed | {"queries_with_equal_results": int(equal.sum())}
    print(json.dumps(result))
    file = Path(__file__).parent / "results" / f"mine-{options.pairs}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def make_pairs(count: int, dimensions: int) -> tuple[Vectors, Vectors]:
    """Unit vectors of queries and their passages, float32 [count, dimensions]."""
    random = np.random.default_rng(1)
    passages = random.standard_normal((count, dimensions), dtype=np.float32)
    queries = passages + random.standard_normal((count, dimensions), dtype=np.float32)
    return tuple(vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (queries, passages))  # type: ignore[return-value]


def mining(queries: Vectors, passages: Vectors, pairs: Dataset, asked: Asked, rounds: int) -> dict[str, Any]:
    """Both sides mine the same; equal scores are ordered by id here and as they fall in FAISS, so sets are compared."""
    mined, timed = compare(
        {
            "nyxqa": lambda: ours(queries, passages, asked.rules),
            "sentence-transformers": lambda: peer(pairs, queries, passages, asked),
        },
        rounds,
    )
    peers = by_query(mined["sentence-transformers"])
    equal = [set(one) == set(other) for one, other in zip(mined["nyxqa"], peers, strict=True)]
    return timed | {"queries_with_equal_negatives": sum(equal)}


def compare(sides: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Last result of each side; seconds of each round and how many times faster nyxqa is by the medians."""
    results: dict[str, Any] = {}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    busy: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, side in sides.items():
            start, cpu = time.perf_counter(), time.process_time()
            results[name] = side()
            seconds[name].append(round(time.perf_counter() - start, 3))
            busy[name].append(round(time.process_time() - cpu, 3))
            print(f"round {number} {name}: {seconds[name][-1]} s, {busy[name][-1]} s of processor", flush=True)
    timed = {"seconds": seconds, "times_faster": ratio(seconds)}
    return results, timed | {"processor_seconds": busy, "times_faster_by_processor": ratio(busy)}


def ratio(seconds: dict[str, list[float]]) -> float:
    """How many times faster nyxqa is than the other side."""
    own, other = (statistics.median(times) for times in seconds.values())
    return round(other / own, 3)


def ours(queries: Vectors, passages: Vectors, rules: Rules) -> list[list[int]]:
    """Search, then the rules for each query."""
    hits = search_vectors(queries, Pieces(passages), rules.negatives[1], np.arange(len(passages)))
    documents = [Passage(str(row), "", str(row)) for row in range(len(passages))]
    mined = []
    for number, (rows, scores) in enumerate(zip(hits.rows.tolist(), hits.scores.tolist(), strict=True)):
        choice = mine_set_question(str(number), (), rows, scores, documents.__getitem__, rules, gold=(number,))
        if isinstance(choice, Drop):
            raise TypeError(choice)
        mined.append([int(negative.id) for negative in choice.negatives])
    return mined


class ReadyModel:
    """What ``mine_hard_negatives`` asks of a model, with vectors that are ready."""

    device = "cpu"
    model_card_data = None

    def __init__(self, queries: Vectors, passages: Vectors) -> None:
        self._queries, self._passages = queries, passages

    def get_embedding_dimension(self) -> int:
        """Dimensions of the vectors."""
        return self._passages.shape[1]

    def encode_query(self, texts: list[str], **_: Any) -> Vectors:
        """The queries, in their order."""
        return self._queries

    def encode_document(self, texts: list[str], **_: Any) -> Vectors:
        """The passages, in their order."""
        return self._passages

    def similarity_pairwise(self, one: Vectors, other: Vectors) -> Any:
        """Inner products, row by row."""
        import torch

        return (torch.from_numpy(one) * torch.from_numpy(other)).sum(dim=1)


def peer(pairs: Dataset, queries: Vectors, passages: Vectors, asked: Asked) -> Dataset:
    """``mine_hard_negatives`` with FAISS."""
    from sentence_transformers.util import mine_hard_negatives

    model: Any = ReadyModel(queries, passages)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return mine_hard_negatives(pairs, model, range_min=asked.skipped, num_negatives=asked.negatives, use_faiss=True)


def by_query(triplets: Dataset) -> list[list[int]]:
    """The peer's negatives of each query, in their order."""
    found: dict[str, list[int]] = {}
    for anchor, negative in zip(triplets["anchor"], triplets["negative"], strict=True):
        found.setdefault(anchor, []).append(int(negative))
    return [found[f"q{row}"] for row in range(len(found))]


def searched(queries: Vectors, passages: Vectors) -> npt.NDArray[np.int64]:
    """Rows of the first 20, as nyxqa searches."""
    return search_vectors(queries, Pieces(passages), TOP_K, np.arange(len(passages))).rows


def bare(queries: Vectors, passages: Vectors) -> npt.NDArray[np.int64]:
    """Rows of the first 20 from a flat index."""
    import faiss

    index = faiss.IndexFlatIP(passages.shape[1])
    index.add(passages)
    rows: npt.NDArray[np.int64] = index.search(queries, TOP_K)[1]
    return rows


if __name__ == "__main__":
    main()
