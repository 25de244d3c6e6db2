"""A tiny Qwen2.5-VL behind ``transformers serve``: a real server reads text and images."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from nyxqa.builders.vlm.openai.answer_store import ANSWERS
from nyxqa.builders.vlm.openai.model import OpenAiVlm
from nyxqa.builders.vlm.protocol import VlmDocument, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import VlmSection
from tests.support.model_answers import vlm_image
from tests.support.tiny_qwen import make_tiny_qwen
from tests.support.torchvision_cpu import missing_torchvision

START = 300.0  # seconds that a busy machine may take to import and load
TOKENS = 16


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Model and base URL."""
    pytest.importorskip("fastapi", reason="transformers serve wants fastapi, uvicorn and openai")
    if reason := missing_torchvision():
        pytest.skip(reason)
    base = tmp_path_factory.mktemp("served")
    model = make_tiny_qwen(base / "tiny-qwen")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(base / "hf"), "OMP_NUM_THREADS": "1"}
    with (base / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
        try:
            wait_for(server, f"http://127.0.0.1:{port}/health", base / "log")
            yield str(model), f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()
            server.wait()


def wait_for(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Until the server answers."""
    until = time.monotonic() + START
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"transformers serve ended: {log.read_text()[-2000:]}")
        try:
            httpx2.get(url, timeout=10).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(log.read_text()[-2000:])


def ask(*colours: str) -> VlmRequest:
    """A question over a document with a picture of each colour."""
    text = "A boat. " + "<|image|> and " * len(colours)
    return VlmRequest(
        "a",
        Content("Which boat?"),
        "",
        (VlmDocument("d", Content(text, tuple(vlm_image(colour, (112, 84)) for colour in colours))),),
    )


@pytest.mark.timeout(600)
def test_two_images_are_read_in_their_order(served: tuple[str, str], tmp_path: Path) -> None:
    name, url = served
    settings = VlmSection(model="openai:m@x", answer_tokens=TOKENS)
    vlm = OpenAiVlm(name, url, settings, 42, tmp_path)
    usage = vlm.usage
    prompts = []
    for colours in ((), ("red",), ("red", "blue"), ("blue", "red")):
        before = usage.prompt_tokens
        assert len(list(vlm.answer([ask(*colours)]))) == 1  # random weights: read as an answer, or unparsable
        prompts.append(usage.prompt_tokens - before)
    assert usage.requests == 4
    assert usage.completion_tokens == 4 * TOKENS
    none, one, two, turned = prompts
    assert one - none > 12  # 4 x 3 patches of 28 pixels for each picture, beside the marks around them
    assert two - one == one - none
    assert turned == two
    vlm.close()
    with closing(sqlite3.connect(tmp_path / ANSWERS)) as store:
        replies = store.execute("SELECT DISTINCT text FROM answers").fetchall()
    assert len(replies) == 4  # what it says depends on the pictures and on their order
