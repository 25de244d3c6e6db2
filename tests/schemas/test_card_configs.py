"""The folder read by ``datasets`` alone, of this generation and of 3.6."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from nyxqa.schemas.card_configs import dataset_configs
from tests.support.dataset_cache import use_cache
from tests.support.tiny_dataset import TinyDataset, tiny_dataset

OLD_INTERPRETER = os.environ.get("NYXQA_DATASETS36", "")

# Prints what an interpreter's own ``datasets`` reads: rows with each picture as a hash of its pixels, and features.
_READ = """
import hashlib, io, json, sys
import datasets, numpy, PIL.Image
datasets.disable_progress_bars()
def plain(value):
    # 3.6 decides by the first item of a list whether to decode any, and leaves pictures behind a text-only one encoded.
    if isinstance(value, dict) and set(value) == {"bytes", "path"}:
        value = PIL.Image.open(io.BytesIO(value["bytes"]))
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "tobytes"):
        return hashlib.sha256(numpy.asarray(value).tobytes()).hexdigest()
    return value
def shape(feature):
    kind = type(feature).__name__
    if isinstance(feature, dict):
        return {name: shape(item) for name, item in feature.items()}
    if isinstance(feature, (list, tuple)):
        return [shape(feature[0])]
    if kind in ("List", "Sequence", "LargeList"):
        return [shape(feature.feature)]
    return kind if kind != "Value" else feature.dtype
out = {"version": datasets.__version__}
for table, split in json.loads(sys.argv[2]):
    rows = datasets.load_dataset(sys.argv[1], table, split=split)
    out[f"{table}/{split}"] = {"rows": [plain(row) for row in rows], "features": shape(rows.features)}
print(json.dumps(out))
"""


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cache(monkeypatch, tmp_path / "cache")


def _pictured(value: Any) -> Any:
    """Rows as written, each stored image as a hash of its pixels."""
    if isinstance(value, dict) and set(value) == {"bytes", "path"}:
        return hashlib.sha256(np.asarray(Image.open(io.BytesIO(value["bytes"]))).tobytes()).hexdigest()
    if isinstance(value, dict):
        return {name: _pictured(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_pictured(item) for item in value]
    return value


def test_configs_list_the_exact_files_preview_first(tmp_path: Path, tiny: TinyDataset) -> None:
    tiny.tables["qa"]["validation"] = []
    configs = dataset_configs(tiny.write(tmp_path))
    assert [config["config_name"] for config in configs] == [
        "preview",
        "corpus",
        "qa",
        "triplets",
        "qrels",
        "mixture",
        "feedback",
        "ledger",
    ]
    assert [config.get("default", False) for config in configs] == [True] + [False] * 7
    assert configs[2]["data_files"] == [
        {"split": "train", "path": ["data/qa/train-00000-of-00001.parquet"]},
        {"split": "test", "path": ["data/qa/test-00000-of-00001.parquet"]},
    ]
    assert [part["split"] for part in configs[1]["data_files"]] == ["web", "wiki"]


def test_a_table_without_files_has_no_config(tmp_path: Path) -> None:
    configs = dataset_configs(tiny_dataset().write(tmp_path))
    assert [config["config_name"] for config in configs] == ["preview", "corpus", "qa", "triplets", "ledger"]


def test_descriptions_change_with_the_bytes_of_a_file_only(tmp_path: Path) -> None:
    first, same, other = (
        dataset_configs(tiny_dataset(seed).write(tmp_path / str(n))) for n, seed in enumerate((0, 0, 1))
    )
    assert first == same
    changed = [one["config_name"] for one, two in zip(first, other, strict=True) if one != two]
    assert changed == ["preview", "corpus", "qa", "triplets"]


def _read(interpreter: str, root: Path, tables: list[tuple[str, str]], cache: Path) -> Any:
    environment = {**os.environ, "HF_DATASETS_CACHE": str(cache), "HF_HOME": str(cache), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    command = [interpreter, "-c", _READ, str(root), json.dumps(tables)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _all_splits(tiny: TinyDataset) -> list[tuple[str, str]]:
    return [(table, split) for table, splits in tiny.tables.items() for split in splits]


def test_datasets_reads_every_table_as_written(tmp_path: Path, tiny: TinyDataset) -> None:
    tiny.write(tmp_path / "out")
    datasets.disable_progress_bars()
    for table, split in _all_splits(tiny):
        rows = datasets.load_dataset(str(tmp_path / "out"), table, split=split)
        undecoded = rows.cast(_undecoded(rows.features))
        assert list(undecoded) == tiny.rows(table, split)
    assert datasets.load_dataset(str(tmp_path / "out"), split="train")[0] is not None
    picture = datasets.load_dataset(str(tmp_path / "out"), "corpus", split="web")[1]["images"][0]
    assert isinstance(picture, Image.Image)


def _undecoded(feature: Any) -> Any:
    if isinstance(feature, datasets.Image):
        return datasets.Image(decode=False)
    if isinstance(feature, datasets.List):
        return datasets.List(_undecoded(feature.feature))
    if isinstance(feature, dict):
        changed = {name: _undecoded(item) for name, item in feature.items()}
        return datasets.Features(changed) if isinstance(feature, datasets.Features) else changed
    return feature


@pytest.mark.skipif(not OLD_INTERPRETER, reason="NYXQA_DATASETS36 names no interpreter with datasets 3.6")
def test_datasets_3_6_reads_what_this_one_reads(tmp_path: Path, tiny: TinyDataset) -> None:
    import sys

    tiny.write(tmp_path / "out")
    tables = _all_splits(tiny)
    old = _read(OLD_INTERPRETER, tmp_path / "out", tables, tmp_path / "old")
    new = _read(sys.executable, tmp_path / "out", tables, tmp_path / "new")
    assert old.pop("version").startswith("3.6.")
    assert not new.pop("version").startswith("3.")
    assert old == new
    for table, split in tables:
        assert old[f"{table}/{split}"]["rows"] == _pictured(tiny.rows(table, split))
    assert old["corpus/web"]["features"]["images"] == ["Image"]
    assert old["preview/train"]["features"]["negative_1_images"] == ["Image"]


def test_a_rebuild_in_place_is_never_read_stale(tmp_path: Path, tiny: TinyDataset) -> None:
    """Other content, equal numbers of rows, equal file sizes or not, equal times."""
    datasets.disable_progress_bars()
    tiny.write(tmp_path)
    before = datasets.load_dataset(str(tmp_path), "triplets", split="train")["query_id"][:]
    times = {file: file.stat() for file in (tmp_path / "data").rglob("*.parquet")}
    again = tiny_dataset(seed=1, full=True)
    again.write(tmp_path)
    for file, old in times.items():
        os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    after = datasets.load_dataset(str(tmp_path), "triplets", split="train")["query_id"][:]
    assert after == [row["query_id"] for row in again.rows("triplets", "train")]
    assert after != before
