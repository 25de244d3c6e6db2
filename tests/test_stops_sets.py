"""A build that is killed while a model encodes goes on behind the shards that are whole."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.retriever.index import embeddings
from nyxqa.retriever.models.text_model import TextModel
from tests.support.running import ROOT, environment, published
from tests.support.sets import TEXTS, write_passages, write_questions, write_text
from tests.support.tiny_bert import make_tiny_bert

ROWS = 16  # of a shard here
# The real model behind a log of what it encodes; a pause after each shard, so that the kill meets one.
CODE = f"""
import sys, time
from nyxqa.build import run
from nyxqa.retriever.index import embeddings
from nyxqa.retriever.models import text_model

encode = text_model.TextModel.encode

def logged(self, texts):
    with open(sys.argv[3], "a") as log:
        log.write(texts[0].replace("\\n", " ") + "\\n")
    time.sleep(0.3)
    return encode(self, texts)

embeddings.SHARD_ROWS = {ROWS}
text_model.TextModel.encode = logged
run("all", recipe=sys.argv[1], out=sys.argv[2], workers=1)
"""


def start(recipe: Path, out: Path, log: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", CODE, str(recipe), str(out), str(log)]
    return subprocess.Popen(arguments, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)


def test_killed_while_encoding_no_shard_is_encoded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_tiny_bert(tmp_path / "model")
    write_passages(tmp_path, 100)
    write_questions(tmp_path)
    recipe = write_text(tmp_path / "recipe.toml", TEXTS.replace("license", f'encoder = "e5:{model}"\nlicense'))
    out, log = tmp_path / "out", tmp_path / "log"
    process = start(recipe, out, log)
    try:
        while len(whole := journal(out)) < 3:
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    whole = journal(out)
    begun = passages(log)
    assert 3 <= len(whole) < 7

    again: list[str] = []
    encode = TextModel.encode

    def logged(self: TextModel, texts: Sequence[str]) -> Any:
        if texts[0].startswith("passage: "):
            again.append(texts[0].replace("\n", " "))
        return encode(self, texts)

    monkeypatch.setattr(embeddings, "SHARD_ROWS", ROWS)
    monkeypatch.setattr(TextModel, "encode", logged)
    assert run("all", recipe=recipe, out=out, workers=1).changed
    assert not {begun[shard] for shard in whole} & set(again)
    assert len(again) == 7 - len(whole)
    assert len({*begun, *again}) == 7
    assert not run("all", recipe=recipe, out=out, workers=2).changed
    assert len(again) == 7 - len(whole)
    run("all", recipe=recipe, out=tmp_path / "fresh", workers=1)
    assert published(tmp_path / "fresh") == published(out)


def journal(out: Path) -> list[int]:
    """Numbers of the shards that are whole in the index that is being made."""
    files = list((out / ".work" / "steps").glob("passages.lakes.index/.*.part/journal.jsonl"))
    lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    return [json.loads(line)["shard"] for line in lines if line.endswith(b"\n")]


def passages(log: Path) -> list[str]:
    """First text of each shard of passages that was encoded, in order."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if line.startswith("passage: ")]
