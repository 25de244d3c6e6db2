"""An export is read by ``datasets`` of three generations, is never served stale, and its README says what is true."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

import nyxqa
from nyxqa.builders.export.factory import TARGETS
from tests.builders.export.conftest import full_dataset
from tests.support.snippets import fenced, run_snippet
from tests.support.tiny_dataset import SPLITS, tiny_dataset

OLD_VERSIONS = {"3.6": "NYXQA_DATASETS36", "4": "NYXQA_DATASETS4"}
BEIR_INTERPRETER = os.environ.get("NYXQA_BEIR", "")

# Prints the rows that an interpreter's own ``datasets`` reads, images as a hash of their bytes.
_READ = """
import hashlib, json, sys
import datasets
datasets.disable_progress_bars()
def undecoded(feature):
    if isinstance(feature, datasets.Image):
        return datasets.Image(decode=False)
    if isinstance(feature, dict):
        return type(feature)({name: undecoded(one) for name, one in feature.items()})
    if isinstance(feature, list):
        return [undecoded(feature[0])]
    if hasattr(feature, "feature"):
        return type(feature)(undecoded(feature.feature))
    return feature
def plain(value):
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value
out = {"version": datasets.__version__}
for folder in sys.argv[1:]:
    for name in datasets.get_dataset_config_names(folder):
        for split, rows in datasets.load_dataset(folder, name).items():
            out[f"{folder} {name} {split}"] = [plain(row) for row in rows.cast(undecoded(rows.features))]
print(json.dumps(out))
"""


def _read(interpreter: str, folders: list[str], home: Path, place: Path) -> dict[str, Any]:
    done = subprocess.run(
        [interpreter, "-c", _READ, *folders],
        capture_output=True,
        text=True,
        check=False,
        cwd=place,
        env={**os.environ, "HF_HOME": str(home), "HF_DATASETS_CACHE": str(home / "datasets")},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every export, each in a folder of its name."""
    place = tmp_path_factory.mktemp("exported")
    full_dataset().write(place / "data")
    for target in TARGETS:
        nyxqa.export(place / "data", target, place / target)
    return place


@pytest.fixture(scope="module")
def read_here(exported: Path) -> dict[str, Any]:
    return _read(sys.executable, list(TARGETS), exported / "new", exported)


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_an_older_datasets_reads_every_export_as_this_one_does(
    version: str, exported: Path, read_here: dict[str, Any]
) -> None:
    interpreter = os.environ.get(OLD_VERSIONS[version])
    if not interpreter:
        pytest.skip(f"{OLD_VERSIONS[version]} names no interpreter with datasets {version}")
    old = _read(interpreter, list(TARGETS), exported / version, exported)
    assert old.pop("version").startswith(f"{version}.")
    assert read_here["version"].startswith("5.")
    assert old == {key: rows for key, rows in read_here.items() if key != "version"}
    assert {key.split()[0] for key, rows in old.items() if rows} == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_a_second_export_is_never_served_from_the_cache_of_the_first(target: str, tmp_path: Path) -> None:
    """Other rows, the same folder, as many files and rows, equal times."""
    values: list[list[Any]] = []
    for seed in range(2):
        tiny_dataset(seed, full=True).write(tmp_path / str(seed))
        shutil.rmtree(tmp_path / "x", ignore_errors=True)
        nyxqa.export(tmp_path / str(seed), target, tmp_path / "x", split="train")
        for file in (tmp_path / "x").rglob("*"):
            os.utime(file, ns=(0, 0))
        rows = load_dataset(str(tmp_path / "x"), split="train")
        values.append(rows[rows.column_names[0]][:])
        again = load_dataset(str(tmp_path / "x"), split="train")
        assert again.cache_files == rows.cache_files
    assert values[0] != values[1]


@pytest.mark.parametrize("split", [None, "test"])
@pytest.mark.parametrize("target", ["sentence-transformers", "vlm2vec", "mme5", "shards"])
def test_the_snippet_of_an_export_runs(target: str, split: str | None, root: Path, tmp_path: Path) -> None:
    nyxqa.export(root, target, tmp_path / "x", split=split)
    text = (tmp_path / "x" / "README.md").read_text(encoding="utf-8")
    (code,) = fenced(text, "python")
    names = run_snippet(code.replace("FOLDER", str(tmp_path / "x")))
    read = names.get("rows") or names[split or "train"]
    assert all(len(list(one)) for one in (read.values() if isinstance(read, dict) else [read]))


@pytest.mark.parametrize("split", [None, "test"])
def test_the_arguments_for_tevatron_name_what_is_there(split: str | None, root: Path, tmp_path: Path) -> None:
    nyxqa.export(root, "tevatron", tmp_path / "x", split=split)
    (line,) = fenced((tmp_path / "x" / "README.md").read_text(encoding="utf-8"), "")
    given = dict(re.findall(r"--(\w+) (\S+)", line.replace("FOLDER", str(tmp_path / "x"))))
    queries = load_dataset(given["dataset_name"], given["dataset_config"], split=given["dataset_split"])
    corpus = load_dataset(given["corpus_name"], given["corpus_config"], split="train")
    assert {one for row in queries for one in row["positive_document_ids"]} <= set(corpus["docid"])


@pytest.mark.skipif(not BEIR_INTERPRETER, reason="NYXQA_BEIR names no interpreter with beir")
@pytest.mark.parametrize("split", [None, "test"])
def test_the_snippet_for_beir_runs(split: str | None, root: Path, tmp_path: Path) -> None:
    nyxqa.export(root, "beir", tmp_path / "x", split=split)
    (code,) = fenced((tmp_path / "x" / "README.md").read_text(encoding="utf-8"), "python")
    code = code.replace("FOLDER", str(tmp_path / "x")) + "\nprint(len(corpus), len(queries), len(qrels))"
    done = subprocess.run([BEIR_INTERPRETER, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(int(count) for count in done.stdout.split())


def test_every_snippet_of_an_export_is_one_that_these_tests_run(root: Path, tmp_path: Path) -> None:
    for target in TARGETS:
        nyxqa.export(root, target, tmp_path / target, split=SPLITS[0])
        text = (tmp_path / target / "README.md").read_text(encoding="utf-8")
        assert text.count("```") == 2, target
