from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.mining.negative_selection import mine_page_question
from nyxqa.builders.qa.answer_match import CommonWords, answer_rule, fold_document
from nyxqa.builders.qa.keys import text_key
from nyxqa.builders.stages.negatives import Mining, index_shard, mine_shard
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.recipe import Negatives
from tests.support.rows import QUESTIONS, SPLIT_DOCUMENTS, document, parts_of, question, write

OWN = document("page", 0, "own text", cluster="c0")


def known(name: str, page: str = "other", cluster: str = "", text: str = "") -> dict[str, Any]:
    text = text or name
    own = {"key": text_key(text), "folded": fold_document(text)}
    return {"doc_id": name, "page_id": page, "cluster": cluster or name, **own}


POSITIVE = {"doc_id": OWN["doc_id"], "page_id": "page", "cluster": "c0", "key": text_key("own text")}


def mined(ranked: list[tuple[dict[str, Any], float]], **settings: Any) -> list[tuple[str, int, float]]:
    row = mine_page_question(OWN, ranked, Negatives(**settings))
    return list(zip(row["negative_ids"], row["negative_ranks"], row["negative_scores"], strict=True))


def others(count: int, first: float = 10.0) -> list[tuple[dict[str, Any], float]]:
    return [(known(f"d{index}"), first - index) for index in range(count)]


def test_ranks_count_over_the_raw_list() -> None:
    ranked = [(POSITIVE, 11.0), *others(8)]
    assert mined(ranked, ranks=[3, 6], count=3) == [("d1", 3, 9.0), ("d2", 4, 8.0), ("d3", 5, 7.0)]
    ranked = [(known("x", page="page"), 11.0), (known("y", cluster="c0"), 10.5), (known("z", text="Own, TEXT!"), 10.2)]
    ranked += others(4)
    assert mined(ranked, ranks=[2, 5]) == [("d0", 4, 10.0), ("d1", 5, 9.0)]


@pytest.mark.parametrize(("rule", "name"), [("page", "x"), ("cluster", "y"), ("equal", "z")])
def test_each_exclusion_works_alone(rule: str, name: str) -> None:
    ranked = [
        (known("x", page="page"), 3.0),
        (known("y", cluster="c0"), 2.0),
        (known("z", text="own text"), 1.0),
        (POSITIVE, 0.5),
    ]
    assert [found[0] for found in mined(ranked, ranks=[1, 9], exclude=[])] == ["x", "y", "z"]
    assert [found[0] for found in mined(ranked, ranks=[1, 9], exclude=[rule])] == [n for n in "xyz" if n != name]


def test_documents_that_hold_the_answer_are_excluded() -> None:
    rule = answer_rule("Who wrote Hamlet?", ["William Shakespeare", "Shakespeare"], CommonWords())
    ranked = [(known("x", text="Shakespeare's Macbeth"), 3.0), (known("y", text="a play by Marlowe"), 2.0)]
    for excluded, names in ((["answer"], ["y"]), (["equal"], ["x", "y"])):
        row = mine_page_question(OWN, ranked, Negatives(ranks=[1, 9], exclude=excluded), rule)
        assert row["negative_ids"] == names
    assert "answer" in Negatives().exclude


def test_per_query_looks_down_to_ten_times_the_count() -> None:
    ranked = [(known(f"own {index}", page="page"), 99.0 - index) for index in range(18)] + others(40)
    assert [found[1] for found in mined(ranked, ranks=[11, 20], count=3)] == [19, 20]
    assert [found[1] for found in mined(ranked, ranks=[11, 20], count=3, per_query=True)] == [19, 20, 21]
    ranked = [(known(f"own {index}", page="page"), 99.0 - index) for index in range(29)] + others(40)
    assert [found[1] for found in mined(ranked, ranks=[11, 20], count=3, per_query=True)] == [30]


def test_fewer_than_count_are_kept() -> None:
    assert mined(others(2), ranks=[1, 10], count=5) == [("d0", 1, 10.0), ("d1", 2, 9.0)]
    assert mined(others(2), ranks=[3, 10]) == []
    assert mined([]) == []


