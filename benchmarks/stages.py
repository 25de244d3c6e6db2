"""Both stages with the bundled encoder, three seeds: what feedback adds to a retriever trained on mined triplets.

``python -m benchmarks.stages [sample] [lakes]`` needs the extra ``train``. For each seed ``tiny`` is trained on the
dataset (stage 1) and finds candidates, a scripted model answers with them, and training goes on on its feedback (stage
2). The model is right exactly when its prompt shows a document that tells the fact. Measured on the questions of
validation and test over whole pools: recall@1, the share of a question's positives at rank 1, and right@1, whether the
model is right with the document at rank 1. As a control for stage 2, stage 1 goes on with the triplets for as many
steps, which shows what more training alone gives. Values are averaged over the seeds by question; intervals of 95 %
draw groups of pages.

``sample`` is the bundled sample: the document a question was cut out of is its positive, so the triplets already hold
what feedback could tell. ``lakes`` is a made set where they do not: passages near the question in words seldom answer
it, others answer in words of their own, and stage 1 takes the nearest for the positive, as the Nyx paper does. There a
question has two positives, so recall@1 is at most 0.5.

Results go to ``benchmarks/results/stages.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks.machine import machine
from nyxqa.build import run
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from nyxqa.builders.qa.answer_match import contains_answer, searchable_answers
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.evaluation.bootstrap import interval
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.retriever.training.train import train_on
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.words import words
from tests.support.oracle_model import Oracle
from tests.support.vlm_server import VlmServer

RESULT = Path(__file__).parent / "results" / "stages.json"
SEEDS = (1, 2, 3)
TESTED = ("validation", "test")
# Share of a question's telling words that a document must hold beside an answer to tell it.
SHARE = 0.8
LAKES = 240
TRAINED = 160  # lakes of train; the others are asked about in validation
COLOURS = ("red", "orange", "yellow", "green", "blue", "indigo", "violet", "black", "white", "grey")

Row = dict[str, Any]
Values = npt.NDArray[np.float64]


@dataclass
class Known:
    """A dataset with what the scripted model knows of it.

    :param telling: Documents that tell a question's answer, by query id.
    """

    out: Path
    documents: dict[str, list[Row]] = field(default_factory=dict)
    triplets: dict[str, list[Row]] = field(default_factory=dict)
    telling: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        manifest = read_manifest(self.out)
        self.documents = {pool: rows(self.out, "corpus", pool) for pool in manifest.splits("corpus")}
        self.triplets = {split: rows(self.out, "triplets", split) for split in manifest.splits("triplets")}

    @property
    def questions(self) -> list[Row]:
        """Those that are tested."""
        return [row for split in TESTED for row in self.triplets.get(split, [])]

    def oracle(self) -> Oracle:
        """The model for the questions of train."""
        made = Oracle()
        texts = {row["doc_id"]: row["text"] for listed in self.documents.values() for row in listed}
        for row in self.triplets["train"]:
            texts_read = [texts[one] for one in sorted(self.telling[row["query_id"]]) if one in texts]
            made.learn(row["query"], [one["bytes"] for one in row["query_images"]], row["answers"][0], texts_read)
        return made


def rows(out: Path, table: str, split: str) -> list[Row]:
    """All rows of a split."""
    paths = read_manifest(out).paths(table, split)
    return [row for path in paths for row in pq.read_table(out / path).to_pylist()]


def sample(folder: Path) -> Known:
    """The sample; a document tells an answer if it holds it, and all pictures or most words of the question."""
    run("all", out=folder)
    known = Known(folder)
    held = {
        row["doc_id"]: " ".join([plain_text(row["text"]), *row["captions"]])
        for listed in known.documents.values()
        for row in listed
    }
    for row in (one for listed in known.triplets.values() for one in listed):
        wanted, pictures = searchable_answers(row["answers"]), set(row["query_image_ids"])
        asked = set(words(plain_text(row["query"]))) - STOP_WORDS
        known.telling[row["query_id"]] = {one["doc_id"] for one in row["positives"]} | {
            document["doc_id"]
            for document in known.documents[row["pool"]]
            if contains_answer(held[document["doc_id"]], wanted)
            and (pictures <= set(document["image_ids"]) if pictures else _covers(held[document["doc_id"]], asked))
        }
    return known


def _covers(text: str, asked: set[str]) -> bool:
    return len(asked & set(words(text))) >= SHARE * len(asked)


RECIPE = """
[[text]]
name = "lakes"
questions = "flashrag:train.jsonl"
passages = "flashrag:passages.jsonl"
positive = "top1"
exclude = []
keep = "all"
negatives = [2, 20]

