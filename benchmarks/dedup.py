"""Near-duplicate removal against its peers: whole processes, interleaved rounds, recall and precision against truth.

``python -m benchmarks.dedup --passages FILE.jsonl.gz --peer-python PYTHON --peers rensa datatrove`` makes documents
from real passages by recombining their sentences, plants exact and near duplicates of known Jaccard similarity, and
runs each contender as a process of its own. Results go to ``benchmarks/results/dedup-N.json``.

``PYTHON`` is the interpreter of an environment of the peers' own: ``python -m venv peers``, then
``peers/bin/pip install rensa==0.5.0 'datatrove[io,processing]==0.10.1' spacy``. Without ``--peers`` nyxqa runs alone,
for its growth with ``--documents``, ``--words`` and ``--images``, and for what it needs of ``--memory``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import command, machine

THRESHOLD = 0.8
SHINGLE = 3
_WORDS, _MEMORY = 80, "1GB"
_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Make the corpus, run the rounds, write the results."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.parquet"
        truth = make_corpus(options.passages, options.documents, corpus, options.words, options.images)
        contenders = ["nyxqa", *(["nyxqa-numpy"] if options.numpy else []), *options.peers]
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
        for number in range(options.rounds):
            for name in contenders:
                runs[name].append(_measure(name, corpus, Path(folder) / f"{name}-{number}", truth, options))
                print(f"round {number} {name}: {runs[name][-1]}", flush=True)
    result: dict[str, Any] = {
        **{name: getattr(options, name) for name in ("documents", "words", "images", "memory", "threads")},
        "duplicates": len(truth),
        "command": command("dedup.py").replace("benchmarks/dedup.py", "-m benchmarks.dedup"),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine("duckdb", "pyarrow", "numpy", "numba"),
        "threads_of_peers": {"rensa": 1, "datatrove": options.threads},
        "peers": {name: _peer_version(name, options.peer_python) for name in options.peers},
        "runs": runs,
    }
    medians = {name: statistics.median(run["seconds"] for run in rounds) for name, rounds in runs.items()}
    used = {name: statistics.median(run["cpu_seconds"] for run in rounds) for name, rounds in runs.items()}
    result["median_seconds"] = medians
    result["times_faster"] = {name: round(value / medians["nyxqa"], 2) for name, value in medians.items()}
    result["times_less_cpu"] = {name: round(value / used["nyxqa"], 2) for name, value in used.items()}
    print(json.dumps([result["times_faster"], result["times_less_cpu"]]))
    file = _ROOT / "benchmarks" / "results" / f"dedup-{_label(options)}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=Path, required=True, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--words", type=int, default=_WORDS, help="least words of a document")
    parser.add_argument("--images", type=int, default=0, help="images of a document")
    parser.add_argument("--peers", nargs="*", default=[], choices=["rensa", "datatrove"])
    parser.add_argument("--numpy", action="store_true", help="also without compiled loops")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--memory", default=_MEMORY, help="DuckDB's memory limit")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _label(options: argparse.Namespace) -> str:
    parts = [str(options.documents)]
    parts += [f"{options.words}words"] if options.words != _WORDS else []
    parts += [f"{options.images}images"] if options.images else []
    parts += [options.memory] if options.memory != _MEMORY else []
    return "-".join(parts)


def _peer_version(name: str, python: str) -> str:
    asked = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


def make_corpus(passages: Path, count: int, file: Path, words: int, images: int) -> dict[int, int]:
    """Write ``count`` documents; the true duplicates: each planted copy's number with that of its original.

    A copy's images are those of its original with two bits of each perceptual hash turned.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = random.Random(1)  # noqa: S311
    opener = gzip.open if passages.suffix == ".gz" else open
    with opener(passages, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["contents"].partition("\n")[2] for line in lines]
    pool = [
        sentence for text in texts for sentence in re.split(r"(?<=[.!?])\s+", text) if 4 < len(sentence.split()) < 40
    ]
    originals = count - count // 10
    documents = [_document(pool, chance, words) for _ in range(originals)]
    pictures = [[chance.getrandbits(63) for _ in range(images)] for _ in range(originals)]
    truth = {}
    for copy, original in enumerate(chance.sample(range(originals), count // 10), originals):
        documents.append(_altered(documents[original], pool, chance, copy))
        pictures.append([value ^ 3 << chance.randrange(62) for value in pictures[original]])
        if jaccard(documents[original], documents[copy]) >= THRESHOLD:
            truth[copy] = original
    order = list(range(count))
    chance.shuffle(order)
    table = pa.table(
        {
            "doc_id": [f"{number:08d}" for number in order],
            "text": [documents[number] for number in order],
            "phashes": pa.array([pictures[number] for number in order], pa.list_(pa.int64())),
        }
    )
    pq.write_table(table, file, row_group_size=10_000)
    return truth


def _document(pool: list[str], chance: random.Random, least: int) -> str:
    """Sentences of other passages, ten words more than ``least``; two documents of 90 seldom share one sentence."""
    sentences: list[str] = []
    words = 0
    while words < least:
        sentences.append(chance.choice(pool))
        words += len(sentences[-1].split())
    return " ".join(sentences)


def _altered(text: str, pool: list[str], chance: random.Random, number: int) -> str:
    """A third equal but for case, the others with 1 to 12 words exchanged: similarities from 1 down to about 0.5."""
    if number % 3 == 0:
        return text.upper()
    words = text.split(" ")
    for position in chance.sample(range(len(words)), min(len(words), chance.randint(1, 12))):
        words[position] = chance.choice(chance.choice(pool).split(" "))
    return " ".join(words)


def jaccard(left: str, right: str) -> float:
    """Exact Jaccard similarity of two texts, by the word rule of nyxqa."""
    from nyxqa.schemas.words import words

    a, b = words(left), words(right)
    first, second = ({tuple(w[i : i + SHINGLE]) for i in range(len(w) - SHINGLE + 1)} for w in (a, b))
    return len(first & second) / len(first | second)


def _measure(name: str, corpus: Path, out: Path, truth: dict[int, int], options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and peak memory of one whole process, recall and precision of what it drops."""
    own = name.startswith("nyxqa")
    run = [sys.executable if own else options.peer_python, "-m", "benchmarks.dedup_run", name.partition("-")[0]]
    run += [str(corpus), str(out), options.memory, str(options.threads)]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), **({"NYXQA_COMPILED": "0"} if name == "nyxqa-numpy" else {})}
    start, used = time.perf_counter(), _child_seconds()
    process = subprocess.run(run, cwd=_ROOT, check=True, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - start
    dropped = {int(line) for line in out.read_text().split()}
    pairs = truth.items()
    duplicates = set(truth) | set(truth.values())
    found = sum(copy in dropped or original in dropped for copy, original in pairs)
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(_child_seconds() - used, 2),
        "peak_mb": int(process.stdout.split()[-1]) // 1024,
        "dropped": len(dropped),
        "recall": round(found / len(truth), 5),
        "precision": round(len(dropped & duplicates) / max(1, len(dropped)), 5),
    }


def _child_seconds() -> float:
    """Processor time of all finished children: on a busy machine steadier than the clock."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
