"""Joined rows: contents looked up on access, whatever ``datasets`` does with the rows in between."""

from __future__ import annotations

import gc
import io
import os
import pickle
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

import nyxqa
from nyxqa.schemas.errors import FormatError, LawError
from nyxqa.schemas.ids import query_id
from nyxqa.schemas.tables import CORPUS, TRIPLETS
from nyxqa.schemas.writing import write_split
from tests.support.dataset_cache import use_cache
from tests.support.running import ROOT, environment
from tests.support.tiny_dataset import Row, TinyDataset, document, png, publish, tiny_dataset


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    datasets.disable_progress_bars()


def _side(row: Row, images: str = "bytes") -> Row:
    """The expected side of a document, in mode bytes or none."""
    listed = row["image_ids"] if images == "none" else [image["bytes"] for image in row["images"]]
    return {"text": row["text"], "images": listed}


def _query(row: Row, images: str = "bytes") -> Row:
    listed = row["query_image_ids"] if images == "none" else [image["bytes"] for image in row["query_images"]]
    return {"text": row["query"], "images": listed}


def _expected(tiny: TinyDataset, row: Row, images: str = "bytes") -> Row:
    joined = {name: value for name, value in row.items() if name not in ("query", "query_images")}
    return {
        **joined,
        "query": _query(row, images),
        "positive": _side(tiny.document(row["positive_id"]), images),
        "negatives": [_side(tiny.document(one), images) for one in row["negative_ids"]],
    }


@pytest.mark.parametrize("images", ["bytes", "none"])
def test_triplets_hold_their_contents(root: Path, tiny: TinyDataset, images: Any) -> None:
    for split, rows in tiny.tables["triplets"].items():
        read = list(nyxqa.load("triplets", root, split=split, images=images))
        assert read == [_expected(tiny, row, images) for row in rows]
    assert any(row["query"]["images"] for row in read)
    assert any(len(row["positive"]["images"]) > 1 for row in read)


def test_decoded_pictures_have_the_stored_pixels(root: Path) -> None:
    encoded = nyxqa.load("triplets", root, split="train", images="bytes")
    decoded = nyxqa.load("triplets", root, split="train")
    count = 0
    for stored, row in zip(encoded, decoded, strict=True):
        sides = [(stored[name], row[name]) for name in ("query", "positive")]
        sides += zip(stored["negatives"], row["negatives"], strict=True)
        for expected, side in sides:
            assert list(side) == ["text", "images"]
            for data, picture in zip(expected["images"], side["images"], strict=True):
                assert isinstance(picture, Image.Image)
                assert np.array_equal(np.asarray(picture), np.asarray(Image.open(io.BytesIO(data))))
                count += 1
    assert count > 5


def test_questions_hold_their_document(root: Path, tiny: TinyDataset) -> None:
    read = list(nyxqa.load("qa", root, split="test", images="bytes"))
    for row, written in zip(read, tiny.rows("qa", "test"), strict=True):
        assert row["document"] == _side(tiny.document(written["doc_id"]))
        assert row["images"] == [image["bytes"] for image in written["images"]]
        assert (row["qa_id"], row["choices"], row["label"]) == (written["qa_id"], written["choices"], written["label"])
    assert "images" not in nyxqa.load("qa", root, split="test", images="none")[0]
    assert isinstance(nyxqa.load("qa", root, split="test")[1]["document"], dict)


@pytest.mark.parametrize("images", ["bytes", "none"])
def test_the_mixture_is_its_triplets_in_order_of_position(root: Path, tiny: TinyDataset, images: Any) -> None:
    triplets = {row["query_id"]: row for row in tiny.rows("triplets", "train")}
    read = list(nyxqa.load("mixture", root, split="train", images=images))
    assert read == [
        {"position": row["position"], **_expected(tiny, triplets[row["query_id"]], images)}
        for row in tiny.rows("mixture", "train")
    ]
    assert any(row["query"]["images"] for row in read)


@pytest.mark.parametrize("images", ["bytes", "none"])
def test_feedback_holds_its_query_and_candidates(root: Path, tiny: TinyDataset, images: Any) -> None:
    triplets = {row["query_id"]: row for row in tiny.rows("triplets", "train")}
    read = list(nyxqa.load("feedback", root, split="train", images=images))
    assert read == [
        {
            **row,
            "instruction": triplets[row["query_id"]]["instruction"],
            "query": _query(triplets[row["query_id"]], images),
            "candidates": [{**_side(tiny.document(c["doc_id"]), images), **c} for c in row["candidates"]],
        }
        for row in tiny.rows("feedback", "train")
    ]


