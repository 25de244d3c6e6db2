"""Retrieval figures: equal to those computed here, by slices, in files that a second run leaves alone."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import nyxqa
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.encoders.tiny import TinyEncoder
from nyxqa.retriever.models.batching import truncate_and_normalise
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.chance import keyed_hash
from tests.support.asked import asked_in_test, triplets
from tests.support.facts import Facts, Row
from tests.support.running import leave, states


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Path]:
    root = tmp_path_factory.mktemp("facts") / "data"
    return asked_in_test(Facts(48, 30), root), root


def _entry(row: Row, text: str, own: str, images: str) -> SearchEntry:
    return SearchEntry(
        row[own], row[text], tuple(row.get("captions", ())), tuple(one["bytes"] for one in row[images]), ""
    )


def ranks_by_hand(facts: Facts, folder: Path) -> list[int]:
    """Rank of the known document of each test triplet by bm25."""
    found = []
    for row in triplets(facts):
        documents = facts.tiny.tables["corpus"][row["pool"]]
        index = folder / row["pool"]
        if not index.exists():
            index.mkdir(parents=True)
            Bm25Encoder().build([_entry(one, "text", "doc_id", "images") for one in documents], index)
        source = facts.tiny.document(row["positive_id"])
        captions = tuple(source["captions"]) if row["query_images"] else ()
        query = SearchEntry(row["query_id"], row["query"], captions)
        listed = Bm25Encoder().open(index).search([query], len(documents)).rows[0].tolist()
        ids = [documents[one]["doc_id"] for one in listed if one >= 0]
        found.append(ids.index(row["positive_id"]) + 1 if row["positive_id"] in ids else 0)
    return found


def test_every_figure_of_retrieval_is_the_one_computed_here(made: tuple[Facts, Path], tmp_path: Path) -> None:
    facts, root = made
    ranks = ranks_by_hand(facts, tmp_path)
    assert len(set(ranks)) > 3  # some are first, some are not
    result = nyxqa.evaluate(root, "bm25", name="hand")
    (system,) = result["systems"]
    assert system["golden@1"] == pytest.approx(sum(rank == 1 for rank in ranks) / 48, abs=1e-6)
    for k in (1, 5, 10, 20):
        assert system[f"recall@{k}"] == pytest.approx(sum(0 < rank <= k for rank in ranks) / 48, abs=1e-6)
    assert system["mrr"] == pytest.approx(sum(1 / rank for rank in ranks if rank) / 48, abs=1e-6)
    gains = [1 / math.log2(rank + 1) for rank in ranks if 0 < rank <= 10]
    assert system["ndcg@10"] == pytest.approx(sum(gains) / 48, abs=1e-6)
    of_wiki = [rank for rank, row in zip(ranks, triplets(facts), strict=True) if row["dataset"] == "wiki"]
    assert system["datasets"]["wiki"]["golden@1"] == pytest.approx(
        sum(rank == 1 for rank in of_wiki) / len(of_wiki), abs=1e-6
    )
    kinds = {line["kind"] for line in result["lines"] if line["dataset"] == "nyxqa"}
    assert kinds == {"all", "text", "single"}
    (whole,) = [
        line
        for line in result["lines"]
        if (line["metric"], line["dataset"], line["kind"]) == ("golden@1", "all", "all")
    ]
    assert whole["low"] <= whole["mean"] <= whole["high"] and whole["count"] == 48
    assert json.loads(result.file.read_text()) == result.figures


def test_shorter_vectors_rank_by_their_prefixes(made: tuple[Facts, Path]) -> None:
    facts, root = made
    result = nyxqa.evaluate(root, ["tiny", "bm25"], dims=[512, 64], datasets=["nyxqa"], name="dims")
    assert [(one["system"], one["dim"]) for one in result["systems"]] == [("tiny", 64), ("bm25", 0)]
    encoder = TinyEncoder("")
    documents = facts.tiny.tables["corpus"]["web"]
    asked = [row for row in triplets(facts) if row["dataset"] == "nyxqa"]
    vectors = encoder.encode([_entry(one, "text", "doc_id", "images") for one in documents], "document")
    queries = encoder.encode([_entry(one, "query", "query_id", "query_images") for one in asked], "query")
    best = np.argmax(truncate_and_normalise(queries, 64) @ truncate_and_normalise(vectors, 64).T, axis=1)
    right = [documents[one]["doc_id"] == row["positive_id"] for one, row in zip(best.tolist(), asked, strict=True)]
    assert result["systems"][0]["golden@1"] == pytest.approx(np.mean(right), abs=1e-6)
    (gain,) = [one for one in result["differences"] if one["metric"] == "golden@1"]
    assert (gain["system"], gain["other"]) == ("tiny (64)", "bm25")
    assert gain["mean"] == pytest.approx(result["systems"][0]["golden@1"] - result["systems"][1]["golden@1"], abs=2e-6)


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_an_approximate_index_says_how_much_it_finds(
    made: tuple[Facts, Path], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, root = made
    exact = nyxqa.evaluate(root, ["tiny", "bm25"], name="exact").figures
    given = ("--retriever", "tiny", "--retriever", "bm25", "--index", kind, "--name", kind, "--json")
    assert leave("evaluate", root, *given) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    searches = [system.pop("search", None) for system in found["systems"]]
    assert searches[1] is None  # words have no vectors
    assert searches[0]["index"] == kind and set(searches[0]["pools"]) == set(found["pools"])
    for one in searches[0]["pools"].values():
        assert one["recall"] >= 0.95 and one["queries"] > 0
    # So few documents are all looked at.
    assert found["systems"] == exact["systems"]
    text = (root / "evaluation" / f"{kind}.md").read_text()
    assert f"searched `web` by {kind} (effort" in text and "100.00 % of the first 100 documents" in text
    assert "searched `web`" not in (root / "evaluation" / "exact.md").read_text()


def test_permuted_known_documents_are_found_by_chance(tmp_path: Path) -> None:
    """With N documents a known document drawn by chance is on top for about one question in N."""
    facts = Facts(600, 20)
    web = [row["doc_id"] for row in facts.pools["web"]]
    for row in facts.tiny.tables["triplets"]["train"]:
        if row["pool"] == "web":
            drawn = web[keyed_hash(0, "permuted", row["query_id"]) % len(web)]
            row |= {"positive_id": drawn, "positives": [{**row["positives"][0], "doc_id": drawn}]}
    asked_in_test(facts, tmp_path)
    figures = nyxqa.evaluate(tmp_path, "bm25", datasets=["nyxqa"])["systems"][0]
    expected, questions = 1 / 20, 525
    assert abs(figures["golden@1"] - expected) < 4 * math.sqrt(expected * (1 - expected) / questions)


def test_a_second_run_writes_no_byte_and_asks_no_encoder(made: tuple[Facts, Path], tmp_path: Path) -> None:
    _, root = made
    shutil.copytree(root, tmp_path / "data", ignore=shutil.ignore_patterns(".work", "evaluation"))
    nyxqa.evaluate(tmp_path / "data", ["bm25", "tiny"], dims=[256, 32])
    folder = tmp_path / "data" / "evaluation"
    assert sorted(file.name for file in folder.iterdir()) == [
        "test-dims.svg",
        "test-recall.svg",
        "test.json",
        "test.md",
    ]
    for picture in folder.glob("*.svg"):
        assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")  # noqa: S314 - our own file
        assert picture.name in (folder / "test.md").read_text()
    before = states(folder)
    nyxqa.evaluate(tmp_path / "data", ["bm25", "tiny"], dims=[256, 32])
    assert states(folder) == before


def test_a_limit_takes_so_many_of_each_dataset(made: tuple[Facts, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, root = made
    assert leave("evaluate", root, "--retriever", "bm25", "--limit", 3, "--json", "--name", "few") == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("step") for line in printed][-1] is None and printed[-1]["questions"] == 6
    assert set(printed[-1]["systems"][0]["datasets"]) == {"nyxqa", "wiki"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give --retriever SPEC"),
        (("--retriever", "bm26"), 2, "unknown encoder 'bm26'"),
        (("--retriever", "bm25", "--split", "tset"), 2, "did you mean 'test'"),
        (("--retriever", "bm25", "--dataset", "wkii"), 2, "did you mean 'wiki'"),
        (("--retriever", "bm25", "--dims", "a"), 2, "is not a list of whole numbers"),
        (("--retriever", "tiny", "--index", "ivff"), 2, "did you mean 'ivf'"),
        (("--retriever", "bm25", "--index", "ivf"), 2, "none of the retrievers has vectors"),
        (("--retriever", "tiny", "--index", "hnsw", "--dims", "64"), 2, "leave out --dims"),
        (("--retriever", "bm25", "--name", "../x"), 2, "use letters"),
        (("--retriever", "bm25", "--split", "validation"), 1, "split validation has no questions"),
    ],
)
def test_one_line_says_what_is_wrong(
    arguments: tuple[str, ...], code: int, message: str, made: tuple[Facts, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("evaluate", made[1], *arguments) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
