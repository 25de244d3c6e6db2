"""A sound dataset passes every check; all failures are named in one run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nyxqa.builders.check.structure import CHECKS, check
from nyxqa.schemas.errors import FormatError, LawError
from tests.support.restamp import restamp, rewrite


def test_sound_dataset(built_sample: Path) -> None:
    result = check(built_sample)
    # A probe's line also has what it measured.
    assert [finding.line().partition(" (")[0] for finding in result.findings] == [f"ok {name}" for name in CHECKS]
    result.raise_failed()


def test_every_failure_is_named_in_one_run(dataset: Path) -> None:
    rewrite(dataset, "qa", "test", lambda rows: rows[0].update(choices=rows[0]["choices"][:3]))
    (dataset / "data" / "stray.txt").write_text("")
    result = check(dataset)
    assert result.failed == ("files_extra", "choices")
    assert "files_extra: 1, such as data/stray.txt" in result.text()
    with pytest.raises(LawError, match=f"2 of {len(CHECKS)} checks failed: files_extra, choices"):
        result.raise_failed()
    assert json.loads(result.json())["failed"] == ["files_extra", "choices"]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is not a folder; build a dataset with"):
        check(tmp_path / "absent")


def test_partial_build_is_sound(tmp_path: Path) -> None:
    from nyxqa.build import run

    run("train", out=tmp_path / "one", limit=20, workers=1, settings={"split.test": 0.0})
    restamp(tmp_path / "one")
    assert check(tmp_path / "one").failed == ()
