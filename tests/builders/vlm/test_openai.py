"""A model behind an endpoint, against a scripted server: nothing lost, nothing asked twice, nothing leaked."""

from __future__ import annotations

import base64
import logging
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from nyxqa.builders.vlm.endpoint import Patience
from nyxqa.builders.vlm.openai import OpenAi
from nyxqa.builders.vlm.protocol import Answered, Ask, Failed, Pair, Picture, Source
from nyxqa.builders.vlm.usage import Usage
from nyxqa.schemas.chance import chance, lot
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import BudgetError, NyxqaError, WorldError
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.recipe import VlmSection
from tests.support.vlm_server import Act, Payload, VlmServer, prompt_text

QUICK = Patience(attempts=6, first_wait=0.01, longest_wait=0.05, connect=2.0, read=0.5, streak=16)
SECRET = "sk-test-0123456789abcdef"  # noqa: S105


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NYXQA_API_KEY", SECRET)
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    monkeypatch.delenv("http_proxy", raising=False)


def model(
    server: VlmServer, folder: Path, patience: Patience = QUICK, retry_failed: bool = False, **section: int
) -> OpenAi:
    settings = VlmSection(model="openai:m@x", **{"concurrency": 8, **section})
    return OpenAi("m", server.url, settings, 42, folder, patience=patience, retry_failed=retry_failed)


def asks(count: int) -> list[Ask]:
    document = Source("d", Content("The lighthouse of Varn is 38 metres high."))
    return [Ask(str(n), Content(f"question number {n}?"), "", (document,)) for n in range(count)]


def number_of(payload: Payload) -> int:
    return int(prompt_text(payload).rpartition("question number ")[2].split("?")[0])


def echo(payload: Payload) -> str:
    return f'{{"answer": "answer {number_of(payload)}"}}'


def picture(colour: str, size: tuple[int, int] = (8, 6)) -> Picture:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return Picture(image_id(buffer.getvalue()), colour, buffer.getvalue())


def images_of(payload: Payload) -> list[bytes]:
    parts = payload["messages"][0]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition("base64,")[2]) for url in urls]


def test_all_four_jobs(tmp_path: Path) -> None:
    source = Source("d", Content("Varn. <|image|><|image|>", (picture("red"), picture("blue"))), "Towers")
    ask = Ask("a", Content("How high is it?"), "it rises to a height of 38 metres", (source,))
    with VlmServer() as server:
        vlm = model(server, tmp_path)
        assert list(vlm.questions([source], 1)) == [Answered([Pair("Who built tower 1 of Varn?", "Ada Holt 1")])]
        assert list(vlm.shorten([ask, Ask("b", Content("?"), "short")], 5)) == [
            Answered("38 metres"),
            Answered("short"),
        ]
        assert list(vlm.answer([ask, Ask("c", Content("What?"))])) == [Answered("38 metres")] * 2
        assert list(vlm.distractors([ask], 3)) == [Answered(["one wrong", "two wrong", "three wrong"])]
        vlm.close()
    # Two prompts for a document with two images; "short" needed no request.
    assert server.served == 6
    assert vlm.usage == Usage(requests=6, prompt_tokens=60, completion_tokens=30)
    assert set(vlm.info.prompts) == {
        "questions",
        "questions_multi",
        "shorten",
        "answer",
        "answer_closed",
        "distractors",
    }


def faults(number: int, payload: Payload) -> Act:
    """A burst of every fault; the same request is luckier the next time, but for number 7, which never is."""
    if number_of(payload) == 7:
        return Act("html", status=500)
    kinds = [Act("status", 429, (("Retry-After", "0.02"),)), Act("status", 500), Act("status", 503), Act("status", 408)]
    kinds += [Act("drop"), Act("half"), Act("garbage"), Act("html"), Act("choices", count=2), Act("choices", count=0)]
    kinds += [Act("no_text"), Act("status", 409)]
    return kinds[lot(0, "kind", str(number)) % len(kinds)] if chance(0, "fault", str(number)) < 0.3 else Act()


