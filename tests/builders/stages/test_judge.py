"""Stage ``judge`` on pages and sets: end to end with a scripted server, and on single shards."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import estimate, run
from nyxqa.builders.check.structure import check
from nyxqa.builders.mining.judge_report import Reviewed, corrected_rate
from nyxqa.builders.rows import KIND_QUESTIONS
from nyxqa.builders.stages.judge import judge_shard, write_documents
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmRequest
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.recipe import Judge, VlmSection
from tests.support.models import Told, ToldAsking
from tests.support.planted_judge import Judge as ScriptedJudge
from tests.support.planted_judge import Towers
from tests.support.published import table
from tests.support.rows import QUESTIONS, SPLIT_DOCUMENTS, document, parts_of, question, write
from tests.support.verdicts import line, write_verdicts
from tests.support.vlm_server import VlmServer

QA_RECIPE = """
[judge]
most = 20
[[qa]]
name = "towers"
questions = "jsonl:questions.jsonl"
corpus = "jsonl:passages.jsonl"
negatives = [1, 20]
exclude = ["equal"]
license = "CC0-1.0"
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Towers, ScriptedJudge, int]:
    """A build of the towers, its judge, and the number of requests that a repeated build sent."""
    folder = tmp_path_factory.mktemp("towers")
    towers = Towers()
    recipe, judge = towers.write(folder), ScriptedJudge(towers)
    with VlmServer(script=judge.act, reply=judge) as server:
        settings = {"vlm.model": f"openai:model@{server.url}"}
        run("train", recipe=recipe, out=folder / "out", workers=1, settings=settings)
        first = server.served
        run("train", recipe=recipe, out=folder / "out", workers=1, settings=settings)
        return folder / "out", towers, judge, server.served - first


def test_planted_false_negatives_become_positives(built: tuple[Path, Towers, ScriptedJudge, int]) -> None:
    out, towers, judge, again = built
    assert again == 0
    assert check(out).failed == ()
    triplets, texts = table(out, "triplets"), {row["doc_id"]: row["text"] for row in table(out, "corpus")}
    summary = read_manifest(out).summary["judge"]["towers train"]
    assert summary["questions"] == len(triplets) == towers.questions
    assert summary["judged"] + summary["failed"] == 6 * towers.questions >= len(judge.seen)
    judged = [one for row in triplets for one in row["positives"] if one["origin"] == "judged"]
    assert len(judged) == summary["found"] == summary["positives"] > 60
    assert summary["low"] < summary["rate"] < summary["high"]
    right = sum(
        row["answers"][0] in texts[one["doc_id"]]
        for row in triplets
        for one in row["positives"]
        if one["origin"] == "judged"
    )
    assert right / len(judged) > 0.8
    card = (out / "README.md").read_text()
    assert f"towers train: {summary['found']} of {summary['judged']} judged negatives answer their question" in card


def test_every_judged_negative_has_a_ledger_row_or_stays(built: tuple[Path, Towers, ScriptedJudge, int]) -> None:
    out, _, _, _ = built
    rows = [row for row in table(out, "ledger") if row["item_type"] == "negative"]
    assert {row["stage"] for row in rows} == {"text.towers"}
    queries = {row["query_id"]: row for row in table(out, "triplets")}
    reasons = Counter(row["reason"] for row in rows)
    summary = read_manifest(out).summary["judge"]["towers train"]
    assert (reasons["judged_positive"], reasons["not_judged"]) == (summary["found"], summary["failed"])
    for row in rows:
        query, _, doc = row["item_id"].partition(":")
        assert query == row["parent_id"]
        assert (doc in queries[query]["negative_ids"]) == (row["reason"] == "not_judged")
        named = [one["doc_id"] for one in queries[query]["positives"]]
        assert (doc in named) == (row["reason"] == "judged_positive")


