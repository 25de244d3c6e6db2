"""Captions that a model writes: for images without one, once each, and never for the others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.builders.stages import captions
from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.manifest import read_manifest
from tests.support.pages import page, write_recipe
from tests.support.published import table
from tests.support.running import leave, published
from tests.support.vlm_server import Act, Payload, VlmServer, prompt_text

RECIPE = """
[web]
source = "jsonl:pages.jsonl"
[split]
validation = 0.0
test = 0.0
[sample]
min_tokens = 30
"""


def reply(payload: Payload) -> str:
    """A caption with a number of the picture; some get an answer of another form, or none."""
    if not prompt_text(payload).startswith("Write a caption for the picture"):
        raise AssertionError(prompt_text(payload)[:60])
    (shown,) = [part for part in payload["messages"][0]["content"] if part["type"] == "image_url"]
    number = len(shown["image_url"]["url"])
    answers = {0: {"pairs": []}, 2: {"answer": "unknown"}}
    return json.dumps(answers.get(number % 10, {"answer": f"a grey zebra {number}  on a field"}))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Twenty pages with one picture each; every second has an alternative text."""
    rows = [page(number, 1) for number in range(20)]
    for row in rows[::2]:
        row["metadata"] = json.dumps([None] * len(row["texts"]))
    return write_recipe(tmp_path / "source", rows, RECIPE)


def test_images_without_a_caption_get_one(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    with VlmServer(reply=reply) as server:
        settings = {"captions.model": f"openai:seer@{server.url}"}
        command = ("build", "--split", "train", "--recipe", recipe, "--out", tmp_path / "estimate")
        flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        assert leave(*command, *flags, "--estimate", "--json") == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])["estimate"]
        (asked,) = [one for one in told["stages"] if one["stage"] == "captions"]
        assert (asked["requests"], asked["images"], server.served) == (10, 10, 0)
        run("train", recipe=recipe, out=out, workers=1, settings=settings)
        served = server.served
        before = published(out)
        run("train", recipe=recipe, out=out, workers=1, settings=settings)
        assert published(out) == before and server.served == served
    documents = [row for row in table(out, "corpus") if row["images"]]
    written = [(row["captions"][0], row["caption_origins"][0]) for row in documents]
    failed = [row for row in table(out, "ledger") if row["stage"] == "captions"]
    assert len(written) == 20 and len({caption for caption, origin in written if origin == "alt"}) == 10
    without = [caption for caption, origin in written if origin == ""]
    assert set(without) == {""} and 0 < len(failed) < len(without)
    assert sum(origin == "model" for _, origin in written) == 10 - len(without)
    assert all(
        caption.startswith("a grey zebra") and "  " not in caption for caption, origin in written if origin == "model"
    )
    assert {row["reason"] for row in failed} == {"no_caption_unparsable"}
    assert "http" not in json.dumps(json.loads((out / "manifest.json").read_text())["recipe"]["captions"])
    assert check(out).failed == ()
    told = [[row["captions"], row["caption_origins"]] for row in documents]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    # If this fails on purpose, raise the version and put the new digest here.
    assert (captions.VERSION, digest) == (1, "03f84667615cbaa3")
    # Text encoders read what the pictures show now.
    entries = [SearchEntry(row["doc_id"], row["text"], tuple(row["captions"])) for row in documents]
    (tmp_path / "index").mkdir()
    Bm25Encoder().build(entries, tmp_path / "index")
    (hits,) = Bm25Encoder().open(tmp_path / "index").search([SearchEntry("q", "zebra on a field")], 20).rows
    assert sum(hits >= 0) >= 10 - len(without)


@pytest.mark.parametrize(
    ("model", "message"),
    [("extractive", "sees no pictures; name one: openai:MODEL@URL"), ("gpt", "captions.model = 'gpt' is not a model")],
)
def test_a_model_that_sees_pictures_is_needed(
    model: str, message: str, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("build", "--split", "train", "--recipe", recipe, "--out", tmp_path / "out")
    assert leave(*command, "--set", f"captions.model={model}") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_captions_that_failed_are_asked_for_again_on_request(recipe: Path, tmp_path: Path) -> None:
    """Refused once, then not: only --retry-failed asks, and only for those; downstream stages run on what is new."""
    out = tmp_path / "out"

    def refusing(number: int, payload: Payload) -> Act:
        return Act("refusal" if number in (3, 4) else "answer", text=json.dumps({"answer": f"a grey zebra {number}"}))

    def build(server: VlmServer, retry: bool = False) -> int:
        before, settings = server.served, {"captions.model": f"openai:seer@{server.url}"}
        run("train", recipe=recipe, out=out, workers=1, settings=settings, retry_failed=retry)
        return server.served - before

    with VlmServer(reply=reply, script=refusing) as server:
        build(server)
        failed = [row["item_id"] for row in table(out, "ledger") if row["stage"] == "captions"]
        assert failed and build(server) == 0
        server.reply, server.script = (lambda payload: json.dumps({"answer": "a striped zebra"})), VlmServer().script
        assert build(server, retry=True) == len(failed)
        written = [one for row in table(out, "corpus") for one in row["captions"]]
        assert written.count("a striped zebra") == len(failed)
        assert not [row for row in table(out, "ledger") if row["stage"] == "captions"]
        assert build(server, retry=True) == 0
    assert any("writes captions" in line for line in read_manifest(out).deviations)
    assert check(out).failed == ()
