"""Builds that are killed between two renames of publishing are completed by the next one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nyxqa.builders.engine.workdir import output_folder
from nyxqa.builders.publish.publish import complete_publishing, publish
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import read_manifest, write_manifest
from tests.support.kills import Killed, killed_after
from tests.support.running import published


@pytest.fixture
def two(built_sample: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A published dataset, and the assembled tables of another with a table less."""
    out = tmp_path / "out"
    shutil.copytree(built_sample, out)
    (old,) = (out / ".work" / "steps" / "assemble.tables").iterdir()
    fresh = old.with_name("0" * 16)
    shutil.copytree(old, fresh)
    manifest = read_manifest(out)
    files = {name: entry for name, entry in manifest.files.items() if not name.startswith("data/preview/")}
    write_manifest(fresh, type(manifest)(**{**vars(manifest), "files": files}))
    return out, fresh


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_change_of_publishing_the_next_run_completes_it(
    step: int, two: tuple[Path, Path], tmp_path: Path
) -> None:
    out, fresh = two
    manifest = read_manifest(fresh)
    before = published(out)
    whole = tmp_path / "whole"
    shutil.copytree(out, whole)
    publish(whole / fresh.relative_to(out), whole, manifest)
    after = published(whole)
    assert before != after
    calls, ends = 0, set[bool | None]()
    while True:
        with pytest.MonkeyPatch.context() as patch:
            killed_after(calls, patch)
            try:
                publish(fresh, out, manifest)
                break
            except Killed:
                pass
        try:
            ends.add(all((out / name).is_file() for name in read_manifest(out).files))
        except FormatError:
            ends.add(None)
        with output_folder(out):
            complete_publishing(out)
        found = published(out)
        assert found in (before, after), calls
        calls += step
    assert calls > 30
    assert ends == {True, None}  # a whole dataset or none, never a mixed one
    assert published(out) == after
    with output_folder(out) as work:
        assert [*out.glob(".*.part"), *work.glob(".*.part")] == []
