"""Answers of a scripted model whose right answers are known: every figure is counted here."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

import nyxqa
from nyxqa.schemas.answers import token_f1
from tests.support.asked import asked_in_test, triplets
from tests.support.batch_server import BatchServer
from tests.support.facts import Fact, Facts
from tests.support.running import leave, started, states, wait_for_none
from tests.support.vlm_server import Act, Payload, VlmServer, prompt_text


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Path]:
    root = tmp_path_factory.mktemp("facts") / "data"
    return asked_in_test(Facts(64, 30), root), root


@pytest.fixture
def made(bare: tuple[Facts, Path], tmp_path: Path) -> tuple[Facts, Path]:
    shutil.copytree(bare[1], tmp_path / "data")
    return bare[0], tmp_path / "data"


def own_run(facts: Facts, root: Path) -> dict[str, list[str]]:
    """The first documents of each question by bm25."""
    from nyxqa.retriever.encoders.bm25 import Bm25Encoder
    from nyxqa.retriever.protocols import SearchEntry

    found = {}
    for row in triplets(facts):
        documents, folder = facts.tiny.tables["corpus"][row["pool"]], root / row["pool"]
        if not folder.exists():
            folder.mkdir(parents=True)
            entries = [SearchEntry(one["doc_id"], one["text"], tuple(one["captions"])) for one in documents]
            Bm25Encoder().build(entries, folder)
        captions = tuple(facts.tiny.document(row["positive_id"])["captions"]) if row["query_images"] else ()
        query = SearchEntry(row["query_id"], row["query"], captions)
        hits = Bm25Encoder().open(folder).search([query], 30).rows[0].tolist()
        found[row["query_id"]] = [documents[one]["doc_id"] for one in hits if one >= 0]
    return found


def is_right(facts: Facts, fact: Fact, shown: list[str]) -> bool:
    """Whether the scripted model knows the answer with these documents: they hold the fact, or it knows it anyway."""
    if fact.told == "closed":
        return True
    texts = [facts.tiny.document(one) for one in shown]
    if fact.told == "text":
        return any(f"{fact.code} is {fact.value}." in one["text"] for one in texts)
    ordinals = [int(one["text"].split()[1]) for one in texts]
    lines = {ordinal: place < fact.holders for place, ordinal in enumerate(fact.mentioned)}
    pictured = any(fact.pictured(one, lines[one]) for one in ordinals if one in lines)
    said = any(f"Half of {fact.code} is said." in one["text"] for one in texts)
    return fact.told != "never" and pictured and (fact.told == "picture" or said)


def test_every_figure_of_answers_is_the_one_counted_here(
    made: tuple[Facts, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts, root = made
    shown = own_run(facts, tmp_path / "index")
    by_id = {facts.ids(fact)[1]: fact for fact in facts.facts}
    with VlmServer(reply=facts.reply) as server:
        url = f"openai:told@{server.url}"
        command = ("evaluate", root, "--retriever", "bm25", "--retriever", "tiny", "--vlm", url, "--top-k", "0,1,2")
        assert leave(*command, "--json") == 0
        result = json.loads(capsys.readouterr().out.splitlines()[-1])
        prompts = Counter(json.dumps(one, sort_keys=True) for one in server.payloads)
        assert set(prompts.values()) == {1} and len(prompts) == result["usage"]["requests"] == server.served
        assert result["usage"]["prompt_tokens"] == 10 * server.served
        before = states(root / "evaluation")
        assert leave(*command) == 0
        assert server.served == len(prompts) and states(root / "evaluation") == before
        assert all("wrongly" not in prompt_text(one).rpartition("Question:")[0] for one in server.payloads[:1])
    closed, bm25 = result["systems"][:2]
    assert (closed["system"], bm25["system"]) == ("closed_book", "bm25")
    for system, k in ((closed, 0), (bm25, 1), (bm25, 2)):
        right = {own: is_right(facts, fact, shown[own][:k]) for own, fact in by_id.items()}
        options = [own for own, fact in by_id.items() if fact.pool == "web"]
        plain = [own for own, fact in by_id.items() if fact.pool != "web"]
        told = system["by_k"][str(k)]
        assert told["accuracy"] == pytest.approx(sum(right[one] for one in options) / len(options), abs=1e-6)
        assert told["em"] == pytest.approx(sum(right[one] for one in plain) / len(plain), abs=1e-6)
        assert told["f1"] == pytest.approx(
            sum(1 if right[one] else token_f1("", [by_id[one].value]) for one in plain) / len(plain), abs=1e-6
        )
        assert told["correct"] == pytest.approx(sum(right.values()) / 64, abs=1e-6) and told["failed"] == 0
    assert bm25["accuracy"] == bm25["by_k"]["1"]["accuracy"]
    right = {own: is_right(facts, fact, shown[own][:1]) for own, fact in by_id.items()}
    golden = {row["query_id"]: shown[row["query_id"]][0] == row["positive_id"] for row in triplets(facts)}
    counted = Counter((golden[own], right[own]) for own in by_id)
    (cell,) = [row for row in result["golden_correct"] if (row["system"], row["dataset"]) == ("bm25", "all")]
    assert cell["golden_correct"] == counted[True, True] and cell["golden_wrong"] == counted[True, False]
    assert cell["other_correct"] == counted[False, True] and cell["other_wrong"] == counted[False, False]
    alone = {own: fact.told == "closed" for own, fact in by_id.items()}
    (test,) = [
        row
        for row in result["mcnemar"]
        if (row["system"], row["other"], row["dataset"]) == ("bm25", "closed_book", "all")
    ]
    only = (sum(right[one] and not alone[one] for one in by_id), sum(alone[one] and not right[one] for one in by_id))
    assert (test["only_first"], test["only_second"]) == only
    assert test["chi_square"] == pytest.approx((only[0] - only[1]) ** 2 / sum(only), abs=1e-6)
    report = (root / "evaluation" / "test.md").read_text()
    assert "| system | k | nyxqa Acc | wiki EM | wiki F1 | avg | unusable |" in report
    assert (root / "evaluation" / "test-answers.svg").exists()


def test_options_are_shown_to_the_model_and_never_searched_for(made: tuple[Facts, Path]) -> None:
    """A document that lists the options of other questions would be found first if they were searched for."""
    facts, root = made
    with VlmServer(reply=facts.reply) as server:
        with_model = nyxqa.evaluate(root, "bm25", vlm=f"openai:told@{server.url}", top_k=[1])
        asked = [prompt_text(one).rpartition("\nQuestion: ")[2] for one in server.payloads]
    without = nyxqa.evaluate(root, "bm25", name="plain")
    assert with_model["systems"][0]["golden@1"] == without["systems"][0]["golden@1"]
    options = [one for one in asked if "Answer with one of these options:" in one]
    assert len(options) == sum(fact.pool == "web" for fact in facts.facts)
    assert all("(D)" in one for one in options)


def test_an_estimate_is_what_is_asked(made: tuple[Facts, Path], capsys: pytest.CaptureFixture[str]) -> None:
    facts, root = made
    with VlmServer(reply=facts.reply) as server:
        command = ("evaluate", root, "--retriever", "bm25", "--vlm", f"openai:m@{server.url}", "--top-k", "0,1,4")
        assert leave(*command, "--estimate", "--json", "--price", "1,2") == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])["estimate"]
        assert server.served == 0 and not (root / "evaluation").exists()
        assert leave(*command) == 0
        assert told["total"]["requests"] == server.served and told["cost"] > 0


def test_a_spent_budget_ends_with_4_and_is_continued(made: tuple[Facts, Path]) -> None:
    facts, root = made
    with VlmServer(reply=facts.reply) as server:
        command = ("evaluate", root, "--retriever", "bm25", "--vlm", f"openai:m@{server.url}")
        assert leave(*command, "--set", "vlm.max_requests=20") == 4
        assert not (root / "evaluation").exists()
        assert leave(*command) == 0
        assert (root / "evaluation" / "test.json").exists()
        assert set(Counter(json.dumps(one, sort_keys=True) for one in server.payloads).values()) == {1}


def test_answers_of_batches_are_collected_by_later_runs(made: tuple[Facts, Path]) -> None:
    facts, root = made
    with BatchServer(reply=facts.reply) as server:
        command = (
            "evaluate",
            root,
            "--retriever",
            "bm25",
            "--vlm",
            f"openai:m@{server.url}",
            "--set",
            "vlm.batch=true",
        )
        codes = [leave(*command)]
        while codes[-1] == 4 and len(codes) < 6:
            codes.append(leave(*command))
        assert codes[-1] == 0 and len(server.batches) == len(codes) - 1 > 0
        assert server.served == 0 and set(server.asked.values()) == {1}
    assert (root / "evaluation" / "test.json").exists()


@pytest.mark.timeout(120)
def test_killed_it_goes_on_and_asks_nothing_twice(made: tuple[Facts, Path]) -> None:
    facts, root = made
    calm = root.parent / "calm"
    shutil.copytree(root, calm)
    with VlmServer(reply=facts.reply, latency=0.1) as server:
        command = (
            "evaluate",
            root,
            "--retriever",
            "bm25",
            "--vlm",
            f"openai:m@{server.url}",
            "--set",
            "vlm.concurrency=4",
        )
        with started(*command) as process:
            until = time.monotonic() + 60
            while server.served < 30 and time.monotonic() < until:
                time.sleep(0.02)
            process.kill()
            assert wait_for_none(process.pid) == []
        assert 30 <= server.served < 128
        assert leave(*command) == 0
        counts = Counter(json.dumps(one, sort_keys=True) for one in server.payloads)
        # At most the requests in flight are repeated.
        assert sum(count - 1 for count in counts.values()) <= 4
    with VlmServer(reply=facts.reply) as server:
        nyxqa.evaluate(calm, "bm25", vlm=f"openai:m@{server.url}")
    assert (root / "evaluation" / "test.json").read_bytes() == (calm / "evaluation" / "test.json").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--vlm", "extractive"), "name a model: openai:MODEL@URL"),
        (("--vlm", "openai:m@http://127.0.0.1:9/v1", "--set", "feedback.top_k=1"), "reads section [vlm] alone"),
        (("--vlm", "openai:m@http://127.0.0.1:9/v1", "--top-k", "-1"), "at least 0"),
        (("--estimate",), "name it with --vlm"),
    ],
)
def test_one_line_says_what_is_wrong(
    arguments: tuple[str, ...], message: str, bare: tuple[Facts, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("evaluate", bare[1], "--retriever", "bm25", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_question_without_a_known_document_is_answered_but_not_scored_for_retrieval(tmp_path: Path) -> None:
    """Questions that only table qa has: with options, without, and one that nothing can answer."""
    facts = Facts(16, 20)
    triplets_of = facts.tiny.tables["triplets"]["train"]
    alone = {row["query_id"] for row in triplets_of if row["pool"] == "web"}
    facts.tiny.tables["triplets"]["train"] = [row for row in triplets_of if row["query_id"] not in alone]
    for number, row in enumerate(facts.tiny.tables["qa"]["train"]):
        row |= {"doc_id": "", "page_id": "", "kind": ""}
        if number == 0:
            row |= {"choices": [], "label": -1, "answers": []}
        elif number % 2 and row["answers"]:  # the model knows some by their options alone
            row |= {"choices": [], "label": -1, "answers": row["answers"]}
    asked_in_test(facts, tmp_path)
    with VlmServer(reply=facts.reply) as server:
        result = nyxqa.evaluate(tmp_path, "bm25", vlm=f"openai:m@{server.url}", top_k=[0, 3])
        assert server.served == 2 * (16 - 1)
    counts = {
        line["metric"]: line["count"]
        for line in result["lines"]
        if (line["system"], line["dataset"], line["kind"]) == ("bm25", "all", "all")
    }
    assert (counts["golden@1"], counts["correct"]) == (2, 15)
    assert counts["accuracy"] + counts["em"] == 15 and counts["em"] == counts["f1"] > counts["golden@1"]
    assert sum(cell["questions"] for cell in result["golden_correct"] if cell["dataset"] == "all") == 2


def test_unusable_answers_are_wrong_and_counted_until_they_are_asked_again(tmp_path: Path) -> None:
    facts = asked_in_test(Facts(16, 20), tmp_path)
    broken = {fact.code for fact in facts.facts if fact.number % 4 == 0}

    def script(number: int, payload: Payload) -> Act:
        code = prompt_text(payload).rpartition("What is ")[2].split("?")[0].split()[0]
        return Act("refusal") if code in broken else Act()

    with VlmServer(script=script, reply=facts.reply) as server:
        first = nyxqa.evaluate(tmp_path, "bm25", vlm=f"openai:m@{server.url}", top_k=[1])["systems"][0]
    assert first["failed"] == len(broken)
    with VlmServer(reply=facts.reply) as server:
        again = nyxqa.evaluate(tmp_path, "bm25", vlm=f"openai:m@{server.url}", top_k=[1])["systems"][0]
        assert again == first and server.served == 0
        retried = nyxqa.evaluate(tmp_path, "bm25", vlm=f"openai:m@{server.url}", top_k=[1], retry_failed=True)
        assert server.served == len(broken)
    assert retried["systems"][0]["failed"] == 0
    assert retried["systems"][0]["correct"] >= first["correct"]
