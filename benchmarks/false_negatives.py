"""What false negatives cost a retriever, and how much of it cleaning gives back.

The pages are lead paragraphs of Wikipedia and the questions are real short descriptions of 2,000 of them. Pages are
dealt to train and test, as in ``benchmarks.paper``. A page can stand in a pool as a whole, as its first sentence, or
without it; in the train pool each does in one of these forms, drawn by keyed hash, and that of a question's page is its
labelled positive. The other forms of it answer the question as well. They are planted, unlabelled, for as many
questions as make 10 or 30 % of the mined negatives false (the share that was mined is in the result); some are better
answers than the labelled one, as is common in collections of which one document a question was labelled.

Each share is built three times by ``nyxqa build``: as it is; cleaned by rule ``answer``; cleaned by stage ``judge``
(negatives that answer are removed), asking a scripted model that finds 85 % of them and accuses 5 % of the others. Each
data set trains the same encoder with the same rows, steps and batches by ``nyxqa train``. Tested on the held-out pages:
the whole page among others, mean reciprocal rank. Loss: what the uncleaned set without planted passages scores above
the uncleaned one with them; regained: the share of it that the cleaned one scores more. Intervals: bootstrap over
pages (each has one question), all systems on the same draws.

``python -m benchmarks.false_negatives --pages FILE --questions FILE --model DIR``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import nyxqa
from benchmarks.machine import command, machine
from benchmarks.paper import TEST_PERCENT, copied, holds, read_lines
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.words import sentences
from tests.support.vlm_server import Payload, VlmServer, prompt_text

RESULT = Path(__file__).parent / "results" / "false_negatives.json"
SEED = 42
SHARES = (0, 30, 10)
CLEANED = ("planted", "rule", "judge")
MINED = 6  # first ranks, of which one is mostly the positive
PLANTED = 6.5  # passages a question, by the share that is wanted: four of five of them are mined
SENSITIVITY, SPECIFICITY = 0.85, 0.95
DISTRACTORS = 600
LEAST = 12  # words of a page without its first sentence
RESAMPLES = 2_000
RECIPE = """
[judge]
enabled = {judge}
negatives = "remove"

