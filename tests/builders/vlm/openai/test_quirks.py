"""Servers with every known quirk: every document gets its questions, answers and options."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from nyxqa.builders.vlm.openai.limits import EndpointPolicy
from nyxqa.builders.vlm.openai.model import OpenAiVlm
from nyxqa.builders.vlm.protocol import Answered, Failed, QaPair, VlmDocument, VlmImage, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.recipe import VlmSection
from tests.support.model_answers import SECRET, vlm_image
from tests.support.vlm_quirks import QUIRKS, Body, Played, Quirk, completion, refused, returned
from tests.support.vlm_server import default_reply, prompt_text

POLICY = EndpointPolicy(attempts=4, first_wait=0.01, longest_wait=0.02, jitter=0.0, read=2.0, total=2.0, streak=9)


@contextmanager
def served(quirk: Quirk) -> Iterator[tuple[str, list[Body]]]:
    """Base URL of a server with the quirk, and the requests that it got."""
    bodies: list[Body] = []
    tries: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append(body)
            prompt = prompt_text(body)
            text = default_reply(body)
            status, headers, data = quirk(body, text, tries[prompt]) or completion(text)
            tries[prompt] += 1
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Transfer-Encoding" not in headers:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", bodies
    finally:
        server.shutdown()
        server.server_close()


def opened(url: str, folder: Path) -> OpenAiVlm:
    return OpenAiVlm("m", url, VlmSection(model="openai:m@x", concurrency=2), 42, folder, retry_policy=POLICY)


def noisy(kind: str, size: tuple[int, int], colour: str = "blue") -> VlmImage:
    buffer = BytesIO()
    image = Image.new("RGB", size, colour)
    image.paste(Image.effect_noise((size[0] - 8, size[1]), 90).convert("RGB"), (8, 0)) if size[1] > 90 else None
    image.save(buffer, kind, lossless=True)
    return VlmImage(image_id(buffer.getvalue()), colour, buffer.getvalue())


DOCUMENTS = [
    VlmDocument("text", Content("The tower of Varn.")),
    VlmDocument("webp", Content("The gate of Varn. <|image|>", (noisy("WEBP", (64, 48)),))),
    VlmDocument("line", Content("The road of Varn. <|image|>", (noisy("PNG", (900, 3)),))),
    VlmDocument("large", Content("The wall of Varn. <|image|>", (noisy("PNG", (160, 120)),))),
    VlmDocument(
        "red",
        Content("The lamp of Varn. <|image|> and <|image|>", (vlm_image("red", (40, 40)), noisy("PNG", (50, 50)))),
    ),
]  # fmt: skip
PAIRS = [QaPair(f"Who built tower {n} of Varn?", f"Ada Holt {n}") for n in (1, 2)]


@pytest.mark.parametrize("played", QUIRKS, ids=lambda played: played.name)
def test_no_document_is_lost_to_a_quirk(played: Played, tmp_path: Path) -> None:
    asked = [
        VlmRequest(d.key, Content("How high is it?"), "it rises to a height of 38 metres", (d,)) for d in DOCUMENTS
    ]
    with served(played.quirk) as (url, _):
        vlm = opened(url, tmp_path)
        assert [getattr(found, "value", found) for found in vlm.questions(DOCUMENTS, 5)] == [PAIRS] * len(DOCUMENTS)
        assert list(vlm.answer(asked)) == [Answered("38 metres")] * len(asked)
        assert list(vlm.refine(asked, 5)) == [Answered(QaPair("", "38 metres"))] * len(asked)
        assert list(vlm.distractors(asked, 3)) == [Answered(["one wrong", "two wrong", "three wrong"])] * len(asked)
        vlm.close()


def test_there_are_enough_quirks() -> None:
    assert len(QUIRKS) >= 40


def test_what_was_agreed_is_stored_and_said_once(tmp_path: Path) -> None:
    quirk = next(played.quirk for played in QUIRKS if played.name == "max_tokens renamed")
    with served(quirk) as (url, bodies):
        for run in range(2):
            vlm = opened(url, tmp_path)
            list(vlm.questions(DOCUMENTS[run : run + 1], 5))
            assert len(vlm.notes()) == 1 - run
            assert vlm.notes() == []
            vlm.close()
    assert ["max_tokens" in body for body in bodies] == [True, False, False]
    assert (tmp_path / "agreements.json").exists()


def test_a_form_that_is_refused_later_does_not_change_the_others(tmp_path: Path) -> None:
    quirk = next(played.quirk for played in QUIRKS if played.name == "no lists of types")
    with served(quirk) as (url, bodies):
        vlm = opened(url, tmp_path)
        list(vlm.questions(DOCUMENTS[:1], 5))
        assert list(vlm.answer([VlmRequest("a", Content("?"))])) == [Answered("38 metres")]
        list(vlm.questions(DOCUMENTS[1:2], 5))
        vlm.close()
    pairs = [body for body in bodies if '"pairs"' in json.dumps(body.get("response_format"))]
    assert all("maxLength" in json.dumps(body) for body in pairs)


def test_reasoning_up_to_the_limit_is_asked_for_twice_and_dropped_with_the_limit(tmp_path: Path) -> None:
    with served(lambda body, text, tries: completion(None, "length", reasoning_content="so")) as (url, bodies):
        vlm = opened(url, tmp_path)
        outcomes = list(vlm.answer([VlmRequest("a", Content("?"))]))
        vlm.close()
    assert [body["max_tokens"] for body in bodies] == [256, 4096]
    assert outcomes == [
        Failed("unparsable", "cut off at the limit of 4096 tokens, and before at 256, with nothing usable")
    ]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            refused(f"Incorrect API key provided: {SECRET[:12]}****.", 401),
            "refuses the key (401).*server says: Incorrect",
        ),
        (refused("API key not valid. Please pass a valid API key.", 400), "refuses the key"),
        (refused("model 'm' not found, try pulling it first", 404), "does not know the model m.*pulling it first"),
        (refused("No models loaded. Please load a model in the developer page.", 404), "does not know the model"),
        (refused("You exceeded your quota", 429, code="insufficient_quota"), "no quota left for this key"),
        (returned(429, {"error": "later"}, Retry_After="86400"), "asks to wait 86400 s"),
        (refused("Everything is wrong", 400), "refuses every form of request.*Everything is wrong"),
        (refused("Internal trouble", 500), "consecutive requests got no answer from m.*Internal trouble"),
        ((200, {"Content-Type": "text/html"}, b"<html>a page</html>"), "consecutive requests got no answer"),
        ((302, {"Location": "http://127.0.0.1:1/steal"}, b""), "redirects"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_line_at_the_first_request(
    answer: tuple[int, dict[str, str], bytes], line: str, tmp_path: Path
) -> None:
    line = line.replace("(", r"\(").replace(")", r"\)")
    with served(lambda body, text, tries: answer) as (url, bodies):
        vlm = opened(url, tmp_path)
        with pytest.raises(WorldError, match=line) as caught:
            vlm.probe(pictures=True)
        vlm.close()
    assert "\n" not in str(caught.value)
    assert SECRET[:12] not in str(caught.value)
    assert len(bodies) <= 12


def test_a_model_without_vision_is_one_line_where_pictures_will_be_sent(tmp_path: Path) -> None:
    def blind(body: Body, text: str, tries: int) -> tuple[int, dict[str, str], bytes] | None:
        pictured = isinstance(body["messages"][0]["content"], list)
        return refused("image input is not supported - hint: provide the mmproj", 500) if pictured else None

    with served(blind) as (url, _):
        vlm = opened(url, tmp_path)
        vlm.probe(pictures=False)
        with pytest.raises(WorldError, match=r"takes no pictures .*mmproj.*filters\.corpus"):
            vlm.probe(pictures=True)
        assert vlm.totals()["requests"] == 1
        vlm.close()


def test_the_probe_is_counted_and_enters_no_key(tmp_path: Path) -> None:
    with served(lambda body, text, tries: None) as (url, bodies):
        vlm = opened(url, tmp_path)
        vlm.probe(pictures=True)
        assert vlm.usage.requests == vlm.totals()["requests"] == len(bodies) == 2
        vlm.close()


def test_what_a_filter_or_a_context_refuses_is_a_counted_drop(tmp_path: Path) -> None:
    filtered = refused("The response was filtered due to content management policy.", 400, code="content_filter")
    long = refused(
        "This model's maximum context length is 2048 tokens. However, your request has 3000 input tokens.", 400
    )
    ask = [VlmRequest("a", Content("?"))]
    for number, (answer, reason) in enumerate(((filtered, "refused"), (long, "refused_request"))):
        with served(lambda body, text, tries, answer=answer: answer) as (url, _):  # type: ignore[misc]
            vlm = opened(url, tmp_path / str(number))
            (outcome,) = vlm.answer(ask)
            vlm.close()
        assert isinstance(outcome, Failed)
        assert outcome.reason == reason
    assert "3000 input tokens" in outcome.detail


def test_a_gzip_bomb_is_stopped(tmp_path: Path) -> None:
    """A gzip bomb is stopped at its decompressed size."""
    bomb = gzip.compress(b" " * (40 * 2**20))
    ask = [VlmRequest("a", Content("?"))]
    with served(lambda body, text, tries: (200, {"Content-Encoding": "gzip"}, bomb)) as (url, bodies):
        vlm = opened(url, tmp_path / "bomb")
        assert list(vlm.answer(ask)) == [Failed("bad_answer", "an answer of more than 16 MiB")]
        vlm.close()
        assert len(bodies) == 1


def test_a_picture_that_is_left_out_is_noted_with_the_answer(tmp_path: Path) -> None:
    quirk = next(played.quirk for played in QUIRKS if played.name == "one image refused")
    with served(quirk) as (url, bodies):
        for _ in range(2):  # the second answer comes out of the store
            vlm = opened(url, tmp_path)
            assert list(vlm.questions(DOCUMENTS[4:], 5)) == [
                Answered(PAIRS, (DOCUMENTS[4].content.images[0].image_id,))
            ]
            vlm.close()
    assert "(red)" in prompt_text(bodies[-1])
