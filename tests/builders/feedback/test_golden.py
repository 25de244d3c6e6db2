"""What decides the output of feedback carries a version that is raised with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from nyxqa.build import run
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback import answers, candidates, publication
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from tests.support.published import table
from tests.support.sets import TEXTS, lake_reply, write_passages, write_questions, write_text
from tests.support.vlm_server import VlmServer


def test_golden_output(tmp_path: Path) -> None:
    """If this fails on purpose, raise the version of the step that changed and put the new digest here."""
    write_passages(tmp_path)
    write_questions(tmp_path)
    recipe = write_text(tmp_path / "recipe.toml", TEXTS)
    run("train", recipe=recipe, out=tmp_path / "out", workers=1)
    with VlmServer(reply=lake_reply) as server:
        feedback(
            tmp_path / "out",
            FeedbackOptions("bm25", f"openai:m@{server.url}", settings={"feedback.window": 2, "feedback.stride": 2}),
            Progress(),
        )
    rows = table(tmp_path / "out", "feedback")
    for row in rows:
        for one in row["candidates"]:
            one["score"] = round(one["score"], 3)
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]
    assert (candidates.VERSION, answers.VERSION, publication.VERSION, digest) == (1, 2, 1, "6abc7570501b61ba")