def test_no_item_is_lost_and_order_is_kept_whatever_the_server_does(tmp_path: Path) -> None:
    with VlmServer(faults, echo, latency=0.002) as server:
        vlm = model(server, tmp_path, Patience(attempts=10, first_wait=0.01, longest_wait=0.05, read=0.5))
        outcomes = list(vlm.answer(iter(asks(200))))
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
        vlm = model(server, tmp_path, Patience(first_wait=0.01, longest_wait=0.05, read=1.5))
        outcomes = vlm.answer(iter(asks(60)))
        assert next(outcomes) == Answered("answer 0")
        assert server.served >= 50
        assert len(list(outcomes)) == 59
        vlm.close()


def test_a_stored_answer_is_never_asked_again_not_even_elsewhere(tmp_path: Path) -> None:
    with VlmServer(reply=echo) as first:
        vlm = model(first, tmp_path)
        once = list(vlm.answer(asks(30)))
        assert list(vlm.answer(asks(30))) == once
        vlm.close()
    with VlmServer(reply=echo) as second:
        vlm = model(second, tmp_path, concurrency=3)
        assert list(vlm.answer(asks(31)))[:30] == once
        assert vlm.totals() == {"requests": 31, "prompt_tokens": 310, "completion_tokens": 155}
        vlm.close()
    assert (first.served, second.served) == (30, 1)


def test_equal_requests_under_way_are_asked_once(tmp_path: Path) -> None:
    with VlmServer(reply=echo, latency=0.05) as server:
        vlm = model(server, tmp_path)
        assert list(vlm.answer(asks(1) * 8)) == [Answered("answer 0")] * 8
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
            assert list(vlm.answer(asks(1))) == [Answered("38 metres")]
            vlm.close()
    assert server.served == 1 + again


def test_failures_are_kept_and_asked_again_only_on_demand(tmp_path: Path) -> None:
    sick = True

    def script(number: int, payload: Payload) -> Act:
        return Act("status", 500) if sick and number_of(payload) % 5 == 0 else Act()

    with VlmServer(script, echo) as server:
        vlm = model(server, tmp_path, Patience(attempts=2, first_wait=0.01, longest_wait=0.01))
        before = list(vlm.answer(asks(20)))
        vlm.close()
        sick, served = False, server.served
        vlm = model(server, tmp_path)
        assert list(vlm.answer(asks(20))) == before
        assert server.served == served
        vlm.close()
        vlm = model(server, tmp_path, retry_failed=True)
        assert list(vlm.answer(asks(20))) == [Answered(f"answer {n}") for n in range(20)]
        assert server.served == served + 4
        vlm.close()
    assert [n for n, outcome in enumerate(before) if isinstance(outcome, Failed)] == [0, 5, 10, 15]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (Act("status", 401), "NYXQA_API_KEY"),
        (Act("status", 403), "403"),
        (Act("status", 404), "does not know the model"),
        (Act("status", 302, (("Location", "/login"),)), "redirects"),
        (Act("status", 500), "requests in a row got no answer"),
        (Act("html", 200), "requests in a row got no answer"),
    ],
)
def test_an_endpoint_that_refuses_or_is_dead_stops_the_run_with_one_line(tmp_path: Path, act: Act, said: str) -> None:
    with VlmServer(lambda number, payload: act) as server:
        vlm = model(server, tmp_path, Patience(attempts=2, first_wait=0.01, longest_wait=0.01, streak=5))
        with pytest.raises(WorldError, match=said) as caught:
            list(vlm.answer(asks(500)))
        vlm.close()
    assert "\n" not in str(caught.value)
    assert server.served < 60


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with VlmServer() as server:
        pass
    vlm = model(server, tmp_path, Patience(attempts=2, first_wait=0.01, longest_wait=0.01))
    with pytest.raises(WorldError, match=r"cannot reach http://127.0.0.1:\d+/v1"):
        list(vlm.answer(asks(3)))
    vlm.close()


