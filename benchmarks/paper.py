"""Stage 2 against stage 1 on held-out pages, as in the paper, by the shipped commands alone.

The pages are lead paragraphs of Wikipedia and the questions are real short descriptions of 2,000 of them (FlashRAG's
files). Pages are dealt to train and test, each with a pool of its own, so no test page is seen in training, not even as
a negative. As in the paper's text sets, the positive of stage 1 is the first document that another retriever finds
(here bm25), right or wrong; stage 2 follows ``paper-stage2``: the first document with which the reader answers is the
positive, the other candidates are the negatives.

The reader is no language model but a scripted OpenAI-compatible server: it knows the accepted answer of every question,
and gives it if the documents it is shown hold the answer word by word, else ``unknown``. For the control with permuted
labels it answers with one candidate of each question, drawn by keyed hash, whatever that holds.

Compared on the test questions: stage 2, stage 1, stage 1 trained on for as many steps, stage 2 with permuted labels,
the model before training, and bm25; every training has the same steps, rate and batch. What is significant is said by
``nyxqa evaluate``: paired differences, p by flipping signs of groups.

``python -m benchmarks.paper --pages FILE --questions FILE --model DIR``: about 40 minutes of one core with MiniLM.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import nyxqa
from benchmarks.machine import command, machine
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.words import words
from tests.support.vlm_server import Payload, VlmServer, prompt_text

RESULT = Path(__file__).parent / "results" / "paper.json"
SEED = 42
TEST_PERCENT = 40
TRAINED = ("stage2", "stage1", "continued", "permuted")
RECIPE = """
[[text]]
name = "wiki"
split = "{split}"
pool = "wiki_{split}"
questions = "flashrag:questions-{split}.jsonl"
passages = "flashrag:pages-{split}.jsonl"
encoder = "bm25"
positive = "{positive}"
exclude = []
keep = "all"
license = "CC-BY-SA-4.0"
"""
# The first words of a lead paragraph say what its page is about; longer texts would double the time.
EMBEDDER = 'pooling = "mean"\nimages = false\nmax_text_tokens = 62\n'

Row = dict[str, Any]


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True, help="FlashRAG passages, JSON lines")
    parser.add_argument("--questions", type=Path, required=True, help="FlashRAG questions with metadata.passage_id")
    parser.add_argument("--model", type=Path, required=True, help="folder of a sentence encoder with mean pooling")
    parser.add_argument("--steps", type=int, default=36, help="of each training")
    parser.add_argument("--rate", default="2e-5")
    parser.add_argument("--folder", type=Path, help="where to work; what a stopped run left there is used")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        counts = deal(options.pages, options.questions, folder)
        model = copied(options.model, folder / "base")
        result = measured(Experiment(folder, model, options.steps, options.rate))
    about = {
        "command": command("paper.py"),
        "date": datetime.now().date().isoformat(),
        "reader": "scripted server, right if the documents shown hold the accepted answer word by word",
        "retriever": f"{options.model.parent.name}, all weights trained",
        "steps_of_each_training": options.steps,
        "batch": 32,
        "rate": float(options.rate),
        **counts,
    }
    found = {**about, **result, **machine("torch", "transformers")}
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def deal(pages: Path, questions: Path, folder: Path) -> dict[str, int]:
    """Write pages, questions and the recipe by split; a question goes with its page."""
    folder.mkdir(parents=True, exist_ok=True)

    def split(page: str) -> str:
        return "test" if keyed_hash(SEED, "paper", page) % 100 < TEST_PERCENT else "train"

    counts = {}
    sides: list[tuple[str, list[Row], Callable[[Row], str]]] = [
        ("pages", read_lines(pages), lambda row: split(row["id"])),
        ("questions", read_lines(questions), lambda row: split(row["metadata"]["passage_id"])),
    ]
    for name, rows, side in sides:
        for own in ("train", "test"):
            lines = [json.dumps(row) + "\n" for row in rows if side(row) == own]
            (folder / f"{name}-{own}.jsonl").write_text("".join(lines))
            counts[f"{own}_{name}"] = len(lines)
    sections = (RECIPE.format(split=own, positive=rule) for own, rule in (("train", "top1"), ("test", "gold")))
    (folder / "recipe.toml").write_text("".join(sections))
    return counts


def read_lines(file: Path) -> list[Row]:
    """The rows of JSON lines, plain or compressed."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        return [json.loads(line) for line in lines]


def copied(model: Path, folder: Path) -> Path:
    """The checkpoint with the settings of an embedder beside it."""
    if not folder.exists():
        shutil.copytree(model, folder, ignore=shutil.ignore_patterns("1_Pooling", "modules.json", "*sentence*"))
    (folder / "embedder.toml").write_text(EMBEDDER)
    return folder


class Experiment:
    """The commands of the comparison, in a folder of its own.

    :param steps: Of each training.
    """

    def __init__(self, folder: Path, model: Path, steps: int, rate: str) -> None:
        self.folder, self.base = folder, f"hf:{model}"
        self.data, self.permuted = folder / "data", folder / "permuted_data"
        self._training = ["--max-steps", steps, "--epochs", "9", "--lr", rate, "--temperature", "0.05"]
        self.seconds: dict[str, float] = {}

    def nyxqa(self, name: str, *arguments: object) -> None:
        """Run a command; a trained folder that is there already is not trained again."""
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "nyxqa", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
        self.seconds[name] = round(time.perf_counter() - started, 1)

    def model(self, name: str) -> str:
        """The spec of a trained model."""
        return f"hf:{self.folder / name}"

    def train(self, name: str, data: Path, *arguments: object) -> None:
        """Train into a folder of that name."""
        if not (self.folder / name / "embedder.toml").exists():
            self.nyxqa(name, "train", data, *arguments, *self._training, "--out", self.folder / name)

    def feedback(self, name: str, data: Path, url: str) -> None:
        """Label by the paper's rule with what the reader at ``url`` answers."""
        model = f"openai:{name}@{url}"
        self.nyxqa(
            name, "feedback", data, "--recipe", "paper-stage2", "--retriever", self.model("stage1"), "--vlm", model
        )


