"""Builds that ask through a batch API give the data of a direct build, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.cli import main
from nyxqa.schemas.errors import PendingError
from tests.support.batch_server import BatchServer
from tests.support.evidence_builds import IMAGES, build_with_model
from tests.support.evidence_model import EvidenceModel
from tests.support.model_answers import SECRET
from tests.support.running import STEP_LINE, published, started

BATCH = {"vlm.batch": True}
ROUNDS = 12  # runs that a build may take at most


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NYXQA_API_KEY", SECRET)


def data_of(out: Path) -> dict[str, str]:
    return {path: digest for path, digest in published(out).items() if path.startswith("data/")}


def test_a_build_in_batches_gives_the_data_of_a_direct_one_and_asks_nothing_twice(
    evidence_recipe: Path,
    evidence_build: tuple[Path, EvidenceModel],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = 0
    with BatchServer(reply=EvidenceModel(IMAGES)) as server:
        command = ["build", "--recipe", evidence_recipe, "--out", tmp_path, "--workers", "1", "--split", "all"]
        command += ["--vlm", f"openai:model@{server.url}", "--set", "vlm.batch=true"]
        while True:
            runs += 1
            with pytest.raises(SystemExit) as left:
                main([str(argument) for argument in command])
            said = [line for line in capsys.readouterr().err.splitlines() if not STEP_LINE.match(line)]
            if left.value.code == 0:
                break
            assert left.value.code == 4
            assert said[-1].startswith("nyxqa: submitted ")
            assert not (tmp_path / "manifest.json").exists()
            assert not list((tmp_path / ".work" / "answers").glob("*.jsonl"))
            assert runs < ROUNDS
        assert server.served == 0, "only tiny requests are sent directly"
        assert set(server.asked.values()) == {1}
        assert len(server.batches) == runs - 1, "the splits share a batch"
        assert set(server.purposes) == {"batch"}
        assert sum(server.asked.values()) == len(evidence_build[1].seen)
    assert data_of(tmp_path) == data_of(evidence_build[0])


def test_killed_at_every_call_it_submits_nothing_twice(
    evidence_recipe: Path, evidence_build: tuple[Path, EvidenceModel], tmp_path: Path
) -> None:
    """Each call of the first batch is lost: it took effect, and the build was killed before the reply."""
    kills = ["POST /files", "POST /batches", "GET /batches/batch_0", "GET /files/file-1/content"]
    lost: list[str] = []

    def on_call(call: str) -> bool:
        if call in kills and call not in lost:
            lost.append(call)
            process.kill()
            return False
        return True

    with BatchServer(reply=EvidenceModel(IMAGES), on_call=on_call) as server:
        command = ["build", "--recipe", evidence_recipe, "--out", tmp_path, "--workers", "1", "--split", "all"]
        command += ["--vlm", f"openai:model@{server.url}", "--set", "vlm.batch=true"]
        for kill in kills:
            with started(*command) as process:
                assert process.wait(60) == -9, kill
        assert lost == kills
        assert len(server.batches) == 1
        for _ in range(ROUNDS):
            try:
                build_with_model(evidence_recipe, tmp_path, server, **BATCH)
                break
            except PendingError as error:
                assert str(error).startswith("submitted ")
        assert set(server.asked.values()) == {1}
        assert server.calls.count("POST /files") == server.calls.count("POST /batches") == len(server.batches)
    assert data_of(tmp_path) == data_of(evidence_build[0])
