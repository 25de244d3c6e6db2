"""``load``: where it looks, what it refuses, what stored columns hold."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import nyxqa
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.tables import TABLES, TRIPLETS, published_schema
from nyxqa.schemas.writing import write_split
from tests.support.dataset_cache import use_cache
from tests.support.tiny_dataset import TinyDataset, publish, tiny_dataset


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cache(monkeypatch, tmp_path / "cache")


def _pixels(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("table", list(TABLES))
def test_stored_columns_are_the_written_rows(table: str, root: Path, tiny: TinyDataset) -> None:
    loaded = nyxqa.load(table, root, join=False, images="bytes")
    for split, rows in tiny.tables[table].items():
        assert list(loaded[split]) == rows
        assert str(loaded[split].split) == split
        assert loaded[split].column_names == TABLES[table].schema.names


def test_stored_images_are_pictures(root: Path, tiny: TinyDataset) -> None:
    corpus = nyxqa.load("corpus", root, split="web", join=False)
    for read, written in zip(corpus, tiny.rows("corpus", "web"), strict=True):
        assert len(read["images"]) == len(written["images"])
        for picture, stored in zip(read["images"], written["images"], strict=True):
            assert np.array_equal(np.asarray(picture), _pixels(stored["bytes"]))


def test_without_images_no_column_holds_any(root: Path, tiny: TinyDataset) -> None:
    corpus = nyxqa.load("corpus", root, split="web", images="none")
    assert "images" not in corpus.column_names
    assert corpus["image_ids"][1] == tiny.rows("corpus", "web")[1]["image_ids"]
    preview = nyxqa.load("preview", root, split="train", images="none")
    assert preview[2]["negative_2"] == tiny.rows("preview", "train")[2]["negative_2"]
    assert not [name for name in preview.column_names if name.endswith("images")]


def test_all_splits_come_as_a_dictionary_and_an_empty_one_has_its_features(tmp_path: Path, tiny: TinyDataset) -> None:
    tiny.tables["triplets"]["validation"] = []
    del tiny.tables["mixture"], tiny.tables["feedback"]
    tiny.write(tmp_path / "out")
    for join in (True, False):
        triplets = nyxqa.load("triplets", tmp_path / "out", join=join)
        assert isinstance(triplets, datasets.DatasetDict)
        assert {split: len(rows) for split, rows in triplets.items()} == {"train": 5, "validation": 0, "test": 3}
        assert triplets["validation"].features == triplets["train"].features
        assert list(triplets["validation"]) == []
    mixture = nyxqa.load("mixture", tmp_path / "out", split="train")
    assert len(mixture) == 0
    assert {"position", "query", "positive", "negatives"} <= set(mixture.column_names)
    assert len(nyxqa.load("feedback", tmp_path / "out", split="train")) == 0


def test_a_folder_of_no_rows_serves_every_table(tmp_path: Path) -> None:
    TinyDataset().write(tmp_path)
    for table in TABLES:
        for join in (True, False):
            assert [len(rows) for rows in nyxqa.load(table, tmp_path, join=join).values()]
            assert not any(len(rows) for rows in nyxqa.load(table, tmp_path, join=join).values())


def test_pools_are_the_splits_of_the_corpus(root: Path) -> None:
    assert list(nyxqa.load("corpus", root)) == ["web", "wiki"]
    with pytest.raises(UsageError, match=r"corpus has no split 'wikj'; valid splits: web, wiki"):
        nyxqa.load("corpus", root, split="wikj")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "triplet"}, "unknown table 'triplet'; did you mean 'triplets'"),
        ({"split": "dev"}, "triplets has no split 'dev'; valid splits: train, validation, test"),
        ({"images": "byte"}, "images='byte'; did you mean 'bytes'"),
        ({"streaming": True}, "nyxqa export DATA --to shards"),
        ({"max_negatives": 2, "join": False}, "max_negatives needs join=True"),
        ({"max_negatives": 2, "name": "qa"}, "max_negatives needs join=True and one of the tables triplets, mixture"),
        ({"max_negatives": -1}, "max_negatives=-1 is not a number"),
        ({"path": None, "revision": "v1"}, "revision names a version on the Hub"),
    ],
)
def test_wrong_arguments_are_refused(root: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        nyxqa.load(**{"path": root, **arguments})


def test_the_default_folder_is_that_of_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NYXQA_DATA", raising=False)
    with pytest.raises(FormatError, match=r"nyxqa_data holds no finished .* python -m nyxqa.build"):
        nyxqa.load()
    monkeypatch.setenv("NYXQA_DATA", str(root))
    assert len(nyxqa.load(split="train")) == 5
    root.rename(tmp_path / "nyxqa_data")
    monkeypatch.delenv("NYXQA_DATA")
    assert len(nyxqa.load(split="train")) == 5


def test_a_path_is_local_even_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no finished nyxqa dataset"):
        nyxqa.load(path=tmp_path / "user" / "name")
    with pytest.raises(FormatError, match="holds no finished nyxqa dataset"):
        nyxqa.load(path=str(tmp_path / "nowhere"))


def test_a_hub_that_is_not_there_is_an_error_of_the_world(tmp_path: Path) -> None:
    script = "import nyxqa\nnyxqa.load(path='someone/something', revision='v1')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert WorldError.__name__ in done.stderr
    assert "someone/something at revision v1" in done.stderr


def _rewrite(root: Path, name: str, change: Any) -> Path:
    file = root / "data" / name
    change(file)
    return file


def test_a_file_that_is_gone_is_named(root: Path) -> None:
    gone = _rewrite(root, "ledger/rows-00000-of-00001.parquet", Path.unlink)
    with pytest.raises(FormatError, match=f"{re.escape(str(gone))} is in manifest.json but not"):
        nyxqa.load("triplets", root)


def test_a_file_that_nobody_listed_is_named(root: Path) -> None:
    stray = root / "data/triplets/train-00001-of-00002.parquet"
    stray.write_bytes((root / "data/triplets/train-00000-of-00001.parquet").read_bytes())
    with pytest.raises(FormatError, match=f"{re.escape(str(stray))} is in the folder but not"):
        nyxqa.load("triplets", root)
    stray.rename(stray.with_name(".train-00001"))  # what a killed build leaves behind
    assert len(nyxqa.load("triplets", root, split="train")) == 5


def test_a_file_of_other_length_is_named(root: Path) -> None:
    def shorten(file: Path) -> None:
        pq.write_table(pq.read_table(file).slice(1), file)

    file = _rewrite(root, "corpus/wiki-00000-of-00001.parquet", shorten)
    with pytest.raises(FormatError, match=f"{re.escape(str(file))} holds 4 rows, manifest.json says 5"):
        nyxqa.load("triplets", root)


def test_a_file_that_is_no_parquet_is_named(root: Path) -> None:
    file = _rewrite(root, "triplets/test-00000-of-00001.parquet", lambda path: path.write_bytes(b"PAR1"))
    with pytest.raises(FormatError, match=f"{re.escape(str(file))} cannot be read as Parquet"):
        nyxqa.load("triplets", root)


def test_a_newer_format_is_refused_in_manifest_and_file(root: Path) -> None:
    file = root / "data/qa/test-00000-of-00001.parquet"
    table = pq.read_table(file)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"nyxqa.format": b"3"}), file)
    with pytest.raises(FormatError, match=r"test-00000-of-00001.parquet has format 3; this nyxqa reads up to 2"):
        nyxqa.load("qa", root)
    manifest = root / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 3, "novel": 1}))
    with pytest.raises(FormatError, match=r"manifest.json has format 3"):
        nyxqa.load("qa", root)


def test_a_missing_column_is_named(root: Path) -> None:
    def drop(file: Path) -> None:
        pq.write_table(pq.read_table(file).drop_columns(["miner"]), file)

    _rewrite(root, "triplets/train-00000-of-00001.parquet", drop)
    with pytest.raises(FormatError, match="lacks column 'miner' of table triplets"):
        nyxqa.load("triplets", root)


def test_further_columns_are_kept(root: Path) -> None:
    def widen(file: Path) -> None:
        table = pq.read_table(file)
        pq.write_table(table.append_column("extra", [list(range(table.num_rows))]), file)

    for table in ("triplets", "qa"):
        _rewrite(root, f"{table}/train-00000-of-00001.parquet", widen)
        assert nyxqa.load(table, root, split="train")[1]["extra"] == 1
        assert nyxqa.load(table, root, split="train", join=False)[1]["extra"] == 1


def test_a_rebuild_in_place_is_never_read_stale(root: Path) -> None:
    """Other content in files of the same size and time: only the manifest tells."""
    before = list(nyxqa.load("triplets", root, split="train", images="bytes"))
    times = {file: file.stat() for file in (root / "data").rglob("*.parquet")}
    again = tiny_dataset(seed=1, full=True)
    again.write(root)
    for file, old in times.items():
        os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    after = nyxqa.load("triplets", root, split="train", images="bytes")
    assert len(after) == len(before)
    written = {row["query_id"]: row for row in again.rows("triplets", "train")}
    for row in after:
        assert row["positive"]["text"] == again.document(written[row["query_id"]]["positive_id"])["text"]
    assert [row["positive"] for row in after] != [row["positive"] for row in before]


def test_a_file_changed_behind_the_manifest_is_not_read_from_the_cache(root: Path) -> None:
    assert nyxqa.load("ledger", root, split="rows")[0]["reason"] == "too_short"
    file = root / "data/ledger/rows-00000-of-00001.parquet"
    table = pq.read_table(file)
    place = table.schema.names.index("reason")
    pq.write_table(table.set_column(place, "reason", [["tampered"] * table.num_rows]), file)
    assert nyxqa.load("ledger", root, split="rows")[0]["reason"] == "tampered"


def test_a_folder_that_cannot_be_written_is_read(root: Path) -> None:
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    before = sorted(path for path in root.rglob("*"))
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert len(list(nyxqa.load("triplets", root, split="train"))) == 5
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert sorted(path for path in root.rglob("*")) == before


def test_an_unwritable_cache_is_an_error_of_the_world(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    use_cache(monkeypatch, blocked)
    with pytest.raises(WorldError, match=r"cannot write the cache .* set HF_DATASETS_CACHE"):
        nyxqa.load("triplets", root)


def test_loading_says_nothing_and_importing_costs_nothing(root: Path) -> None:
    script = (
        "import sys, nyxqa\nassert not {'datasets', 'torch', 'pyarrow'} & set(sys.modules)\n"
        f"rows = nyxqa.load('triplets', {str(root)!r}, split='train')\nprint(rows[0]['query']['text'])\n"
        f"print(nyxqa.load('corpus', {str(root)!r}, split='web', join=False)[0]['kind'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "Which passage is number 1?\ntext\n"
    assert done.stderr == ""


def test_a_split_of_several_files_is_one_dataset(tmp_path: Path, tiny: TinyDataset) -> None:
    rows = tiny.rows("triplets", "train")
    entries = {}
    for part in range(2):
        (written,) = write_split(TRIPLETS, "train", rows[part * 3 : part * 3 + 3], tmp_path).items()
        (tmp_path / written[0]).rename(tmp_path / f"data/triplets/train-0000{part}-of-00002.parquet")
        entries[f"data/triplets/train-0000{part}-of-00002.parquet"] = written[1]
    publish(tmp_path, entries)
    assert list(nyxqa.load("triplets", tmp_path, split="train", join=False, images="bytes")) == rows


@pytest.mark.parametrize("images", ["decode", "bytes", "none"])
@pytest.mark.parametrize("table", ["corpus", "preview", "ledger"])
def test_a_stream_gives_what_the_stored_columns_hold(table: str, images: Any, root: Path) -> None:
    stored = nyxqa.load(table, root, join=False, images=images)
    streamed = nyxqa.load(table, root, join=False, images=images, streaming=True)
    assert isinstance(streamed, datasets.IterableDatasetDict)
    for split, rows in streamed.items():
        assert isinstance(rows, datasets.IterableDataset)
        read = list(rows)
        assert [list(row) for row in read] == [list(row) for row in stored[split]]
        assert read == list(stored[split])


def test_a_stream_of_an_empty_split_has_no_rows(tmp_path: Path) -> None:
    TinyDataset().write(tmp_path)
    empty = nyxqa.load("triplets", tmp_path, split="train", join=False, streaming=True)
    assert isinstance(empty, datasets.IterableDataset)
    assert list(empty) == []


def test_every_file_carries_features_in_the_spelling_both_generations_read() -> None:
    for table in TABLES.values():
        info = json.loads(published_schema(table.schema).metadata[b"huggingface"])
        features = datasets.Features.from_dict(info["info"]["features"])
        assert features.arrow_schema.remove_metadata() == table.schema
