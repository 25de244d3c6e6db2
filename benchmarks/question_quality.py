"""Whether generated questions rank retrievers as given ones do, and how much of them is copied from their document.

On the passages of a collection that has questions from elsewhere (2,000 lead paragraphs of Wikipedia, with questions
made of Wikidata's short descriptions): ``nyxqa build`` with the embedded generator asks about the same passages, at
most two questions each. Retrievers and weakened forms of them then look for the passage of each question among all:
Kendall's tau between their order (mean reciprocal rank) by generated and by given questions, with a bootstrap over
questions. A question copies its passage if over 80 % of its words are there.

``python -m benchmarks.question_quality --pages FILE --questions FILE --model DIR``: some minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import nyxqa
from benchmarks.machine import command, machine
from benchmarks.paper import copied, read_lines
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.words import words

RESULT = Path(__file__).parent / "results" / "question_quality.json"
SEED = 42
ASKED = 1_000  # questions of each kind that are searched for
DEPTH = 100
COPIED, LIMIT = 0.8, 0.3
RESAMPLES = 500
RECIPE = """
[web]
source = "jsonl:pages.jsonl"
[prefilter]
enabled = false
[dedup]
enabled = false
[split]
validation = 0
test = 0
[sample]
min_tokens = 10
[synthesize]
max_questions = 2
"""
EMBEDDER = 'pooling = "mean"\nimages = false\nmax_text_tokens = 62\n'

Row = dict[str, Any]
Scores = npt.NDArray[np.float64]
Search = Callable[[Sequence[str], npt.NDArray[np.int64]], Scores]


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True, help="FlashRAG passages, JSON lines")
    parser.add_argument("--questions", type=Path, required=True, help="FlashRAG questions with metadata.passage_id")
    parser.add_argument("--model", type=Path, required=True, help="folder of a sentence encoder with mean pooling")
    parser.add_argument("--folder", type=Path, help="where to work; what a stopped run left there is used")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        given = [(row["metadata"]["passage_id"], row["question"]) for row in read_lines(options.questions)]
        named = {page for page, _ in given}
        pages = {row["id"]: row["contents"] for row in read_lines(options.pages) if row["id"] in named}
        generated = ask(folder, pages)
        model = copied(options.model, folder / "model")
        (model / "embedder.toml").write_text(EMBEDDER)
        found = compared(pages, {"given": given, "generated": generated}, model)
    about = {
        "command": command("question_quality.py"),
        "date": datetime.now().date().isoformat(),
        "generator": "extractive",
        "passages": len(pages),
        "generated": len(generated),
        "passages_with_a_question": len({page for page, _ in generated}),
        "copied": copies(generated, pages),
        "copied_of_given": copies(given, pages),
        "copied_at_most": LIMIT,
    }
    result = {**about, **found, **machine("torch", "transformers")}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def ask(folder: Path, pages: Mapping[str, str]) -> list[tuple[str, str]]:
    """Passage and text of every question that the embedded generator asks."""
    out, rows = folder / "data", []
    for page, contents in pages.items():
        title, _, text = contents.partition("\n")
        url = json.dumps({"url": f"https://example.org/{page}", "title": title.strip('"')})
        rows.append({"texts": [text], "images": [None], "metadata": json.dumps([None]), "general_metadata": url})
    (folder / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.toml").write_text(RECIPE)
    if not (out / "manifest.json").exists():
        arguments = ["build", "--split", "train", "--recipe", str(folder / "recipe.toml"), "--out", str(out)]
        subprocess.run([sys.executable, "-m", "nyxqa", *arguments], check=True, stdout=subprocess.DEVNULL)
    url_of = {row["doc_id"]: row["url"] for row in nyxqa.load("corpus", out, split="web", join=False, images="none")}
    asked = nyxqa.load("qa", out, split="train", join=False, images="none")
    return [(url_of[row["doc_id"]].rpartition("/")[2], row["question"]) for row in asked]


def copies(questions: Sequence[tuple[str, str]], pages: Mapping[str, str]) -> float:
    """Share of the questions that have more than ``COPIED`` of their words from their passage."""
    found = []
    for page, question in questions:
        there = {word.lower() for word in words(pages[page])}
        asked = [word.lower() for word in words(question)]
        found.append(sum(word in there for word in asked) > COPIED * len(asked))
    return round(float(np.mean(found)), 4)


def compared(pages: Mapping[str, str], asked: Mapping[str, Sequence[tuple[str, str]]], model: Path) -> Row:
    """Figures of every system by both kinds of questions, and tau between them."""
    ids = list(pages)
    systems = searches(list(pages.values()), model)
    scores: dict[str, dict[str, Scores]] = {}
    for kind, questions in asked.items():
        drawn = sorted(questions, key=lambda one: keyed_hash(SEED, "asked", f"{one[0]}/{one[1]}"))[:ASKED]
        own = np.array([ids.index(page) for page, _ in drawn])
        texts = [question for _, question in drawn]
        scores[kind] = {name: search(texts, own) for name, search in systems.items()}
    means = {kind: {name: float(own.mean()) for name, own in several.items()} for kind, several in scores.items()}
    random = np.random.default_rng(SEED)
    drawn_taus = [kendall(*(_drawn(random, several) for several in scores.values())) for _ in range(RESAMPLES)]
    low, high = (round(float(one), 4) for one in np.quantile(drawn_taus, [0.025, 0.975]))
    rounded = {kind: {name: round(value, 4) for name, value in several.items()} for kind, several in means.items()}
    return {
        "questions_searched": {kind: len(next(iter(several.values()))) for kind, several in scores.items()},
        "mrr": rounded,
        "kendall_tau": {"value": round(kendall(*means.values()), 4), "low": low, "high": high},
    }


def _drawn(random: np.random.Generator, several: Mapping[str, Scores]) -> dict[str, float]:
    """Means over one draw of the questions, the same for all systems."""
    count = len(next(iter(several.values())))
    rows = random.integers(0, count, count)
    return {name: float(own[rows].mean()) for name, own in several.items()}


def kendall(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Tau-a: pairs of systems in the same order minus those in another, by the number of pairs."""
    pairs = list(combinations(sorted(one), 2))
    agreed = sum(np.sign(one[a] - one[b]) * np.sign(other[a] - other[b]) for a, b in pairs)
    return float(agreed / len(pairs))