def test_a_refusal_by_the_model_is_its_answer(tmp_path: Path) -> None:
    with VlmServer(lambda number, payload: Act("refusal")) as server:
        vlm = model(server, tmp_path)
        assert set(vlm.answer(asks(40))) == {Failed("refused", "the model or its filter refused")}
        vlm.close()
    assert server.served == 40


def test_the_response_format_is_found_out_once(tmp_path: Path) -> None:
    def script(number: int, payload: Payload) -> Act:
        return Act("status", 400) if "response_format" in payload else Act()

    with VlmServer(script, echo) as server:
        vlm = model(server, tmp_path)
        assert list(vlm.answer(asks(40))) == [Answered(f"answer {n}") for n in range(40)]
        vlm.close()
    refused = sum("response_format" in payload for payload in server.payloads)
    # Those that were under way or ready to be sent (twice the concurrency), and one try without bounds.
    assert 2 <= refused <= 2 * 8 + 1
    assert server.served == 40 + refused


def test_a_request_that_is_itself_bad_fails_alone(tmp_path: Path) -> None:
    with VlmServer(lambda n, payload: Act("status", 400) if number_of(payload) == 3 else Act(), echo) as server:
        vlm = model(server, tmp_path)
        outcomes = list(vlm.answer(asks(10)))
        vlm.close()
    assert outcomes[3] == Failed("refused_request", "HTTP 400")
    assert sum(isinstance(outcome, Answered) for outcome in outcomes) == 9


def test_retry_after_is_heeded(tmp_path: Path) -> None:
    with VlmServer(lambda n, payload: Act("status", 429, (("Retry-After", "0.4"),)) if n == 0 else Act()) as server:
        vlm = model(server, tmp_path)
        started = time.perf_counter()
        assert list(vlm.answer(asks(1))) == [Answered("38 metres")]
        assert time.perf_counter() - started >= 0.4
        vlm.close()


def test_unparsable_answers_fail_and_stay_stored(tmp_path: Path) -> None:
    source = Source("d", Content("Varn."))
    with VlmServer(lambda number, payload: Act("cut", text='{"pairs": [{"question": "Who')) as server:
        vlm = model(server, tmp_path)
        expected = [Failed("unparsable", "cut off at the limit of tokens")]
        assert list(vlm.questions([source], 5)) == list(vlm.questions([source], 5)) == expected
        vlm.close()
    assert server.served == 1


@pytest.mark.parametrize("budget", [{"max_requests": 20}, {"max_tokens": 300}])
def test_a_spent_budget_stops_and_what_was_under_way_is_stored(tmp_path: Path, budget: dict[str, int]) -> None:
    with VlmServer(reply=echo, latency=0.01) as server:
        vlm = model(server, tmp_path, **budget)
        with pytest.raises(BudgetError) as caught:
            list(vlm.answer(asks(100)))
        assert caught.value.exit_code == 4
        assert vlm.totals()["requests"] == server.served
        assert 20 <= server.served <= 28
        vlm.close()
        vlm = model(server, tmp_path)
        assert len(list(vlm.answer(asks(100)))) == 100
        vlm.close()
    assert server.served == 100


def test_each_placeholder_gets_its_own_image_in_document_and_question(tmp_path: Path) -> None:
    red, green, blue = picture("red"), picture("green"), picture("blue")
    first = Source("d", Content("one <|image|> two <|image|>", (red, green)))
    second = Source("e", Content("three <|image|>", (blue,)))
    ask = Ask("a", Content("what is <|image|> beside <|image|>?", (blue, red)), "x", (second, first))
    with VlmServer() as server:
        vlm = model(server, tmp_path)
        list(vlm.questions([first], 5))
        list(vlm.answer([ask]))
        list(vlm.distractors([ask], 3))
        vlm.close()
    asked, multi, answered, optioned = server.payloads
    for payload in (asked, multi):
        assert images_of(payload) == [red.data, green.data]
        assert "one <image1>[image] two <image2>[image]" in prompt_text(payload)
    for payload in (answered, optioned):
        assert images_of(payload) == [blue.data, red.data, green.data, blue.data, red.data]
        assert prompt_text(payload).index("three [image]") < prompt_text(payload).index("one [image] two [image]")
        assert "what is [image] beside [image]?" in prompt_text(payload)


