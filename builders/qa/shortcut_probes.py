"""Probes against shortcuts: what tells the answer, or a negative, without what a model is meant to use.

All are learned on some folds and tested on another; the items of one document are in one fold, so that none is known
by heart. Deterministic, and independent of the order of the items.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from nyxqa.builders.qa.options_probe import FOLDS, MIN_QUESTIONS, wilson_interval
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.words import words

SEED = 42
MAX_ITEMS = 4_000
_RESAMPLES = 200

T = TypeVar("T")


class OptionItem(NamedTuple):
    """A question with options.

    :param document: Id of its document.
    :param question: Text, without placeholders.
    :param phashes: Perceptual hashes of the question's images.
    :param label: Number of the right option.
    """

    key: str
    document: str
    question: str
    phashes: Sequence[int]
    choices: Sequence[str]
    label: int


class PairItem(NamedTuple):
    """A document as a positive or a negative of some question, which is not shown.

    :param images: Number of its images.
    """

    key: str
    document: str
    text: str
    images: int
    positive: bool


@dataclass(frozen=True)
class Probe:
    """The result of one probe.

    :param value: Accuracy, or for negatives the area under the ROC curve.
    :param low: Lower bound of its 95 % interval.
    :param chance: Value without any shortcut.
    """

    items: int
    value: float
    low: float
    high: float
    chance: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


class _Item(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def document(self) -> str: ...


Sampled = TypeVar("Sampled", bound=_Item)


def sample_items(items: Iterable[Sampled]) -> list[Sampled]:
    """At most ``MAX_ITEMS`` by keyed hash."""
    return heapq.nsmallest(MAX_ITEMS, items, key=lambda one: (keyed_hash(SEED, "probes", one.key), one.key))


def probe_question(items: Sequence[OptionItem]) -> Probe | None:
    """Whether the question alone tells the option: by words that go together in other questions."""
    return _associated(items, lambda one: words(one.question))


def probe_image(items: Sequence[OptionItem]) -> Probe | None:
    """Whether the look of the question's images tells the option: by parts of their perceptual hashes."""
    return _associated([one for one in items if one.phashes], _look)


def probe_position(items: Sequence[OptionItem]) -> Probe | None:
    """Whether the position that is right most often in other questions is right."""

    def learn(trained: Sequence[OptionItem]) -> Callable[[OptionItem], Sequence[float]]:
        counts = Counter(one.label for one in trained)
        return lambda one: [counts[place] for place in range(len(one.choices))]

    return _accuracy(items, learn)


def probe_length(items: Sequence[OptionItem]) -> Probe | None:
    """Whether the longest or the shortest option is right, whichever is so more often in other questions."""

    def learn(trained: Sequence[OptionItem]) -> Callable[[OptionItem], Sequence[float]]:
        longest, shortest = (sum(_share(one, sign) for one in trained) for sign in (1, -1))
        sign = 1 if longest >= shortest else -1
        return lambda one: [sign * len(choice) for choice in one.choices]

    return _accuracy(items, learn)


def probe_negatives(pairs: Sequence[PairItem]) -> Probe | None:
    """Whether a document alone, without the question, tells a positive from a negative: AUC of a naive Bayes model."""
    if len(pairs) < MIN_QUESTIONS or len({one.positive for one in pairs}) < 2:
        return None
    scores = np.zeros(len(pairs))
    folds = _folds(pairs)
    # A document is a candidate of several questions: its words are split once.
    documents = {(one.text, one.images): one for one in pairs}
    features_of = {key: _document_features(one) for key, one in documents.items()}
    features = [features_of[one.text, one.images] for one in pairs]
    for fold in range(FOLDS):
        weights = _log_odds([(features[row], pairs[row].positive) for row in range(len(pairs)) if folds[row] != fold])
        for row in np.flatnonzero(folds == fold).tolist():
            known = [weights[name] for name in features[row] if name in weights]
            scores[row] = sum(known) / math.sqrt(max(1, len(known)))
    truth = np.array([one.positive for one in pairs])
    value, low, high = _auc_interval(scores, truth, [one.document for one in pairs])
    return Probe(len(pairs), value, low, high, 0.5)


