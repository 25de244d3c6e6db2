"""Recall of known passages through ``nyxqa build``, compared with brute force in NumPy.

``python benchmarks/recall.py --passages FILE --questions FILE --encoder bm25 --encoder e5:MODEL?prefixes=off``

Both files are FlashRAG's; ``metadata.passage_id`` names the passage that answers. For each encoder a recipe of two
sets over one pool is built by the command line, and built again: one whose positive is the known passage, which gives
its rank, and one of recipe ``nyxqa``. Brute force scores every passage for every question and sorts all of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.questions import Question, read_questions
from nyxqa.retriever.encoders.bm25 import K1, B
from nyxqa.retriever.encoders.e5 import E5Encoder, parse_e5
from nyxqa.retriever.index.embeddings import Embeddings
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.files import read_json
from nyxqa.schemas.words import words

AT = (1, 10, 20)
Scores = npt.NDArray[np.float64]

RECIPE = """
[[text]]
name = "known"
pool = "pool"
questions = "flashrag:{questions}"
passages = "flashrag:{passages}"
encoder = "{encoder}"
positive = "gold"

[[text]]
name = "answered"
pool = "pool"
questions = "flashrag:{questions}"
passages = "flashrag:{passages}"
encoder = "{encoder}"
"""


def main() -> None:
    """Measure and print one JSON object an encoder; write all of them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--encoder", action="append", required=True)
    parser.add_argument("--folder", type=Path, help="Where to build; what a stopped run left there is kept.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = []
    for number, encoder in enumerate(arguments.encoder):
        with tempfile.TemporaryDirectory() as folder:
            place = (arguments.folder or Path(folder)).absolute() / str(number)
            place.mkdir(parents=True, exist_ok=True)
            found.append(measure(encoder, arguments.passages.absolute(), arguments.questions.absolute(), place))
        print(json.dumps(found[-1], indent=1), flush=True)
    if arguments.out is not None:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "processor": platform.processor()}
        arguments.out.write_text(json.dumps({"machine": machine, "runs": found}, indent=1) + "\n")


def measure(encoder: str, passages: Path, questions: Path, folder: Path) -> dict[str, Any]:
    """Build, build again, and look at ranks."""
    recipe, out = folder / "recipe.toml", folder / "out"
    recipe.write_text(RECIPE.format(questions=questions, passages=passages, encoder=encoder))
    seconds = [build(recipe, out), build(recipe, out)]
    ours = known_ranks(out)
    pool = PassagePool(next((out / ".work/steps/passages.pool").iterdir()))
    index = next((out / ".work/steps/passages.pool.index").iterdir())
    asked = [row for row in read_questions(f"flashrag:{questions}") if isinstance(row, Question)]
    brute = brute_force(encoder, pool, index, asked)
    manifest = read_json(out / "manifest.json")
    limited = [rank if rank <= AT[-1] else math.inf for rank in brute]
    return {
        "encoder": manifest["recipe"]["text"][0]["encoder"],
        "passages": len(pool),
        "questions": len(asked),
        "triplets": {name: report["triplets"] for name, report in manifest["summary"]["mining"].items()},
        "recall": recall(ours),
        "recall_brute_force": recall(limited),
        "ranks_that_differ": sum(one != other for one, other in zip(ours, limited, strict=True)),
        "seconds": round(seconds[0], 1),
        "seconds_of_repeat": round(seconds[1], 2),
        "mining_report_answered": manifest["summary"]["mining"]["answered train"],
    }


def build(recipe: Path, out: Path) -> float:
    """Seconds of one run of the command line."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "nyxqa", "build", "--split", "train", "--recipe", str(recipe), "--out", str(out)]
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def known_ranks(out: Path) -> list[float]:
    """Rank of the known passage of each question, in the order of the questions; infinite if it was not found."""
    (shards,) = (out / ".work/steps/text.known.train").iterdir()
    rows = [row for file in sorted(shards.glob("part-*.parquet")) for row in pq.read_table(file).to_pylist()]
    (file,) = (out / "data/triplets").glob("train-*.parquet")
    published = {row["query_id"]: row for row in pq.read_table(file).to_pylist() if row["dataset"] == "known"}
    ranks = [published[row["query_id"]]["positives"][0]["rank"] for row in rows]
    return [math.inf if rank is None else rank for rank in ranks]


def recall(ranks: list[float]) -> dict[int, float]:
    """Share of questions whose known passage is among the first."""
    return {at: sum(rank <= at for rank in ranks) / len(ranks) for at in AT}


def brute_force(encoder: str, pool: PassagePool, index: Path, asked: list[Question]) -> list[int]:
    """Rank of each question's known passage among all passages, sorted by score, then id."""
    ids = [passage.id for passage in pool]
    place = np.empty(len(ids), np.int64)
    place[np.argsort(np.array(ids))] = np.arange(len(ids))
    rows = {passage.external_id: row for row, passage in pool.places()}
    queries = [question.text for question in asked]
    scored = bm25_scores(pool, queries) if encoder == "bm25" else dense_scores(encoder, index, queries)
    ranks = []
    for question, scores in zip(asked, scored, strict=True):
        row = rows[question.gold[0].passage_id]
        order = np.lexsort((place, -scores))
        # A passage that shares no word with the question is not a hit of word search.
        ranks.append(int(np.flatnonzero(order == row)[0]) + 1 if scores[row] > 0 or encoder != "bm25" else len(ids) + 1)
    return ranks


def dense_scores(encoder: str, index: Path, queries: list[str]) -> list[Scores]:
    """Inner products of each query with all vectors on disk."""
    model = E5Encoder(parse_e5(encoder.partition(":")[2]))
    vectors = np.concatenate([np.array(shard) for _, shard in Embeddings(index, model.fingerprint).shards()])
    found = model.encode([SearchEntry(str(number), query) for number, query in enumerate(queries)], "query")
    return list((found @ vectors.T).astype(np.float64))


def bm25_scores(pool: PassagePool, queries: list[str]) -> list[Scores]:
    """BM25 with Lucene's idf, straight from its formula."""
    bags = [Counter(words(plain_text(passage.text))) for passage in pool]
    lengths = np.array([bag.total() for bag in bags], np.float64)
    norm = K1 * (1 - B + B * lengths / lengths.mean())
    asked = [words(query) for query in queries]
    weights: dict[str, Scores] = {word: np.zeros(len(bags)) for query in asked for word in query}
    for row, bag in enumerate(bags):
        for word, count in bag.items():
            if word in weights:
                weights[word][row] = count
    for word, counts in weights.items():
        among = np.count_nonzero(counts)
        # The index keeps each weight in 32 bits.
        idf = math.log(1 + (len(bags) - among + 0.5) / (among + 0.5))
        weights[word] = (idf * counts / (counts + norm)).astype(np.float32).astype(np.float64)
    return [np.sum([weights[word] for word in query], axis=0) for query in asked]


if __name__ == "__main__":
    main()
