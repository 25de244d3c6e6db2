"""``nyxqa check`` finds each shortcut that is planted in a dataset, and none in its clean twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.check.probes import PROBE_CHECKS
from nyxqa.cli import main
from tests.support.shortcut_dataset import shortcut_dataset


def checked(out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Exit code and findings of the command, by name of the check."""
    with pytest.raises(SystemExit) as left:
        main(["check", str(out), "--structure", "--json"])
    told = json.loads(capsys.readouterr().out)
    return int(left.value.code or 0), {one["name"]: one for one in told["findings"]}


# What a shortcut changes besides: options that are longer where they are right are told apart, positions are uneven.
ALSO = {"length": {"probe_options"}, "position": {"label_balance"}}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shortcut_dataset(tmp_path_factory.mktemp("clean"))


def test_the_command_finds_no_shortcut_in_the_clean_twin(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = checked(clean, capsys)
    assert {name: found[name]["status"] for name in PROBE_CHECKS} == dict.fromkeys(PROBE_CHECKS, "ok")


@pytest.mark.parametrize(
    "shortcut", ["question", "image", "position", "negatives", pytest.param("length", marks=pytest.mark.slow)]
)
def test_the_command_names_the_planted_shortcut_alone(
    shortcut: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = checked(shortcut_dataset(tmp_path, shortcut), capsys)
    failed = {name for name in (*PROBE_CHECKS, "label_balance") if found[name]["status"] == "failed"}
    assert failed == {f"probe_{shortcut}", *ALSO.get(shortcut, ())}
    assert code == 3
