"""Judgements of a build: pooled from three systems, graded by the model's answers, published with the tables."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

import nyxqa
from nyxqa.builders.check.structure import check
from nyxqa.builders.qa.relevance import grade_of, span_of
from nyxqa.builders.stages import qrels
from nyxqa.builders.stages.qrels_sources import pooled
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.schemas.manifest import read_manifest
from tests.support.evidence_builds import FACTS, IMAGES, build_with_model
from tests.support.evidence_model import EvidenceModel
from tests.support.published import table
from tests.support.running import leave, published
from tests.support.vlm_server import VlmServer


def test_documents_are_judged_best_first() -> None:
    """The known document, then by 1 / (60 + rank) summed over the systems; ties by id."""
    rankings = [["a", "b", "c"], ["b", "d"], ["known", "e"]]
    # b: 1/62 + 1/61, a: 1/61, d and e: 1/62 each, c: 1/63
    assert pooled(["known"], rankings, 20) == ["known", "b", "a", "d", "e", "c"]
    assert pooled(["known"], rankings, 3) == ["known", "b", "a"]
    assert pooled(["other"], [[]], 3) == ["other"]


def test_grades_and_spans_by_hand() -> None:
    answers = ["the red mill", "1911"]
    assert [grade_of(one, answers) for one in ("Red Mill.", "red mill tower", "tower", "")] == [2, 1, 0, 0]
    assert span_of("Red mill.", "Here is the red mill of old.") == {"start": 12, "end": 20}
    assert span_of("blue", "Here is the red mill.") is None
    assert span_of("", "Here") is None


@pytest.fixture(scope="module")
def judged(evidence_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[str]]:
    folder = tmp_path_factory.mktemp("judged")
    TinyModel(seed=7).save(folder / "other")
    systems = ["bm25", "tiny", f"tiny:{folder / 'other'}"]
    with VlmServer(reply=EvidenceModel(IMAGES)) as server:
        settings = {"qrels.systems": systems, "qrels.depth": 6, "qrels.most": 5}
        build_with_model(evidence_recipe, folder / "out", server, **settings)
        asked = Counter(json.dumps(one, sort_keys=True) for one in server.payloads)
        before = published(folder / "out")
        build_with_model(evidence_recipe, folder / "out", server, **settings)
        assert published(folder / "out") == before and sum(asked.values()) == server.served
    return folder / "out", asked


@pytest.mark.timeout(240)
def test_judgements_are_published_with_the_tables(judged: tuple[Path, Counter[str]]) -> None:
    out, asked = judged
    facts = {fact.question: fact for fact in FACTS}
    documents = {row["doc_id"]: row for row in table(out, "corpus")}
    seen = 0
    for split in ("validation", "test"):
        rows = table(out, "qrels", split)
        queries = {row["query_id"]: row for row in table(out, "triplets", split)}
        assert {row["query_id"] for row in rows} == set(queries)
        assert [(row["query_id"], row["doc_id"]) for row in rows] == sorted(
            (row["query_id"], row["doc_id"]) for row in rows
        )
        assert set(Counter(row["query_id"] for row in rows).values()) <= {1, 2, 3, 4, 5}
        for row in rows:
            fact, known = facts[queries[row["query_id"]]["query"]], queries[row["query_id"]]["positive_id"]
            # What verify kept is answered from its own document, which says the year, and from no other page.
            assert row["grade"] == (2 if row["doc_id"] == known else 0) and row["by"] == "openai:model"
            if row["grade"] and fact.knows == "text":
                seen += 1
                text = documents[known]["text"]
                assert text[row["span"]["start"] : row["span"]["end"]] == fact.year
    assert seen and "train" not in read_manifest(out).splits("qrels")
    assert set(asked.values()) == {1}  # verify has asked about the known document already
    assert [one.name for one in read_manifest(out).stages if one.split == "test"][-2:] == ["qrels", "assemble"]
    assert check(out).failed == ()
    assert str(out.parent) not in (out / "manifest.json").read_text()
    systems = nyxqa.evaluate(out, ["bm25", "tiny"])["systems"]
    assert all(0 < one["judged@10"] < 1 and one["graded_ndcg@10"] > 0 for one in systems)
    assert all(one["relevant@1"] == one["golden@1"] for one in systems)


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        ('["bm25", "tiny"]', "at least three"),
        ('["bm25", "tiny", "bm25"]', "at least three"),
        ('["a", "b", "c"]', "unknown encoder 'a'"),
    ],
)
def test_three_known_systems_are_needed(
    systems: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("build", "--split", "test", "--out", tmp_path, "--set", f"qrels.systems={systems}") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_golden_output(judged: tuple[Path, Counter[str]]) -> None:
    """If this fails on purpose, raise the version of the step that changed and put the new digest here."""
    rows = [row for split in ("validation", "test") for row in table(judged[0], "qrels", split)]
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]
    assert (qrels.VERSION, qrels._SEARCH_VERSION, digest) == (2, 1, "2ea8fd737ee66edc")
