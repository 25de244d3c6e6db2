"""Answers of an endpoint are stored: requested once, retained over kills, budgets and failures."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from nyxqa.builders.vlm.openai.limits import EndpointPolicy
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmDocument
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import BudgetError, WorldError
from tests.support.model_answers import echo, model, number_of, vlm_requests
from tests.support.running import ROOT
from tests.support.vlm_server import Act, Payload, VlmServer


def test_a_stored_answer_is_never_requested_again_even_from_another_url(tmp_path: Path) -> None:
    with VlmServer(reply=echo) as first:
        vlm = model(first, tmp_path)
        once = list(vlm.answer(vlm_requests(30)))
        assert list(vlm.answer(vlm_requests(30))) == once
        vlm.close()
    with VlmServer(reply=echo) as second:
        vlm = model(second, tmp_path, concurrency=3)
        assert list(vlm.answer(vlm_requests(31)))[:30] == once
        assert vlm.totals() == {"requests": 31, "prompt_tokens": 310, "completion_tokens": 155}
        vlm.close()
    assert (first.served, second.served) == (30, 1)


def test_equal_requests_in_flight_are_sent_once(tmp_path: Path) -> None:
    with VlmServer(reply=echo, latency=0.05) as server:
        vlm = model(server, tmp_path)
        assert list(vlm.answer(vlm_requests(1) * 8)) == [Answered("answer 0")] * 8
        vlm.close()
    assert server.served == 1


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"max_pixels": 999}, True),
        ({"answer_tokens": 99}, True),
        ({"concurrency": 2}, False),
        ({"max_requests": 9}, False),
    ],
)
def test_the_key_holds_what_decides_the_answer(tmp_path: Path, change: dict[str, int], again: bool) -> None:
    with VlmServer() as server:
        for section in ({}, change):
            vlm = model(server, tmp_path, **section)
            assert list(vlm.answer(vlm_requests(1))) == [Answered("38 metres")]
            vlm.close()
    assert server.served == 1 + again


def test_failures_are_stored_and_retried_only_on_demand(tmp_path: Path) -> None:
    sick = True

    def script(number: int, payload: Payload) -> Act:
        return Act("status", 500) if sick and number_of(payload) % 5 == 0 else Act()

    with VlmServer(script, echo) as server:
        vlm = model(server, tmp_path, EndpointPolicy(attempts=2, first_wait=0.01, longest_wait=0.01))
        before = list(vlm.answer(vlm_requests(20)))
        vlm.close()
        sick, served = False, server.served
        vlm = model(server, tmp_path)
        assert list(vlm.answer(vlm_requests(20))) == before
        assert server.served == served
        vlm.close()
        vlm = model(server, tmp_path, retry_failed=True)
        assert list(vlm.answer(vlm_requests(20))) == [Answered(f"answer {n}") for n in range(20)]
        assert server.served == served + 4
        vlm.close()
    assert [n for n, outcome in enumerate(before) if isinstance(outcome, Failed)] == [0, 5, 10, 15]


def test_unparsable_answers_fail_and_stay_stored(tmp_path: Path) -> None:
    source = VlmDocument("d", Content("Varn."))
    with VlmServer(lambda number, payload: Act("cut", text='{"pairs": [{"question": "Who')) as server:
        vlm = model(server, tmp_path)
        detail = "cut off at the limit of 16384 tokens, and before at 4096, with nothing usable"
        expected = [Failed("unparsable", detail)]
        assert list(vlm.questions([source], 5)) == list(vlm.questions([source], 5)) == expected
        vlm.close()
    assert server.served == 2


@pytest.mark.parametrize("budget", [{"max_requests": 20}, {"max_tokens": 300}])
def test_a_spent_budget_stops_and_answers_in_flight_are_stored(tmp_path: Path, budget: dict[str, int]) -> None:
    with VlmServer(reply=echo, latency=0.01) as server:
        vlm = model(server, tmp_path, **budget)
        with pytest.raises(BudgetError) as caught:
            list(vlm.answer(vlm_requests(100)))
        assert caught.value.exit_code == 4
        assert vlm.totals()["requests"] == server.served
        assert 20 <= server.served <= 28
        vlm.close()
        vlm = model(server, tmp_path)
        assert len(list(vlm.answer(vlm_requests(100)))) == 100
        vlm.close()
    assert server.served == 100


def test_a_store_has_one_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nyxqa.builders.vlm.openai.answer_store._LOCK_TIMEOUT", 0.1)
    with VlmServer() as server:
        first, second = model(server, tmp_path), model(server, tmp_path)
        list(first.answer(vlm_requests(1)))
        with pytest.raises(WorldError, match="another build"):
            list(second.answer(vlm_requests(1)))
        first.close()
        assert list(second.answer(vlm_requests(1))) == [Answered("38 metres")]
        second.close()


KILLED = """
    import sys
    from pathlib import Path
    from nyxqa.builders.vlm.openai.model import OpenAiVlm
    from nyxqa.schemas.recipe import VlmSection
    from tests.support.model_answers import FAST_RETRIES, vlm_requests
    url, folder = sys.argv[1:]
    vlm = OpenAiVlm("m", url, VlmSection(concurrency=8), 42, Path(folder), retry_policy=FAST_RETRIES)
    for outcome in vlm.answer(vlm_requests(400)):
        print(outcome.value, flush=True)
"""


def test_after_kill_9_only_requests_in_flight_are_sent_again(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(textwrap.dedent(KILLED))
    folder = tmp_path / "answers"
    with VlmServer(reply=echo, latency=0.02) as server:
        command = [sys.executable, str(script), server.url, str(folder)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}
        for round_ in range(5):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
                assert process.stdout is not None
                for _ in range(40 + 45 * round_):
                    assert process.stdout.readline().startswith("answer")
                process.send_signal(signal.SIGKILL)
        vlm = model(server, folder)
        assert list(vlm.answer(vlm_requests(400))) == [Answered(f"answer {n}") for n in range(400)]
        vlm.close()
    repeated = Counter(number_of(payload) for payload in server.payloads)
    assert set(repeated) == set(range(400))
    assert 400 <= server.served <= 400 + 5 * 8
