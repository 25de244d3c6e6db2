"""Check that the data teaches: a small retriever trained on its triplets beats one trained on shuffled positives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nyxqa.builders.check.folds import Fold, deranged, grouped_folds
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.evaluation.bootstrap import Interval
from nyxqa.retriever.evaluation.evaluate import Scores, gain
from nyxqa.retriever.evaluation.ranking import METRICS
from nyxqa.retriever.evaluation.test_set import Searched, TestSet, join_scores, read_test_set
from nyxqa.retriever.models.factory import load_model
from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.examples import Document, Example, read_example
from nyxqa.retriever.training.settings import default_settings
from nyxqa.retriever.training.trainer import train
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.manifest import Manifest

TEACHES = "teaches"
MODEL = "tiny"
SEED = 42
JUDGED = "mrr"  # knows the whole rank, so it tells more from few questions than recall@1 does
# With fewer validation questions the interval is too wide to tell anything; folds over train give more.
LEAST_VALIDATION = 200
FOLDS = 5
# Below it every fold trains on a few dozen rows, and not teaching would say more about the number than about the rows.
LEAST_QUESTIONS = 100
# What keeps the check within minutes on two cores, whatever the size of the dataset; drawn by keyed hash.
MOST_ROWS = 2_000
MOST_DOCUMENTS = 5_000
ARMS = ("data", "shuffled")


@dataclass(frozen=True)
class Lesson:
    """What was measured.

    :param how: Where the test questions are from.
    :param left_out: Rows that break a law, which other checks name; they are neither trained nor tested on.
    :param means: Mean of each metric by system.
    :param gains: Of training on the data over the other systems, by system and metric.
    :param losses: Loss by step in the first fold, by arm.
    :param learned: What is judged, by epoch from 0 in the first fold, by arm.
    """

    how: str
    rows: int
    questions: int
    left_out: int
    means: Mapping[str, Mapping[str, float]]
    gains: Mapping[str, Mapping[str, Interval]]
    losses: Mapping[str, Sequence[float]]
    learned: Mapping[str, Sequence[float]]

    @property
    def passed(self) -> bool:
        """Whether the gain over shuffled positives is surely above zero."""
        return self.gains["shuffled"][JUDGED].low > 0

    def told(self) -> str:
        """The verdict in words."""
        one = self.gains["shuffled"][JUDGED]
        return (
            f"trained on these positives, {MODEL} is {one.mean:+.3f} ({one.low:+.3f} to {one.high:+.3f}) in {JUDGED} "
            f"over shuffled positives on {one.count} questions, so the positives do not answer their questions"
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {"model": MODEL, "judged": JUDGED, "seed": SEED, **asdict(self)}


class NotTaughtError(Exception):
    """The check cannot be run; says why."""


def teach(out: Path, manifest: Manifest) -> Lesson:
    """Train and test as the size of the dataset asks for.

    :raises NotTaughtError: If there is no train split, too little to train or test on, or no image without fetching it.
    """
    if Published(out, manifest).by_address:
        raise NotTaughtError("its images are published by address; check the dataset that it was pushed from")
    splits = manifest.splits("triplets")
    if "train" not in splits:
        raise NotTaughtError("the dataset has no train triplets")
    held = _Held()
    rows, examples = held.read(_drawn(out, "train"))
    tested = held.read(_drawn(out, "validation"))[0] if "validation" in splits else []
    if len(tested) >= LEAST_VALIDATION:
        test = read_test_set(out, tested, SEED, MOST_DOCUMENTS)
        lessons = [(examples, test)]
        how = "validation"
    else:
        test = read_test_set(out, rows, SEED, MOST_DOCUMENTS)
        lessons = _by_fold(examples, test)
        how = f"{len(lessons)} folds of train by group"
    if min(len(examples), len(test.questions)) < LEAST_QUESTIONS or not all(taught for taught, _ in lessons):
        raise NotTaughtError(f"{len(examples)} rows to train on and {len(test.questions)} to test on are too few")
    return _measured(lessons, how, len(examples), held.left_out)


def _drawn(out: Path, split: str) -> Any:
    """Joined triplets, those first by keyed hash where there are more than enough."""
    rows: Any = load("triplets", out, split=split, images="bytes")
    if len(rows) <= MOST_ROWS:
        return rows
    ids = rows.data.column("query_id").to_pylist()
    first = sorted(range(len(ids)), key=lambda row: (keyed_hash(SEED, f"check/{TEACHES}/{split}", ids[row]), ids[row]))
    return rows.select(sorted(first[:MOST_ROWS]))


@dataclass
class _Held:
    """Documents held once, however many rows name them, and the number of rows that break a law."""

    documents: dict[str, Document] = field(default_factory=dict)
    left_out: int = 0

    def read(self, rows: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Example]]:
        """Rows that can be used, less their documents, and the examples they make."""
        kept: list[Mapping[str, Any]] = []
        examples: list[Example] = []
        for row in rows:
            try:
                example = read_example(row)
            except LawError:
                self.left_out += 1
                continue
            positives, negatives = (tuple(map(self._once, side)) for side in (example.positives, example.negatives))
            examples.append(replace(example, positives=positives, negatives=negatives))
            kept.append({name: value for name, value in row.items() if name not in ("positive", "negatives")})
        return kept, examples

    def _once(self, document: Document) -> Document:
        return self.documents.setdefault(document.id, document)


def _by_fold(examples: Sequence[Example], test: TestSet) -> list[tuple[list[Example], TestSet]]:
    """Examples to train on and questions to test on, fold by fold."""
    group = {(one.dataset, one.id): one.group for one in test.questions}
    folds = grouped_folds([group[one.dataset, one.id] for one in examples], FOLDS, SEED)
    return [([examples[row] for row in fold.train], _part(test, examples, fold)) for fold in folds]


def _part(test: TestSet, examples: Sequence[Example], fold: Fold) -> TestSet:
    asked = {(examples[row].dataset, examples[row].id) for row in fold.test}
    parts = []
    for part in test.parts:
        questions = tuple(one for one in part.questions if (one.dataset, one.id) in asked)
        if questions:
            parts.append(Searched(questions, part.pool))
    return TestSet(tuple(parts))


def _measured(lessons: Sequence[tuple[Sequence[Example], TestSet]], how: str, rows: int, left_out: int) -> Lesson:
    scores: dict[str, list[Scores]] = {name: [] for name in (*ARMS, "untrained", "bm25")}
    losses: dict[str, list[float]] = {}
    learned: dict[str, list[float]] = {}
    for number, (examples, test) in enumerate(lessons):
        for arm, taught in zip(ARMS, (list(examples), deranged(examples, SEED)), strict=True):
            model = load_model(MODEL, SEED)
            watch = None
            if number == 0:
                learned[arm] = [_judged(test, model)]
                watch = partial(_watched, test, learned[arm])
            losses.setdefault(arm, train(model, taught, default_settings(MODEL), evaluate=watch).losses)
            scores[arm] += test.model_scores(model, (model.dim,), arm)
        fresh = load_model(MODEL, SEED)
        scores["untrained"] += test.model_scores(fresh, (fresh.dim,), "untrained")
        scores["bm25"].append(test.encoder_scores(Bm25Encoder()))
    questions = [one for _, test in lessons for one in test.questions]
    whole = {name: join_scores(parts) for name, parts in scores.items()}
    means = {
        name: {metric: round(float(one.values[metric].mean()), 6) for metric in METRICS} for name, one in whole.items()
    }
    gains = {
        name: {metric: gain(whole["data"], whole[name], questions, metric, SEED) for metric in METRICS}
        for name in ("shuffled", "untrained", "bm25")
    }
    return Lesson(how, rows, len(questions), left_out, means, gains, losses, learned)


def _judged(test: TestSet, model: EmbeddingModel) -> float:
    (scores,) = test.model_scores(model, (model.dim,))
    return round(float(scores.values[JUDGED].mean()), 6)


def _watched(test: TestSet, seen: list[float], model: EmbeddingModel) -> Mapping[str, float]:
    seen.append(_judged(test, model))
    return {JUDGED: seen[-1]}