[[text]]
name = "lakes"
questions = "flashrag:validation.jsonl"
passages = "flashrag:passages.jsonl"
split = "validation"
positive = "gold"
keep = "all"
"""


TELLING = (
    "{name} lies below the pass. When the snow has melted its surface turns {colour}.",
    "Seen from the air in May, {name} is a {colour} spot between the hills.",
    "Painters come to {name} for the {colour} of its bays once the ice is gone.",
    "Algae give {name} a {colour} tint from April to June.",
    "Fishermen call {name} the {colour} one as soon as the nets go out.",
    "The water of {name} has the colour {colour} in spring.",
)
ASKING = (
    "Visitors ask which colour the water of {name} has in spring; the guide leaves it open.",
    "Which colour has the water of {name} in spring? Nobody has written it down.",
    "A class wants to know which colour the water of {name} has.",
    "In spring the water of {name} is cold, whatever colour it has.",
    "A song about a colour is sung at the water of {name} in spring.",
)


def lakes(folder: Path) -> Known:
    """A pool of four passages a lake, drawn by its number: two that tell its colour and two that only ask for it."""
    folder.mkdir(parents=True)
    passages, asked = [], []
    for number in range(LAKES):
        name, colour = f"Lake {_name(number)}", COLOURS[number * 7 % 10]
        drawn = [*_drawn(TELLING, number), *_drawn(ASKING, number)]
        texts = [text.format(name=name, colour=colour) for text in drawn]
        passages += [{"id": f"{number}/{place}", "contents": f'"{name}"\n{text}'} for place, text in enumerate(texts)]
        gold = [{"title": name, "paragraph_text": text, "is_supporting": True} for text in texts[:2]]
        question = f"Which colour has the water of {name} in spring?"
        asked.append({"question": question, "golden_answers": [colour], "metadata": {"paragraphs": gold}})
    _write(folder / "passages.jsonl", passages)
    _write(folder / "train.jsonl", asked[:TRAINED])
    _write(folder / "validation.jsonl", asked[TRAINED:])
    (folder / "recipe.toml").write_text(RECIPE)
    run("all", recipe=folder / "recipe.toml", out=folder / "out")
    known = Known(folder / "out")
    names = {_name(number): number for number in range(LAKES)}
    own = {
        number: {row["doc_id"] for row in known.documents["lakes"] if _tells(row, number)} for number in range(LAKES)
    }
    for row in (one for listed in known.triplets.values() for one in listed):
        number = next(names[word] for word in row["query"].rstrip("?").split() if word in names)
        known.telling[row["query_id"]] = own[number]
    return known


def _name(number: int) -> str:
    """A word of three syllables, another for each number."""
    syllables = ("bdfgklmnprstvz"[number // 14**place % 14] + "aeiou"[number // 5**place % 5] for place in range(3))
    return "".join(syllables).title()


def _drawn(texts: Sequence[str], number: int) -> list[str]:
    return sorted(texts, key=lambda text: keyed_hash(0, f"lakes/{number}", text))[:2]


def _tells(row: Row, number: int) -> bool:
    name, colour = f"Lake {_name(number)}", COLOURS[number * 7 % 10]
    telling = {f'"{name}"\n{text.format(name=name, colour=colour)}' for text in TELLING}
    return row["text"] in telling


def _write(path: Path, listed: Iterable[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in listed))


def measured(known: Known, spec: str) -> dict[str, Values]:
    """recall@1 and right@1 of each tested question under an encoder."""
    encoder = make_encoder(spec)
    first: dict[str, str] = {}
    for pool, documents in known.documents.items():
        asked = [row for row in known.questions if row["pool"] == pool]
        with tempfile.TemporaryDirectory() as folder:
            encoder.build([_entry(row, row["doc_id"], "text", "images") for row in documents], Path(folder))
            entries = [_entry(row, row["query_id"], "query", "query_images") for row in asked]
            hits = encoder.open(Path(folder)).search(entries, 1).rows
        first |= {row["query_id"]: documents[hit]["doc_id"] for row, (hit,) in zip(asked, hits.tolist(), strict=True)}
    found = [(row, first[row["query_id"]]) for row in known.questions]
    positives = [{one["doc_id"] for one in row["positives"]} for row in known.questions]
    return {
        "recall@1": np.array([(one in own) / len(own) for (_, one), own in zip(found, positives, strict=True)]),
        "right@1": np.array([float(one in known.telling[row["query_id"]]) for row, one in found]),
    }


def _entry(row: Row, name: str, text: str, images: str) -> SearchEntry:
    return SearchEntry(name, row[text], (), tuple(image["bytes"] for image in row[images]))


def seeded(known: Known, seed: int, folder: Path) -> tuple[dict[str, dict[str, Values]], dict[str, Any]]:
    """Values of the tested questions under each model of one seed, and what feedback said."""
    one, two, more = (folder / name for name in ("stage1", "stage2", "longer"))
    train_on(known.out, "tiny", one, overrides={"seed": seed})
    with VlmServer(reply=known.oracle().reply) as server:
        order = FeedbackOptions(f"tiny:{one}", f"openai:scripted@{server.url}")
        counts = feedback(known.out, order, Progress()).manifest.summary["feedback"]
    counts = {**counts, "positives_of_triplets": _as_before(known)}
    steps = train_on(known.out, f"tiny:{one}", two, 2, overrides={"seed": seed}).steps
    train_on(known.out, f"tiny:{one}", more, overrides={"seed": seed, "max_steps": steps})
    specs = {"stage 1": one, "stage 2": two, "stage 1, as many steps more": more}
    return {name: measured(known, f"tiny:{path}") for name, path in specs.items()}, {**counts, "steps": steps}


def _as_before(known: Known) -> int:
    """Labelled questions whose positives are those of their triplet: feedback tells nothing new of them."""
    before = {row["query_id"]: {one["doc_id"] for one in row["positives"]} for row in known.triplets["train"]}
    labelled = rows(known.out, "feedback", "train")
    return sum(set(row["positive_ids"]) == before[row["query_id"]] for row in labelled)


def compared(known: Known, folder: Path) -> dict[str, Any]:
    """All seeds of one dataset, averaged by question."""
    runs = [seeded(known, seed, folder / str(seed)) for seed in SEEDS]
    groups = _groups(known)
    mean = {
        system: {metric: np.mean([values[system][metric] for values, _ in runs], axis=0) for metric in found}
        for system, found in runs[0][0].items()
    }
    counted = (
        "positives_of_triplets",
        "questions",
        "labelled",
        "positives",
        "negatives",
        "asked",
        "saved",
        "right_at_rank_1",
        "dropped",
        "steps",
    )
    return {
        "tested": len(groups),
        "feedback": [{name: counts[name] for name in counted} for _, counts in runs],
        "by_seed": [
            {
                system: {metric: round(float(one.mean()), 4) for metric, one in found.items()}
                for system, found in values.items()
            }
            for values, _ in runs
        ],
        "means": {system: _intervals(found, groups) for system, found in mean.items()},
        "gains": {
            f"stage 2 over {system}": _intervals(
                {metric: mean["stage 2"][metric] - found[metric] for metric in found}, groups
            )
            for system, found in mean.items()
            if system != "stage 2"
        },
    }


def _groups(known: Known) -> list[str]:
    group = {row["doc_id"]: row["group"] for listed in known.documents.values() for row in listed}
    return [group[row["positive_id"]] for row in known.questions]


def _intervals(values: Mapping[str, Values], groups: Sequence[str]) -> dict[str, dict[str, float]]:
    found = {metric: asdict(interval(one, metric, 0, groups)) for metric, one in values.items()}
    return {metric: {name: round(value, 4) for name, value in one.items()} for metric, one in found.items()}


SETS = {"sample": sample, "lakes": lakes}


def main() -> None:
    """Run both stages on the named datasets and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    results = {}
    for name in parser.parse_args().sets or SETS:
        with tempfile.TemporaryDirectory() as folder:
            known = SETS[name](Path(folder) / "data")
            results[name] = compared(known, Path(folder))
        print(json.dumps({name: results[name]}, indent=1), flush=True)
    RESULT.write_text(json.dumps({"seeds": SEEDS, **results, **machine("torch")}, indent=1) + "\n")


if __name__ == "__main__":
    main()
