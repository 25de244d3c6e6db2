from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nyxqa.builders.dedup.union_find import Components
from nyxqa.builders.dedup.word_hashes import I64


def labels(nodes: int, left: I64, right: I64) -> list[int]:
    joined = Components(nodes)
    joined.join(left, right)
    return joined.labels().tolist()


EDGES = st.integers(1, 30).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=60))
)


def by_walking(nodes: int, edges: list[tuple[int, int]]) -> list[int]:
    label = list(range(nodes))
    for _ in range(nodes):
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
    return label


def found(nodes: int, edges: list[tuple[int, int]]) -> list[int]:
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    return labels(nodes, ends[:, 0], ends[:, 1])


@settings(max_examples=300, deadline=None)
@given(EDGES, st.randoms(use_true_random=False))
def test_components_bear_their_smallest_node_in_any_order(graph: tuple[int, list[tuple[int, int]]], random) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    nodes, edges = graph
    expected = by_walking(nodes, edges)
    assert found(nodes, edges) == expected
    turned = [(b, a) for a, b in edges]
    random.shuffle(turned)
    assert found(nodes, turned) == expected


def test_a_long_chain_is_one_component() -> None:
    chain = np.random.default_rng(3).permutation(50_000).astype(np.int64)
    assert set(labels(50_000, chain[:-1], chain[1:])) == {0}


def test_no_nodes() -> None:
    assert found(0, []) == []