def searches(texts: Sequence[str], model: Path) -> dict[str, Search]:
    """By name of the system, a function of queries and the rows wanted to reciprocal ranks."""
    dense = {"minilm": nyxqa.encoder(f"hf:{model}"), "tiny": nyxqa.encoder("tiny")}
    tables = {name: one.encode(list(texts), kind="document") for name, one in dense.items()}
    cut = {"8_words": 8, "25_words": 25}
    found = {"bm25": _sparse(texts)}
    found |= {f"bm25_{name}": _sparse([" ".join(text.split()[:most]) for text in texts]) for name, most in cut.items()}
    found["bm25_without_title"] = _sparse([text.partition("\n")[2] for text in texts])
    for name, encoder in dense.items():
        for dims in (None, 64, 16):
            label = name if dims is None else f"{name}_{dims}_dims"
            found[label] = _dense(encoder, tables[name], dims)
    return found


def _sparse(texts: Sequence[str]) -> Search:
    def search(queries: Sequence[str], wanted: npt.NDArray[np.int64]) -> Scores:
        with tempfile.TemporaryDirectory() as folder:
            encoder = Bm25Encoder()
            encoder.build([SearchEntry(str(row), text) for row, text in enumerate(texts)], Path(folder))
            index = encoder.open(Path(folder))
            hits = index.search([SearchEntry(str(row), text) for row, text in enumerate(queries)], DEPTH).rows
        places = np.array([int(one) for one in index.ids])
        found = np.where(hits >= 0, places[hits], -1) == wanted[:, None]
        return np.where(found.any(axis=1), 1 / (1 + found.argmax(axis=1)), 0.0)

    return search


def _dense(encoder: Any, table: npt.NDArray[np.float32], dims: int | None) -> Search:
    def search(queries: Sequence[str], wanted: npt.NDArray[np.int64]) -> Scores:
        vectors = _unit(encoder.encode(list(queries), kind="query")[:, :dims])
        scores = vectors @ _unit(table[:, :dims]).T
        own = scores[np.arange(len(scores)), wanted]
        ranks = 1 + (scores > own[:, None]).sum(axis=1)
        return np.where(ranks <= DEPTH, 1 / ranks, 0.0)

    return search


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


if __name__ == "__main__":
    main()
