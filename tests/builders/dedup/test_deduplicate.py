"""Clusters and survivors: by definition, whatever the order, the files and the threads."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nyxqa.builders.dedup import deduplicate as module
from nyxqa.builders.dedup import lsh_pairs
from nyxqa.builders.dedup.deduplicate import deduplicate
from nyxqa.builders.dedup.minhash import Banding, banding
from nyxqa.builders.dedup.result import DedupResult
from nyxqa.builders.engine.limits import Limits
from nyxqa.schemas.errors import UsageError, WorldError
from tests.support.near_duplicates import components, hamming, jaccard, make_rows, signed, table, text_edges

Outcome = tuple[list[str], list[dict[str, object]], list[dict[str, object]]]


def outcome(result: DedupResult) -> Outcome:
    return result.selected.to_pylist(), result.dropped.to_pylist(), result.clusters.to_pylist()


def texts(*values: str, **columns: object) -> pa.Table:
    return pa.table({"doc_id": [f"d{n}" for n in range(len(values))], "text": list(values), **columns})


@pytest.fixture
def every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands of one row each: at a threshold of 0.5 no pair is missed."""
    monkeypatch.setattr(module, "banding", lambda threshold, permutations: Banding(20, 1))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), files=st.integers(1, 4), threads=st.integers(1, 3))
def test_same_outcome_for_any_order_files_and_threads(tmp_path: Path, seed: int, files: int, threads: int) -> None:
    rows = make_rows(seed)
    with deduplicate(table(rows), phashes="p", threshold=0.6) as result:
        expected = outcome(result)
    random.Random(seed).shuffle(rows)
    names = []
    for number in range(files):
        names.append(tmp_path / f"{number}.parquet")
        pq.write_table(table(rows[number::files]), names[-1])
    with deduplicate(names, phashes="p", threshold=0.6, limits=Limits(threads=threads)) as result:
        assert outcome(result) == expected


@pytest.mark.usefixtures("every_pair")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("max_bucket", [200, 3])
def test_clusters_and_survivors_are_those_of_brute_force(
    seed: int, max_bucket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lsh_pairs, "MAX_BUCKET", max_bucket)
    rows = make_rows(seed)
    ids = [str(row["doc_id"]) for row in rows]
    edges = text_edges(rows, 0.5)
    with deduplicate(table(rows), threshold=0.5) as result:
        clusters = components(ids, edges)
        assert result.clusters.to_pylist() == [{"id": i, "cluster": clusters[i]} for i in ids]
        assert len(result.selected) == len(set(clusters.values()))
        by_id = {str(row["doc_id"]): str(row["text"]) for row in rows}
        for drop in result.dropped.to_pylist():
            assert drop["similarity"] == jaccard(by_id[drop["id"]], by_id[drop["match"]]) >= 0.5
            assert clusters[drop["survivor"]] == clusters[drop["id"]]
        higher = components(ids, text_edges(rows, 0.75))
        assert result.at(0.75).clusters["cluster"].to_pylist() == [higher[i] for i in ids]
        assert len(result.at(0.75).selected) == len(set(higher.values()))


@pytest.mark.usefixtures("every_pair")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("max_bucket", [200, 3])
def test_removal_needs_text_and_images_clusters_either(
    seed: int, max_bucket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lsh_pairs, "MAX_BUCKET", max_bucket)
    rows = make_rows(seed)
    ids = [str(row["doc_id"]) for row in rows]
    every = sorted({h for row in rows for h in row["p"]})  # type: ignore[attr-defined]
    near = [(str(a), str(b)) for a, b in combinations(every, 2) if hamming(a, b) <= 4]
    name = components([str(h) for h in every], near)
    pictured = {str(r["doc_id"]): sorted(name[str(h)] for h in r["p"]) for r in rows}  # type: ignore[attr-defined]
    edges = text_edges(rows, 0.5)
    joint = components(ids, [(a, b) for a, b in edges if pictured[a] == pictured[b]])
    loose = components(ids, edges + [(a, b) for a, b in combinations(ids, 2) if set(pictured[a]) & set(pictured[b])])
    with deduplicate(table(rows), phashes="p", threshold=0.5) as result:
        assert len(result.selected) == len(set(joint.values()))
        assert all(joint[drop["id"]] == joint[drop["survivor"]] for drop in result.dropped.to_pylist())
        assert result.clusters["cluster"].to_pylist() == [loose[i] for i in ids]


def test_survivor_has_most_tokens_then_smallest_id() -> None:
    same = "one two three four five six seven"
    with deduplicate(texts(same, same.upper(), same), tokens=None) as result:
        assert result.selected.to_pylist() == ["d0"]
        assert result.dropped.to_pylist()[0] == {"id": "d1", "survivor": "d0", "match": "d0", "similarity": 1.0}
    with deduplicate(texts(same, same, same, size=[1, 5, 5]), tokens="size") as result:
        assert result.selected.to_pylist() == ["d1"]


