"""Crafted datasets: every command ends with one line or with a failed check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nyxqa
from nyxqa.builders.check.structure import check
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import relabel
from nyxqa.builders.publish.hub.files import local_files
from nyxqa.builders.report.report import make_report
from nyxqa.builders.report.views import run_sql
from nyxqa.schemas.errors import FormatError, NyxqaError
from nyxqa.schemas.manifest import read_manifest
from tests.support.tiny_dataset import tiny_dataset

Value = dict[str, Any]


def _first_file(value: Value) -> Value:
    return next(iter(value["files"].values()))


def _renamed(value: Value, name: str) -> None:
    path = next(iter(value["files"]))
    value["files"][name] = value["files"].pop(path)


MANIFESTS: dict[str, Callable[[Value], Any]] = {
    **{
        f"{name} {kind}": lambda value, name=name, made=made: value.update({name: made})
        for name in ("recipe", "versions", "revisions", "files", "certificate", "usage", "summary")
        for kind, made in (("a list", []), ("a text", "x"))
    },
    "stages an object": lambda value: value.update(stages={"a": 1}),
    "a stage a list": lambda value: value.update(stages=[[]]),
    "a stage's count a text": lambda value: value["stages"][0].update(rows_in="many"),
    "a stage's name a list": lambda value: value["stages"][0].update(name=["x"]),
    "a stage's seconds null": lambda value: value["stages"][0].update(seconds=None),
    "a further key": lambda value: value.update(novel=1),
    "no seed": lambda value: value.pop("seed"),
    "seed a text": lambda value: value.update(seed="42"),
    "format 0": lambda value: value.update(format=0),
    "format true": lambda value: value.update(format=True),
    "format 99": lambda value: value.update(format=99),
    "deviations numbers": lambda value: value.update(deviations=[1]),
    "certificate of texts": lambda value: value.update(certificate={"a": "none"}),
    "a version an object": lambda value: value.update(versions={"nyxqa": {}}),
    "rows negative": lambda value: _first_file(value).update(rows=-1),
    "rows a text": lambda value: _first_file(value).update(rows="3"),
    "hash null": lambda value: _first_file(value).update(sha256=None),
    "hash short": lambda value: _first_file(value).update(sha256="ab"),
    "a file a list": lambda value: value["files"].update({next(iter(value["files"])): []}),
    "absolute path": lambda value: _renamed(value, "/etc/hostname"),
    "path with ..": lambda value: _renamed(value, "data/../../secret.parquet"),
    "path of ..": lambda value: _renamed(value, "data/../secret.parquet"),
    "path outside data": lambda value: _renamed(value, "review/a.parquet"),
    "path too deep": lambda value: _renamed(value, "data/corpus/x/web-00000-of-00001.parquet"),
    "backslashes": lambda value: _renamed(value, "data\\corpus\\web-00000-of-00001.parquet"),
}
TEXTS = {
    "deep JSON": "[" * 100_000,
    "deep objects": '{"format": 2, "recipe": ' + '{"a":' * 50_000,
    "no JSON": "hello",
    "a list": "[]",
    "null": "null",
    "a number": "7",
    "nothing": "",
    "not UTF-8": "\udcff",
}
COMMANDS: dict[str, Callable[[Path], object]] = {
    "load": lambda out: nyxqa.load("triplets", out, split="train"),
    "sql": lambda out: run_sql(out, "FROM qa"),
    "report": make_report,
    "push": lambda out: local_files(out, read_manifest(out)),
    "feedback": lambda out: relabel(out, FeedbackOptions(None, None, None, {}, False, {}), Progress()),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "out"
    tiny_dataset(full=True).write(folder)
    return folder


def _refused(out: Path) -> None:
    for name, command in COMMANDS.items():
        with pytest.raises(NyxqaError) as refused:
            command(out)
        assert "\n" not in str(refused.value), name
        assert len(str(refused.value)) < 1000, name
    assert check(out).failed == ("manifest",)


@pytest.mark.parametrize("kind", list(MANIFESTS))
def test_a_crafted_manifest_is_refused_by_every_command(sound: Path, tmp_path: Path, kind: str) -> None:
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    value = json.loads((out / "manifest.json").read_text())
    MANIFESTS[kind](value)
    (out / "manifest.json").write_text(json.dumps(value))
    _refused(out)


@pytest.mark.parametrize("kind", list(TEXTS))
def test_a_manifest_that_is_none_is_refused_by_every_command(sound: Path, tmp_path: Path, kind: str) -> None:
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    (out / "manifest.json").write_bytes(TEXTS[kind].encode("utf-8", "surrogateescape"))
    _refused(out)


@pytest.mark.parametrize("linked", ["a file", "a table", "data"])
def test_a_link_out_of_the_folder_is_neither_read_nor_sent(sound: Path, tmp_path: Path, linked: str) -> None:
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    target = {"a file": next(iter(read_manifest(out).files)), "a table": "data/triplets", "data": "data"}[linked]
    outside = tmp_path / "outside"
    (out / target).rename(outside)
    (out / target).symlink_to(outside)
    for name in ("load", "sql", "report", "push"):
        with pytest.raises(FormatError, match="is a link out of the dataset's folder"):
            COMMANDS[name](out)


@pytest.mark.parametrize("name", ["README.md", "report.json", "manifest.json"])
def test_push_sends_no_file_of_another_folder(sound: Path, tmp_path: Path, name: str) -> None:
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    manifest = read_manifest(out)
    secret = tmp_path / "secret"
    secret.write_text("{}")
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(secret)
    with pytest.raises(FormatError, match=f"{name} is a link out of the dataset's folder"):
        local_files(out, manifest)
