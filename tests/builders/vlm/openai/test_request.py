"""What is sent to an endpoint, and how its replies are read."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from nyxqa.builders.vlm.openai.limits import Usage
from nyxqa.builders.vlm.prompt import FICTIONAL_PLACE, PROMPT_NAMES, load_prompt
from nyxqa.builders.vlm.protocol import Answered, Failed, QaPair, VlmDocument, VlmImage, VlmRequest
from nyxqa.schemas.content import Content
from tests.support.model_answers import echo, images_of, model, vlm_image, vlm_requests
from tests.support.vlm_server import Act, Payload, VlmServer, prompt_text


def test_all_four_jobs(tmp_path: Path) -> None:
    source = VlmDocument("d", Content("Varn. <|image|><|image|>", (vlm_image("red"), vlm_image("blue"))), "Towers")
    ask = VlmRequest("a", Content("How high is it?"), "it rises to a height of 38 metres", (source,))
    with VlmServer() as server:
        vlm = model(server, tmp_path)
        assert list(vlm.questions([source], 1)) == [Answered([QaPair("Who built tower 1 of Varn?", "Ada Holt 1")])]
        short = VlmRequest("b", Content("?"), "short")
        assert list(vlm.refine([ask, short], 5)) == [Answered(QaPair("", "38 metres"))] * 2
        assert list(vlm.answer([ask, VlmRequest("c", Content("What?"))])) == [Answered("38 metres")] * 2
        assert list(vlm.distractors([ask], 3)) == [Answered(["one wrong", "two wrong", "three wrong"])]
        vlm.close()
    # Two prompts for a document with two images.
    assert server.served == 7
    assert vlm.usage == Usage(requests=7, prompt_tokens=70, completion_tokens=35)
    assert set(vlm.info.prompts) == {
        "questions",
        "questions_multi",
        "shorten",
        "answer",
        "answer_closed",
        "distractors",
    }


def test_a_refusal_by_the_model_is_not_retried(tmp_path: Path) -> None:
    with VlmServer(lambda number, payload: Act("refusal")) as server:
        vlm = model(server, tmp_path)
        assert set(vlm.answer(vlm_requests(40))) == {Failed("refused", "the model or its filter refused")}
        vlm.close()
    assert server.served == 40


def test_the_response_format_is_found_out_once(tmp_path: Path) -> None:
    def script(number: int, payload: Payload) -> Act:
        return Act("status", 400) if "response_format" in payload else Act()

    with VlmServer(script, echo) as server:
        vlm = model(server, tmp_path)
        assert list(vlm.answer(vlm_requests(40))) == [Answered(f"answer {n}") for n in range(40)]
        vlm.close()
    refused = sum("response_format" in payload for payload in server.payloads)
    # Those that were under way or ready to be sent (twice the concurrency), and one try of each plainer format.
    assert 5 <= refused <= 2 * 8 + 4
    assert server.served == 40 + refused


def test_every_string_and_list_has_an_end_until_a_server_refuses_bounds(tmp_path: Path) -> None:
    def script(number: int, payload: Payload) -> Act:
        return Act("status", 400) if number >= 3 and "maxLength" in str(payload) else Act()

    ask = VlmRequest("a", Content("How high is it?"), "it rises to a height of 38 metres", ())
    with VlmServer(script) as server:
        vlm = model(server, tmp_path / "bounded", concurrency=1)
        list(vlm.questions([VlmDocument("d", Content("Varn."))], 4))
        list(vlm.distractors([ask], 3, 2))
        list(vlm.answer([ask]))
        vlm.close()
        pairs, options, answer = (_wanted(payload) for payload in server.payloads)
        assert pairs["maxItems"] == 4
        assert all("maxLength" in field for field in pairs["items"]["properties"].values())
        assert (options["minItems"], options["maxItems"]) == (5, 5)
        assert "maxLength" in options["items"]
        assert "maxLength" in answer
        again = model(server, tmp_path / "refused", concurrency=1)
        assert len(list(again.distractors([ask], 3))) == 1
        again.close()
    assert [set(_wanted(payload)) for payload in server.payloads[3:]] == [
        {"type", "minItems", "maxItems", "items"},
        {"type", "items"},
    ]


def test_answers_cut_at_a_bound_or_copied_from_the_prompt_are_dropped(tmp_path: Path) -> None:
    own = {"question": "How high is it?", "answer": "38 metres"}
    endless = {"question": "Why? " * 60, "answer": "so"}
    copied = {"question": "How high is the lighthouse of Quarnholm?", "answer": "38 metres"}
    written = [[endless, own, copied], [endless], [copied], [copied]]
    script = [json.dumps({"pairs": pairs}) for pairs in written] + [
        json.dumps({"answer": "0" * 120}),
        json.dumps({"options": ["1" * 120, "2", "3", "4"]}),
    ]
    with VlmServer(lambda number, payload: Act(text=script[number])) as server:
        vlm = model(server, tmp_path, concurrency=1)
        texts = ["Varn.", "Far.", "Near.", "Quarnholm."]
        assert list(vlm.questions([VlmDocument("d", Content(text)) for text in texts], 5)) == [
            Answered([QaPair("How high is it?", "38 metres")]),
            Failed("unparsable", "cut off at the limit of characters"),
            Failed("no_question", "the model copied examples of its prompt"),
            Answered([QaPair("How high is the lighthouse of Quarnholm?", "38 metres")]),
        ]
        (ask,) = vlm_requests(1)
        assert list(vlm.answer([ask])) == [Failed("unparsable", "cut off at the limit of characters")]
        assert list(vlm.distractors([ask], 3)) == [Answered(["2", "3", "4"])]
        vlm.close()


def test_only_prompts_for_questions_speak_of_the_invented_place() -> None:
    named = {name for name in PROMPT_NAMES if FICTIONAL_PLACE in load_prompt(name).text}
    assert named == {"questions", "questions_multi"}


def _wanted(payload: Payload) -> dict[str, Any]:
    """The schema of the one field asked for."""
    (field,) = payload["response_format"]["json_schema"]["schema"]["properties"].values()
    assert isinstance(field, dict)
    return field


def test_each_placeholder_gets_its_own_image_in_document_and_question(tmp_path: Path) -> None:
    red, green, blue = (vlm_image(colour, (48, 40)) for colour in ("red", "green", "blue"))
    first = VlmDocument("d", Content("one <|image|> two <|image|>", (red, green)))
    second = VlmDocument("e", Content("three <|image|>", (blue,)))
    ask = VlmRequest("a", Content("what is <|image|> beside <|image|>?", (blue, red)), "x", (second, first))
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
    large, small = vlm_image("red", (400, 100)), vlm_image("blue", (20, 20))
    broken = VlmImage("0" * 64, "", b"no image")
    documents = [VlmDocument(str(n), Content("<|image|>", (image,))) for n, image in enumerate((large, broken, small))]
    with VlmServer() as server:
        vlm = model(server, tmp_path, max_pixels=1000, concurrency=1)
        outcomes = list(vlm.questions(documents, 1))
        vlm.close()
    assert [type(outcome) for outcome in outcomes] == [Answered, Failed, Answered]
    assert outcomes[1] == Failed("bad_image", "an image cannot be read: UnidentifiedImageError")
    sent = {Image.open(BytesIO(data)).size: data for payload in server.payloads for data in images_of(payload)}
    assert set(sent) == {(63, 15), (20, 20)}
    assert sent[(20, 20)] == small.data
