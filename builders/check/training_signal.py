"""Check for a training signal: a small retriever trained on the triplets beats one trained on shuffled positives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nyxqa.builders.check.folds import SALT, Fold, grouped_folds, shuffled_positives
from nyxqa.builders.check.negatives_worth import (
    NegativesWorth,
    is_installed,
    load_encoder,
    measure_negatives_worth,
)
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.evaluation.bootstrap import Interval
from nyxqa.retriever.evaluation.evaluate import Scores, gain
from nyxqa.retriever.evaluation.ranking import METRICS
from nyxqa.retriever.evaluation.test_set import Searched, TestSet, join_scores, read_test_set
from nyxqa.retriever.models.factory import load_model
from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.examples import Document, Example, read_example
from nyxqa.retriever.training.settings import TrainSettings, default_settings
from nyxqa.retriever.training.trainer import train
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.live import task
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.manifest import Manifest

MODEL = "tiny"
SEED = 42
METRIC = "mrr"  # uses the full rank, so it separates arms with fewer questions than recall@1
# With fewer validation questions the interval is too wide; folds over train give more questions.
MIN_VALIDATION = 200
FOLDS = 3
# Twice the default rate, three passes instead of five: the gain over shuffled positives is as clear, in half the steps.
EPOCHS, RATE = 3, 2e-3
# With fewer, every fold trains on a few dozen rows, and a missing signal would reflect their number, not the rows.
MIN_QUESTIONS = 100
# Caps that keep the check within minutes on two cores whatever the size of the dataset; drawn by keyed hash.
MAX_ROWS = 2_000
MAX_DOCUMENTS = 5_000
ARMS = ("data", "shuffled")


@dataclass(frozen=True)
class TrainingSignal:
    """The measured scores of each system.

    :param how: Where the test questions come from.
    :param left_out: Rows that violate a law and that other checks name; they are neither trained nor tested on.
    :param means: Mean of each metric by system.
    :param gains: Gain of training on the data over each other system, by system and metric.
    :param losses: Loss by step in the first fold, by arm.
    :param learned: ``METRIC`` by epoch, from 0, in the first fold, by arm.
    :param worth: What the negatives are worth; None where no sentence encoder is installed.
    """

    how: str
    rows: int
    questions: int
    left_out: int
    means: Mapping[str, Mapping[str, float]]
    gains: Mapping[str, Mapping[str, Interval]]
    losses: Mapping[str, Sequence[float]]
    learned: Mapping[str, Sequence[float]]
    worth: NegativesWorth | None = None

    @property
    def note(self) -> str:
        """What a reader of a passed check should know: whether BM25 does better, and what the negatives add."""
        means = {name: self.means[name][METRIC] for name in ("data", "bm25")}
        parts = []
        if means["bm25"] > means["data"]:
            gained = self.gains["bm25"][METRIC]
            clear = "" if gained.high < 0 else ", not clearly"
            parts.append(
                f"bm25 beats the trained {MODEL}{clear}: {means['bm25']:.3f} against {means['data']:.3f} in {METRIC} "
                f"(difference {-gained.mean:+.3f}, {-gained.high:+.3f} to {-gained.low:+.3f})"
            )
        if self.worth is not None:
            gains = [f"{_interval(gained)} over {arm}" for arm, gained in self.worth.gains.items()]
            parts.append(f"hard negatives gain {' and '.join(gains)} with a sentence encoder")
        else:
            parts.append("negatives' worth not measured: the extra 'slow' with a sentence encoder is not installed")
        return "; ".join(parts)

    @property
    def passed(self) -> bool:
        """Whether the interval of the gain over shuffled positives lies above zero."""
        return self.gains["shuffled"][METRIC].low > 0

    def summary(self) -> str:
        """The failure in one line."""
        gained = self.gains["shuffled"][METRIC]
        return (
            f"trained on these positives, {MODEL} gains {gained.mean:+.3f} ({gained.low:+.3f} to {gained.high:+.3f}) "
            f"in {METRIC} over shuffled positives on {gained.count} questions, so the positives do not answer their "
            "questions"
        )

    def line(self) -> str:
        """For example ``MRR trained 0.885, shuffled 0.456: +0.43 (0.38 to 0.47); BM25 0.901``."""
        trained, shuffled, bm25 = (self.means[name][METRIC] for name in ("data", "shuffled", "bm25"))
        gained = self.gains["shuffled"][METRIC]
        return (
            f"{METRIC.upper()} trained {trained:.3f}, shuffled {shuffled:.3f}: {gained.mean:+.2f} ({gained.low:.2f} to "
            f"{gained.high:.2f}); BM25 {bm25:.3f}{', which beats it' if bm25 > trained else ''}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The measurement as JSON types, for ``report.json``."""
        worth = "not measured" if self.worth is None else self.worth.as_dict()
        return {"model": MODEL, "judged": METRIC, "seed": SEED, **asdict(self), "worth": worth, "note": self.note}


