"""Exports for MTEB, FlagEmbedding, ms-swift, mmE5 and FlashRAG, and exports without images."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

import nyxqa
from nyxqa.builders.export.dataset import with_captions
from nyxqa.schemas.content import PLACEHOLDER, plain_text
from nyxqa.schemas.errors import UsageError
from tests.builders.export.conftest import sides
from tests.support.snippets import fenced
from tests.support.tiny_bert import make_tiny_bert
from tests.support.tiny_dataset import SPLITS, Row, TinyDataset

CLIENTS_INTERPRETER = os.environ.get("NYXQA_CLIENTS", "")


def _lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _left_out(out: Path) -> dict[str, str]:
    file = out / "left_out.jsonl"
    return {row["item_id"]: row["reason"] for row in _lines(file)} if file.exists() else {}


def _captioned(tiny: TinyDataset, row: Row) -> list[str]:
    """Query, positive and negatives of a triplet, each image as its caption."""
    documents = [tiny.document(one) for one in (row["positive_id"], *row["negative_ids"])]
    own = dict(zip(documents[0]["image_ids"], documents[0]["captions"], strict=True))
    query = with_captions(row["query"], [own.get(image, "") for image in row["query_image_ids"]])
    return [query, *(with_captions(one["text"], one["captions"]) for one in documents)]


def test_captions_stand_where_their_images_were() -> None:
    assert with_captions(f"a {PLACEHOLDER}\nb{PLACEHOLDER}", ["one", ""]) == "a one b"
    assert with_captions("no\n\nimage ", []) == "no\n\nimage "
    with pytest.raises(ValueError, match="zip"):
        with_captions(PLACEHOLDER, [])


@pytest.mark.parametrize("images", ["captions", "none"])
@pytest.mark.parametrize("target", ["beir", "tevatron", "shards", "sentence-transformers", "vlm2vec"])
def test_an_export_without_images_is_text(
    target: str, images: Any, root: Path, tiny: TinyDataset, tmp_path: Path
) -> None:
    for rows in tiny.tables["corpus"].values():
        for row in rows:
            row["captions"] = [f"caption of {one[:6]}" for one in row["image_ids"]]
    tiny.write(root)
    out = tmp_path / target
    nyxqa.export(root, target, out, images=images)
    assert not (out / "images").exists()
    text = "".join(repr(load_dataset(str(out), name)[split][:]) for name, split in _configs(out))
    if target == "beir":
        text += (out / "corpus.jsonl").read_text() + (out / "queries.jsonl").read_text()
    assert PLACEHOLDER not in text
    assert "PNG" not in text
    assert ("caption of" in text) == (images == "captions")


def _configs(out: Path) -> list[tuple[str, str]]:
    from datasets import get_dataset_config_names, get_dataset_split_names

    return [
        (name, split)
        for name in get_dataset_config_names(str(out))
        for split in get_dataset_split_names(str(out), name)
    ]


def test_flagembedding_has_the_rows_that_its_trainer_takes(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "flag"
    nyxqa.export(root, "flagembedding", out)
    bare = []
    for split in SPLITS:
        rows = {row["query_id"]: row for row in _lines(out / f"{split}.jsonl")}
        for triplet in tiny.rows("triplets", split):
            query, positive, *negatives = _captioned(tiny, triplet)
            if not negatives:
                bare.append(triplet["query_id"])
                assert triplet["query_id"] not in rows
                continue
            row = rows.pop(triplet["query_id"])
            assert (row["query"], row["pos"], row["neg"]) == (query, [positive], negatives)
            assert row["prompt"] == triplet["instruction"]
            assert "pos_scores" not in row and "neg_scores" not in row
        assert not rows
    assert bare and _left_out(out) == dict.fromkeys(bare, "no_negatives")
    with pytest.raises(UsageError, match="flagembedding has no place for images: take --images captions"):
        nyxqa.export(root, "flagembedding", tmp_path / "x", images="keep")


def test_ms_swift_has_a_tag_for_each_image(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "swift"
    nyxqa.export(root, "ms-swift", out)

    def read(messages: list[Row], paths: list[str]) -> tuple[str, list[bytes]]:
        *_, last = messages
        assert last["role"] == "user"
        return last["content"].replace("<image>", PLACEHOLDER), [(out / path).read_bytes() for path in paths]

    for split in SPLITS:
        rows = _lines(out / f"{split}.jsonl")
        assert [row["query_id"] for row in rows] == [row["query_id"] for row in tiny.rows("triplets", split)]
        for row, triplet in zip(rows, tiny.rows("triplets", split), strict=True):
            found = [read(row["messages"], row["images"])]
            for name in ("positive", "negative"):
                pairs = zip(row[f"{name}_messages"], row[f"{name}_images"], strict=True)
                found += [read(messages, paths) for messages, paths in pairs]
            assert found == sides(tiny, triplet)
            assert ([one["content"] for one in row["messages"][:-1]] or [""]) == [triplet["instruction"]]


def test_ms_swift_does_not_take_text_for_an_image(tiny: TinyDataset, tmp_path: Path) -> None:
    row = tiny.rows("triplets", "test")[0]
    row["query"] = f"what is <image> in {row['query']}"
    tiny.write(tmp_path / "data")
    nyxqa.export(tmp_path / "data", "ms-swift", tmp_path / "x", split="test")
    first = _lines(tmp_path / "x" / "test.jsonl")[0]
    assert first["messages"][-1]["content"].count("<image>") == len(first["images"])
    assert _left_out(tmp_path / "x")[row["query_id"]] == "image_tag"


def test_mme5_negatives_are_literals(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "mme5"
    nyxqa.export(root, "mme5", out)

    def read(text: str, path: str) -> tuple[str, bytes | None]:
        assert text.startswith("<|image_1|>\n") == bool(path)
        return text.removeprefix("<|image_1|>\n"), (out / path).read_bytes() if path else None

    bare = [row["query_id"] for row in tiny.rows("triplets", "train") if not row["negative_ids"]]
    # mmE5's model needs as many negatives in each row of a batch.
    assert bare and load_dataset(str(out), "without_negatives")["train"]["query_id"][:] == bare
    assert dict.fromkeys(bare, "no_negatives").items() <= _left_out(out).items()
    for split in SPLITS:
        rows = load_dataset(str(out), split=split)
        triplets = [row for row in tiny.rows("triplets", split) if row["query_id"] not in bare]
        assert rows["query_id"][:] == [row["query_id"] for row in triplets]
        for row, triplet in zip(rows, triplets, strict=True):
            texts, paths = ast.literal_eval(row["neg_text"]), ast.literal_eval(row["neg_image_path"])
            found = [read(row["qry"], row["qry_image_path"]), read(row["pos_text"], row["pos_image_path"])]
            found += [read(text, path) for text, path in zip(texts, paths, strict=True)]
            expected = [
                (plain_text(text) if images else text, images[0] if images else None)
                for text, images in sides(tiny, triplet)
            ]
            assert found == expected


def test_flashrag_has_answers_and_contents(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "flashrag"
    nyxqa.export(root, "flashrag", out)
    contents = {row["id"]: row["contents"] for row in _lines(out / "corpus.jsonl")}
    documents = {row["doc_id"]: row for rows in tiny.tables["corpus"].values() for row in rows}
    assert contents.keys() == documents.keys()
    for one, row in documents.items():
        title, _, text = contents[one].partition("\n")
        assert title.strip('"') == (row["title"] or "")
        assert text == with_captions(row["text"], row["captions"])
    for split in SPLITS:
        rows = {row["id"]: row for row in _lines(out / f"{split}.jsonl")}
        answered = [row for row in tiny.rows("triplets", split) if row["answers"]]
        assert list(rows) == [row["query_id"] for row in answered]
        for triplet in answered:
            row = rows[triplet["query_id"]]
            assert row["golden_answers"] == triplet["answers"]
            assert row["metadata"]["positive_ids"][0] == triplet["positive_id"]


_MTEB = """
import json, sys
snippet, = sys.argv[1:]
exec(snippet)
(split,) = task.metadata.eval_splits
data = task.dataset["default"][split]
out = {"split": split, "modalities": sorted(task.metadata.modalities), "qrels": data["relevant_docs"]}
for name in ("corpus", "queries"):
    out[name] = {row["id"]: [row["text"], row.get("image") is not None] for row in data[name]}
