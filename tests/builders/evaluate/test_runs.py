"""Rankings of other systems: by document, by place in a page, by words; broken lines are named."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nyxqa
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.evaluation.spans import Cover, Piece, covers_of_text, within_budget
from nyxqa.retriever.protocols import SearchEntry
from tests.support.asked import asked_in_test, triplets
from tests.support.facts import Facts, Row
from tests.support.published import table
from tests.support.running import leave
from tests.support.vlm_server import VlmServer, prompt_text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Path]:
    root = tmp_path_factory.mktemp("facts") / "data"
    return asked_in_test(Facts(40, 30), root), root


def own_ranking(facts: Facts, folder: Path) -> Iterator[tuple[str, str, int, float]]:
    """Query, document, rank and score of our bm25."""
    for row in triplets(facts):
        documents, index = facts.tiny.tables["corpus"][row["pool"]], folder / row["pool"]
        if not index.exists():
            index.mkdir(parents=True)
            entries = [SearchEntry(one["doc_id"], one["text"], tuple(one["captions"])) for one in documents]
            Bm25Encoder().build(entries, index)
        captions = tuple(facts.tiny.document(row["positive_id"])["captions"]) if row["query_images"] else ()
        hits = Bm25Encoder().open(index).search([SearchEntry(row["query_id"], row["query"], captions)], 30)
        for rank, (one, score) in enumerate(zip(hits.rows[0].tolist(), hits.scores[0].tolist(), strict=True), 1):
            if one >= 0:
                yield row["query_id"], documents[one]["doc_id"], rank, score


@pytest.mark.parametrize("form", ["trec", "doc_id", "text"])
def test_our_own_ranking_gives_our_figures(form: str, made: tuple[Facts, Path], tmp_path: Path) -> None:
    facts, root = made
    ranking = list(own_ranking(facts, tmp_path / "index"))
    lines = {
        "trec": [f"{query} Q0 {document} {rank} {score} own" for query, document, rank, score in ranking],
        "doc_id": [
            json.dumps({"query_id": query, "doc_id": document, "score": -rank}) for query, document, rank, _ in ranking
        ],
        "text": [
            json.dumps({"query_id": query, "text": facts.tiny.document(document)["text"]})
            for query, document, _, _ in ranking
        ],
    }[form]
    file = tmp_path / "own.run.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    result = nyxqa.evaluate(root, "bm25", runs={"own": file}, name=form, budgets=[20, 300])
    ours, theirs = result["systems"]
    names = [name for name in ours if name not in ("system", "datasets")]
    assert {name: ours[name] for name in names} == {name: theirs[name] for name in names}
    assert all(one["mean"] == 0 for one in result["differences"] if not one["metric"].startswith("token_precision"))
    assert result["notes"] == []


def page_texts(data: Path) -> tuple[dict[str, str], dict[str, Row]]:
    """Text of each page, put together from its documents, and the documents by id."""
    documents = {row["doc_id"]: row for row in table(data, "corpus", "web")}
    pages: dict[str, list[str]] = {}
    for row in documents.values():
        text = pages.setdefault(row["page_id"], [])
        text += [" "] * (row["end"] - len(text))
        text[row["start"] : row["end"]] = row["text"]
    return {page: "".join(text) for page, text in pages.items()}, documents


@pytest.mark.parametrize("tokens", [100, 400])
@pytest.mark.parametrize("form", ["span", "text"])
def test_an_oracle_over_other_chunks_recalls_everything(
    tokens: int, form: str, built_sample: Path, dataset: Path, tmp_path: Path
) -> None:
    """Chunks of so many words that share characters with the known document, those that share most first."""
    pages, documents = page_texts(built_sample)
    lines = []
    asked = table(dataset, "triplets", "test")
    for row in asked:
        known = documents[row["positive_id"]]
        text = pages[known["page_id"]]
        words = [found.span() for found in re.finditer(r"\S+", text)]
        chunks = [
            (words[first][0], words[min(first + tokens, len(words)) - 1][1]) for first in range(0, len(words), tokens)
        ]
        shared = [(min(end, known["end"]) - max(start, known["start"]), start, end) for start, end in chunks]
        for overlap, start, end in sorted(shared, reverse=True):
            if overlap > 0:
                told: dict[str, Any] = {"page_id": known["page_id"], "start": start, "end": end}
                lines.append({"query_id": row["query_id"], **(told if form == "span" else {"text": text[start:end]})})
    file = tmp_path / "oracle.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = nyxqa.evaluate(dataset, "bm25", runs={"oracle": file}, budgets=[3000])
    oracle = result["systems"][1]
    assert oracle["system"] == "oracle" and oracle["golden@1"] == oracle["recall@1"] == oracle["recall@10"] == 1
    assert oracle["token_recall@3000"] == pytest.approx(1, abs=0.02 if form == "text" else 0.005)
    assert 0 < oracle["token_precision@3000"] <= 1
    assert {one["other"] for one in result["differences"]} == {"oracle"}


def test_evidence_within_a_budget_by_hand() -> None:
    pieces = [Piece(40, (Cover(0, 0, 10, 30),)), Piece(20, (Cover(0, 5, 20, 0),)), Piece(100)]
    # 5 tokens are 20 characters of the first piece, which shows the document behind them.
    assert within_budget(pieces, [20], 5, together=False) == (0, 0)
    assert within_budget(pieces, [20], 9, together=False) == (6 / 20, 6 / 36)
    assert within_budget(pieces, [20], 15, together=False) == (20 / 20, 20 / 60)
    assert within_budget(pieces, [20, 20], 15, together=True) == (20 / 40, 20 / 60)
    assert within_budget([], [20], 15, together=False) == (0, 0)


def test_words_in_common_are_found_at_both_ends() -> None:
    document = "Alpha beta gamma delta epsilon zeta eta theta iota kappa."
    halves = ("so far: Alpha beta gamma", "delta epsilon zeta eta theta iota kappa. And more")
    covers = [covers_of_text(half, [document]) for half in halves]
    assert [[(one.start, one.end) for one in several] for several in covers] == [[(0, 16)], [(17, len(document))]]
    assert covers_of_text("nothing of the kind stands here at all", [document]) == ()


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("q1 Q0 d1 1 2.5", 1, "line 1: 5 columns; a TREC run has six"),
        ("q1 Q0 d1 one 2.5 x", 1, "line 1: rank 'one' or score '2.5' is not a number"),
        ('{"query_id": "q"', 1, "line 1: not JSON"),
        ("[1]", 1, "line 1: not a JSON object"),
        ('{"doc_id": "d"}', 1, "line 1: query_id is missing"),
        ('{"query_id": "q", "score": 1}', 1, "line 1: nothing that was retrieved"),
        ('{"query_id": "q", "page_id": "p", "start": 5, "end": 5}', 1, "line 1: start 5 and end 5"),
        ('{"query_id": "q", "url": "p", "start": "0", "end": 5}', 1, "line 1: start '0' and end 5"),
        ('{"query_id": "q", "text": "x", "rank": "1"}', 1, "line 1: rank '1' is not a number"),
        ("\n", 1, "holds no line"),
        ("{query} Q0 d1 1 2.5 x", 1, "document d1 is not in the pool of its question"),
        ("nobody Q0 d1 1 2.5 x", 1, "the dataset has no question nobody"),
        ("q Q0 d 1 2 x\nq Q0 d 2 1 x", 1, "line 2: document d of query q stands in line 1 already"),
    ],
)
def test_a_broken_line_is_named(
    content: str, code: int, message: str, made: tuple[Facts, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts, root = made
    file = tmp_path / "other.run"
    file.write_text(content.replace("{query}", triplets(facts)[0]["query_id"]))
    assert leave("evaluate", root, "--run", f"other={file}") == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("run", "code", "message"),
    [
        ("other", 2, "--run 'other' is not NAME=FILE"),
        ("bm25=x", 2, "another system has this name"),
        ("a=none", 1, "none does not exist"),
    ],
)
def test_a_run_has_a_name_and_a_file(
    run: str, code: int, message: str, made: tuple[Facts, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("evaluate", made[1], "--retriever", "bm25", "--run", run) == code
    assert message in capsys.readouterr().err


def test_a_model_answers_with_what_another_system_retrieved(made: tuple[Facts, Path], tmp_path: Path) -> None:
    facts, root = made
    told = next(fact for fact in facts.facts if fact.kind == "text")
    query = facts.ids(told)[1]
    file = tmp_path / "rag.jsonl"
    text = f"They say: here {told.code} is {told.value}. Here {told.code} is {told.value}."
    file.write_text(json.dumps({"query_id": query, "text": text}))
    with VlmServer(reply=facts.reply) as server:
        result = nyxqa.evaluate(root, runs={"rag": file}, vlm=f"openai:m@{server.url}", top_k=[1])
        assert any(text in prompt_text(one) for one in server.payloads)
    (rag,) = result["systems"]
    closed = sum(fact.told == "closed" for fact in facts.facts)
    assert rag["correct"] == pytest.approx((closed + 1) / 40, abs=1e-6)
    assert result["notes"] == ["run rag has no line for 39 of 40 questions; they count as nothing found"]


def test_ranks_go_before_scores_and_scores_before_the_file(made: tuple[Facts, Path], tmp_path: Path) -> None:
    facts, root = made
    row = triplets(facts)[0]
    others = [one["doc_id"] for one in facts.tiny.tables["corpus"][row["pool"]] if one["doc_id"] != row["positive_id"]]

    def line(doc: str, **more: float) -> str:
        return json.dumps({"query_id": row["query_id"], "doc_id": doc, **more})

    forms = {
        "ranked": [line(others[0], rank=2, score=9.0), line(row["positive_id"], rank=1, score=1.0)],
        "scored": [line(others[0], score=1.0), line(row["positive_id"], score=2.0)],
        "listed": [line(row["positive_id"]), line(others[0])],
    }
    for name, lines in forms.items():
        (tmp_path / name).write_text("\n".join(lines))
    result = nyxqa.evaluate(root, runs={name: tmp_path / name for name in forms})
    assert [one["golden@1"] for one in result["systems"]] == [pytest.approx(1 / 40, abs=1e-6)] * 3