def measured(run: Experiment) -> Row:
    """Train everything, and compare."""
    answers = {
        one["question"].strip(): one["golden_answers"]
        for split in ("train", "test")
        for one in read_lines(run.folder / f"questions-{split}.jsonl")
    }
    with VlmServer(reply=Reader(answers).reply, keep=False) as server:
        run.nyxqa("build", "build", "--split", "all", "--recipe", run.folder / "recipe.toml", "--out", run.data)
        run.train("stage1", run.data, "--model", run.base)
        run.feedback("feedback", run.data, server.url)
        shutil.rmtree(run.permuted, ignore_errors=True)
        shutil.copytree(run.data, run.permuted)
        labels = labelled(run.data)
        drawn = {query: one["drawn"] for query, one in labels.items()}
        with VlmServer(reply=Reader(answers, drawn).reply, keep=False) as other:
            run.feedback("permuted_feedback", run.permuted, other.url)
        with ThreadPoolExecutor(2) as pool:
            started = [("stage2", run.data, 2), ("permuted", run.permuted, 2), ("continued", run.data, 1)]
            init = ["--init", run.model("stage1")]
            jobs = [pool.submit(run.train, name, data, *init, "--stage", stage) for name, data, stage in started]
            for job in jobs:
                job.result()
        systems = [*map(run.model, TRAINED), run.base, "bm25"]
        asked = [part for system in systems for part in ("--retriever", system)]
        reader = ["--vlm", f"openai:feedback@{server.url}", "--top-k", "1"]
        run.nyxqa("evaluate", "evaluate", run.data, "--name", "paper", *asked, *reader)
    found = json.loads((run.data / "evaluation" / "paper.json").read_text())
    return {**label_counts(run, labels), **figures(found), "seconds": run.seconds}


class Reader:
    """Answers if what it is shown holds the answer.

    :param answers: Accepted forms by question.
    :param drawn: By question the text of the one document with which it answers instead, whatever that holds.
    """

    def __init__(self, answers: Mapping[str, list[str]], drawn: Mapping[str, str] | None = None) -> None:
        self._answers, self._drawn = answers, drawn

    def reply(self, payload: Payload) -> str:
        """The answer to one prompt."""
        head, _, question = prompt_text(payload).rpartition("\nQuestion: ")
        shown = head.rpartition("\nDocuments:\n")[2] if "\nDocuments:\n" in head else ""
        accepted = self._answers[question.strip()]
        if self._drawn is None:
            right = any(holds(shown, one) for one in accepted)
        else:
            text = self._drawn.get(question.strip())
            right = text is not None and holds(shown, text)
        return json.dumps({"answer": accepted[0] if right else "unknown"})


def holds(text: str, part: str) -> bool:
    """Whether the words of ``part`` occur in ``text`` one after the other."""
    wanted = f" {' '.join(words(part))} "
    return bool(wanted.strip()) and wanted in f" {' '.join(words(text))} "


def labelled(data: Path) -> dict[str, Row]:
    """By question the text of its positive and of the candidate drawn in its place."""
    found = {}
    for row in nyxqa.load("feedback", data, split="train", images="none"):
        named = {one["doc_id"]: f"{row['query_id']}/{one['doc_id']}" for one in row["candidates"]}
        chances = {one: keyed_hash(SEED, "permuted", name) for one, name in named.items()}
        texts = {one["doc_id"]: one["text"] for one in row["candidates"]}
        drawn = min(texts, key=chances.__getitem__)
        (positive,) = row["positive_ids"]
        found[row["query"]["text"].strip()] = {"drawn": texts[drawn], "kept": drawn == positive}
    return found


def label_counts(run: Experiment, labels: Mapping[str, Row]) -> Row:
    """How many questions were labelled, how often stage 1's positive was right, and what the permutation left."""
    right = known(read_lines(run.folder / "questions-train.jsonl"), nyxqa.load("triplets", run.data, split="train"))
    kept = sum(one["kept"] for one in labels.values())
    return {
        "labels": {
            "questions_labelled": len(labels),
            "stage1_positive_is_the_known_page": right,
            "permuted_positive_is_the_first_right_one": round(kept / len(labels), 4),
        }
    }


def known(questions: Iterable[Row], triplets: Iterable[Row]) -> float:
    """Share of train questions whose positive in stage 1 is the page that the question was written about."""
    titles = {one["question"].strip(): one["golden_answers"][0] for one in questions}
    first = {row["query"]["text"].strip(): re.split(r"\n", row["positive"]["text"])[0].strip('"') for row in triplets}
    return round(sum(first[one] == title for one, title in titles.items() if one in first) / len(first), 4)


def figures(found: Row) -> Row:
    """Figures of each system, and the differences of stage 2 from the others."""
    names = ("golden@1", "recall@10", "mrr", "em")
    columns = ("metric", "mean", "low", "high", "p")
    systems = {one["system"]: {name: one[name] for name in names} for one in found["systems"]}
    ours = next(one for one in systems if one.endswith(TRAINED[0]))
    against = [
        {"other": one["other"].split(" ")[0], **{name: one[name] for name in columns}}
        for one in found["differences"]
        if one["system"].split(" ")[0] == ours and one["metric"] in ("golden@1", "em")
    ]
    tested = {"test_questions": found["questions"], "test_groups": found["groups"]}
    return {**tested, "systems": systems, "stage2_minus_other": against}


if __name__ == "__main__":
    main()
