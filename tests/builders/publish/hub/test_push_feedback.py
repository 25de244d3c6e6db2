"""A dataset with feedback on the Hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from tests.builders.publish.hub.conftest import write_report
from tests.support.dataset_cache import use_cache
from tests.support.hub_client import Client
from tests.support.oracle_model import oracle_of
from tests.support.published import table
from tests.support.vlm_server import VlmServer

NAME = "ann/set"


def test_feedback_is_pushed_and_read_joined(
    client: Client, fit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    with VlmServer(reply=oracle_of(fit).reply) as server:
        feedback(fit, FeedbackOptions("bm25", f"openai:m@{server.url}", settings={"feedback.top_k": 5}), Progress())
    write_report(fit)
    client.push(fit, NAME, "--force")
    count, candidates = client.python(
        f"import nyxqa; rows = nyxqa.load('feedback', {NAME!r}, split='train', images='none')\n"
        "result = [len(rows), sorted({one['doc_id'] for row in rows for one in row['candidates'] if one['text']})]"
    )
    rows = table(fit, "feedback")
    assert count == len(rows) > 40
    assert candidates == sorted({one["doc_id"] for row in rows for one in row["candidates"]})
    plain = client.python(f"import datasets; result = len(datasets.load_dataset({NAME!r}, 'feedback', split='train'))")
    assert plain == count