@pytest.mark.parametrize("table", ["corpus", "ledger", "preview"])
def test_elsewhere_a_join_changes_nothing(root: Path, table: str) -> None:
    joined, stored = (nyxqa.load(table, root, join=join, images="bytes") for join in (True, False))
    assert {split: list(rows) for split, rows in joined.items()} == {s: list(rows) for s, rows in stored.items()}


def test_negatives_are_cut_with_all_that_belongs_to_them(root: Path, tiny: TinyDataset) -> None:
    row = nyxqa.load("triplets", root, split="train", images="bytes", max_negatives=2)[1]
    whole = _expected(tiny, tiny.rows("triplets", "train")[1])
    for name in ("negatives", "negative_ids", "negative_ranks", "negative_scores"):
        assert len(whole[name]) > 2
        assert row[name] == whole[name][:2]
    assert nyxqa.load("mixture", root, split="train", max_negatives=0)[0]["negatives"] == []


def test_rows_slices_and_columns_agree(root: Path, tiny: TinyDataset) -> None:
    rows = nyxqa.load("triplets", root, split="train", images="bytes")
    expected = [_expected(tiny, row) for row in tiny.rows("triplets", "train")]
    assert rows[-1] == expected[-1]
    assert rows[1:3]["negatives"] == [row["negatives"] for row in expected[1:3]]
    assert rows[[4, 0]]["positive"] == [expected[4]["positive"], expected[0]["positive"]]
    assert list(rows["positive"]) == [row["positive"] for row in expected]
    assert list(rows["query_id"]) == [row["query_id"] for row in expected]
    assert rows["query"][2] == expected[2]["query"]
    assert rows.__getitems__([2, 1])[0] == expected[2]


def test_rows_read_in_turn_are_those_asked_for_one_by_one(root: Path, tmp_path: Path) -> None:
    """More rows than are looked up at a time; another format or transform is left to datasets."""
    rows = nyxqa.load("mixture", root, split="train", images="bytes")
    assert len(rows) > 8
    assert list(rows) == [rows[number] for number in range(len(rows))]
    assert list(rows.shuffle(seed=1)) == [rows.shuffle(seed=1)[number] for number in range(len(rows))]
    (first, *_) = rows.select_columns(["position"]).with_format("arrow")
    assert first.num_rows == 1
    assert list(rows.with_transform(lambda batch: {"place": batch["position"]})) == [
        {"place": number} for number in range(len(rows))
    ]
    counted = rows.map(lambda row: {"negatives": row["negatives"], "count": len(row["negatives"])})
    assert [row["count"] for row in counted] == [len(row["negatives"]) for row in rows]


@pytest.mark.parametrize("name", ["query", "positive", "negatives", "answers"])
def test_each_column_stands_on_its_own(root: Path, tiny: TinyDataset, name: str) -> None:
    for table in ("triplets", "mixture"):
        whole = nyxqa.load(table, root, split="train", images="bytes")
        alone = whole.select_columns([name])
        assert list(alone) == [{name: row[name]} for row in whole]
    candidates = nyxqa.load("feedback", root, split="train", images="bytes")
    assert candidates.select_columns(["candidates"])[0] == {"candidates": candidates[0]["candidates"]}


def test_reading_an_id_looks_no_document_up(root: Path) -> None:
    """A column of its own costs no join: rows whose documents are gone still give their ids."""
    tiny = tiny_dataset(full=True)
    tiny.rows("triplets", "train")[0]["positive_id"] = "0" * 32
    tiny.write(root)
    rows = nyxqa.load("triplets", root, split="train")
    assert len(list(rows.select_columns("query_id")["query_id"])) == 5
    with pytest.raises(LawError):
        list(rows)


