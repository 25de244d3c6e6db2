"""Each export gives back, by its target's own columns, every query, positive, negative and image."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datasets import get_dataset_config_names, load_dataset
from datasets.distributed import split_dataset_by_node
from PIL import Image

import nyxqa
from nyxqa.builders.export import shards
from nyxqa.builders.export.factory import TARGETS
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import UsageError, WorldError
from tests.builders.export.conftest import left_out, plain, sides
from tests.support.tiny_dataset import SPLITS, TinyDataset, tiny_dataset


def _pixels(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).tobytes()


def _of_messages(messages: list[dict[str, Any]]) -> tuple[str, list[bytes]]:
    ((role, content),) = [(one["role"], one["content"]) for one in messages]
    assert role == "user"
    images = [base64.b64decode(part["url"].partition(",")[2]) for part in content if part["type"] == "image"]
    assert all(part["url"].startswith("data:image/png;base64,") for part in content if part["type"] == "image")
    # Chat templates take any part with a field "image" for an image.
    assert all(set(part) == {"type", "text", "url"} for part in content)
    assert all(not part["url"] if part["type"] == "text" else not part["text"] for part in content)
    return "".join(PLACEHOLDER if part["type"] == "image" else part["text"] for part in content), images


def _of_st(out: Path, split: str) -> list[list[tuple[str, list[bytes]]]]:
    """Text and images of query, positive and negatives of each row, in order."""
    rows = load_dataset(str(out), split=split)
    names = [f"negative_{n}" for n in range(1, len(rows.column_names) - 1)]
    assert rows.column_names == ["anchor", "positive", *names]
    return [[(one, []) if isinstance(one, str) else _of_messages(one) for one in row.values()] for row in rows]


@pytest.mark.parametrize("most", [None, 0, 1, 2, 6])
def test_sentence_transformers(most: int | None, root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    """One config; rows with fewer negatives repeat their own, one with none takes another row's, all in order."""
    out = tmp_path / "st"
    done = nyxqa.export(root, "sentence-transformers", out, max_negatives=most)
    assert get_dataset_config_names(str(out)) == ["default"]
    listed = [(split, row) for split in SPLITS for row in tiny.rows("triplets", split)]
    lengths = [len(row["negative_ids"]) for _, row in listed]
    count = max(lengths) if most is None else most
    donor = next(row for _, row in listed if row["negative_ids"])
    for split in SPLITS:
        expected = []
        for row in tiny.rows("triplets", split):
            query, positive, *negatives = sides(tiny, row)
            donor = row if negatives else donor
            _, other, *others = sides(tiny, donor)
            taken = negatives or [one for one in others if one != positive] or [other]
            expected.append([query, positive, *((taken * 6)[:count])])
        assert _of_st(out, split) == expected
    no_place = {row["item_id"]: row["detail"] for row in left_out(out) if row["reason"] == "no_column_for_instruction"}
    assert no_place == {row["query_id"]: row["instruction"] for _, row in listed if row["instruction"]}
    bare = [row["item_id"] for row in left_out(out) if row["reason"] == "no_negatives"]
    assert bare == [row["query_id"] for _, row in listed if count and not row["negative_ids"]]
    told = done.text().splitlines()[-1]
    assert f"every row with {count} negatives" in told
    for words, rows in (
        ("with fewer repeat their own", sum(0 < one < count for one in lengths)),
        ("with none take those of another row", sum(one == 0 < count for one in lengths)),
        ("with more keep the first by rank", sum(one > count for one in lengths)),
    ):
        assert (f" {rows} {words}" in told) if rows else (words not in told)


