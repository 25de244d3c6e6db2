"""How well the key can be told from the options alone: a small learned probe that never sees a question.

A set whose keys are longer, odder or more often capitalised than its distractors teaches that instead of reading.
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

MAX_QUESTIONS = 2_000  # questions looked at, which bounds time and memory and gives +-2 % at chance
MIN_QUESTIONS = 50  # below that an interval says nothing
FOLDS = 5
_HASHED = 128
_STEPS, _RATE, _DECAY = 120, 0.05, 0.02
_Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class ProbeItem:
    """The options of one question.

    :param document: Its document's id; questions on one document are never on both sides of a fold.
    """

    key: str
    document: str
    choices: Sequence[str]
    label: int


def probe_options(items: Iterable[ProbeItem], seed: int) -> dict[str, float | int | str]:
    """Accuracy of the probe over folds it was not trained on, with its Wilson interval of 95 %, against chance.

    Deterministic, and independent of the order of ``items``.
    """
    drawn = heapq.nsmallest(MAX_QUESTIONS, items, key=lambda item: (keyed_hash(seed, "probe", item.key), item.key))
    if len(drawn) < MIN_QUESTIONS:
        return {"questions": len(drawn), "result": f"not run: fewer than {MIN_QUESTIONS} questions"}
    features = np.stack([_features(item.choices) for item in drawn])
    labels = np.array([item.label for item in drawn])
    folds = np.array([keyed_hash(seed, "probe fold", item.document) % FOLDS for item in drawn])
    hits = 0.0
    for fold in range(FOLDS):
        test = folds == fold
        if test.any() and not test.all():
            weights = _fit(features[~test], labels[~test])
            hits += _hits(features[test] @ weights, labels[test])
    options = features.shape[1]
    low, high = wilson_interval(hits, len(drawn))
    found = {"accuracy": hits / len(drawn), "low": low, "high": high, "chance": 1 / options}
    return {"questions": len(drawn), **{name: round(value, 4) for name, value in found.items()}}


def wilson_interval(hits: float, count: int) -> tuple[float, float]:
    """The interval of 95 % of a share (Wilson 1927)."""
    share, squared = hits / count, _Z**2 / count
    middle = (share + squared / 2) / (1 + squared)
    half = _Z * sqrt(share * (1 - share) / count + squared / (4 * count)) / (1 + squared)
    return middle - half, middle + half


def _features(choices: Sequence[str]) -> Floats:
    """float64 [options, features]: what each option looks like beside the others, and hashes of its words."""
    grams = [_grams(choice) for choice in choices]
    bags = [set(words(choice)) for choice in choices]
    shown = np.array(
        [
            [
                len(choice),
                len(words(choice)),
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
    spread = shown.std(axis=0)
    relative = (shown - shown.mean(axis=0)) / np.where(spread > 0, spread, 1)
    most, least = (shown == shown.max(axis=0)) & (spread > 0), (shown == shown.min(axis=0)) & (spread > 0)
    hashed = np.zeros((len(choices), _HASHED))
    for row, choice in zip(hashed, choices, strict=True):
        for word in words(choice):
            row[_place(word)] += 1
    return np.hstack([relative, most, least, hashed])


def _fit(features: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """Weights of a conditional logit with a squared penalty, by Adam over all questions at once."""
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
    """Right guesses; among equal scores each is guessed in equal shares."""
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


def _place(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4).digest(), "big") % _HASHED