class NotMeasuredError(Exception):
    """The check cannot be run; the message says why."""


def measure_training_signal(out: Path, manifest: Manifest) -> TrainingSignal:
    """Train and test, on validation where it is large enough, else on folds of train.

    :raises NotMeasuredError: If there is no train split, too few rows to train or test on, or images are
        published by address.
    """
    if Published(out, manifest).by_address:
        raise NotMeasuredError("its images are published by address; check the dataset that it was pushed from")
    splits = manifest.splits("triplets")
    if "train" not in splits:
        raise NotMeasuredError("the dataset has no train triplets")
    reader = _ExampleReader()
    rows, examples = reader.read(_capped_rows(out, "train"))
    tested = reader.read(_capped_rows(out, "validation"))[0] if "validation" in splits else []
    if len(tested) >= MIN_VALIDATION:
        test = read_test_set(out, tested, SEED, MAX_DOCUMENTS)
        runs = [(examples, test)]
        how = "validation"
    else:
        test = read_test_set(out, rows, SEED, MAX_DOCUMENTS)
        runs = _by_fold(examples, test)
        how = f"{len(runs)} folds of train by group"
    if min(len(examples), len(test.questions)) < MIN_QUESTIONS or not all(trained for trained, _ in runs):
        raise NotMeasuredError(
            f"{len(examples)} rows to train on and {len(test.questions)} questions to test on are too few"
        )
    with _one_thread():
        return _with_worth(_measured(runs, how, len(examples), reader.left_out), runs)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: steps are small, and threads that wait for each other burn what others need."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _with_worth(signal: TrainingSignal, runs: Sequence[tuple[Sequence[Example], TestSet]]) -> TrainingSignal:
    """The same with what the negatives are worth, where a sentence encoder is installed."""
    if not is_installed() or not any(one.negatives for one in runs[0][0]):
        return signal
    encoder = load_encoder()
    return replace(
        signal, worth=measure_negatives_worth(runs, lambda entries: encoder.encode(entries, "document"), SEED)
    )


def _capped_rows(out: Path, split: str) -> Any:
    """Joined triplets of a split, at most ``MAX_ROWS`` of them by keyed hash."""
    rows: Any = load("triplets", out, split=split, images="bytes")
    if len(rows) <= MAX_ROWS:
        return rows
    ids = rows.data.column("query_id").to_pylist()
    first = sorted(range(len(ids)), key=lambda row: (keyed_hash(SEED, f"{SALT}/{split}", ids[row]), ids[row]))
    return rows.select(sorted(first[:MAX_ROWS]))


