"""What the Nyx code gets wrong in feedback does not happen here."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from nyxqa.retriever.encoders.bm25 import Bm25Encoder, Bm25Index
from nyxqa.retriever.protocols import Hits, SearchEntry
from nyxqa.retriever.training.examples import read_example
from nyxqa.schemas.files import read_json
from nyxqa.schemas.ids import doc_id, query_id
from nyxqa.schemas.loading.load import load
from tests.support.facts import Facts, as_sent, payload_parts
from tests.support.published import table
from tests.support.sets import LAKES, TEXTS, lake, lake_reply, write_passages, write_questions, write_text
from tests.support.vlm_server import Payload, VlmServer, prompt_text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Facts, Path, VlmServer]]:
    """Feedback by the rules of the paper, everything asked about."""
    out, facts = tmp_path_factory.mktemp("defects"), Facts(80, 30)
    facts.write(out)
    settings = {"feedback.top_k": 9, "feedback.enough_positives": 9, "feedback.enough_negatives": 9}
    settings |= {"feedback.options": False}
    with VlmServer(reply=facts.reply) as server:
        feedback(out, FeedbackOptions("bm25", f"openai:m@{server.url}", "paper-code", settings), Progress())
        yield facts, out, server


def test_what_made_the_model_right_is_no_negative(made: tuple[Facts, Path, VlmServer]) -> None:
    """The first right window is the positive; those behind it are neither, and no in-batch negatives either."""
    several = 0
    for row, joined in zip(table(made[1], "feedback"), load("feedback", made[1], split="train"), strict=True):
        right = [one["doc_id"] for one in row["candidates"] if one["correct"]]
        wrong = {one["doc_id"] for one in row["candidates"] if one["correct"] is False}
        assert row["positive_ids"] == right[:1]
        assert set(row["negative_ids"]) <= wrong
        assert read_example(joined).known == set(right)
        several += len(right) > 1
    assert several > 10


def test_an_answer_that_only_shares_a_word_is_not_right(tmp_path: Path) -> None:
    """The reference takes F1 > 0 for right."""
    facts = Facts(16, 30)
    facts.write(tmp_path)

    def reply(payload: Payload) -> str:
        answer = json.loads(facts.reply(payload))["answer"]
        return json.dumps({"answer": "a stone of another sort" if answer == "unknown" else answer})

    with VlmServer(reply=reply) as server:
        feedback(
            tmp_path, FeedbackOptions("bm25", f"openai:m@{server.url}", settings={"feedback.top_k": 9}), Progress()
        )
    shared = [
        one
        for row in table(tmp_path, "feedback")
        for one in row["candidates"]
        if one["prediction"].startswith("a stone")
    ]
    assert any(0 < one["f1"] < 0.5 for one in shared)
    assert not any(one["correct"] for one in shared if one["f1"] < 0.5)


def test_pictures_stand_where_their_placeholders_stood(made: tuple[Facts, Path, VlmServer]) -> None:
    """Documents come first in the prompt, so their pictures do; each stands behind the words before it."""
    facts, _, server = made
    shown = {fact.code: fact for fact in facts.facts if fact.kind == "shown"}
    documents = {row["text"].partition("\n")[0]: row for row in facts.pools["web"]}
    both = 0
    for payload in server.payloads:
        parts = list(payload_parts(payload))
        code = re.findall(r"zq\d+x", prompt_text(payload).rpartition("\nQuestion: ")[2])[0]
        pictures = [part for part in parts if isinstance(part, bytes)]
        if code not in shown:
            assert len(pictures) <= 1
            continue
        own = as_sent(facts.source(shown[code])["images"][0]["bytes"])
        assert parts[-2] == own and parts[-1] == "?"
        assert str(parts[-3]).endswith(f"\nQuestion: What is {code} beside ")
        heads = re.findall(r"\[1\]\n(Document \d+ of web\.)", prompt_text(payload))
        row = documents[heads[0]] if heads else None
        expected = [as_sent(image["bytes"]) for image in row["images"]] if row else []
        assert pictures == [*expected, own]
        if expected:
            assert row is not None and str(parts[0]).endswith(f"[1]\n{row['text'].partition(chr(10))[0]}\n")
            both += 1
    assert both > 20


def test_options_are_not_searched_for_and_shown_only_where_nothing_else_is_known(
    made: tuple[Facts, Path, VlmServer],
) -> None:
    facts, out, server = made
    for payload in server.payloads:
        question = prompt_text(payload).rpartition("\nQuestion: ")[2]
        fact = facts.facts[int(re.findall(r"zq(\d+)x", question)[0])]
        assert ("wrongly" in question) == (fact.kind == "options")
    trap = facts.pools["web"][-1]["doc_id"]
    rows = {row["query_id"]: row for row in table(out, "feedback")}
    optional = [
        fact for fact in facts.facts if fact.kind == "options" and len(facts.pools["web"]) - 1 not in fact.mentioned
    ]
    found = [rows[own] for fact in optional if (own := facts.ids(fact)[1]) in rows]
    assert len(found) > 3
    assert not any(trap == one["doc_id"] for row in found for one in row["candidates"][:3])
    assert not any("wrongly" in row["query"]["text"] for row in load("feedback", out, split="train"))


INSTRUCTION = "Find the lake that the question names."


class Recorded(Bm25Encoder):
    """BM25 that notes the queries it is asked."""

    queries: list[SearchEntry]

    def open(self, folder: Path) -> Bm25Index:
        index, queries = super().open(folder), self.queries

        class Noting(Bm25Index):
            def search(self, asked: Sequence[SearchEntry], k: int) -> Hits:
                queries.extend(asked)
                return index.search(asked, k)

        return Noting(folder, read_json(folder / "bm25.json")["shards"])


@pytest.fixture
def lakes(tmp_path: Path) -> Path:
    """Train and validation questions over sixty passages, of which few are published."""
    write_passages(tmp_path)
    write_questions(tmp_path)
    recipe = write_text(
        tmp_path / "recipe.toml", TEXTS.replace('license = "', f'instruction = "{INSTRUCTION}"\nlicense = "')
    )
    run("all", recipe=recipe, out=tmp_path / "out", workers=1)
    return tmp_path / "out"


def test_train_questions_are_searched_in_the_whole_pool_with_their_instruction(
    lakes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference searches what was put together for other splits. What no triplet names is found, and added."""
    encoder = Recorded()
    encoder.queries = []
    monkeypatch.setattr("nyxqa.builders.feedback.run.make_encoder", lambda spec: encoder)
    before = {row["doc_id"] for row in table(lakes, "corpus")}
    asked = {row["query_id"] for row in table(lakes, "triplets", "train")}
    with VlmServer(reply=lake_reply) as server:
        feedback(lakes, FeedbackOptions("bm25", f"openai:m@{server.url}"), Progress())
    assert {query.instruction for query in encoder.queries} == {INSTRUCTION}
    assert {query.id for query in encoder.queries} == asked
    candidates = {one["doc_id"] for row in table(lakes, "feedback") for one in row["candidates"]}
    assert candidates - before
    after = [row["doc_id"] for row in table(lakes, "corpus")]
    assert set(after) == before | candidates
    pool = [doc_id(lake(number), ()) for number in range(LAKES)]
    assert after == [one for one in pool if one in set(after)]
    for row in table(lakes, "feedback"):
        number = next(n for n in range(30) if query_id("lakes", f"t{n}") == row["query_id"])
        assert row["positive_ids"] == [pool[number]]


def test_without_the_passages_what_only_other_splits_name_is_not_found(
    lakes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(lakes, copy, ignore=shutil.ignore_patterns(".work"))
    named: dict[str, set[str]] = {}
    for split in ("train", "validation"):
        rows: list[dict[str, Any]] = table(copy, "triplets", split)
        named[split] = {one for row in rows for one in (row["positive_id"], *row["negative_ids"])}
    assert named["validation"] - named["train"]
    with VlmServer(reply=lake_reply) as server:
        made = feedback(copy, FeedbackOptions("bm25", f"openai:m@{server.url}"), Progress())
    candidates = {one["doc_id"] for row in table(copy, "feedback") for one in row["candidates"]}
    assert candidates <= named["train"]
    assert "pool lakes: its passages are missing" in capfd.readouterr().err
    assert made.manifest.summary["feedback"]["pools"] == {
        "lakes": f"{len(named['train'])} documents that train triplets name"
    }
