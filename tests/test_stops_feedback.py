"""Feedback that is killed, out of budget, refused, or in trouble: what was paid for is never paid again."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from nyxqa.cli import main
from nyxqa.schemas.errors import PendingError, WorldError
from nyxqa.schemas.manifest import read_manifest
from tests.support.batch_server import BatchServer
from tests.support.dataset_cache import use_cache
from tests.support.facts import Facts
from tests.support.model_answers import FEW_RETRIES, use_retry_policy
from tests.support.published import table
from tests.support.running import published, started, wait_for_none
from tests.support.vlm_server import Act, Payload, VlmServer, prompt_text

CONCURRENCY = 4
SETTINGS = {"feedback.top_k": 8, "vlm.concurrency": CONCURRENCY}


@dataclass(frozen=True)
class Calm:
    """A dataset without feedback, and what an uninterrupted run makes of it."""

    facts: Facts
    bare: Path
    expected: dict[str, str]
    requests: int

    def copy(self, folder: Path) -> Path:
        shutil.copytree(self.bare, folder / "out")
        return folder / "out"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    use_cache(monkeypatch, tmp_path_factory.getbasetemp() / "cache")


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    use_retry_policy(monkeypatch, replace(FEW_RETRIES, read=5.0))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calm]:
    folder = tmp_path_factory.mktemp("calm")
    facts = Facts(64, 40)
    facts.write(folder / "bare")
    shutil.copytree(folder / "bare", folder / "out")
    with VlmServer(reply=facts.reply) as server:
        feedback(folder / "out", order(server), Progress())
        yield Calm(facts, folder / "bare", published(folder / "out"), server.served)


def order(server: VlmServer, retry: bool = False, **settings: object) -> FeedbackOptions:
    return FeedbackOptions("bm25", f"openai:m@{server.url}", None, {**SETTINGS, **settings}, retry)


def arguments(out: Path, url: str, *more: str) -> list[str]:
    sets = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    return ["feedback", str(out), "--retriever", "bm25", "--vlm", f"openai:m@{url}", *sets, *more]


def asked(server: VlmServer) -> Counter[str]:
    return Counter(json.dumps(payload, sort_keys=True) for payload in server.payloads)


@pytest.mark.timeout(240)
def test_killed_three_times_it_loses_no_stored_answer(calm: Calm, tmp_path: Path) -> None:
    out = calm.copy(tmp_path)
    before = published(out)
    with VlmServer(reply=calm.facts.reply, latency=0.03) as server:
        for kill in range(1, 4):
            with started(*arguments(out, server.url)) as process:
                until = time.monotonic() + 60
                while server.served < kill * calm.requests // 4 and time.monotonic() < until:
                    time.sleep(0.005)
                assert process.poll() is None
                process.kill()
                process.wait()
                assert wait_for_none(process.pid) == []
            assert published(out) == before
        feedback(out, order(server), Progress())
        repeated = sum(count - 1 for count in asked(server).values())
        assert len(asked(server)) == calm.requests
        assert repeated <= 3 * CONCURRENCY
    assert published(out) == calm.expected


def test_answers_in_any_order_and_any_number_at_once_give_the_same_bytes(calm: Calm, tmp_path: Path) -> None:
    """Every third answer is slow, and others overtake it."""

    def slow(payload: Payload) -> str:
        if len(prompt_text(payload)) % 3 == 0:
            time.sleep(0.01)  # holds up the whole server
        return calm.facts.reply(payload)

    for number, count in enumerate((1, 64)):
        (tmp_path / str(number)).mkdir()
        out = calm.copy(tmp_path / str(number))
        with VlmServer(reply=slow, latency=0.002) as server:
            feedback(out, order(server, **{"vlm.concurrency": count}), Progress())
            assert server.most_at_once <= count
            assert server.served == calm.requests
        assert published(out) == calm.expected


@pytest.mark.parametrize("budget", [{"vlm.max_requests": 90}, {"vlm.max_tokens": 90 * 15}])
def test_a_spent_budget_leaves_the_dataset_as_it_was_and_a_new_one_goes_on(
    budget: dict[str, int], calm: Calm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = calm.copy(tmp_path)
    before = published(out)
    ((name, most),) = budget.items()
    with VlmServer(reply=calm.facts.reply) as server:
        with pytest.raises(SystemExit) as left:
            main(arguments(out, server.url, "--set", f"{name}={most}"))
        assert left.value.code == 4
        assert f"{name} = {most} is spent" in capsys.readouterr().err
        assert 90 <= server.served + len(server.probes) < 90 + 2 * CONCURRENCY
        assert published(out) == before
        feedback(out, order(server), Progress())
        assert server.served == len(asked(server)) == calm.requests
    assert published(out) == calm.expected


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize(
    ("act", "named"),
    [(Act("status", 401), "refuses the key (401)"), (Act("status", 503), "consecutive requests got no answer")],
)
def test_a_dead_endpoint_ends_it_with_one_line(
    act: Act, named: str, calm: Calm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = calm.copy(tmp_path)
    before = published(out)
    with VlmServer(lambda number, payload: act) as server, pytest.raises(SystemExit) as left:
        main(arguments(out, server.url))
    assert left.value.code == 1
    assert named in capsys.readouterr().err.splitlines()[-1]
    assert published(out) == before


@pytest.mark.usefixtures("_quick")
def test_what_the_model_refuses_is_null_in_the_row_and_a_line_in_the_ledger(calm: Calm, tmp_path: Path) -> None:
    """Asked again on demand, and then as if it had never failed."""
    out = calm.copy(tmp_path)

    def script(number: int, payload: Payload) -> Act:
        return Act("refusal") if refusing and len(prompt_text(payload)) % 7 == 0 else Act()

    refusing = True
    with VlmServer(script, calm.facts.reply) as server:
        feedback(out, order(server), Progress())
        rows = table(out, "feedback")
        failed = {
            (row["query_id"], one["rank"]) for row in rows for one in row["candidates"] if one["prediction"] is None
        }
        assert failed
        for row in rows:
            null = {one["doc_id"] for one in row["candidates"] if one["correct"] is None}
            assert all(one["f1"] is None for one in row["candidates"] if one["doc_id"] in null)
            assert not null & {*row["positive_ids"], *row["negative_ids"]}
        ledger = [row for row in table(out, "ledger") if row["stage"] == "feedback" and row["item_type"] == "row"]
        noted = {(row["parent_id"], row["item_id"].partition(":")[2]) for row in ledger}
        assert {(query, str(rank)) for query, rank in failed} <= noted
        assert {row["reason"] for row in ledger} == {"refused"}
        told = read_manifest(out).summary["feedback"]
        assert told["failed"] >= len(noted)
        refusing, served = False, server.served
        feedback(out, order(server), Progress())
        assert server.served == served
        feedback(out, order(server, retry=True), Progress())
        assert {path: one for path, one in published(out).items() if path != "README.md"} == {
            path: one for path, one in calm.expected.items() if path != "README.md"
        }


def test_equal_questions_are_asked_once(calm: Calm, tmp_path: Path) -> None:
    """Two data sets ask the same: their prompts are one request, and counted as shared."""
    out = tmp_path / "out"
    facts = Facts(16, 20)
    twins = [
        {**row, "dataset": "twin", "query_id": row["query_id"][::-1]} for row in facts.tiny.rows("triplets", "train")
    ]
    listed = [*facts.tiny.rows("triplets", "train"), *twins]
    facts.tiny.tables["triplets"]["train"] = sorted(listed, key=lambda row: (row["dataset"], row["query_id"]))
    facts.write(out)
    with VlmServer(reply=facts.reply) as server:
        feedback(out, order(server), Progress())
        told = read_manifest(out).summary["feedback"]
        optional = sum(not row["answers"] for row in twins)  # whose options stand in ``qa`` under the other id
        assert optional == 2
        assert server.served == len(asked(server)) == told["asked"] - told["shared"]
        assert told["shared"] > 50
    by_dataset = {
        name: [
            row["candidates"]
            for row in sorted(table(out, "feedback"), key=lambda row: row["candidates"][0]["score"])
            if (row["dataset"] == "twin") == (name == "twin")
        ]
        for name in ("twin", "own")
    }
    assert all(one in by_dataset["own"] for one in by_dataset["twin"])
    assert {row["reason"] for row in table(out, "ledger") if row["reason"] == "no_answers"} == {"no_answers"}


def test_the_server_is_asked_before_anything_is_read(calm: Calm, tmp_path: Path) -> None:
    """A dead server costs no search; a finished run needs none."""
    out = calm.copy(tmp_path)
    with VlmServer(reply=calm.facts.reply) as server:
        options = order(server)
    with pytest.raises(WorldError, match="is the server running"):
        feedback(out, options, Progress())
    assert not list((out / ".work").rglob("candidates*"))
    with VlmServer(reply=calm.facts.reply) as server:
        feedback(out, order(server), Progress())
        assert len(server.probes) == 2, "with pictures"
        options = order(server)
    assert not feedback(out, options, Progress()).changed


def test_the_time_left_is_shown_while_questions_are_answered(
    calm: Calm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with VlmServer(reply=calm.facts.reply, latency=0.01) as server:
        feedback(calm.copy(tmp_path), order(server), Progress(interval=0.2))
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("feedback train: ")]
    assert any(re.search(r"of 64 questions, \d+ requests, .*in flight, .* left$", line) for line in said), said


def test_feedback_in_batches_gives_the_labels_of_a_direct_run(calm: Calm, tmp_path: Path) -> None:
    out = calm.copy(tmp_path)
    with BatchServer(reply=calm.facts.reply) as server:
        options = order(server, **{"vlm.batch": True})
        for _ in range(12):
            try:
                feedback(out, options, Progress())
                break
            except PendingError as error:
                assert str(error).startswith("submitted ")
        assert server.served == 0
        assert set(server.asked.values()) == {1}
        assert sum(server.asked.values()) == calm.requests
    data = {path: digest for path, digest in published(out).items() if path.startswith("data/")}
    assert data == {path: digest for path, digest in calm.expected.items() if path.startswith("data/")}