@dataclass
class _ExampleReader:
    """Reads examples that share their documents, and counts the rows that violate a law."""

    documents: dict[str, Document] = field(default_factory=dict)
    left_out: int = 0

    def read(self, rows: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Example]]:
        """The usable rows, without their documents, and an example for each."""
        usable: list[Mapping[str, Any]] = []
        examples: list[Example] = []
        for row in rows:
            try:
                example = read_example(row)
            except LawError:
                self.left_out += 1
                continue
            positives, negatives = (tuple(map(self._shared, side)) for side in (example.positives, example.negatives))
            examples.append(replace(example, positives=positives, negatives=negatives))
            usable.append({name: value for name, value in row.items() if name not in ("positive", "negatives")})
        return usable, examples

    def _shared(self, document: Document) -> Document:
        return self.documents.setdefault(document.id, document)


def _by_fold(examples: Sequence[Example], test: TestSet) -> list[tuple[list[Example], TestSet]]:
    """Examples to train on and questions to test on, fold by fold."""
    group_of = {(one.dataset, one.id): one.group for one in test.questions}
    folds = grouped_folds([group_of[one.dataset, one.id] for one in examples], FOLDS, SEED)
    return [([examples[row] for row in fold.train], _test_set(test, examples, fold)) for fold in folds]


def _test_set(test: TestSet, examples: Sequence[Example], fold: Fold) -> TestSet:
    tested = {(examples[row].dataset, examples[row].id) for row in fold.test}
    parts = []
    for part in test.parts:
        questions = tuple(one for one in part.questions if (one.dataset, one.id) in tested)
        if questions:
            parts.append(Searched(questions, part.pool))
    return TestSet(tuple(parts))


def _measured(runs: Sequence[tuple[Sequence[Example], TestSet]], how: str, rows: int, left_out: int) -> TrainingSignal:
    scores: dict[str, list[Scores]] = {name: [] for name in (*ARMS, "untrained", "bm25")}
    losses: dict[str, list[float]] = {}
    learned: dict[str, list[float]] = {}
    with task("training signal", len(runs) * len(ARMS)) as bar:
        for number, (examples, test) in enumerate(runs):
            for arm, trained in zip(ARMS, (list(examples), shuffled_positives(examples, SEED)), strict=True):
                bar.note(f"fold {number + 1} of {len(runs)}, {arm}")
                model = load_model(MODEL, SEED)
                evaluate = None
                if number == 0:
                    learned[arm] = [_score(test, model)]
                    evaluate = partial(_evaluated, test, learned[arm])
                losses.setdefault(arm, train(model, trained, _settings(), evaluate=evaluate).losses)
                scores[arm] += test.model_scores(model, (model.dim,), arm)
                bar.advance()
            bar.note(f"fold {number + 1} of {len(runs)}, untrained and BM25")
            untrained = load_model(MODEL, SEED)
            scores["untrained"] += test.model_scores(untrained, (untrained.dim,), "untrained")
            scores["bm25"].append(test.encoder_scores(Bm25Encoder()))
    questions = [one for _, test in runs for one in test.questions]
    joined = {name: join_scores(parts) for name, parts in scores.items()}
    means = {
        name: {metric: round(float(one.values[metric].mean()), 6) for metric in METRICS} for name, one in joined.items()
    }
    gains = {
        name: {metric: gain(joined["data"], joined[name], questions, metric, SEED) for metric in METRICS}
        for name in ("shuffled", "untrained", "bm25")
    }
    return TrainingSignal(how, rows, len(questions), left_out, means, gains, losses, learned)


def _settings() -> TrainSettings:
    """Few passes, each step in one piece: what a step holds is small, and many small pieces cost most of its time."""
    settings = default_settings(MODEL)
    return replace(settings, epochs=EPOCHS, learning_rate=RATE, chunk=4 * settings.batch_size)


def _interval(value: Interval) -> str:
    return f"{value.mean:+.3f} ({value.low:+.3f} to {value.high:+.3f})"


def _score(test: TestSet, model: EmbeddingModel) -> float:
    (scores,) = test.model_scores(model, (model.dim,))
    return round(float(scores.values[METRIC].mean()), 6)


def _evaluated(test: TestSet, scores: list[float], model: EmbeddingModel) -> Mapping[str, float]:
    scores.append(_score(test, model))
    return {METRIC: scores[-1]}
