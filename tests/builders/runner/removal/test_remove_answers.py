"""Take-downs of a dataset that a model wrote: its stored answers go as well, wherever the command is stopped."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.builders.runner import purge
from nyxqa.builders.runner.removal.remove import remove
from tests.builders.runner.removal.conftest import SETTINGS
from tests.support.byte_search import files_with
from tests.support.pages import name, page, sentences, write_source
from tests.support.vlm_server import Payload, VlmServer, default_reply, prompt_text

GONE = 5


def reply(payload: Payload) -> str:
    """Pairs about the place that the document is about, so that stored answers name it."""
    place = re.search(r"The \w+ \w+ of (\w+) .*? of (\w+) by", prompt_text(payload))
    if '"pairs"' not in prompt_text(payload) or place is None:
        return default_reply(payload)
    pair = {"question": f"To which town did the people of {place[1]} carry their harvest?", "answer": place[2]}
    return json.dumps({"pairs": [pair]})


def answers(out: Path) -> int:
    (file,) = (out / ".work" / "answers").glob("*.sqlite")
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("SELECT count(*) FROM answers").fetchone()[0])


def test_stopped_anywhere_the_next_take_down_leaves_no_byte_and_keeps_the_other_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, source = tmp_path / "out", write_source(tmp_path / "source", [page(number) for number in range(14)])
    needles = {f"text {n}": text.encode() for n, text in enumerate(sentences(GONE))}
    needles["question"] = f"people of {name(GONE, 'city', 0)}".encode()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with VlmServer(reply=reply) as server:
        settings = {**SETTINGS, "vlm.model": f"openai:model@{server.url}", "judge.enabled": False}
        run("all", source=f"jsonl:{source}", out=out, workers=1, settings=settings)
        stored = answers(out)
        assert any("answers" in file for file in files_with(out, needles)["question"])
        named = {"urls": [f"https://example.org/{GONE:04}"]}
        for point in ("_drop_steps", "drop_unused", "settle", "_drop_earlier", "refresh_page"):
            with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
                patched.setattr(purge, point, stop)
                remove(out, workers=1, **named)
            named = {}
        remove(out, workers=1)
        asked = server.served
        run("all", source=f"jsonl:{source}", out=out, workers=1, settings=settings)

    assert files_with(out, needles) == {}
    assert server.served == asked
    assert 0 < answers(out) < stored
