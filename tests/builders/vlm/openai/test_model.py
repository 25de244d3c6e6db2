"""A model behind a scripted server: no item lost, every failure reported, no secret leaked."""

from __future__ import annotations

import base64
import logging
import time
from collections import Counter
from pathlib import Path

import pytest

from nyxqa.builders.vlm.openai.limits import EndpointPolicy
from nyxqa.builders.vlm.openai.model import OpenAiVlm
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmDocument
from nyxqa.schemas.chance import chance, keyed_hash
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import NyxqaError, WorldError
from nyxqa.schemas.recipe import VlmSection
from tests.support.model_answers import FAST_RETRIES, SECRET, echo, model, number_of, vlm_image, vlm_requests
from tests.support.vlm_server import Act, Payload, VlmServer


def faults(number: int, payload: Payload) -> Act:
    """A burst of every fault; a retry draws again, except that request 7 always fails."""
    if number_of(payload) == 7:
        return Act("html", status=500)
    kinds = [Act("status", 429, (("Retry-After", "0.02"),)), Act("status", 500), Act("status", 503), Act("status", 408)]
    kinds += [Act("drop"), Act("half"), Act("garbage"), Act("html"), Act("choices", count=2), Act("choices", count=0)]
    kinds += [Act("no_text"), Act("status", 409)]
    return kinds[keyed_hash(0, "kind", str(number)) % len(kinds)] if chance(0, "fault", str(number)) < 0.3 else Act()


def test_no_item_is_lost_and_order_is_kept_whatever_the_server_does(tmp_path: Path) -> None:
    with VlmServer(faults, echo, latency=0.002) as server:
        vlm = model(server, tmp_path, EndpointPolicy(attempts=10, first_wait=0.01, longest_wait=0.05, read=0.5))
        outcomes = list(vlm.answer(iter(vlm_requests(200))))
        vlm.close()
    expected = [Answered(f"answer {n}") for n in range(200)]
    assert outcomes[:7] + outcomes[8:] == expected[:7] + expected[8:]
    assert outcomes[7] == Failed("server_error", "HTTP 500, 10 times")
    assert server.most_at_once <= 8


def test_a_slow_head_does_not_stop_the_others(tmp_path: Path) -> None:
    hung = Counter[int]()

    def script(number: int, payload: Payload) -> Act:
        hung[number_of(payload)] += 1
        return Act("hang") if number_of(payload) == 0 and hung[0] == 1 else Act()

    with VlmServer(script, echo) as server:
        vlm = model(server, tmp_path, EndpointPolicy(first_wait=0.01, longest_wait=0.05, read=1.5))
        outcomes = vlm.answer(iter(vlm_requests(60)))
        assert next(outcomes) == Answered("answer 0")
        assert server.served >= 50
        assert len(list(outcomes)) == 59
        vlm.close()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (Act("status", 401), "NYXQA_API_KEY"),
        (Act("status", 403), "403"),
        (Act("status", 404), "does not know the model"),
        (Act("status", 302, (("Location", "/login"),)), "redirects"),
        (Act("status", 500), "consecutive requests got no answer"),
        (Act("html", 200), "consecutive requests got no answer"),
    ],
)
def test_an_endpoint_that_refuses_or_is_dead_stops_the_run_with_one_line(
    tmp_path: Path, act: Act, message: str
) -> None:
    with VlmServer(lambda number, payload: act) as server:
        vlm = model(server, tmp_path, EndpointPolicy(attempts=2, first_wait=0.01, longest_wait=0.01, streak=5))
        with pytest.raises(WorldError, match=message) as caught:
            list(vlm.answer(vlm_requests(500)))
        vlm.close()
    assert "\n" not in str(caught.value)
    assert server.served < 60


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with VlmServer() as server:
        pass
    vlm = model(server, tmp_path, EndpointPolicy(attempts=2, first_wait=0.01, longest_wait=0.01))
    with pytest.raises(WorldError, match=r"cannot reach http://127.0.0.1:\d+/v1"):
        list(vlm.answer(vlm_requests(3)))
    vlm.close()


def test_a_request_that_is_itself_bad_fails_alone(tmp_path: Path) -> None:
    with VlmServer(lambda n, payload: Act("status", 400) if number_of(payload) == 3 else Act(), echo) as server:
        vlm = model(server, tmp_path)
        outcomes = list(vlm.answer(vlm_requests(10)))
        vlm.close()
    assert outcomes[3] == Failed("refused_request", "HTTP 400: scripted")
    assert sum(isinstance(outcome, Answered) for outcome in outcomes) == 9


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    with VlmServer(lambda n, payload: Act("status", 429, (("Retry-After", "0.4"),)) if n == 0 else Act()) as server:
        vlm = model(server, tmp_path)
        started = time.perf_counter()
        assert list(vlm.answer(vlm_requests(1))) == [Answered("38 metres")]
        assert time.perf_counter() - started >= 0.4
        vlm.close()


def test_no_key_header_or_image_reaches_logs_errors_or_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    red = vlm_image("red")
    source = VlmDocument("d", Content("<|image|>", (red,)))
    with VlmServer(lambda n, payload: Act("status", (429, 500, 200, 401)[n] if n < 4 else 200)) as server:
        server.script = lambda n, payload: Act() if n == 2 else Act("status", 401 if n > 2 else 500)
        vlm = OpenAiVlm(
            "m", server.url.replace("//", "//user:hidden@"), VlmSection(), 42, tmp_path, retry_policy=FAST_RETRIES
        )
        assert isinstance(next(vlm.questions([source], 1)), Answered)
        with pytest.raises(NyxqaError) as caught:
            list(vlm.answer(vlm_requests(3)))
        vlm.close()
    written = "".join(capfd.readouterr()) + caplog.text + str(caught.value) + repr(vlm.info)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (SECRET, "Bearer", "hidden", base64.b64encode(red.data).decode()[:40]):
        assert secret not in written
        assert secret.encode() not in stored
    assert red.data not in stored
    assert len(stored) > 0


def test_an_answer_that_drips_ends_at_the_limit_of_seconds_and_is_not_asked_again(tmp_path: Path) -> None:
    """A byte comes every 0.05 s, so the limit between two pieces never strikes; the whole would take ten seconds."""

    def one_drips(number: int, payload: Payload) -> Act:
        return Act("drip") if number_of(payload) == 2 else Act()

    policy = EndpointPolicy(attempts=3, first_wait=0.01, longest_wait=0.02, read=5.0, total=0.3)
    with VlmServer(one_drips, echo) as server:
        vlm = model(server, tmp_path, policy)
        outcomes = list(vlm.answer(vlm_requests(4)))
        vlm.close()
        assert [number_of(payload) for payload in server.payloads].count(2) == 1
    assert outcomes[2] == Failed("no_answer", "no complete answer within 0.3 s")
    assert [outcomes[n] for n in (0, 1, 3)] == [Answered(f"answer {n}") for n in (0, 1, 3)]
