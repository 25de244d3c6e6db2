"""Labels over 500 questions of all kinds, held against what is known without any model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback, relabel
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.manifest import read_manifest
from tests.support.facts import Fact, Facts
from tests.support.published import table
from tests.support.vlm_server import VlmServer

TOP_K = 9
SETTINGS = {"window": 1, "positives": "all", "enough_positives": 1, "enough_negatives": 5}
DROPPED = {"right_closed_book", "right_with_all", "wrong_with_all"}


@dataclass
class StoredAnswers:
    """A dataset with feedback, its facts, and the model that gave it."""

    facts: Facts
    out: Path
    server: VlmServer
    ranked: dict[str, list[str]]

    def run(self, **settings: Any) -> None:
        order = FeedbackOptions("bm25", f"openai:model@{self.server.url}", settings=_dotted(settings))
        feedback(self.out, order, Progress())

    def expected(self, **settings: Any) -> dict[str, dict[str, Any]]:
        """Rows by query id as they must be; for a dropped question its reason."""
        return {self.facts.ids(one)[1]: self._expected(one, {**SETTINGS, **settings}) for one in self.facts.facts}

    def _expected(self, fact: Fact, rules: dict[str, Any]) -> dict[str, Any]:
        right, source = self.facts.holders(fact), self.facts.source(fact)["doc_id"]
        ranked, size, first = self.ranked[fact.code], rules["window"], rules["positives"] == "first"
        asked: list[str] = []
        correct: list[bool] = []
        positives: list[str] = []
        negatives: list[str] = []
        for start in range(0, len(ranked), size):
            window = ranked[start : start + size]
            holds = bool(right & set(window))
            asked += window
            correct += [holds] * len(window)
            if holds and not (first and positives):
                positives += window
            negatives += [one for one in window if not holds and one != source]
            if len(positives) >= (1 if first else rules["enough_positives"]) and len(negatives) >= 5:
                break
        reasons = {
            "right_closed_book": fact.told == "closed",
            "right_with_all": all(correct),
            "wrong_with_all": not any(correct),
        }
        reason = next((name for name, holds in reasons.items() if holds and name in rules.get("drop", DROPPED)), "")
        labels = {"positives": positives, "negatives": negatives[: 5 if first else None]}
        return {"reason": reason} if reason else {"asked": asked, "correct": correct, **labels}


def _dotted(settings: dict[str, Any]) -> dict[str, Any]:
    return {"feedback.top_k": TOP_K, **{f"feedback.{name}": value for name, value in settings.items()}}


def found(out: Path) -> dict[str, dict[str, Any]]:
    """What was published, in the form of ``expected``."""
    rows = {
        row["query_id"]: {
            "asked": [one["doc_id"] for one in row["candidates"]],
            "correct": [one["correct"] for one in row["candidates"]],
            "positives": row["positive_ids"],
            "negatives": row["negative_ids"],
        }
        for row in table(out, "feedback")
    }
    drops = [row for row in table(out, "ledger") if row["stage"] == "feedback"]
    assert {row["item_type"] for row in drops} <= {"question"}
    return {**rows, **{row["item_id"]: {"reason": row["reason"]} for row in drops}}


def ranking(facts: Facts, folder: Path) -> dict[str, list[str]]:
    """What BM25 finds for each question among the train documents of its pool, options left out."""
    ranked = {}
    for pool, documents in facts.pools.items():
        (folder / pool).mkdir()
        Bm25Encoder().build(
            [SearchEntry(row["doc_id"], row["text"], tuple(row["captions"])) for row in documents], folder / pool
        )
        index = Bm25Encoder().open(folder / pool)
        own = [fact for fact in facts.facts if fact.pool == pool]
        rows = {facts.ids(fact)[1]: fact for fact in own}
        triplets = [row for row in facts.tiny.rows("triplets", "train") if row["query_id"] in rows]
        queries = [SearchEntry("", row["query"], ("seen from afar",) * len(row["query_images"])) for row in triplets]
        for row, hits in zip(triplets, index.search(queries, TOP_K).rows.tolist(), strict=True):
            ranked[rows[row["query_id"]].code] = [documents[one]["doc_id"] for one in hits if one >= 0]
    return ranked


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredAnswers]:
    folder, facts = tmp_path_factory.mktemp("facts"), Facts(500)
    facts.write(folder / "out")
    with VlmServer(reply=facts.reply) as server:
        made = StoredAnswers(facts, folder / "out", server, ranking(facts, folder))
        made.run()
        yield made


def test_labels_are_the_truth(asked: StoredAnswers) -> None:
    """Every kind of question, every reason to drop one, several positives, and early stops are among them."""
    expected = asked.expected()
    assert found(asked.out) == expected
    reasons = Counter(row.get("reason", "") for row in expected.values())
    assert reasons.keys() == {"", *DROPPED} and min(reasons.values()) >= 10
    kept = {fact.kind for fact in asked.facts.facts if "asked" in expected[asked.facts.ids(fact)[1]]}
    assert kept == {"text", "picture", "both", "shown", "options", "passage"}
    assert sum(len(row.get("positives", [])) > 1 for row in expected.values()) > 50
    assert sum(len(row.get("asked", [""] * TOP_K)) < TOP_K for row in expected.values()) > 50


def test_calls_and_what_early_stops_saved_are_counted(asked: StoredAnswers) -> None:
    told = read_manifest(asked.out).summary["feedback"]
    rows = [asked._expected(fact, {**SETTINGS, "drop": ()}) for fact in asked.facts.facts]
    assert told["asked"] == len(rows) + sum(len(row["asked"]) for row in rows)
    assert told["saved"] == sum(len(asked.ranked[one.code]) for one in asked.facts.facts) + len(rows) - told["asked"]
    assert told["saved"] > 100
    assert told["shared"] == 0
    assert told["right_at_rank_1"] == sum(row["correct"][0] for row in rows)
    assert told["right_closed_book"] == sum(fact.told == "closed" for fact in asked.facts.facts)


def test_all_rows_stand_in_their_order_with_their_account(asked: StoredAnswers) -> None:
    rows = table(asked.out, "feedback")
    keys = [(row["dataset"], row["query_id"]) for row in rows]
    assert keys == sorted(keys)
    assert {row["generator"] for row in rows} == {"openai:model"}
    (entry,) = (entry for entry in read_manifest(asked.out).stages if entry.name == "feedback")
    assert (entry.rows_in, entry.parents, entry.dropped) == (500, len(rows), 500 - len(rows))


def test_the_same_again_asks_and_writes_nothing(asked: StoredAnswers) -> None:
    served, before = asked.server.served, (asked.out / "manifest.json").stat().st_mtime_ns
    asked.run()
    assert (asked.server.served, (asked.out / "manifest.json").stat().st_mtime_ns) == (served, before)


@pytest.mark.parametrize("drop", [sorted(DROPPED), ["wrong_with_all"], []])
@pytest.mark.parametrize("positives", ["first", "all"])
def test_labels_made_anew_are_the_truth_and_cost_no_call(asked: StoredAnswers, positives: str, drop: list[str]) -> None:
    served = asked.server.served
    relabel(asked.out, FeedbackOptions(settings={"feedback.positives": positives, "feedback.drop": drop}), Progress())
    expected = asked.expected(drop=drop)
    for row in expected.values():
        if positives == "first" and "asked" in row:
            row.update(positives=row["positives"][:1], negatives=row["negatives"][:5])
    assert found(asked.out) == expected
    assert asked.server.served == served


@pytest.mark.parametrize("positives", ["first", "all"])
def test_windows_of_several_documents(asked: StoredAnswers, positives: str) -> None:
    """The last window of nine in fours is one; what stands in it has only its own answer."""
    asked.run(window=4, stride=4, positives=positives)
    assert found(asked.out) == asked.expected(window=4, positives=positives)
    asked.run()
    assert found(asked.out) == asked.expected()
