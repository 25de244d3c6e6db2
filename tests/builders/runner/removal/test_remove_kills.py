"""Take-downs that are killed: the next command completes them."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from nyxqa.builders.images.fetch.store import FetchStore
from nyxqa.builders.runner import execute
from nyxqa.builders.runner.purge import resume_removal
from nyxqa.builders.runner.removal import remove as removing
from nyxqa.builders.runner.removal.remove import remove
from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.request import ChatReply
from tests.builders.runner.removal.conftest import FETCHED
from tests.support.byte_search import files_with
from tests.support.kills import Killed, killed_after
from tests.support.pages import sentences
from tests.support.published import table
from tests.support.running import published
from tests.support.verdicts import line, write_verdicts

GONE = ("https://example.org/linked", "https://example.org/0030")
NEEDLES = {f"{page} {n}": text.encode() for page in (53, 30) for n, text in enumerate(sentences(page))} | {
    "url": b"of-the-linked",
    "image": b"bytes of the image",
    "note": b"names Anna Muster",
    "answer": b"told of a removed page",
}


@pytest.fixture(scope="module")
def once(removable: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is published after a take-down that nobody stopped."""
    out = copied(removable / "out", tmp_path_factory.mktemp("once") / "out")
    keep(out)
    remove(out, urls=GONE, workers=1)
    is_whole(out, published(out))
    return published(out)


@pytest.fixture
def held(out: Path) -> Path:
    """The dataset with all that may be kept of pages: verdicts, fetched images, stored answers, an evaluation."""
    keep(out)
    return out


def keep(out: Path) -> None:
    """Put into the dataset's folder what later commands would keep of its pages."""
    urls = {one["doc_id"]: one["url"] for one in table(out, "corpus", "web")}
    told = next(one for one in table(out, "triplets", "train") if urls[one["positive_id"]] not in GONE)
    gone = next(one for one in table(out, "triplets", "train") if urls[one["positive_id"]] in GONE)
    write_verdicts(out, "ann", line(gone, "reject", note="names Anna Muster"), line(told, "accept", note="stays"))
    (store,) = (out / ".work" / "fetched").iterdir()
    with FetchStore(store) as fetched:
        fetched.keep(FETCHED, io.BytesIO(b"bytes of the image"))
        fetched.keep("http://127.0.0.1:9/other.png", io.BytesIO(b"another image"))
    answers = AnswerStore(out / ".work" / "answers")
    answers.put_answers([("old", ChatReply("told of a removed page", False, 1, 1, ()))])
    answers.close()
    (out / "evaluation").mkdir()
    (out / "evaluation" / "bm25.json").write_text(sentences(30)[0])
    assert files_with(out, NEEDLES).keys() == NEEDLES.keys()


def killed(out: Path, calls: int, *urls: str) -> bool:
    """Take down; True if it was killed at that change."""
    with pytest.MonkeyPatch.context() as patch:
        killed_after(calls, patch)
        try:
            remove(out, urls=urls, workers=1)
        except Killed:
            return True
    return False


def copied(out: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(out, folder, copy_function=shutil.copy2)


def is_whole(out: Path, expected: dict[str, str]) -> None:
    """No byte of the removed is left, and nothing of the rest is lost."""
    assert files_with(out, NEEDLES) == {}
    assert published(out) == expected
    assert "stays" in (out / "review" / "ann.jsonl").read_text()
    assert not (out / ".work" / "removal.json").exists()
    (store,) = (out / ".work" / "fetched").iterdir()
    with FetchStore(store) as fetched:
        assert fetched.read("http://127.0.0.1:9/other.png") == b"another image"


def noted(out: Path) -> list[bytes | dict[str, object]]:
    """What a take-down keeps before it builds, without its time."""
    lines = (out / "removals.jsonl").read_text().splitlines()
    keys = [{**json.loads(line), "at": ""} for line in lines]
    return [*keys, (out / "review" / "ann.jsonl").read_bytes()]


def test_killed_at_any_change_before_the_build_all_of_it_or_nothing_is_noted(
    held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is noted stands for the next command to build, whatever it names."""

    def stop(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(removing, "execute", stop)
    whole = copied(held, tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        left = killed_after(10**6, patch)
        remove(whole, urls=GONE, workers=1)
    before, ends = published(held), set[bool]()
    for calls in range(10**6 - left()):
        out = copied(held, tmp_path / "killed")
        assert killed(out, calls, *GONE)
        pending = (out / ".work" / "removal.json").exists()
        ends.add(pending)
        if pending:
            resume_removal(out)
            assert noted(out) == noted(whole)
        else:
            assert published(out) == before
            assert not (out / "removals.jsonl").exists()
            assert (out / "review" / "ann.jsonl").read_bytes() == (held / "review" / "ann.jsonl").read_bytes()
    assert ends == {True, False}


def test_killed_in_the_build_the_same_command_completes_it(held: Path, once: dict[str, str]) -> None:
    """The steps that names are looked up in are not all there again."""
    assert killed(held, 60, *GONE)
    assert (held / ".work" / "removal.json").exists()
    assert remove(held, urls=GONE, workers=1).changed
    is_whole(held, once)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("points", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_killed_at_any_change_of_the_deletion_the_next_one_completes_it(
    points: int, held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, once: dict[str, str]
) -> None:
    """The dataset is published then, and only what was kept has to go."""

    def stop(*_: object) -> list[str]:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(execute, "complete_removal", stop)
        remove(held, urls=GONE, workers=1)
    assert files_with(held, NEEDLES)
    whole = copied(held, tmp_path / "whole")
    with monkeypatch.context() as patch:
        left = killed_after(10**6, patch)
        remove(whole, workers=1)
        changes = 10**6 - left()
    assert changes > 50
    is_whole(whole, once)
    for nth in range(points):
        out = copied(held, tmp_path / "killed")
        assert killed(out, changes * nth // points)
        assert remove(out, workers=1).changed
        is_whole(out, once)