def _associated(items: Sequence[OptionItem], tokens: Callable[[OptionItem], Sequence[str]]) -> Probe | None:
    """Accuracy of the option whose words go best with the tokens of the item, in other questions."""
    # The folds see each item several times: its words are split once.
    parts = {id(one): (list(set(tokens(one))), [list(set(words(choice))) for choice in one.choices]) for one in items}

    def learn(trained: Sequence[OptionItem]) -> Callable[[OptionItem], Sequence[float]]:
        right: Counter[tuple[str, str]] = Counter()
        wrong: Counter[tuple[str, str]] = Counter()
        for one in trained:
            told, choices = parts[id(one)]
            for place, choice in enumerate(choices):
                (right if place == one.label else wrong).update(product(told, choice))

        def score(one: OptionItem) -> list[float]:
            found = []
            told, choices = parts[id(one)]
            for choice in choices:
                pairs = list(product(told, choice))
                odds = (math.log((right[pair] + 0.5) / (wrong[pair] / (len(choices) - 1) + 0.5)) for pair in pairs)
                found.append(sum(odds) / max(1, len(pairs)))
            return found

        return score

    return _accuracy(items, learn)


Learn = Callable[[Sequence[OptionItem]], Callable[[OptionItem], Sequence[float]]]


def _accuracy(items: Sequence[OptionItem], learn: Learn) -> Probe | None:
    """Cross-validated accuracy of the best-scored option; ties count in equal shares."""
    if len(items) < MIN_QUESTIONS:
        return None
    folds = _folds(items)
    hits = 0.0
    for fold in range(FOLDS):
        score = learn([items[row] for row in np.flatnonzero(folds != fold).tolist()])
        for row in np.flatnonzero(folds == fold).tolist():
            found = [round(value, 9) for value in score(items[row])]
            best = max(found)
            hits += (found[items[row].label] == best) / found.count(best)
    low, high = wilson_interval(hits, len(items))
    chance = float(np.mean([1 / len(one.choices) for one in items]))
    return Probe(len(items), round(hits / len(items), 4), round(low, 4), round(high, 4), round(chance, 4))


def _folds(items: Sequence[Sampled]) -> npt.NDArray[np.int64]:
    return np.array([keyed_hash(SEED, "probes/folds", one.document) % FOLDS for one in items])


def _share(one: OptionItem, sign: int) -> float:
    """1 if the right option alone is longest (or shortest), a part of it where several are."""
    lengths = [sign * len(choice) for choice in one.choices]
    return (lengths[one.label] == max(lengths)) / lengths.count(max(lengths))


def _look(one: OptionItem) -> list[str]:
    """Each byte of each perceptual hash at its place."""
    return [f"{place}:{phash >> 8 * place & 255}" for phash in one.phashes for place in range(8)]


def _document_features(one: PairItem) -> list[str]:
    """Its words, its length in steps of half again, and its number of images."""
    found = sorted(set(words(one.text)))
    return [*found, f"length {int(math.log(len(one.text) + 1) / math.log(1.5))}", f"images {min(one.images, 5)}"]


def _log_odds(examples: Iterable[tuple[Sequence[str], bool]]) -> Mapping[str, float]:
    counts: dict[bool, Counter[str]] = defaultdict(Counter)
    totals: Counter[bool] = Counter()
    for features, positive in examples:
        counts[positive].update(features)
        totals[positive] += 1
    names = set(counts[True]) | set(counts[False])
    return {
        name: math.log((counts[True][name] + 1) / (totals[True] + 2))
        - math.log((counts[False][name] + 1) / (totals[False] + 2))
        for name in names
    }


def _auc_interval(
    scores: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_], documents: Sequence[str]
) -> tuple[float, float, float]:
    """The area and its percentile bootstrap interval over documents."""
    _, owner = np.unique(np.asarray(documents, dtype=str), return_inverse=True)
    random = np.random.Generator(np.random.Philox(key=keyed_hash(SEED, "probes/bootstrap", "negatives")))
    count = int(owner.max()) + 1
    found = []
    for _ in range(_RESAMPLES):
        times = np.bincount(random.integers(0, count, count), minlength=count)[owner].astype(np.float64)
        found.append(_auc(scores, truth, times))
    low, high = np.quantile([one for one in found if not math.isnan(one)] or [0.0], [0.025, 0.975])
    return round(_auc(scores, truth, np.ones(len(scores))), 4), round(float(low), 4), round(float(high), 4)


def _auc(scores: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]) -> float:
    """Weighted chance that a positive scores more than a negative, ties counting half; NaN without one of them."""
    _, level = np.unique(scores.round(9), return_inverse=True)
    positives = np.bincount(level, weights * truth)
    negatives = np.bincount(level, weights * ~truth)
    total = positives.sum() * negatives.sum()
    if not total:
        return float("nan")
    below = np.concatenate([[0.0], np.cumsum(negatives)[:-1]])
    return float((positives * (below + negatives / 2)).sum() / total)
