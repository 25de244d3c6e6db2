"""What was kept beside a dataset of what is removed: stored answers, fetched images, feedback, exports."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

import nyxqa
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from nyxqa.builders.images.fetch.pack_files import key_of
from nyxqa.builders.images.fetch.store import FetchStore, forget, settle
from nyxqa.builders.runner.removal.remove import remove
from nyxqa.builders.vlm.openai.answer_store import AnswerStore, begin_marking, drop_unused
from nyxqa.builders.vlm.openai.request import ChatReply
from tests.support.byte_search import files_with
from tests.support.dataset_cache import use_cache
from tests.support.evidence_builds import FACTS, IMAGES
from tests.support.evidence_model import EvidenceModel
from tests.support.kills import Killed, killed_after
from tests.support.pages import sentences
from tests.support.published import table
from tests.support.vlm_server import VlmServer


def test_what_a_model_wrote_goes_with_feedback_and_exports(
    evidence_build: tuple[Path, EvidenceModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    out = shutil.copytree(evidence_build[0], tmp_path / "out", copy_function=shutil.copy2)
    asked = {row["query"]: row["query_id"] for row in table(out, "triplets", "train")}
    number = min(fact.page for fact in FACTS if fact.question in asked and fact.page % 3)  # without an image
    needles = {f"question {f.city}": f"authority of {f.city} ".encode() for f in FACTS if f.page == number}
    needles = {name: needle for name, needle in needles.items() if files_with(out / "data", {name: needle})}
    needles |= {f"id {f.city}": asked[f.question].encode() for f in FACTS if f.page == number and f.question in asked}
    needles |= {f"sentence {n}": text.encode() for n, text in enumerate(sentences(number))}
    with VlmServer(reply=EvidenceModel(IMAGES)) as server:
        recipe = out / ".work" / "recipe.json"
        told = json.loads(recipe.read_text())
        told["vlm"]["model"] = f"openai:model@{server.url}"
        recipe.write_text(json.dumps(told))
        options = FeedbackOptions("bm25", f"openai:model@{server.url}", None, {"feedback.top_k": 4})
        feedback(out, options, Progress(False))
        nyxqa.export(out, "beir", out / "beir")
        held = Counter(path.split("/")[0] for paths in files_with(out, needles).values() for path in paths)
        assert held.keys() == {"data", ".work", "beir"}
        assert any("feedback" in path for paths in files_with(out / ".work", needles).values() for path in paths)
        answers, earlier = stored_answers(out), server.served
        remove(out, urls=[f"https://example.org/{number:04d}"], workers=1)
        assert server.served - earlier < answers / 4, "what was answered about the others is not asked again"
    assert files_with(out, needles) == {}
    assert not (out / "beir").exists()
    assert 0 < stored_answers(out) < answers
    assert not (out / "data" / "feedback").exists()
    assert [*(out / ".work" / "steps").glob("feedback*")] == []


def stored_answers(out: Path) -> int:
    """Number of answers in the store of a dataset."""
    store = AnswerStore(out / ".work" / "answers")
    try:
        return store.totals()["requests"]
    finally:
        store.close()


def test_answers_that_were_used_outlive_a_second_deletion(tmp_path: Path) -> None:
    """A stop behind the deletion makes the next run delete again, with nothing asked meanwhile."""
    store = AnswerStore(tmp_path)
    store.put_answers([(key, ChatReply(f"told {key}", False, 1, 1, ())) for key in ("used", "other")])
    store.close()
    for used, deleted in (("used", 1), ("other", 1)):
        begin_marking(tmp_path)
        store = AnswerStore(tmp_path)
        store.answer(used)
        store.close()
        assert (drop_unused(tmp_path), drop_unused(tmp_path)) == (deleted, 0)
    assert files_with(tmp_path, {"used": b"told used", "other": b"told other"}) == {}, "earlier marks do not count"


def test_killed_at_any_change_the_fetched_lose_what_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    calls = 0
    while True:
        stores = tmp_path / str(calls)
        with FetchStore(stores / "store") as store:
            for name in ("gone", "kept"):
                store.keep(f"http://a/{name}", io.BytesIO(f"bytes of {name}".encode()))
        with pytest.MonkeyPatch.context() as patch:
            left = killed_after(calls, patch)
            with contextlib.suppress(Killed):
                forget(stores / "store", [key_of("http://a/gone")])
            stopped = left() == 0
        settle(stores)
        forget(stores / "store", [key_of("http://a/gone")])
        assert [path.name for path in stores.iterdir()] == ["store"]
        assert files_with(stores, {"gone": b"bytes of gone"}) == {}
        with FetchStore(stores / "store") as store:
            assert store.read("http://a/kept") == b"bytes of kept"
            assert "http://a/gone" not in store
        calls += 1
        if not stopped:
            break
    assert calls > 5