def test_the_corrected_rate_covers_what_was_planted(built: tuple[Path, Towers, ScriptedJudge, int]) -> None:
    """A reviewed sample of every third judged pair; refused ones are in neither number."""
    out, _, _, _ = built
    texts = {row["doc_id"]: row["text"] for row in table(out, "corpus")}
    refused = {row["item_id"] for row in table(out, "ledger") if row["reason"] == "not_judged"}
    pairs: list[tuple[bool, bool]] = []  # whether the document answers, and whether the model says so
    for row in table(out, "triplets"):
        said = [(one["doc_id"], True) for one in row["positives"] if one["origin"] == "judged"]
        listed = sorted(zip(row["negative_ranks"], row["negative_ids"], strict=True))[: 6 - len(said)]
        said += [(doc, False) for _, doc in listed if f"{row['query_id']}:{doc}" not in refused]
        pairs += [(row["answers"][0] in texts[doc], says) for doc, says in said]
    reviewed = [pair for place, pair in enumerate(pairs) if place % 3 == 0]
    told, others = ([says for tells, says in reviewed if tells is value] for value in (True, False))
    rate = corrected_rate(
        sum(says for _, says in pairs), len(pairs), Reviewed(len(told), sum(told), len(others), sum(others))
    )
    truth = sum(tells for tells, _ in pairs) / len(pairs)
    assert rate is not None and rate.low <= truth <= rate.high
    assert truth > 0.15


def test_the_estimate_counts_what_is_judged(tmp_path: Path) -> None:
    recipe = Towers(questions=5).write(tmp_path)
    cost = estimate("train", recipe=recipe, out=tmp_path / "out", workers=1)
    assert {key: value.requests for key, value in cost.costs.items()} == {("train", "text.towers"): 5 * 6}
    dropping = estimate(
        "train", recipe=recipe, out=tmp_path / "out", workers=1, settings={"judge.positives": "drop", "judge.most": 2}
    )
    assert dropping.total.requests == 5 * 3


