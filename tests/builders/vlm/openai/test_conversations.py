"""Conversations with a model behind an endpoint: each request may depend on the answers before it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nyxqa.builders.vlm.openai.model import OpenAiVlm
from nyxqa.builders.vlm.protocol import Answered, Conversation, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import VlmSection
from tests.support.vlm_server import Payload, VlmServer, prompt_text


def model(server: VlmServer, folder: Path) -> OpenAiVlm:
    return OpenAiVlm("m", server.url, VlmSection(model="openai:m@x", concurrency=8), 42, folder)


def test_conversations_depend_on_their_own_answers_and_run_concurrently(tmp_path: Path) -> None:
    """Each goes on until the answer is "stop"; results are in input order, equal requests are sent once."""

    def reply(payload: Payload) -> str:
        number, turn = re.findall(r"talk (\d+) turn (\d+)", prompt_text(payload))[-1]
        return json.dumps({"answer": "stop" if int(turn) == int(number) % 4 else "go on"})

    def conversation(number: int) -> Conversation[tuple[int, list[str]]]:
        said: list[str] = []
        while not said or said[-1] != "stop":
            outcome = yield VlmRequest(str(number), Content(f"talk {number % 20} turn {len(said)}"))
            assert isinstance(outcome, Answered)
            said.append(outcome.value)
        return number, said

    with VlmServer(reply=reply, latency=0.01) as server:
        vlm = model(server, tmp_path)
        results = list(vlm.converse(conversation(number) for number in range(40)))
        assert results == [(number, ["go on"] * (number % 4) + ["stop"]) for number in range(40)]
        assert server.most_at_once > 4
        assert server.served == sum(1 + number % 4 for number in range(20))
        assert list(vlm.converse([])) == []
        vlm.close()


def test_concurrent_first_requests_share_one_store(tmp_path: Path) -> None:
    with VlmServer() as server:
        vlm = model(server, tmp_path)
        requests = [VlmRequest(str(number), Content(f"question {number}")) for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda request: list(vlm.answer([request])), requests))
        assert results == [[Answered("38 metres")]] * 4
        vlm.close()
