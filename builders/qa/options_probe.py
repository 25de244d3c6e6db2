"""How well the correct option can be predicted from the options alone, by a small learned probe.

A set whose keys are longer, rarer or more often capitalised than its distractors trains a model on these cues.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.words import words

Floats = npt.NDArray[np.float64]

MAX_QUESTIONS = 2_000  # sampled questions: bounds time and memory, and gives an interval of +-2 % at chance
MIN_QUESTIONS = 50  # with fewer the interval is too wide to be useful
FOLDS = 5
_HASHED = 128
_STEPS, _RATE, _DECAY = 120, 0.05, 0.02
_Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class ProbeItem:
    """The options of one question.

    :param document: Its document's id; questions on one document are in the same fold.
    """

    key: str
    document: str
    choices: Sequence[str]
    label: int


def probe_options(items: Iterable[ProbeItem], seed: int) -> dict[str, float | int | str]:
    """Cross-validated accuracy of the probe with its 95 % Wilson interval, and the accuracy of chance.

    Deterministic, and independent of the order of ``items``.
    """
    sample = heapq.nsmallest(MAX_QUESTIONS, items, key=lambda item: (keyed_hash(seed, "probe", item.key), item.key))
    if len(sample) < MIN_QUESTIONS:
        return {"questions": len(sample), "result": f"not run: fewer than {MIN_QUESTIONS} questions"}
    features = np.stack([_features(item.choices) for item in sample])
    labels = np.array([item.label for item in sample])
    folds = np.array([keyed_hash(seed, "probe fold", item.document) % FOLDS for item in sample])
    hits = 0.0
    for fold in range(FOLDS):
        test = folds == fold
        if test.any() and not test.all():
            weights = _fit(features[~test], labels[~test])
            hits += _hits(features[test] @ weights, labels[test])
    options = features.shape[1]
    low, high = wilson_interval(hits, len(sample))
    scores = {"accuracy": hits / len(sample), "low": low, "high": high, "chance": 1 / options}
    return {"questions": len(sample), **{name: round(value, 4) for name, value in scores.items()}}


def wilson_interval(hits: float, count: float) -> tuple[float, float]:
    """The 95 % confidence interval of ``hits`` in ``count`` trials (Wilson 1927)."""
    share, squared = hits / count, _Z**2 / count
    middle = (share + squared / 2) / (1 + squared)
    half = _Z * sqrt(share * (1 - share) / count + squared / (4 * count)) / (1 + squared)
    return middle - half, middle + half


def _features(choices: Sequence[str]) -> Floats:
    """float64 [options, features]: surface features of each option relative to the others, and hashed words."""
    grams = [_grams(choice) for choice in choices]
    split = [words(choice) for choice in choices]
    bags = [set(found) for found in split]
    surface = np.array(
        [
            [
                len(choice),
                len(split[n]),
                sum(character.isdigit() for character in choice),
                sum(character.isupper() for character in choice),
                sum(not (character.isalnum() or character.isspace()) for character in choice),
                choice[:1].isupper(),
                _mean([_overlap(grams[n], other) for m, other in enumerate(grams) if m != n]),
                _mean([len(bags[n] & other) for m, other in enumerate(bags) if m != n]),
            ]
            for n, choice in enumerate(choices)
        ],
        dtype=np.float64,
    )
    spread = surface.std(axis=0)
    relative = (surface - surface.mean(axis=0)) / np.where(spread > 0, spread, 1)
    most, least = (surface == surface.max(axis=0)) & (spread > 0), (surface == surface.min(axis=0)) & (spread > 0)
    hashed = np.zeros((len(choices), _HASHED))
    for row, found in zip(hashed, split, strict=True):
        for word in found:
            row[_bucket(word)] += 1
    return np.hstack([relative, most, least, hashed])


def _fit(features: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """Weights, float64 [features], of a conditional logit with L2 penalty, by full-batch Adam."""
    rows = np.arange(len(labels))
    weights, mean, square = (np.zeros(features.shape[2]) for _ in range(3))
    for step in range(1, _STEPS + 1):
        scores = features @ weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        shares[rows, labels] -= 1
        gradient = np.tensordot(shares, features, axes=2) / len(labels) + _DECAY * weights
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        weights -= _RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def _hits(scores: Floats, labels: npt.NDArray[np.int64]) -> float:
    """Number of correct predictions; a tie counts in equal shares."""
    rounded = scores.round(6)
    best = rounded == rounded.max(axis=1, keepdims=True)
    return float((best[np.arange(len(labels)), labels] / best.sum(axis=1)).sum())


def _grams(text: str) -> Counter[str]:
    padded = f" {text.lower()} "
    return Counter(padded[start : start + 3] for start in range(len(padded) - 2))


def _overlap(one: Counter[str], other: Counter[str]) -> float:
    return (one & other).total() / max(1, (one | other).total())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def _bucket(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4).digest(), "big") % _HASHED