def test_images_are_shrunk_to_the_budget_and_a_broken_one_fails_alone(tmp_path: Path) -> None:
    large, small = picture("red", (400, 100)), picture("blue", (20, 20))
    broken = Picture("0" * 64, "", b"no image")
    documents = [Source(str(n), Content("<|image|>", (image,))) for n, image in enumerate((large, broken, small))]
    with VlmServer() as server:
        vlm = model(server, tmp_path, max_pixels=1000, concurrency=1)
        outcomes = list(vlm.questions(documents, 1))
        vlm.close()
    assert [type(outcome) for outcome in outcomes] == [Answered, Failed, Answered]
    assert outcomes[1] == Failed("bad_image", "an image cannot be read: UnidentifiedImageError")
    sent = {Image.open(BytesIO(data)).size: data for payload in server.payloads for data in images_of(payload)}
    assert set(sent) == {(63, 15), (20, 20)}
    assert sent[(20, 20)] == small.data


def test_no_key_header_or_image_reaches_logs_errors_or_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    red = picture("red")
    source = Source("d", Content("<|image|>", (red,)))
    with VlmServer(lambda n, payload: Act("status", (429, 500, 200, 401)[n] if n < 4 else 200)) as server:
        server.script = lambda n, payload: Act() if n == 2 else Act("status", 401 if n > 2 else 500)
        vlm = OpenAi("m", server.url.replace("//", "//user:hidden@"), VlmSection(), 42, tmp_path, patience=QUICK)
        assert isinstance(next(vlm.questions([source], 1)), Answered)
        with pytest.raises(NyxqaError) as caught:
            list(vlm.answer(asks(3)))
        vlm.close()
    written = "".join(capfd.readouterr()) + caplog.text + str(caught.value) + repr(vlm.info)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (SECRET, "Bearer", "hidden", base64.b64encode(red.data).decode()[:40]):
        assert secret not in written
        assert secret.encode() not in stored
    assert red.data not in stored
    assert len(stored) > 0


def test_a_store_has_one_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nyxqa.builders.vlm.store._PATIENCE", 0.1)
    with VlmServer() as server:
        first, second = model(server, tmp_path), model(server, tmp_path)
        list(first.answer(asks(1)))
        with pytest.raises(WorldError, match="another build"):
            list(second.answer(asks(1)))
        first.close()
        assert list(second.answer(asks(1))) == [Answered("38 metres")]
        second.close()


KILLED = """
    import sys
    from pathlib import Path
    from nyxqa.builders.vlm.openai import OpenAi
    from nyxqa.schemas.recipe import VlmSection
    from tests.builders.vlm.test_openai import QUICK, asks
    url, folder = sys.argv[1:]
    vlm = OpenAi("m", url, VlmSection(concurrency=8), 42, Path(folder), patience=QUICK)
    for outcome in vlm.answer(asks(400)):
        print(outcome.value, flush=True)
"""


def test_after_kill_9_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(textwrap.dedent(KILLED))
    folder = tmp_path / "answers"
    with VlmServer(reply=echo, latency=0.02) as server:
        command = [sys.executable, str(script), server.url, str(folder)]
        environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin"}
        for round_ in range(5):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
                assert process.stdout is not None
                for _ in range(40 + 45 * round_):
                    assert process.stdout.readline().startswith("answer")
                process.send_signal(signal.SIGKILL)
        vlm = model(server, folder)
        assert list(vlm.answer(asks(400))) == [Answered(f"answer {n}") for n in range(400)]
        vlm.close()
    repeated = Counter(number_of(payload) for payload in server.payloads)
    assert set(repeated) == set(range(400))
    assert 400 <= server.served <= 400 + 5 * 8