class _Reader(Told):
    """Answers with the first word of the document; fails at "!"."""

    def answer(self, asks: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        for ask in asks:
            word = ask.documents[0].content.text.split()[0]
            yield Failed("refused") if word == "!" else Answered(word)


def judged(
    tmp_path: Path, texts: list[str], own: str = "basalt rock", second: str | None = None, **settings: Any
) -> tuple[Any, dict[str, str]]:
    """The row of one question on ``own`` whose negatives have ``texts``, after judging, and the ledger's reasons.

    :param second: Text of the other document that the question needs.
    """
    mine = document("own", 0, own)
    others = [document(f"p{number}", 0, text) for number, text in enumerate(texts)]
    stored = tmp_path / "stored"
    stored.mkdir()
    write_documents(parts_of(tmp_path / "documents", SPLIT_DOCUMENTS, [mine, *others]), "train", stored)
    row = question("a", "Which rock?", document=mine) | {
        "answers": ["basalt"],
        "positives": [{"doc_id": mine["doc_id"], "rank": 1, "score": 9.0, "origin": "source"}],
        "negative_ids": [one["doc_id"] for one in others],
        "negative_ranks": list(range(2, 2 + len(others))),
        "negative_scores": [5.0 - number for number in range(len(others))],
    }
    handle = ToldAsking(VlmSection(), 42, Path(), Path(), vlm=_Reader())
    if second is not None:
        other = document("second", 1, second)
        row |= {"type": "", "nuggets": [], "answerable": True, "second": other}
    file = write(tmp_path / "part.parquet", [row], QUESTIONS if second is None else KIND_QUESTIONS)
    output = judge_shard(handle, Judge(**settings), stored, file)
    output.account.check("judge")
    names = {one["doc_id"]: f"p{number}" for number, one in enumerate(others)}
    notes = {names[one.item_id.partition(":")[2]]: one.reason for one in output.account.notes}
    rows = output.rows.to_pylist()
    return (rows[0] if rows else [drop.reason for drop in output.account.dropped]), notes


def test_negatives_of_pages_are_judged_best_first_up_to_the_most(tmp_path: Path) -> None:
    row, notes = judged(tmp_path, ["granite a", "basalt b", "! c", "basalt d"], most=3)
    assert [one["origin"] for one in row["positives"]] == ["source", "judged"]
    assert (row["positives"][1]["rank"], row["positives"][1]["score"]) == (3, 4.0)
    assert row["negative_ranks"] == [2, 4, 5]
    assert notes == {"p1": "judged_positive", "p2": "not_judged"}
    assert [one["answers"] for one in row["judged"]] == [False, True, None]


def test_a_document_that_answers_alone_joins_no_documents_that_answer_together(tmp_path: Path) -> None:
    row, notes = judged(tmp_path, ["granite a", "basalt b"], second="basalt too", positives="drop")
    assert [one["origin"] for one in row["positives"]] == ["source"]
    assert row["negative_ranks"] == [2]
    assert notes == {"p1": "judged_answering"}


def test_a_question_whose_positive_does_not_answer_goes_if_so_asked(tmp_path: Path) -> None:
    assert judged(tmp_path / "kept", ["granite a"], own="slate b")[0]["negative_ranks"] == [2]
    assert judged(tmp_path / "gone", ["granite a"], own="slate b", positives="drop") == (["positive_not_answering"], {})
    assert judged(tmp_path / "right", ["granite a"], positives="drop")[0]["negative_ranks"] == [2]
    assert judged(tmp_path / "failed", ["granite a"], own="! b", positives="drop")[0]["negative_ranks"] == [2]


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    for name in ("kept", "gone", "right", "failed"):
        (tmp_path / name).mkdir()


def test_reviewed_rows_measure_the_judge_and_correct_its_rate(
    built: tuple[Path, Towers, ScriptedJudge, int], tmp_path: Path
) -> None:
    """Reviewers who know what was planted accept every third row, and mark the negatives that the judge missed."""
    source, towers, _, _ = built
    out = tmp_path / "out"
    shutil.copytree(source, out, copy_function=shutil.copy2)
    texts = {row["doc_id"]: row["text"] for row in table(out, "corpus")}
    rows = table(out, "triplets")[::3]
    missed = [[doc for doc in row["negative_ids"] if row["answers"][0] in texts[doc]] for row in rows]
    lines = [line(row, "accept", relevant=docs) for row, docs in zip(rows, missed, strict=True)]
    write_verdicts(out, "anna", *lines)
    settings = {"vlm.model": "openai:model@http://127.0.0.1:9/v1"}  # nobody listens there, and nobody is asked
    run("train", recipe=source.parent / "recipe.toml", out=out, workers=1, settings=settings)
    summary = read_manifest(out).summary
    rates = summary["reviews"]["train"]["judge"]["text"]
    found = sum(one["origin"] == "judged" for row in rows for one in row["positives"])
    assert rates["sensitivity"]["right"] == found
    assert found < rates["sensitivity"]["documents"] <= found + sum(map(len, missed))
    assert rates["specificity"]["right"] == rates["specificity"]["documents"] > 50  # a wrong positive is not marked
    mended = summary["judge"]["towers train"]["corrected"]
    assert mended["rate"] > summary["judge"]["towers train"]["rate"]  # the judge missed some
    card = (out / "README.md").read_text()
    assert "; corrected by the judge's errors on " in card
    assert f"the judge against reviewers, text: sensitivity {found} of " in card
    assert check(out).failed == ()
    assert towers.questions > len(rows)


def test_negatives_of_a_set_over_a_corpus_are_judged(tmp_path: Path) -> None:
    """The same towers as a ``[[qa]]`` set; a judge without errors finds exactly what was planted."""
    towers = Towers(questions=8)
    towers.write(tmp_path)
    for name in ("passages", "questions"):
        rows = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        made = [
            {"id": row["id"], "text": row["contents"]}
            if name == "passages"
            else {
                "id": row["id"],
                "question": row["question"],
                "answers": row["golden_answers"],
                "doc_ids": [row["metadata"]["passage_id"]],
            }
            for row in rows
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    recipe = tmp_path / "qa.toml"
    recipe.write_text(QA_RECIPE)
    judge = ScriptedJudge(towers, sensitivity=1.0, specificity=1.0, refusals=0.0)
    with VlmServer(reply=judge) as server:
        settings = {"vlm.model": f"openai:model@{server.url}"}
        run("train", recipe=recipe, out=tmp_path / "out", workers=1, settings=settings)
    assert check(tmp_path / "out").failed == ()
    texts = {row["doc_id"]: row["text"] for row in table(tmp_path / "out", "corpus")}
    for row in table(tmp_path / "out", "triplets"):
        judged = [one["doc_id"] for one in row["positives"] if one["origin"] == "judged"]
        assert all(row["answers"][0] in texts[doc] for doc in judged)
        assert not any(row["answers"][0] in texts[doc] for doc in row["negative_ids"])
    summary = read_manifest(tmp_path / "out").summary["judge"]["towers train"]
    assert summary["found"] == summary["positives"] > 5
    assert summary["questions"] == 8 and summary["failed"] == 0
