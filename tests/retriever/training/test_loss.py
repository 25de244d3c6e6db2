"""The loss against a slow reference on random shapes, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nyxqa.retriever.training.label_masks import NamedIds, NegativeScope, label_masks
from nyxqa.retriever.training.loss import Matryoshka
from nyxqa.schemas.errors import LawError, UsageError
from tests.support.info_nce import slow_loss


def random_batch(seed: int) -> tuple[list[NamedIds], list[str]]:
    """Rows with one to three positives, none to four negatives, positives shared between rows, further known ones."""
    random = np.random.default_rng(seed)
    names = [f"d{number}" for number in range(int(random.integers(8, 20)))]
    rows = []
    for number in range(int(random.integers(1, 6))):
        drawn = [str(one) for one in random.permutation(names)]
        right = int(random.integers(1, 4))
        wrong = int(random.integers(0, 5))
        known = frozenset(drawn[right + wrong : right + wrong + int(random.integers(0, 3))])
        rows.append(NamedIds(f"q{number}", tuple(drawn[:right]), tuple(drawn[right : right + wrong]), known))
    used = sorted({one for row in rows for one in (*row.positives, *row.negatives)})
    return rows, [str(one) for one in random.permutation(used)]


def by_hand(
    rows: list[NamedIds], documents: list[str], against: NegativeScope
) -> tuple[list[list[int]], list[list[int]]]:
    """Columns of positives and negatives of each row, by the words of the rule."""
    shared = {one for row in rows for one in row.positives}
    if against == "all":
        shared |= {one for row in rows for one in row.negatives}
    positives = [[documents.index(one) for one in row.positives] for row in rows]
    negatives = [
        [
            column
            for column, one in enumerate(documents)
            if (one in shared or one in row.negatives) and one not in row.positives and one not in row.known
        ]
        for row in rows
    ]
    return positives, negatives


@pytest.mark.parametrize("against", ["all", "own"])
@pytest.mark.parametrize("seed", range(20))
def test_equals_the_slow_reference(seed: int, against: NegativeScope) -> None:
    rows, documents = random_batch(seed)
    random = np.random.default_rng(1_000 + seed)
    dim = int(random.integers(3, 12))
    dims = sorted(random.choice(np.arange(1, dim + 1), size=int(random.integers(1, 4)), replace=False).tolist())
    weights = random.dirichlet(np.ones(len(dims))).tolist()
    temperature = float(random.uniform(0.02, 1.0))
    queries = random.standard_normal((len(rows), dim))
    vectors = random.standard_normal((len(documents), dim))
    loss = Matryoshka(tuple(dims), tuple(weights), temperature)
    found = loss(torch.from_numpy(queries), torch.from_numpy(vectors), label_masks(rows, documents, against))
    wanted = slow_loss(queries, vectors, *by_hand(rows, documents, against), dims, weights, temperature)
    assert float(found) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("against", ["all", "own"])
@pytest.mark.parametrize("seed", range(6))
def test_gradients(seed: int, against: NegativeScope) -> None:
    rows, documents = random_batch(seed)
    targets = label_masks(rows, documents, against)
    generator = torch.Generator().manual_seed(seed)
    queries = torch.randn(len(rows), 6, dtype=torch.float64, generator=generator, requires_grad=True)
    vectors = torch.randn(len(documents), 6, dtype=torch.float64, generator=generator, requires_grad=True)
    loss = Matryoshka((6, 3, 2), (0.5, 0.3, 0.2), 0.3)
    assert torch.autograd.gradcheck(lambda q, d: loss(q, d, targets), (queries, vectors))


def test_a_prefix_is_cut_and_normalised() -> None:
    """What lies behind the prefix, and the length of a vector, make no difference."""
    targets = label_masks([NamedIds("q", ("a",), ("b",))], ["a", "b"])
    loss = Matryoshka((2,), (1.0,), 0.1)
    query, documents = torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[1.0, 1.0, 0.0], [2.0, -1.0, 5.0]])
    other = loss(query * torch.tensor([3.0, 3.0, 0.0]), documents * torch.tensor([[7.0], [0.5]]), targets)
    assert float(loss(query, documents, targets)) == pytest.approx(float(other), abs=1e-6)


def test_a_lone_row_without_negatives_has_no_loss_and_no_gradient() -> None:
    """On such rows the Nyx code fails."""
    query = torch.randn(1, 4, requires_grad=True)
    document = torch.randn(1, 4, requires_grad=True)
    loss = Matryoshka.of(4)(query, document, label_masks([NamedIds("q", ("a",))], ["a"]))
    loss.backward()
    assert float(loss) == 0
    assert query.grad is not None and torch.equal(query.grad, torch.zeros(1, 4))


def test_a_row_without_negatives_learns_from_the_batch() -> None:
    """Ragged rows go together, and hard negatives of one row count against the others."""
    rows = [NamedIds("q", ("a",)), NamedIds("r", ("b",), ("c", "d"))]
    documents = ["a", "b", "c", "d"]
    assert label_masks(rows, documents, "all").negatives.tolist() == [
        [False, True, True, True],
        [True, False, True, True],
    ]
    assert label_masks(rows, documents, "own").negatives.tolist() == [
        [False, True, False, False],
        [True, False, True, True],
    ]


def test_positives_of_the_same_id_and_known_answers_are_no_negatives() -> None:
    rows = [NamedIds("q", ("a",), known=frozenset({"b"})), NamedIds("r", ("b",)), NamedIds("s", ("a",))]
    assert label_masks(rows, ["a", "b"]).negatives.tolist() == [[False, False], [True, False], [False, True]]


def test_a_document_that_two_devices_hold_counts_once() -> None:
    targets = label_masks([NamedIds("q", ("a",)), NamedIds("r", ("b",))], ["a", "b", "a"])
    assert targets.positives.tolist() == [[True, False, False], [False, True, False]]
    assert targets.negatives.tolist() == [[False, True, False], [True, False, False]]


def test_a_positive_is_never_its_own_negative() -> None:
    """In the Nyx code it can be."""
    with pytest.raises(LawError, match=r"query q: document a is both its positive and its negative"):
        label_masks([NamedIds("q", ("a",), ("a",))], ["a"])
    with pytest.raises(LawError, match=r"query q: document b is both"):
        label_masks([NamedIds("q", ("a",), ("b",), frozenset({"b"}))], ["a", "b"])


def test_a_document_outside_the_batch_is_named() -> None:
    with pytest.raises(LawError, match=r"query q: document z is not in the batch"):
        label_masks([NamedIds("q", ("a",), ("z",))], ["a"])


def test_weights_must_sum_to_one() -> None:
    """Those of the Nyx code sum to 2.4."""
    with pytest.raises(UsageError, match=r"sum to 2\.4; they must sum to 1"):
        Matryoshka((2048, 1024, 512, 256), (1.0, 1.0, 0.2, 0.2))


def test_the_methods_prefixes() -> None:
    made = Matryoshka.of(2048)
    assert made.dims == (2048, 1024, 512, 256)
    assert made.weights == pytest.approx((1 / 2.4, 1 / 2.4, 0.2 / 2.4, 0.2 / 2.4))
    assert Matryoshka.of(6).dims == (6, 3)


@pytest.mark.parametrize(
    ("dims", "weights", "temperature", "told"),
    [
        ((), (), 1.0, "at least one"),
        ((4, 4), (0.5, 0.5), 1.0, "must be positive and differ"),
        ((4, 2), (1.0,), 1.0, "1 weights for 2 prefix lengths"),
        ((4, 2), (1.5, -0.5), 1.0, "must not be negative"),
        ((4,), (1.0,), 0.0, "temperature 0.0 must be above 0"),
    ],
)
def test_malformed_settings(dims: tuple[int, ...], weights: tuple[float, ...], temperature: float, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Matryoshka(dims, weights, temperature)


def test_a_prefix_beyond_the_vector() -> None:
    with pytest.raises(UsageError, match="prefix length 8 exceeds the model's vectors of length 4"):
        Matryoshka.of(8)(torch.ones(1, 4), torch.ones(1, 4), label_masks([NamedIds("q", ("a",))], ["a"]))