def test_rows_without_images_are_strings(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    """Also where only a negative that is cut has an image."""
    for split in SPLITS:
        for row in tiny.rows("triplets", split):
            row.update(query="Which place is it?", query_images=[], query_image_ids=[])
            pool = [one for one in tiny.tables["corpus"][row["pool"]] if one["doc_id"] != row["positive_id"]]
            if tiny.document(row["positive_id"])["images"]:
                row["positive_id"] = next(one["doc_id"] for one in pool if not one["images"])
    tiny.write(root)
    nyxqa.export(root, "sentence-transformers", tmp_path / "pairs", max_negatives=0)
    assert {type(row["anchor"]) for row in load_dataset(str(tmp_path / "pairs"), split="train")} == {str}
    done = nyxqa.export(root, "sentence-transformers", tmp_path / "all")
    assert {type(row["anchor"]) for row in load_dataset(str(tmp_path / "all"), split="train")} == {list}
    assert "chat messages, as some have images" in done.notes[0]


def test_rows_without_any_negative_are_pairs(tiny: TinyDataset, tmp_path: Path) -> None:
    for split in SPLITS:
        for row in tiny.rows("triplets", split):
            row.update(negative_ids=[], negative_ranks=[], negative_scores=[])
    tiny.write(tmp_path / "data")
    nyxqa.export(tmp_path / "data", "sentence-transformers", tmp_path / "x", max_negatives=3)
    for split in SPLITS:
        assert _of_st(tmp_path / "x", split) == [sides(tiny, row) for row in tiny.rows("triplets", split)]
    assert all(row["reason"] != "no_negatives" for row in left_out(tmp_path / "x"))


def test_tevatron(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "tevatron"
    nyxqa.export(root, "tevatron", out)
    corpus = load_dataset(str(out), "corpus", split="train")
    assert corpus.column_names[:3] == ["docid", "text", "image"]
    documents = {row["doc_id"]: row for rows in tiny.tables["corpus"].values() for row in rows}
    assert sorted(corpus["docid"]) == sorted(documents)
    for row in corpus:
        document = documents[row["docid"]]
        images = [image.tobytes() for image in (row["image"], *row["further_images"]) if image is not None]
        assert images == [_pixels(image["bytes"]) for image in document["images"]]
        assert row["text"] == plain(document["text"])
    # Tevatron's trainer draws negatives of each row and cannot draw from none.
    assert all(load_dataset(str(out), "queries", split="train")["negative_document_ids"])
    bare = load_dataset(str(out), "queries_without_negatives")
    assert {split: rows["query_id"] for split, rows in bare.items()} == {
        "train": [row["query_id"] for row in tiny.rows("triplets", "train") if not row["negative_ids"]]
    }
    for split in SPLITS:
        stored = [*load_dataset(str(out), "queries", split=split), *(bare["train"] if split == "train" else [])]
        queries = {row["query_id"]: row for row in stored}
        assert len(queries) == len(stored) == len(tiny.rows("triplets", split))
        for triplet in tiny.rows("triplets", split):
            row = queries[triplet["query_id"]]
            assert row["query_id"] == triplet["query_id"]
            assert row["query_text"] == plain(triplet["query"])
            assert (row["query_image"] is None) == (not triplet["query_images"])
            assert row["positive_document_ids"] == [triplet["positive_id"]]
            assert row["negative_document_ids"] == triplet["negative_ids"]
    several = [one["doc_id"] for one in documents.values() if len(one["images"]) > 1]
    assert sorted(row["item_id"] for row in left_out(out)) == sorted([*several, *bare["train"]["query_id"]])


def test_the_command_for_tevatron_names_a_config_that_is_there(tmp_path: Path) -> None:
    tiny = tiny_dataset()
    for row in tiny.rows("triplets", "train"):
        row.update(negative_ids=[], negative_ranks=[], negative_scores=[])
    tiny.write(tmp_path / "data")
    nyxqa.export(tmp_path / "data", "tevatron", tmp_path / "out", split="train")
    assert "--dataset_config queries_without_negatives " in (tmp_path / "out" / "README.md").read_text()


def test_beir(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "beir"
    nyxqa.export(root, "beir", out)
    corpus = {line["_id"]: line for line in map(json.loads, (out / "corpus.jsonl").open(encoding="utf-8"))}
    queries = {line["_id"]: line for line in map(json.loads, (out / "queries.jsonl").open(encoding="utf-8"))}
    documents = {row["doc_id"]: row for rows in tiny.tables["corpus"].values() for row in rows}
    assert corpus.keys() == documents.keys()
    assert len((out / "corpus.jsonl").read_text().splitlines()) == len(documents)
    for one, row in documents.items():
        assert (corpus[one]["text"], corpus[one]["title"]) == (plain(row["text"]), row["title"] or "")
        files = [(out / path).read_bytes() for path in corpus[one].get("images", [])]
        assert files == [image["bytes"] for image in row["images"]]
    for split in SPLITS:
        with (out / "qrels" / f"{split}.tsv").open() as stream:
            head, *judged = csv.reader(stream, delimiter="\t")
        with (out / "negatives" / f"{split}.tsv").open() as stream:
            _, *negatives = csv.reader(stream, delimiter="\t")
        assert head == ["query-id", "corpus-id", "score"]
        triplets = tiny.rows("triplets", split)
        assert judged == [[row["query_id"], row["positive_id"], "1"] for row in triplets]
        listed = [[row["query_id"], one] for row in triplets for one in row["negative_ids"]]
        assert [line[:2] for line in negatives] == listed
        assert {one for one, *_ in judged} <= queries.keys()
        assert {one for _, one, _ in judged} <= corpus.keys()
        assert [queries[row["query_id"]]["text"] for row in triplets] == [plain(row["query"]) for row in triplets]


def test_hard_negatives_are_not_among_the_qrels_of_beir(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "beir"
    nyxqa.export(root, "beir", out)
    assert get_dataset_config_names(str(out)) == ["qrels", "negatives"]
    judged, negatives = load_dataset(str(out)), load_dataset(str(out), "negatives")
    for split in SPLITS:
        triplets = tiny.rows("triplets", split)
        pairs = list(zip(judged[split]["query-id"], judged[split]["corpus-id"], strict=True))
        assert pairs == [(row["query_id"], row["positive_id"]) for row in triplets]
        assert judged[split].column_names == ["query-id", "corpus-id", "score"]
        assert negatives[split]["corpus-id"][:] == [one for row in triplets for one in row["negative_ids"]]


_BEIR = """
import json, sys
from beir.datasets.data_loader import GenericDataLoader
folder, *splits = sys.argv[1:]
print(json.dumps({split: GenericDataLoader(folder).load(split=split) for split in splits}))
"""


def test_beir_itself_reads_the_export(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    interpreter = os.environ.get("NYXQA_BEIR")
    if not interpreter:
        pytest.skip("NYXQA_BEIR names no interpreter with beir")
    out = tmp_path / "beir"
    nyxqa.export(root, "beir", out)
    command = [interpreter, "-c", _BEIR, str(out), *SPLITS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    documents = {row["doc_id"]: row for rows in tiny.tables["corpus"].values() for row in rows}
    for split, (corpus, queries, qrels) in json.loads(done.stdout).items():
        triplets = tiny.rows("triplets", split)
        assert corpus == {
            one: {"title": row["title"] or "", "text": plain(row["text"])} for one, row in documents.items()
        }
        assert queries == {row["query_id"]: plain(row["query"]) for row in triplets}
        assert qrels == {row["query_id"]: {row["positive_id"]: 1} for row in triplets}


def test_shards(root: Path, tiny: TinyDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    monkeypatch.setattr("nyxqa.schemas.writing.IMAGE_GROUP_ROWS", 1)
    out = tmp_path / "shards"
    nyxqa.export(root, "shards", out, max_negatives=2)
    for split in SPLITS:
        written = {row["query_id"]: row for row in tiny.rows("triplets", split)}
        stream = load_dataset(str(out), split=split, streaming=True)
        rows = list(stream)
        assert sorted(row["query_id"] for row in rows) == sorted(written)
        for row in rows:
            query, positive, *negatives = sides(tiny, written[row["query_id"]])
            read = [row["query"], row["positive"], *row["negatives"]]
            found = [(side["text"], [image.tobytes() for image in side["images"]]) for side in read]
            expected = [query, positive, *negatives[:2]]
            assert found == [(text, [_pixels(image) for image in images]) for text, images in expected]
            assert row["negative_ids"] == written[row["query_id"]]["negative_ids"][:2]
            assert "choices" not in row
    train = load_dataset(str(out), split="train", streaming=True)
    order = [row["query_id"] for row in train]
    assert order != [row["query_id"] for row in tiny.rows("triplets", "train")]
    assert train.n_shards == len(order)
    shares = [[row["query_id"] for row in split_dataset_by_node(train, rank, 2)] for rank in range(2)]
    assert sorted(one for share in shares for one in share) == sorted(order)
    again = tmp_path / "again"
    nyxqa.export(root, "shards", again, max_negatives=2)
    for file in sorted((out / "data").rglob("*.parquet")):
        assert file.read_bytes() == (again / file.relative_to(out)).read_bytes()


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_holds_no_options(target: str, tiny: TinyDataset, tmp_path: Path) -> None:
    for split in SPLITS:
        for row in tiny.rows("qa", split):
            row["choices"] = [row["choices"][0], "OPTION-B", "OPTION-C", "OPTION-D"]
    tiny.write(tmp_path / "with")
    nyxqa.export(tmp_path / "with", target, tmp_path / "x", split="test")
    for file in (tmp_path / "x").rglob("*"):
        if file.is_file():
            text = repr(_rows(file)) if file.suffix == ".parquet" else file.read_bytes().decode("latin-1")
            assert "OPTION-" not in text
    assert not list((tmp_path / "x").rglob("queries/train*" if target in ("tevatron", "colpali") else "*train*"))


def _rows(file: Path) -> list[Any]:
    import pyarrow.parquet as pq

    return pq.read_table(file).to_pylist()


def test_a_refused_export_writes_nothing(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'tevatron'"):
        nyxqa.export(root, "tevatorn", tmp_path / "x")
    with pytest.raises(UsageError, match="no triplets in split 'dev'"):
        nyxqa.export(root, "beir", tmp_path / "x", split="dev")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(WorldError, match="exists and is not an empty folder"):
        nyxqa.export(root, "beir", tmp_path / "full")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in ("cache", "out")) == ["full"]


def test_a_failed_export_leaves_nothing_behind(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nyxqa.builders.export.files.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        nyxqa.export(root, "vlm2vec", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / ".x.part").exists()


_TRAIN = """
import sys
from datasets import load_dataset
from sentence_transformers import SentenceTransformer, losses
import torch
folder, model = sys.argv[1:]
encoder = SentenceTransformer(model, device="cpu")
loss = losses.MultipleNegativesRankingLoss(encoder)
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.01)
rows = load_dataset(folder, split="train")
columns = rows.column_names
prepare = getattr(encoder, "preprocess", None) or encoder.tokenize
values = []
for _ in range(3):
    batch = [prepare(list(rows[column])) for column in columns]
    value = loss(batch, None)
    value.backward()
    optimizer.step()
    optimizer.zero_grad()
    values.append(value.item())
assert columns[:2] == ["anchor", "positive"] and all(v == v for v in values), (columns, values)
print("trained", values)
"""


@pytest.mark.slow
def test_sentence_transformers_trains_three_steps(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from tests.support.tiny_bert import make_tiny_bert

    nyxqa.export(root, "sentence-transformers", tmp_path / "st", split="train", images="captions")
    make_tiny_bert(tmp_path / "bert")
    done = subprocess.run(
        [sys.executable, "-c", _TRAIN, tmp_path / "st", tmp_path / "bert"],
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_CACHE": str(tmp_path / "st-cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "trained" in done.stdout


def test_the_docs_list_every_target() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sharing.md").read_text(encoding="utf-8")
    assert f"--to {'|'.join(TARGETS)} " in page
    assert [name for name in TARGETS if f"\n| {name} | " not in page] == []


def test_a_folder_that_datasets_would_take_for_a_script_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose another name"):
        nyxqa.export(root, "mteb", tmp_path / "task")
    assert not (tmp_path / "task").exists()