print(json.dumps(out))
"""
_FLAG_EMBEDDING = """
import json, sys
from FlagEmbedding.abc.finetune.embedder.AbsArguments import (
    AbsEmbedderDataArguments, AbsEmbedderModelArguments, AbsEmbedderTrainingArguments
)
from FlagEmbedding.finetune.embedder.encoder_only.base.runner import EncoderOnlyEmbedderRunner
file, size, model, out, steps = sys.argv[1:]
data = AbsEmbedderDataArguments(
    train_data=[file], train_group_size=int(size), query_instruction_for_retrieval="", query_instruction_format="{}{}"
)
training = AbsEmbedderTrainingArguments(
    output_dir=out, max_steps=int(steps), per_device_train_batch_size=2, learning_rate=0.01, logging_steps=1,
    report_to=[], use_cpu=True, disable_tqdm=True, save_strategy="no",
)
runner = EncoderOnlyEmbedderRunner(AbsEmbedderModelArguments(model), data, training)
rows = [runner.train_dataset[number] for number in range(len(runner.train_dataset))]
before = [one.detach().clone() for one in runner.model.parameters()]
runner.run()
changed = sum(not one.equal(other) for one, other in zip(before, runner.model.parameters(), strict=True))
losses = [row["loss"] for row in runner.trainer.state.log_history if "loss" in row]
print(json.dumps({"rows": rows, "losses": losses, "changed": changed}))
"""
needs_clients = pytest.mark.skipif(
    not CLIENTS_INTERPRETER, reason="NYXQA_CLIENTS names no interpreter with mteb and FlagEmbedding"
)


def _client(code: str, *arguments: str, place: Path) -> Any:
    command = [CLIENTS_INTERPRETER, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@needs_clients
@pytest.mark.parametrize("images", ["keep", "captions"])
def test_mteb_itself_loads_the_task(images: Any, root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "mteb"
    nyxqa.export(root, "mteb", out, images=images)
    (snippet,) = fenced((out / "README.md").read_text(encoding="utf-8"), "python")
    read = _client(_MTEB, snippet.replace("FOLDER", str(out)), place=tmp_path)
    assert read["split"] == "test"
    triplets = tiny.rows("triplets", "test")
    assert read["qrels"] == {row["query_id"]: {row["positive_id"]: 1} for row in triplets}
    documents = {row["doc_id"]: row for rows in tiny.tables["corpus"].values() for row in rows}
    kept = images == "keep"
    assert read["modalities"] == (["image", "text"] if kept else ["text"])
    texts = {
        one: plain_text(row["text"]) if kept and row["images"] else with_captions(row["text"], row["captions"])
        for one, row in documents.items()
    }
    assert read["corpus"] == {one: [text, kept and bool(documents[one]["images"])] for one, text in texts.items()}
    assert {one: seen for one, (_, seen) in read["queries"].items()} == {
        row["query_id"]: kept and bool(row["query_images"]) for row in triplets
    }


@needs_clients
def test_flag_embedding_itself_takes_every_row_and_trains(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out, bert = tmp_path / "flag", make_tiny_bert(tmp_path / "bert")
    nyxqa.export(root, "flagembedding", out, split="train")
    arguments = ["4", str(bert), str(tmp_path / "trained"), "5"]
    read = _client(_FLAG_EMBEDDING, str(out / "train.jsonl"), *arguments, place=tmp_path)
    rows = read["rows"]
    expected = [(row, _captioned(tiny, row)) for row in tiny.rows("triplets", "train") if row["negative_ids"]]
    assert len(rows) == len(expected) > 1
    for (query, (positive, *negatives), scores), (row, texts) in zip(rows, expected, strict=True):
        assert (query, positive, scores) == (row["instruction"] + texts[0], texts[1], None)
        assert len(negatives) == 3 and set(negatives) <= set(texts[2:])
    assert len(read["losses"]) == 5 and all(loss > 0 for loss in read["losses"])
    assert read["changed"] > 10
    assert (tmp_path / "trained" / "model.safetensors").is_file()
