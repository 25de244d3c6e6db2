from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.vlm.openai.limits import EndpointPolicy
from nyxqa.builders.vlm.openai.model import OpenAiVlm
from nyxqa.builders.vlm.openai.provider import OpenAiProvider
from nyxqa.builders.vlm.prompt import load_prompt
from nyxqa.builders.vlm.protocol import Answered, VlmDocument, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.recipe import VlmSection
from tests.support.vlm_server import Act, VlmServer, prompt_text

FAST = EndpointPolicy(attempts=2, first_wait=0.01, longest_wait=0.02, jitter=0.0)


def model(folder: Path, *urls: str, concurrency: int = 4) -> OpenAiVlm:
    spec = f"openai:m@{','.join(urls)}"
    provider = OpenAiProvider.parse(spec)
    section = VlmSection(model=spec, concurrency=concurrency)
    return OpenAiVlm(provider.model, provider.url, section, 42, folder, retry_policy=FAST)


def requests(documents: int, questions: int) -> list[VlmRequest]:
    return [
        VlmRequest(f"{d}:{q}", Content(f"What is {q}?"), "", (VlmDocument(str(d), Content(f"Text {d}.")),))
        for d in range(documents)
        for q in range(questions)
    ]


def test_requests_go_to_all_servers_and_those_about_a_document_to_one(tmp_path: Path) -> None:
    with VlmServer(latency=0.01) as one, VlmServer(latency=0.01) as other:
        vlm = model(tmp_path, one.url, other.url, concurrency=32)
        outcomes = list(vlm.answer(requests(40, 5)))
        vlm.close()
    assert len(outcomes) == 200
    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    asked = [{prompt_text(p).partition("Text ")[2].partition(".")[0] for p in s.payloads} for s in (one, other)]
    assert min(one.served, other.served) >= 40
    assert len(asked[0] & asked[1]) <= 30  # documents whose questions went to both; by chance nearly all would


def test_a_server_that_falls_away_costs_no_request(tmp_path: Path) -> None:
    def falls_away(number: int, payload: dict[str, Any]) -> Act:
        return Act("drop") if number >= 10 else Act()

    with VlmServer(script=falls_away) as falling, VlmServer() as steady:
        vlm = model(tmp_path, falling.url, steady.url)
        outcomes = list(vlm.answer(requests(60, 1)))
        vlm.close()
    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    assert steady.served >= 40
    assert falling.served <= 20


def test_a_server_that_is_not_there_is_left_out_and_all_of_them_is_an_error(tmp_path: Path) -> None:
    dead, other = "http://127.0.0.1:9/v1", "http://127.0.0.1:19/v1"
    with VlmServer() as server:
        vlm = model(tmp_path / "one", dead, server.url)
        assert all(isinstance(outcome, Answered) for outcome in vlm.answer(requests(20, 1)))
        vlm.close()
    vlm = model(tmp_path / "none", dead, other)
    with pytest.raises(WorldError, match=r"cannot reach http://127.0.0.1:9/v1, http://127.0.0.1:19/v1"):
        list(vlm.answer(requests(3, 1)))
    vlm.close()


@pytest.mark.parametrize("bad", ["http://a/v1,http://", "http://a/v1,ftp://b"])
def test_each_url_is_checked(bad: str) -> None:
    if "ftp" in bad:
        assert OpenAiProvider.parse(f"openai:m@{bad}").url == bad  # a comma belongs to a URL unless another follows
        return
    with pytest.raises(UsageError, match=r"URL1,URL2"):
        OpenAiProvider.parse(f"openai:m@{bad}")


@pytest.mark.parametrize("name", ["answer", "distractors"])
def test_the_question_follows_the_documents_in_the_prompts_with_both(name: str) -> None:
    assert "{documents}\n\nQuestion: {question}" in load_prompt(name).text