def test_what_datasets_does_to_rows_keeps_them_joined(root: Path, tiny: TinyDataset) -> None:
    rows = nyxqa.load("triplets", root, split="train", images="bytes")
    expected = {row["query_id"]: _expected(tiny, row) for row in tiny.rows("triplets", "train")}
    shuffled = rows.shuffle(seed=3)
    assert [row["query_id"] for row in shuffled] != list(rows["query_id"])
    kept = rows.filter(lambda row: len(row["positive"]["images"]) > 0)
    assert 0 < len(kept) < len(rows)
    for changed in (shuffled, rows.select([3, 1]), kept, rows.shard(2, 1), datasets.concatenate_datasets([rows, kept])):
        assert all(row == expected[row["query_id"]] for row in changed)
    counted = rows.map(lambda row: {"count": len(row["negatives"])})
    for row in counted:
        assert row == {**expected[row["query_id"]], "count": len(row["negatives"])}
    by_column = rows.map(lambda side: {"length": len(side["text"])}, input_columns=["positive"])
    assert by_column[0]["length"] == len(expected[rows[0]["query_id"]]["positive"]["text"])
    texts = rows.map(lambda row: {"anchor": row["query"]["text"]}, remove_columns=rows.column_names)
    assert list(texts["anchor"]) == [expected[one]["query"]["text"] for one in rows["query_id"]]


@pytest.mark.parametrize("images", ["bytes", "decode", "none"])
def test_rows_that_a_map_wrote_whole_are_read_back(root: Path, images: Any) -> None:
    rows = nyxqa.load("triplets", root, split="train", images=images)
    again = rows.map(lambda row: {"positive": row["positive"], "query": row["query"], "negatives": row["negatives"]})
    for before, after in zip(rows, again, strict=True):
        for name in ("query", "positive"):
            assert after[name]["text"] == before[name]["text"]
            assert _comparable(after[name]["images"]) == _comparable(before[name]["images"])
        assert [side["text"] for side in after["negatives"]] == [side["text"] for side in before["negatives"]]


def _comparable(images: list[Any]) -> list[Any]:
    return [np.asarray(image).tolist() if isinstance(image, Image.Image) else image for image in images]


def test_a_transform_of_the_users_own_is_given_joined_rows(root: Path, tiny: TinyDataset) -> None:
    seen: list[Row] = []

    def own(batch: Row) -> Row:
        seen.append(batch)
        return {"id": batch["positive_id"]}

    rows = nyxqa.load("triplets", root, split="train")
    written = tiny.rows("triplets", "train")[1]
    assert rows.with_transform(own)[1] == {"id": written["positive_id"]}
    assert [side["text"] for side in seen[0]["positive"]] == [tiny.document(written["positive_id"])["text"]]
    assert seen[0]["negative_ids"] == [written["negative_ids"]]
    assert rows[1]["positive"]["text"] == tiny.document(written["positive_id"])["text"]


def test_pickled_rows_are_the_same_rows(root: Path) -> None:
    rows = nyxqa.load("mixture", root, split="train", images="bytes")
    copied = pickle.loads(pickle.dumps(rows))  # noqa: S301
    assert list(copied) == list(rows)
    assert len(pickle.dumps(rows)) < 40_000


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_read_what_one_process_reads(root: Path, start: str) -> None:
    from torch.utils.data import DataLoader

    rows = nyxqa.load("triplets", root, split="train", images="bytes")
    loader = DataLoader(rows, batch_size=2, num_workers=2, collate_fn=list, multiprocessing_context=start)
    assert [row for batch in loader for row in batch] == list(rows)


def test_decoded_rows_cross_to_another_process(root: Path) -> None:
    row = nyxqa.load("triplets", root, split="train")[2]
    copied = pickle.loads(pickle.dumps(row))  # noqa: S301
    assert _comparable(copied["positive"]["images"]) == _comparable(row["positive"]["images"])


def _with(tmp_path: Path, change: Any) -> Path:
    tiny = tiny_dataset(full=True)
    change(tiny)
    tiny.write(tmp_path / "changed")
    return tmp_path / "changed"


@pytest.mark.parametrize("lost", ["f" * 32, "no id at all"])
def test_a_dangling_document_is_named_with_its_row(tmp_path: Path, lost: str) -> None:
    def dangle(tiny: TinyDataset) -> None:
        tiny.rows("triplets", "train")[2]["negative_ids"][1] = lost

    rows = nyxqa.load("triplets", _with(tmp_path, dangle), split="train")
    assert rows[1]["positive"]
    with pytest.raises(LawError, match=f"row triplets/{rows.data['query_id'][2]}: document {lost} is in no pool"):
        rows[2]


@pytest.mark.parametrize("table", ["mixture", "feedback"])
def test_a_dangling_query_is_named(tmp_path: Path, table: str) -> None:
    def dangle(tiny: TinyDataset) -> None:
        tiny.rows(table, "train")[1]["query_id"] = "e" * 32

    with pytest.raises(LawError, match=f"table {table}, row {'e' * 32}: its query_id is not in triplets/train"):
        nyxqa.load(table, _with(tmp_path, dangle), split="train")


