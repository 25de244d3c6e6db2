from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from nyxqa.retriever.index.search import search_vectors

Vectors = npt.NDArray[np.float32]


class Pieces:
    def __init__(self, vectors: Vectors, size: int) -> None:
        self.vectors, self.size = vectors, size

    def shards(self) -> Iterator[tuple[int, Vectors]]:
        for start in range(0, len(self.vectors), self.size):
            yield start, self.vectors[start : start + self.size]


def random_vectors(seed: int, count: int, dimensions: int = 24) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(queries: Vectors, vectors: Vectors, k: int, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    # Sums of float32 products in float64, brought back to float32: equal vectors score equal.
    products = (queries[:, None, :].astype(np.float64) * vectors[None, :, :]).sum(axis=2).astype(np.float32)
    return np.array([np.lexsort((order, -row))[:k] for row in products])


@pytest.mark.parametrize("size", [7, 64, 250, 1000])
@pytest.mark.parametrize("queries", [1, 19, 60])
def test_equals_brute_force_however_it_is_sharded(size: int, queries: int) -> None:
    vectors, asked = random_vectors(1, 250), random_vectors(2, queries)
    order = np.arange(250)[::-1].copy()
    hits = search_vectors(asked, Pieces(vectors, size), 10, order)
    assert (hits.rows == brute_force(asked, vectors, 10, order)).all()
    expected = np.take_along_axis(asked @ vectors.T, hits.rows, axis=1)
    assert hits.scores == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("copies", [2, 5, 60])
@pytest.mark.parametrize("size", [16, 400])
def test_equal_vectors_stand_by_id_also_beyond_the_border(copies: int, size: int) -> None:
    vectors = np.concatenate([random_vectors(3, 40)] * copies + [random_vectors(4, 9)])
    order = np.random.default_rng(5).permutation(len(vectors)).astype(np.int64)
    asked = random_vectors(6, 30)
    hits = search_vectors(asked, Pieces(vectors, size), 7, order)
    assert (hits.rows == brute_force(asked, vectors, 7, order)).all()
    assert (np.diff(hits.scores, axis=1) <= 0).all()


def test_a_query_is_answered_alike_alone_and_among_others() -> None:
    vectors, asked = random_vectors(7, 500), random_vectors(8, 90)
    together = search_vectors(asked, Pieces(vectors, 128), 5, np.arange(500))
    alone = search_vectors(asked[33:34], Pieces(vectors, 128), 5, np.arange(500))
    assert (alone.rows[0] == together.rows[33]).all() and (alone.scores[0] == together.scores[33]).all()


def test_fewer_vectors_than_asked_for() -> None:
    vectors = np.concatenate([random_vectors(9, 2), random_vectors(9, 1)])
    hits = search_vectors(vectors[:1], Pieces(vectors, 2), 5, np.array([2, 1, 0]))
    assert hits.rows.tolist() == [[2, 0, 1, -1, -1]]
    assert np.isneginf(hits.scores[0, 3:]).all()
    none = search_vectors(vectors[:1], Pieces(vectors[:0], 2), 2, np.empty(0, dtype=np.int64))
    assert none.rows.tolist() == [[-1, -1]]


def test_vectors_of_any_length_and_sign() -> None:
    vectors = np.concatenate([random_vectors(10, 50) * 100, -random_vectors(10, 50), np.zeros((9, 24), np.float32)])
    order = np.arange(len(vectors))[::-1].copy()
    asked = random_vectors(11, 25) * 3
    hits = search_vectors(asked, Pieces(vectors, 33), 80, order)
    assert (hits.rows == brute_force(asked, vectors, 80, order)).all()
