"""Talks with a model behind an endpoint: each question may depend on the answers before it."""

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


def test_talks_go_on_by_their_own_answers_many_at_a_time(tmp_path: Path) -> None:
    """Each asks until it is told to stop; results come in the order of the talks, equal questions are sent once."""

    def reply(payload: Payload) -> str:
        number, turn = re.findall(r"talk (\d+) turn (\d+)", prompt_text(payload))[-1]
        return json.dumps({"answer": "stop" if int(turn) == int(number) % 4 else "go on"})

    def talk(number: int) -> Conversation[tuple[int, list[str]]]:
        said: list[str] = []
        while not said or said[-1] != "stop":
            outcome = yield VlmRequest(str(number), Content(f"talk {number % 20} turn {len(said)}"))
            assert isinstance(outcome, Answered)
            said.append(outcome.value)
        return number, said

    with VlmServer(reply=reply, latency=0.01) as server:
        vlm = model(server, tmp_path)
        found = list(vlm.converse(talk(number) for number in range(40)))
        assert found == [(number, ["go on"] * (number % 4) + ["stop"]) for number in range(40)]
        assert server.most_at_once > 4
        assert server.served == sum(1 + number % 4 for number in range(20))
        assert list(vlm.converse([])) == []
        vlm.close()


def test_threads_that_ask_first_at_once_share_one_store(tmp_path: Path) -> None:
    with VlmServer() as server:
        vlm = model(server, tmp_path)
        asks = [VlmRequest(str(number), Content(f"question {number}")) for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda ask: list(vlm.answer([ask])), asks))
        assert found == [[Answered("38 metres")]] * 4
        vlm.close()