def test_a_document_is_looked_up_in_the_pool_of_its_row_first(tmp_path: Path) -> None:
    """Both pools hold the id; a caption in the stored text tells which one was read."""

    def twin(tiny: TinyDataset) -> None:
        web = tiny.rows("corpus", "web")[0]
        tiny.tables["corpus"]["wiki"].append({**web, "text": "The twin in pool wiki.", "split": ""})
        for row in tiny.rows("triplets", "train"):
            row["positive_id"] = web["doc_id"]

    root = _with(tmp_path, twin)
    for row in nyxqa.load("triplets", root, split="train"):
        assert (row["positive"]["text"] == "The twin in pool wiki.") == (row["pool"] == "wiki")


def test_a_document_of_another_pool_is_found(tmp_path: Path) -> None:
    def move(tiny: TinyDataset) -> None:
        tiny.rows("triplets", "train")[0]["pool"] = "web"

    root = _with(tmp_path, move)
    assert "in pool wiki" in nyxqa.load("triplets", root, split="train")[0]["positive"]["text"]


def test_bytes_that_are_no_picture_are_named(tmp_path: Path) -> None:
    def spoil(tiny: TinyDataset) -> None:
        for row in tiny.rows("corpus", "web"):
            row["images"] = [{"bytes": b"no picture", "path": None} for _ in row["images"]]

    with pytest.raises(FormatError, match=r"corpus/web, row [0-9a-f]{32}, column images: an image of no known image"):
        nyxqa.load("triplets", _with(tmp_path, spoil), split="train")


def test_many_joined_rows_do_not_grow_memory(tmp_path: Path) -> None:
    documents = [document(0, "train", number) for number in range(200)]
    one = tiny_dataset().rows("triplets", "train")[0]
    columns = {"negative_ranks": [2, 3], "negative_scores": [1.0, 0.5], "positives": [], "answers": ["a"]}

    def rows() -> Any:
        for number in range(50_000):
            ids = [documents[(number + i) % 200]["doc_id"] for i in range(3)]
            yield {
                **one,
                **columns,
                "query_id": query_id("big", number),
                "positive_id": ids[0],
                "negative_ids": ids[1:],
            }

    files = write_split(CORPUS, "web", documents, tmp_path)
    publish(tmp_path, {**files, **write_split(TRIPLETS, "train", rows(), tmp_path)})
    loaded = nyxqa.load("triplets", tmp_path, split="train", images="bytes")
    assert len(loaded[0:2000:10]["positive"]) == 200
    gc.collect()
    before = _owned()
    read = 0
    for start in range(0, len(loaded), 100):
        batch = loaded[start : start + 100]
        read += sum(len(negatives) for negatives in batch["negatives"])
    assert read == 100_000
    assert _owned() - before < 12 * 2**20  # a kilobyte kept per row would be four times as much


_PAGES = """
import resource, sys, nyxqa
rows = nyxqa.load("triplets", sys.argv[1], split="train", images="bytes")
def read():
    return sum(len(image) for batch in rows.iter(16) for side in batch["positive"] for image in side["images"])
total = read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
assert read() == total
print(total, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_batches_are_read_into_memory_that_was_there_before(tmp_path: Path) -> None:
    """Pages that are new to the process cost several times what copying the bytes into them does."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only the GNU C library is known to keep freed memory this way")
    tiny = tiny_dataset()
    for row in tiny.rows("corpus", "web"):
        row["images"] = [{"bytes": png(number, 150), "path": None} for number, _ in enumerate(row["images"])]
    with_images = [row for row in tiny.rows("triplets", "train") if tiny.document(row["positive_id"])["images"]]
    tiny.tables["triplets"]["train"] = sorted(
        ({**with_images[0], "query_id": query_id("pages", number)} for number in range(200)),
        key=lambda row: row["query_id"],
    )
    tiny.tables = {name: tiny.tables[name] for name in ("corpus", "triplets")}
    tiny.write(tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-c", _PAGES, tmp_path / "out"],
        cwd=ROOT,
        env={**environment(), "HF_DATASETS_CACHE": str(tmp_path / "pages")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    total, faults = map(int, done.stdout.split())
    assert total > 10_000_000
    assert faults * os.sysconf("SC_PAGE_SIZE") < total / 10


def _owned() -> int:
    """Bytes this process holds itself; pages of mapped files belong to the system, which takes them back at need."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc to tell own memory from mapped files")
    line = next(line for line in status.read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024