[[text]]
name = "wiki"
questions = "flashrag:questions.jsonl"
passages = "flashrag:passages-{share}.jsonl"
encoder = "bm25"
positive = "gold"
negatives = [1, {mined}]
exclude = {exclude}
keep = "all"
license = "CC-BY-SA-4.0"
"""
# The first words of a lead paragraph say what its page is about; longer texts would double the time.
EMBEDDER = 'pooling = "mean"\nimages = false\nmax_text_tokens = {}\n'

Row = dict[str, Any]
Scores = npt.NDArray[np.float64]


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True, help="FlashRAG passages, JSON lines")
    parser.add_argument("--questions", type=Path, required=True, help="FlashRAG questions with metadata.passage_id")
    parser.add_argument("--model", type=Path, required=True, help="folder of a sentence encoder with mean pooling")
    parser.add_argument("--steps", type=int, default=30, help="of each training")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--negatives", type=int, default=2, help="of a row and step")
    parser.add_argument("--rate", default="3e-5")
    parser.add_argument("--tokens", type=int, default=40, help="of a text")
    parser.add_argument("--folder", type=Path, help="where to work; what a stopped run left there is used")
    parser.add_argument("--data-only", action="store_true", help="count the data sets again; train and test nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        wiki = Wiki(read_lines(options.pages), read_lines(options.questions))
        wiki.write(folder)
        if options.data_only:
            again = {name: counted(built, wiki, share) for name, share, built in datasets(wiki, folder)}
            found = json.loads(RESULT.read_text())
            RESULT.write_text(json.dumps({**found, "data": again}, indent=1) + "\n")
            print(json.dumps(again, indent=1))
            return
        model = copied(options.model, folder / "base")
        (model / "embedder.toml").write_text(EMBEDDER.format(options.tokens))
        training = ["--max-steps", options.steps, "--batch-size", options.batch, "--negatives", options.negatives]
        training += ["--lr", options.rate, "--epochs", 9, "--temperature", 0.05]
        scores, data = measured(wiki, folder, model, training)
    about = {
        "command": command("false_negatives.py"),
        "date": datetime.now().date().isoformat(),
        "retriever": f"{options.model.parent.name}, all weights trained",
        "judge": f"scripted, sensitivity {SENSITIVITY}, specificity {SPECIFICITY}",
        "train_questions": len(wiki.train),
        "test_questions": len(wiki.test),
        "test_pages": len(wiki.test_pages),
    }
    found = {**about, "data": data, **figures(scores), **machine("torch", "transformers")}
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


class Wiki:
    """Pages and questions, dealt to train and test, and the passages that are planted."""

    def __init__(self, pages: Sequence[Row], questions: Sequence[Row]) -> None:
        self.pages = {row["id"]: row["contents"] for row in pages}
        asked = {row["metadata"]["passage_id"]: row for row in questions}
        self.forms = {page: _forms(text) for page, text in self.pages.items() if not _is_test(page)}
        self.train = [row for page, row in asked.items() if len(self.forms.get(page, ())) > 1]
        self.test = [row for page, row in asked.items() if _is_test(page)]
        gold = {row["metadata"]["passage_id"] for row in self.test}
        others = [page for page in self.pages if _is_test(page) and page not in gold]
        others.sort(key=lambda page: keyed_hash(SEED, "distractors", page))
        self.test_pages = sorted((*gold, *others[:DISTRACTORS]))

    def planted(self, share: int) -> dict[str, str]:
        """Id and contents of the passages that answer a question and are not labelled."""
        found = {}
        for row in self.train:
            page = row["metadata"]["passage_id"]
            wanted = share / 100 * PLANTED
            count = int(wanted) + (keyed_hash(SEED, f"planted/{share}", page) % 1000 < 1000 * (wanted % 1))
            found |= {
                f"{page}-{form}": self.forms[page][form] for form in _order(page, self.forms[page])[1 : 1 + count]
            }
        return found

    def write(self, folder: Path) -> None:
        """The questions, and the passages for every share."""
        first = {page: forms[_order(page, forms)[0]] for page, forms in self.forms.items()}
        _write(folder / "questions.jsonl", self.train)
        for share in SHARES:
            passages = {**first, **self.planted(share)}
            _write(
                folder / f"passages-{share}.jsonl", [{"id": one, "contents": text} for one, text in passages.items()]
            )


def _forms(contents: str) -> dict[str, str]:
    """The forms of a page by their names, each with its title; a page of one sentence, or nearly, has one."""
    title, _, text = contents.partition("\n")
    first, *rest = (one.strip() for one in sentences(text)) if text.strip() else [text]
    kept = " ".join(rest)
    if len(kept.split()) < LEAST:
        return {"whole": contents}
    return {"whole": contents, "first": f"{title}\n{first}", "rest": f"{title}\n{kept}"}


def _order(page: str, forms: Mapping[str, str]) -> list[str]:
    """The forms of a page in an order by chance; the first is in the pool, or labelled."""
    return sorted(forms, key=lambda form: keyed_hash(SEED, "forms", f"{page}/{form}"))


def _is_test(page: str) -> bool:
    return keyed_hash(SEED, "paper", page) % 100 < TEST_PERCENT


def _write(file: Path, rows: Sequence[Row]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


class Judge:
    """A model that answers from the page itself, and errs at the given rates."""

    def __init__(self, wiki: Wiki) -> None:
        self._answers = {row["question"].strip(): row for row in wiki.train}
        self._forms = wiki.forms

    def reply(self, payload: Payload) -> str:
        """The answer to one prompt."""
        head, _, question = prompt_text(payload).rpartition("\nQuestion: ")
        row = self._answers.get(question.strip())
        if row is None:
            return json.dumps({"answer": "1911"})  # the request that asks whether the server answers
        page = row["metadata"]["passage_id"]
        answers = any(text in head for text in self._forms[page].values())
        luck = keyed_hash(SEED, "judge", head[-400:] + question) % 10_000 / 10_000
        says = luck < SENSITIVITY if answers else luck >= SPECIFICITY
        return json.dumps({"answer": row["golden_answers"][0] if says else "unknown"})


def measured(
    wiki: Wiki, folder: Path, model: Path, training: Sequence[object]
) -> tuple[dict[str, Scores], dict[str, Row]]:
    """Scores of each system on each test question, and figures of each data set."""
    scores, data = {"untrained": tested(wiki, model)}, {}
    for name, share, built in datasets(wiki, folder):
        data[name] = counted(built, wiki, share)
        if not (folder / name / "embedder.toml").exists():
            nyxqa_command("train", built, "--model", f"hf:{model}", *training, "--out", folder / name)
        scores[name] = tested(wiki, folder / name)
        print(name, data[name], round(float(scores[name].mean()), 4), file=sys.stderr, flush=True)
    return scores, data


def datasets(wiki: Wiki, folder: Path) -> Iterator[tuple[str, int, Path]]:
    """Name, share and folder of every data set, built where it is not."""
    for share in SHARES:
        for cleaned in CLEANED if share else CLEANED[:1]:
            built = folder / f"data-{share}-{cleaned}"
            with VlmServer(reply=Judge(wiki).reply, keep=False) as server:
                build(built, folder, share, cleaned, server.url)
            yield f"{share}-{cleaned}", share, built


def build(out: Path, folder: Path, share: int, cleaned: str, url: str) -> None:
    """One data set; nothing is done if it is there already."""
    exclude = '["equal", "answer"]' if cleaned == "rule" else '["equal"]'
    recipe = folder / f"recipe-{out.name}.toml"
    judge = "true" if cleaned == "judge" else "false"
    recipe.write_text(RECIPE.format(judge=judge, share=share, mined=MINED, exclude=exclude))
    if not (out / "manifest.json").exists():
        model = ["--vlm", f"openai:judge@{url}"] if cleaned == "judge" else []
        nyxqa_command("build", "--split", "train", "--recipe", recipe, "--out", out, *model)


def nyxqa_command(*arguments: object) -> None:
    """Run a command of nyxqa."""
    subprocess.run([sys.executable, "-m", "nyxqa", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def counted(built: Path, wiki: Wiki, share: int) -> Row:
    """Rows and negatives of a data set, and whether words or scores tell negatives from positives.

    ``false``: negatives that answer their question by planting. ``gap``: the score of the positive minus the mean of
    its negatives. ``gap_true``: the same with the negatives alone that do not answer by planting, since a false one
    scores like a positive and its removal widens the gap whatever is mined instead. ``answer_auc``: how well holding
    the answer word by word tells positives from negatives.
    """
    page_of = {row["question"].strip(): row["metadata"]["passage_id"] for row in wiki.train}
    planted = {(name.partition("-")[0], text) for name, text in wiki.planted(share).items()}
    false: int = 0
    gaps: dict[str, list[float]] = {"gap": [], "gap_true": []}
    found: dict[str, list[bool]] = {"positive": [], "negative": []}
    rows = nyxqa.load("triplets", built, split="train", images="none")
    for row in rows:
        page = page_of[row["query"]["text"].strip()]
        answering = [(page, one["text"]) in planted for one in row["negatives"]]
        false += sum(answering)
        found["positive"].append(holds(row["positive"]["text"], row["answers"][0]))
        found["negative"] += [holds(one["text"], row["answers"][0]) for one in row["negatives"]]
        own = row["positives"][0]["score"]
        if own is None:
            continue
        scored = list(zip(row["negative_scores"], answering, strict=True))
        for name, kept in (("gap", scored), ("gap_true", [one for one in scored if not one[1]])):
            gaps[name] += [own - float(np.mean([score for score, _ in kept]))] if kept else []
    negatives = len(found["negative"])
    return {
        "rows": len(rows),
        "negatives": negatives,
        "false": false,
        "share": round(false / negatives, 4),
        **{name: round(float(np.mean(several)), 3) for name, several in gaps.items()},
        "answer_auc": round(0.5 + (float(np.mean(found["positive"])) - float(np.mean(found["negative"]))) / 2, 4),
    }


def tested(wiki: Wiki, model: Path) -> Scores:
    """Reciprocal rank of the page of each test question, kept beside the model."""
    file = model / "scores.npy"
    if not file.exists():
        encoder = nyxqa.encoder(f"hf:{model}")
        pages = encoder.encode([wiki.pages[page] for page in wiki.test_pages], kind="document")
        queries = encoder.encode([row["question"] for row in wiki.test], kind="query")
        found = queries @ pages.T
        row_of = {page: row for row, page in enumerate(wiki.test_pages)}
        own = found[np.arange(len(queries)), [row_of[row["metadata"]["passage_id"]] for row in wiki.test]]
        np.save(file, 1 / (1 + (found > own[:, None]).sum(axis=1)))
    scores: Scores = np.load(file)
    return scores


def figures(scores: Mapping[str, Scores]) -> Row:
    """Means, losses and regained shares with their intervals."""
    count = len(scores["untrained"])
    draws = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
    drawn = {name: own[draws].mean(axis=1) for name, own in scores.items()}
    result: Row = {"mrr": {name: round(float(own.mean()), 4) for name, own in scores.items()}}
    for share in SHARES[1:]:
        planted, whole = f"{share}-planted", f"{SHARES[0]}-planted"
        lost = _interval(drawn[whole] - drawn[planted], scores[whole].mean() - scores[planted].mean())
        result[f"loss_{share}"] = lost
        for cleaned in CLEANED[1:]:
            name = f"{share}-{cleaned}"
            back = _interval(drawn[name] - drawn[planted], scores[name].mean() - scores[planted].mean())
            below = _interval(drawn[name] - drawn[whole], scores[name].mean() - scores[whole].mean())
            share_back = round(back["mean"] / lost["mean"], 3) if lost["low"] > 0 else "no loss to regain"
            result[f"regained_{share}_{cleaned}"] = {"share": share_back, "gain": back, "against_unplanted": below}
    return result


def _interval(drawn: Scores, mean: float) -> Row:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"mean": round(float(mean), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


if __name__ == "__main__":
    main()
