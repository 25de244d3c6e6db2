"""A build over a dataset of format 1, and commands that write into one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nyxqa.build
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import Step
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import relabel
from nyxqa.builders.stages.assemble import EARLIER_VERSION
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import read_manifest, write_manifest
from nyxqa.schemas.tables import JOINED, TABLES, published_schema, table_in_format
from tests.support.format_1 import copy_of_format_1
from tests.support.restamp import restamp

_OPTIONS = {"source": "sample", "limit": 20, "workers": 1, "settings": {"split.test": 0}}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, str], Step]]:
    """The steps that decide published splits, by split and fingerprint."""
    made: dict[tuple[str, str], Step] = {}
    fingerprint = Step.fingerprint.func

    def noted(step: Step) -> str:
        found = str(fingerprint(step))
        made[step.split, found] = step
        return found

    monkeypatch.setattr(Step, "fingerprint", property(noted))
    yield made


def _as_format_1(out: Path, steps: dict[tuple[str, str], Step]) -> None:
    """Rewrite the dataset in ``out`` as the version before would have published it."""
    manifest = read_manifest(out)
    for path in manifest.files:
        table = table_in_format(TABLES[path.split("/")[1]], 1)
        rows = pq.read_table(out / path)
        (out / path).unlink()
        if table.name == "preview":
            rows = pa.Table.from_pylist([], schema=pa.schema([(one.name, one.type) for one in JOINED.columns]))
        columns = [
            rows.column(name).cast(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)
        ]
        pq.write_table(pa.Table.from_arrays(columns, schema=published_schema(table.schema, 1)), out / path)
    stages = [
        replace(entry, fingerprint=replace(steps[entry.split, entry.fingerprint], version=EARLIER_VERSION).fingerprint)
        if entry.name == "assemble"
        else entry
        for entry in manifest.stages
    ]
    write_manifest(out, replace(manifest, stages=stages, format=1))
    restamp(out)


def _times(out: Path) -> dict[str, int]:
    """When each file of each step was written."""
    steps = out / ".work" / "steps"
    return {path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in steps.rglob("*") if path.is_file()}


def test_a_build_over_format_1_runs_assemble_alone_and_says_so(
    tmp_path: Path, steps: dict[tuple[str, str], Step], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    before = nyxqa.build.run("all", out=out, **_OPTIONS).manifest
    data = {path: (out / path).read_bytes() for path in before.files}
    _as_format_1(out, steps)
    for folder in (out / ".work" / "steps").glob("assemble*"):
        folder.rename(tmp_path / folder.name)  # their fingerprints are those of the present version
    kept = _times(out)
    capsys.readouterr()

    after = nyxqa.build.run("train", out=out, **_OPTIONS)
    said = capsys.readouterr().err
    assert f"{out} has format 1; only stage assemble is run again, which writes format 2" in said
    assert after.changed
    assert {path: time for path, time in _times(out).items() if "/assemble" not in path} == kept
    assert after.manifest.files == before.files
    assert {path: (out / path).read_bytes() for path in after.manifest.files} == data
    assert read_manifest(out).format == 2
    assert not nyxqa.build.run("train", out=out, **_OPTIONS).changed


def test_feedback_refuses_format_1_and_names_the_build(tmp_path: Path) -> None:
    out = copy_of_format_1(tmp_path / "out")
    options = FeedbackOptions(None, None, None, {}, False, {})
    with pytest.raises(FormatError, match=r"has format 1, and feedback needs 2; .*python -m nyxqa\.build --split"):
        relabel(out, options, Progress())
