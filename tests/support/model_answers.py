"""Requests to a model behind a scripted server, and its answers."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from nyxqa.builders.vlm.openai.limits import EndpointPolicy
from nyxqa.builders.vlm.openai.model import OpenAiVlm
from nyxqa.builders.vlm.protocol import VlmDocument, VlmImage, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.recipe import VlmSection
from tests.support.vlm_server import Payload, VlmServer, prompt_text

FAST_RETRIES = EndpointPolicy(attempts=6, first_wait=0.01, longest_wait=0.05, connect=2.0, read=0.5, streak=16)
# Quick to report an endpoint as dead.
FEW_RETRIES = EndpointPolicy(attempts=2, first_wait=0.01, longest_wait=0.02, connect=2.0, read=2.0, streak=5)
SECRET = "sk-test-0123456789abcdef"  # noqa: S105


def model(
    server: VlmServer,
    folder: Path,
    retry_policy: EndpointPolicy = FAST_RETRIES,
    retry_failed: bool = False,
    **section: int | bool,
) -> OpenAiVlm:
    settings = VlmSection(model="openai:m@x", **{"concurrency": 8, **section})
    return OpenAiVlm("m", server.url, settings, 42, folder, retry_policy=retry_policy, retry_failed=retry_failed)


def use_retry_policy(monkeypatch: pytest.MonkeyPatch, retry_policy: EndpointPolicy) -> None:
    """Replace the default policy, so that builds of this process retry within hundredths of a second."""
    monkeypatch.setattr("nyxqa.builders.vlm.openai.model.EndpointPolicy", lambda: retry_policy)


def vlm_requests(count: int) -> list[VlmRequest]:
    document = VlmDocument("d", Content("The lighthouse of Varn is 38 metres high."))
    return [VlmRequest(str(n), Content(f"question number {n}?"), "", (document,)) for n in range(count)]


def number_of(payload: Payload) -> int:
    return int(prompt_text(payload).rpartition("question number ")[2].split("?")[0])


def echo(payload: Payload) -> str:
    return f'{{"answer": "answer {number_of(payload)}"}}'


def vlm_image(colour: str, size: tuple[int, int] = (8, 6)) -> VlmImage:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return VlmImage(image_id(buffer.getvalue()), colour, buffer.getvalue())


def images_of(payload: Payload) -> list[bytes]:
    parts = payload["messages"][0]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition("base64,")[2]) for url in urls]