def test_ranks_beyond_the_last_are_not_looked_at() -> None:
    assert [found[1] for found in mined(others(30, 99), ranks=[11, 20], count=30)] == list(range(11, 21))


@pytest.mark.parametrize(
    ("positive", "kept"),
    [
        (10.0, ["9.5", "9.0"]),  # at most 9.5
        (-10.0, ["-10.5", "-11.0"]),  # at most -10.5: below the positive, though -9.5 = 0.95 * -10
        (0.0, ["0.0", "-0.1"]),
    ],
)
def test_the_margin_is_below_the_positive_for_either_sign(positive: float, kept: list[str]) -> None:
    scores = {10.0: (9.9, 9.5, 9.0), -10.0: (-9.5, -10.5, -11.0), 0.0: (0.2, 0.0, -0.1)}[positive]
    ranked = [(POSITIVE, positive), *((known(str(score)), score) for score in scores)]
    assert [found[0] for found in mined(ranked, ranks=[1, 9], margin=0.95)] == kept


def test_a_positive_that_was_not_retrieved_has_no_rank() -> None:
    row = mine_page_question(OWN, others(3), Negatives(ranks=[1, 9]))
    assert row["positives"] == [{"doc_id": OWN["doc_id"], "rank": None, "score": None, "origin": "source"}]
    assert row["negative_ids"] == ["d0", "d1", "d2"]


def test_a_margin_leaves_no_negative_where_the_positive_was_not_retrieved() -> None:
    """It scores below all that was, so each of those scores more than any share of it."""
    assert mine_page_question(OWN, others(3), Negatives(ranks=[1, 9], margin=0.5))["negative_ids"] == []


def test_the_positive_has_its_raw_rank() -> None:
    row = mine_page_question(OWN, [*others(2), (POSITIVE, 3.0)], Negatives(ranks=[1, 9]))
    assert row["positives"] == [{"doc_id": OWN["doc_id"], "rank": 3, "score": 3.0, "origin": "source"}]
    assert OWN["doc_id"] not in row["negative_ids"]


def test_documents_of_images_alone_are_not_equal() -> None:
    assert text_key(PLACEHOLDER) == text_key("...") == ""
    assert text_key(f"A {PLACEHOLDER} dog.") == text_key(f"{PLACEHOLDER}\na dog") != ""
    own = document("page", 0, "", ["a" * 64])
    row = mine_page_question(own, [(known("x", text=PLACEHOLDER), 1.0)], Negatives(ranks=[1, 9]))
    assert row["negative_ids"] == ["x"]


def test_search_stays_in_the_split(tmp_path: Path) -> None:
    texts = ["red foxes run", "red dogs run", "red cats sleep", "red hens run home"]
    documents = [document(f"p{index}", 0, text) for index, text in enumerate(texts)]
    documents[1]["split"] = "test"
    parts = parts_of(tmp_path / "documents", SPLIT_DOCUMENTS, documents[:2], documents[2:])
    settings = Negatives(ranks=[1, 9])
    index = tmp_path / "index"
    index.mkdir()
    for shard, file in enumerate(parts.files()):
        index_shard("train", index, (shard, [file]))
    asked = [question("a", "Which red foxes run?", document=documents[0]), question("b", "Zz?", document=documents[2])]
    output = mine_shard(Mining(settings, tmp_path, index), (write(tmp_path / "q.parquet", asked, QUESTIONS), 2))
    output.account.check("negatives")
    first, second = output.rows.to_pylist()
    assert first["positives"][0]["rank"] == 1
    assert set(first["negative_ids"]) == {documents[2]["doc_id"], documents[3]["doc_id"]}
    assert first["negative_scores"] == sorted(first["negative_scores"], reverse=True)
    assert first["miner"] == "bm25"
    assert second["positives"][0]["rank"] is None
    assert second["negative_ids"] == []