def test_short_texts_match_only_if_equal_and_empty_ones_never() -> None:
    with deduplicate(texts("a b", "A, b!", "a b c", "", " ", "...", "b a")) as result:
        assert result.dropped.to_pylist() == [{"id": "d1", "survivor": "d0", "match": "d0", "similarity": 1.0}]
        assert len(set(result.clusters["cluster"].to_pylist())) == 6


def test_flat_pictures_match_only_equal_hashes_and_common_images_join_nothing() -> None:
    black, white, real = 0, signed(1 << 63), 0x0F0F0F0F0F0F0F0F
    hashes = pa.array([[black], [white], [white], [real], [real ^ 1]], pa.list_(pa.int64()))
    with deduplicate(texts("", "", "", "", "", p=hashes), phashes="p") as result:
        assert result.clusters["cluster"].to_pylist() == ["d0", "d1", "d1", "d3", "d3"]
        assert len(result.selected) == 5
    with deduplicate(texts("", "", "", "", "", p=hashes), phashes="p", common_images=1) as result:
        assert len(set(result.clusters["cluster"].to_pylist())) == 5


def test_many_pages_of_one_template_are_one_cluster_and_separate_at_a_higher_threshold() -> None:
    template = " ".join(f"word{number}" for number in range(60))
    with deduplicate(texts(*(f"{template} item{number}" for number in range(400)))) as result:
        assert len(result.selected) == 1
        assert result.dropped.num_rows == 399
        assert len(result.at(0.99).selected) == 400


def test_planted_duplicates_are_found_and_nothing_else() -> None:
    rng = random.Random(5)
    documents = [[f"w{rng.randrange(5000)}" for _ in range(80)] for _ in range(1500)]
    for original in range(300):
        copy = list(documents[original])
        for place in rng.sample(range(80), rng.randrange(8)):
            copy[place] = "changed"
        documents.append(copy)
    values = [" ".join(document) for document in documents]
    planted = {frozenset((f"d{n}", f"d{1500 + n}")) for n in range(300) if jaccard(values[n], values[1500 + n]) >= 0.8}
    with deduplicate(texts(*values)) as result:
        found = {frozenset((row["a"], row["b"])) for row in result.pairs.to_pylist()}
        dropped = {frozenset((row["id"], row["match"])) for row in result.dropped.to_pylist()}
    assert found <= planted
    assert dropped <= planted
    assert len(dropped) >= 0.99 * len(planted) > 100


def test_written_tables_are_the_tables(tmp_path: Path) -> None:
    with deduplicate(table(make_rows(3)), phashes="p") as result:
        result.write(tmp_path)
        assert pq.read_table(tmp_path / "dropped.parquet").to_pylist() == result.dropped.to_pylist()
        assert pq.read_table(tmp_path / "selected.parquet")["id"].to_pylist() == result.selected.to_pylist()


def test_each_table_is_a_frame_of_polars_too() -> None:
    with deduplicate(texts("a b c d e f", "a b c d e f !", "g h i j k")) as result:
        for name in DedupResult.TABLES:
            stored = getattr(result, name)
            expected = {"id": stored.to_pylist()} if name == "selected" else stored.to_pydict()
            assert result.to_polars(name).to_dict(as_series=False) == expected
        with pytest.raises(UsageError, match="no table 'kept'; choose one of selected"):
            result.to_polars("kept")


def test_banding_reaches_its_recall_or_says_no() -> None:
    assert banding(0.8, 50) == Banding(12, 4)
    with pytest.raises(UsageError, match=r"3 permutations cannot find pairs at a similarity of 0.2"):
        banding(0.2, 3)


def test_wrong_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no column 'body'; it has doc_id, text"):
        deduplicate(texts("a"), text="body")
    with pytest.raises(UsageError, match="'x' occurs in 2 rows"):
        deduplicate(pa.table({"doc_id": ["x", "y", "x"], "text": ["a", "b", "c"]}))
    with pytest.raises(WorldError, match="column 'text' has a null value"):
        deduplicate(pa.table({"doc_id": ["x"], "text": pa.array([None], pa.string())}))
    with pytest.raises(UsageError, match=r"threshold 0 must be above 0"):
        deduplicate(texts("a"), threshold=0)
    with pytest.raises(UsageError, match="distance of 17 is outside 0 to 16"):
        deduplicate(texts("a"), image_distance=17)
    with deduplicate(texts("a")) as result, pytest.raises(UsageError, match=r"outside 0.8 to 1"):
        result.at(0.5)
    (tmp_path / "x.parquet").write_bytes(b"no")
    with pytest.raises(WorldError, match="cannot be read as Parquet"):
        deduplicate(tmp_path / "x.parquet")


def test_no_documents_give_an_empty_result() -> None:
    with deduplicate(table([]), phashes="p") as result:
        assert outcome(result) == ([], [], [])
