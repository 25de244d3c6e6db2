"""The manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import FileEntry, Manifest, StageEntry, read_manifest, write_manifest


def _manifest() -> Manifest:
    stage = StageEntry("dedup", "", "abc", "document", "document", 5, 4, 1, 0, 4, 0.5)
    names = [
        "corpus/web-00000-of-00002",
        "corpus/web-00001-of-00002",
        "corpus/web2-00000-of-00001",
        "qa/test-00000-of-00001",
    ]
    files = {f"data/{name}.parquet": FileEntry("0" * 64, 2) for name in names}
    return Manifest({"seed": 1}, 1, {"python": "3.11"}, {}, ["one"], [stage], files, {"pairs": 0}, {"requests": 3})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_manifest(tmp_path, _manifest())
    assert read_manifest(tmp_path) == _manifest()
    assert next(iter(json.loads((tmp_path / "manifest.json").read_text()))) == "format"


def test_splits_and_paths_are_those_with_files() -> None:
    manifest = _manifest()
    assert manifest.splits("corpus") == ["web", "web2"]
    assert manifest.paths("corpus", "web") == [f"data/corpus/web-0000{i}-of-00002.parquet" for i in range(2)]
    assert manifest.paths("corpus", "web2") == ["data/corpus/web2-00000-of-00001.parquet"]
    assert (manifest.splits("triplets"), manifest.paths("qa", "train")) == ([], [])


def test_no_manifest_names_the_build_command(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"python -m nyxqa\.build --split train --out "):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: [],
        lambda value: {},
        lambda value: {**value, "format": "one"},
        lambda value: {**value, "files": {"data/x": {"rows": 1}}},
        lambda value: {**value, "stages": [{"name": "x"}]},
        lambda value: {name: item for name, item in value.items() if name != "recipe"},
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, spoil: Any) -> None:
    write_manifest(tmp_path, _manifest())
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(spoil(json.loads(file.read_text()))))
    with pytest.raises(FormatError, match=r"manifest\.json"):
        read_manifest(tmp_path)
    file.write_bytes(b"\xff{")
    with pytest.raises(FormatError, match=r"is not a manifest of nyxqa"):
        read_manifest(tmp_path)
