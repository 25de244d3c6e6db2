"""Judgements of questions of ``[[text]]`` and ``[[qa]]`` sets, each searched in its own pool."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

import nyxqa
from nyxqa.build import estimate, run
from nyxqa.builders.check.structure import check
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.schemas.manifest import read_manifest
from tests.support.published import table
from tests.support.qa_sets import RECIPE, write_lines, write_qa_sets
from tests.support.sets import COLOURS, LAKES, TEXTS, lake_reply, write_passages, write_questions
from tests.support.vlm_server import Payload, VlmServer, prompt_text

MOST = 5
PAIRS = """
[[qa]]
name = "pairs"
questions = "jsonl:pairs.jsonl"
corpus = ["jsonl:towers.jsonl"]
negatives = [1, 20]
keep = "referenced"
"""


def reply(payload: Payload) -> str:
    """Knows lakes, the heavier body and the sum of two towers' heights, and answers if the documents say it."""
    text = prompt_text(payload)
    head, _, question = text.rpartition("\nQuestion: ")
    shown = head.rpartition("\nDocuments:\n")[2]
    if "lake" in question:
        return lake_reply(payload)
    if named := re.search(r"heavier, number (\d+)\?", question):
        number = int(named[1])
        told = "Weight is a force" in shown and f"(A) body {number} 0" in question
        return json.dumps({"answer": f"body {number} {number % 2}" if told else "unknown"})
    return json.dumps({"answer": "70" if "tower 1" in shown and "tower 2" in shown else "unknown"})


def write_towers(folder: Path) -> None:
    """A question that two documents answer together, and one that no document is known to answer."""
    rows = [{"id": f"t{n}", "text": f"The height of tower {n} is {n * 10 + 20} metres."} for n in range(8)]
    write_lines(folder / "towers.jsonl", rows)
    both = {"id": "both", "question": "How high are tower 1 and tower 2 together?", "answer": "70", "split": "test"}
    write_lines(folder / "pairs.jsonl", [{**both, "doc_ids": ["t1", "t2"], "needs": "all"}, {**both, "id": "open"}])


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[str], Path]:
    folder = tmp_path_factory.mktemp("judged_sets")
    write_passages(folder)
    write_questions(folder)
    write_towers(folder)
    write_qa_sets(folder)
    sections = [f"[[qa]]{one}" for one in RECIPE.split("[[qa]]")[1:]]
    chosen = [one for one in sections if '"science"' in one or '"judged"' in one]
    (folder / "recipe.toml").write_text(TEXTS + PAIRS + "".join(chosen))
    TinyModel(seed=7).save(folder / "other")
    systems = ["bm25", "tiny", f"tiny:{folder / 'other'}"]
    settings = {"qrels.systems": systems, "qrels.depth": 6, "qrels.most": MOST, "judge.enabled": False}
    with VlmServer(reply=reply) as server:
        given = {**settings, "vlm.model": f"openai:model@{server.url}"}
        run("all", recipe=folder / "recipe.toml", out=folder / "out", workers=1, settings=given)
        asked = Counter(prompt_text(one) for one in server.payloads)
        run("all", recipe=folder / "recipe.toml", out=folder / "out", workers=1, settings=given)
        assert sum(asked.values()) == server.served
        told = estimate("all", recipe=folder / "recipe.toml", out=folder / "planned", settings=given)
        assert told.total.requests >= server.served
    return folder / "out", asked, folder


@pytest.mark.timeout(240)
def test_questions_of_sets_are_judged_in_their_pools(judged: tuple[Path, Counter[str], Path]) -> None:
    out, asked, _ = judged
    assert check(out).failed == ()
    texts = {(row["pool"], row["doc_id"]): row["text"] for row in _documents(out)}
    lakes = {row["query_id"]: row for row in table(out, "triplets", "validation") if row["dataset"] == "lakes"}
    rows = [row for row in table(out, "qrels", "validation") if row["query_id"] in lakes]
    assert set(Counter(row["query_id"] for row in rows).values()) == {MOST}
    for row in rows:
        question = lakes[row["query_id"]]
        assert row["grade"] == (2 if row["doc_id"] == question["positive_id"] else 0)
        if row["grade"]:
            text = texts["lakes", row["doc_id"]]
            assert text[row["span"]["start"] : row["span"]["end"]] in COLOURS
    assert set(asked.values()) == {1}
    stages = {(one.name, one.split) for one in read_manifest(out).stages}
    assert ("qrels.lakes", "validation") in stages and ("qrels", "validation") not in stages
    # What is judged is published, and no more: the set keeps what rows refer to.
    assert len(table(out, "corpus", "lakes")) < LAKES


def test_options_are_shown_and_the_right_one_makes_the_grade(judged: tuple[Path, Counter[str], Path]) -> None:
    out = judged[0]
    lectures = {row["doc_id"] for row in _documents(out) if row["text"].startswith("Weight is a force")}
    rows = {row["qa_id"]: row for row in table(out, "qa", "test") if row["dataset"] == "science"}
    found = [row for row in table(out, "qrels", "test") if row["query_id"] in rows]
    assert found and all((row["grade"] == 2) == (row["doc_id"] in lectures) for row in found)
    assert {row["query_id"] for row in found} == set(rows)


def test_documents_that_answer_together_are_not_judged_alone(judged: tuple[Path, Counter[str], Path]) -> None:
    out, asked, _ = judged
    rows = {row["question"]: row for row in table(out, "qa", "test") if row["dataset"] == "pairs"}
    assert len(rows) == 1 and sum(row["dataset"] == "pairs" for row in table(out, "qa", "test")) == 2
    prompts = [one for one in asked if "together?" in one]
    both = [row for row in table(out, "triplets", "test") if row["dataset"] == "pairs"]
    assert len(both) == 1 and both[0]["needs"] == "all"
    known = {one["doc_id"] for one in both[0]["positives"]}
    judged_alone = {row["doc_id"] for row in table(out, "qrels", "test") if row["query_id"] == both[0]["query_id"]}
    assert len(judged_alone) == MOST and not judged_alone & known
    assert len(prompts) >= MOST


def test_grades_of_the_set_have_precedence(judged: tuple[Path, Counter[str], Path]) -> None:
    out = judged[0]
    queries = {row["query_id"] for row in table(out, "triplets", "test") if row["dataset"] == "judged"}
    found = [(row["grade"], row["by"]) for row in table(out, "qrels", "test") if row["query_id"] in queries]
    # Its queries have no answer that a model could be held to, so what the set says stands alone.
    assert sorted(found) == [(1, "gold"), (1, "gold"), (2, "gold")]
    dropped = [row for row in table(out, "ledger", "rows") if row["stage"] == "qrels.judged"]
    assert {row["reason"] for row in dropped} == {"no_answer"} and len(dropped) == len(queries)


def test_an_evaluation_reads_judgements_of_sets(judged: tuple[Path, Counter[str], Path]) -> None:
    found = nyxqa.evaluate(judged[0], ["bm25", "tiny"], split="validation", datasets=["lakes"])["systems"]
    assert all(0 < one["judged@10"] < 1 and one["unjudged@10"] == pytest.approx(1 - one["judged@10"]) for one in found)
    assert all(one["relevant@1"] == one["golden@1"] for one in found)


def _documents(out: Path) -> list[dict[str, str]]:
    return [{**row, "pool": pool} for pool in read_manifest(out).splits("corpus") for row in table(out, "corpus", pool)]
