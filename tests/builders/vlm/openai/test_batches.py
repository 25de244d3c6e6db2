"""Batches that fail, expire, are cut off or refused: what was answered is kept, the rest is asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.vlm.openai.batch.request_files import FileLimits
from nyxqa.builders.vlm.openai.model import OpenAiVlm
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmDocument, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import BudgetError, PendingError, WorldError
from tests.support.batch_server import BatchServer
from tests.support.model_answers import echo, model, number_of, vlm_image, vlm_requests
from tests.support.vlm_server import Act, Payload, default_reply, prompt_text

COUNT = 10


def echo_or_default(payload: Payload) -> str:
    return echo(payload) if "question number" in prompt_text(payload) else default_reply(payload)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(reply=echo_or_default) as running:
        yield running


def once(vlm: OpenAiVlm, requests: list[VlmRequest]) -> list[Any]:
    """Outcomes, or the submission of what is missing; then the model is closed as at the end of a run."""
    try:
        vlm.collect()
        return list(vlm.answer(requests))
    except PendingError:
        vlm.submit()
        return []
    finally:
        vlm.close()


def run(server: BatchServer, folder: Path, runs: int, **section: int | bool) -> list[Any]:
    """Outcomes after exactly so many runs."""
    for number in range(1, runs + 1):
        outcomes = once(model(server, folder, batch=True, **section), vlm_requests(COUNT))
        assert bool(outcomes) == (number == runs), number
    return outcomes


def answers(outcomes: list[Any]) -> list[str]:
    return [outcome.value if isinstance(outcome, Answered) else outcome.reason for outcome in outcomes]


EXPECTED = [f"answer {number}" for number in range(COUNT)]


def test_answers_come_in_input_order_and_count_as_direct_ones(server: BatchServer, tmp_path: Path) -> None:
    assert answers(run(server, tmp_path, 2)) == EXPECTED
    vlm = model(server, tmp_path)
    assert answers(list(vlm.answer(vlm_requests(COUNT)))) == EXPECTED, "the keys are those of a direct run"
    assert vlm.totals()["completion_tokens"] == 5 * (COUNT + 1)
    assert server.served == 0
    assert len(server.batches) == 1


@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_what_a_batch_left_unanswered_is_asked_again(server: BatchServer, state: str, tmp_path: Path) -> None:
    server.ends = lambda number: state if number == 0 else "completed"
    assert answers(run(server, tmp_path, 3)) == EXPECTED
    assert len(server.lines(1)) == COUNT - COUNT // 2
    assert set(server.asked.values()) == {1, 2}


def test_a_batch_under_way_ends_the_run_and_asks_nothing(server: BatchServer, tmp_path: Path) -> None:
    server.ends = lambda number: "in_progress"
    run_one = model(server, tmp_path, batch=True)
    assert once(run_one, vlm_requests(COUNT)) == []
    for _ in range(2):
        vlm = model(server, tmp_path, batch=True)
        with pytest.raises(
            PendingError, match=rf"submitted {COUNT} requests in 1 batch .*1 in_progress, 0 requests done"
        ):
            vlm.collect()
        vlm.close()
    server.ends = lambda number: "completed"
    assert answers(run(server, tmp_path, 1)) == EXPECTED
    assert set(server.asked.values()) == {1}


def test_a_batch_that_the_server_refuses_after_all_is_one_line_and_submitted_anew(
    server: BatchServer, tmp_path: Path
) -> None:
    server.ends = lambda number: "failed" if number == 0 else "completed"
    run_one = model(server, tmp_path, batch=True)
    assert once(run_one, vlm_requests(COUNT)) == []
    vlm = model(server, tmp_path, batch=True)
    with pytest.raises(WorldError, match=r"refused the batch: .*Enqueued token limit reached"):
        vlm.collect()
    vlm.close()
    assert answers(run(server, tmp_path, 2)) == EXPECTED


def test_a_request_that_fails_in_three_batches_is_a_failure_and_one_that_recovers_is_not(
    server: BatchServer, tmp_path: Path
) -> None:
    def line(place: int, body: Payload) -> Act:
        number = number_of(body)
        fails = number == 3 or (number == 4 and len(server.batches) < 3)
        return Act("status", 500) if fails else Act()

    server.line = line
    outcomes = run(server, tmp_path, 4)
    assert answers(outcomes) == [*EXPECTED[:3], "server_error", *EXPECTED[4:]]
    assert outcomes[3] == Failed("server_error", "HTTP 500: scripted, in 3 batches")
    assert sorted(server.asked.values()) == [1] * (COUNT - 2) + [3, 3]
    server.line = lambda place, body: Act()
    again = model(server, tmp_path, batch=True, retry_failed=True)
    assert once(again, vlm_requests(COUNT)) == []
    assert answers(run(server, tmp_path, 1)) == EXPECTED, "--retry-failed asks it in a new batch"


def test_a_refused_parameter_is_left_out_of_the_next_batch(server: BatchServer, tmp_path: Path) -> None:
    server.line = lambda place, body: Act("status", 400, text="'seed' is not supported") if "seed" in body else Act()
    assert answers(run(server, tmp_path, 3)) == EXPECTED
    assert all("seed" in line["body"] for line in server.lines(0))
    assert not [line for line in server.lines(1) if "seed" in line["body"]]


def test_what_is_refused_is_agreed_by_a_tiny_request_before_the_batch(tmp_path: Path) -> None:
    """A direct request is answered at once, a batch may take a day."""

    def refuses_seed(number: int, body: Payload) -> Act:
        return Act("status", 400, text="'seed' is not supported") if "seed" in body else Act(text='{"answer": "1911"}')

    with BatchServer(refuses_seed, echo_or_default, scripts_probes=True, line=refuses_seed) as server:
        server.line = lambda place, body: refuses_seed(place, body) if "seed" in body else Act()
        assert answers(run(server, tmp_path, 2)) == EXPECTED
        assert not [line for line in server.lines(0) if "seed" in line["body"]]


def test_an_answer_that_was_cut_off_is_asked_once_more_with_a_larger_limit(server: BatchServer, tmp_path: Path) -> None:
    server.line = lambda place, body: (
        Act("cut", text="") if number_of(body) == 5 and body["max_tokens"] < 1000 else Act()
    )
    assert answers(run(server, tmp_path, 3)) == EXPECTED
    assert [line["body"]["max_tokens"] for line in server.lines(1)] == [4096]


def test_files_hold_as_many_requests_and_bytes_as_the_api_takes(
    server: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nyxqa.builders.vlm.openai.connection.FILE_LIMITS", FileLimits(requests=4))
    assert answers(run(server, tmp_path / "few", 2)) == EXPECTED
    assert [len(server.lines(number)) for number in range(3)] == [4, 4, 2]
    size = len(next(iter(server.files.values()))[1])
    monkeypatch.setattr("nyxqa.builders.vlm.openai.connection.FILE_LIMITS", FileLimits(size=size + 10))
    assert answers(run(server, tmp_path / "small", 2)) == EXPECTED
    assert [len(server.lines(number)) for number in range(3, 6)] == [4, 4, 2]
    assert max(len(data) for name, data in server.files.values() if name.startswith("batch-")) <= size + 10


def test_a_budget_of_requests_limits_a_batch(server: BatchServer, tmp_path: Path) -> None:
    """One of the six is the tiny request of the form."""
    vlm = model(server, tmp_path, batch=True, max_requests=6)
    with pytest.raises(PendingError):
        list(vlm.answer(vlm_requests(COUNT)))
    assert "submitted 5 requests in 1 batch" in (said := vlm.submit())
    assert "vlm.max_requests = 6 is spent" in said
    vlm.close()
    assert answers(run(server, tmp_path, 2, max_requests=6)) == EXPECTED
    assert set(server.asked.values()) == {1}


def test_a_budget_that_allows_nothing_ends_the_run(server: BatchServer, tmp_path: Path) -> None:
    vlm = model(server, tmp_path, batch=True, max_requests=1)
    with pytest.raises(PendingError):
        list(vlm.answer(vlm_requests(COUNT)))
    with pytest.raises(BudgetError, match=r"vlm.max_requests = 1 is spent"):
        vlm.submit()
    assert server.batches == []


def test_pictures_are_sent_in_batches_and_conversations_take_a_batch_a_turn(
    server: BatchServer, tmp_path: Path
) -> None:
    document = VlmDocument("d", Content("A tower. <|image|>", (vlm_image("red"),)))

    def talk() -> Any:
        first = yield VlmRequest("a", Content("question number 1?"), "", (document,))
        second = yield VlmRequest("b", Content(f"{first.value}: question number 2?"), "", (document,))
        return [first.value, second.value]

    found: list[Any] = []
    for expected in (False, False, True):
        vlm = model(server, tmp_path, batch=True)
        try:
            vlm.collect()
            found = list(vlm.converse([talk()]))
        except PendingError:
            vlm.submit()
        vlm.close()
        assert bool(found) == expected
    assert found == [["answer 1", "answer 2"]]
    (line,) = server.lines(1)
    assert "data:image/png;base64," in json.dumps(line)
    assert line["url"] == "/v1/chat/completions"
    assert line["method"] == "POST"


def test_a_direct_run_takes_what_a_batch_answered_and_keeps_its_own_answers(
    server: BatchServer, tmp_path: Path
) -> None:
    server.ends = lambda number: "in_progress"
    assert once(model(server, tmp_path, batch=True), vlm_requests(COUNT)) == []
    vlm = model(server, tmp_path)
    vlm.collect()
    assert "are asked directly now" in " ".join(vlm.notes())
    assert answers(list(vlm.answer(vlm_requests(4)))) == EXPECTED[:4]
    vlm.close()
    server.ends = lambda number: "completed"
    server.reply = lambda payload: '{"answer": "another"}'
    vlm = model(server, tmp_path)
    vlm.collect()
    assert answers(list(vlm.answer(vlm_requests(COUNT)))) == [*EXPECTED[:4], *["another"] * (COUNT - 4)]
    assert server.served == 4


def test_a_server_without_batches_is_one_line(tmp_path: Path) -> None:
    with BatchServer(reply=echo_or_default, has_api=False) as server:
        vlm = model(server, tmp_path, batch=True)
        with pytest.raises(PendingError):
            list(vlm.answer(vlm_requests(1)))
        with pytest.raises(WorldError, match=r"has no batch API \(404\): set vlm.batch = false"):
            vlm.submit()


def test_a_server_that_only_streams_is_not_asked_for_streams_in_a_batch(tmp_path: Path) -> None:
    def only_streams(number: int, body: Payload) -> Act:
        only = "This model only support stream mode, please enable the stream parameter to access the model."
        return Act() if body.get("stream") else Act("status", 400, text=only)

    with BatchServer(only_streams, echo_or_default, scripts_probes=True) as server:
        assert answers(run(server, tmp_path, 2)) == EXPECTED
        assert not [line for line in server.lines(0) if "stream" in line["body"]]
