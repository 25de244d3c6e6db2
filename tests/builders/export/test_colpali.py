"""The export for colpali-engine, and trainers of late interaction on pages that are pictures."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from datasets import load_dataset

import nyxqa
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.ids import doc_id, row_hash
from tests.builders.export.conftest import left_out
from tests.support.snippets import fenced, run_snippet
from tests.support.tiny_dataset import TinyDataset, png, tiny_dataset
from tests.support.tiny_qwen import make_tiny_qwen

CLIENTS_INTERPRETER = os.environ.get("NYXQA_CLIENTS", "")
STEPS = 5


@pytest.fixture
def pages() -> TinyDataset:
    """Documents that are a picture each, with the text of the sheet as caption, as ``chunk.unit = "page"`` makes."""
    tiny = tiny_dataset()
    renamed = {}
    for number, row in enumerate(tiny.rows("corpus", "web")):
        before = row["doc_id"]
        picture = png(number, 56)
        row["captions"] = [row["text"].split(".")[0]]
        ids = [row["image_ids"][0] if row["image_ids"] else f"{number:064x}"]
        row.update(text=PLACEHOLDER, images=[{"bytes": picture, "path": None}], image_ids=ids, kind="single")
        row.update(image_phashes=[number], caption_origins=["alt"], image_urls=[""], doc_id=doc_id(PLACEHOLDER, ids))
        row["cluster"] = renamed[before] = row["doc_id"]
    for split, rows in tiny.tables["triplets"].items():
        for row in rows:
            row["query"] = f"What is said of place {row['query_id'][:6]} in {split}?"
            row.update(query_images=[], query_image_ids=[], positive_id=renamed[row["positive_id"]])
            row["positives"][0]["doc_id"] = row["positive_id"]
            row["negative_ids"] = [renamed[one] for one in row["negative_ids"]]
            row["row_hash"] = row_hash(row["query_id"], row["positive_id"], row["negative_ids"])
    del tiny.tables["preview"], tiny.tables["qa"]
    return tiny


@pytest.fixture
def pages_root(pages: TinyDataset, tmp_path: Path) -> Path:
    pages.write(tmp_path / "pages")
    return tmp_path / "pages"


@pytest.fixture(scope="module")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_qwen(tmp_path_factory.mktemp("models") / "tiny-qwen")


def test_queries_name_their_pages(pages: TinyDataset, pages_root: Path, tmp_path: Path) -> None:
    nyxqa.export(pages_root, "colpali", tmp_path / "x")
    corpus = load_dataset(str(tmp_path / "x"), "corpus", split="train")
    stored = pages.rows("corpus", "web")
    assert corpus["docid"][:] == [row["doc_id"] for row in stored]
    assert [image.size for image in corpus["doc"]] == [(56, 56)] * len(stored)
    assert corpus["text"][:] == [row["captions"][0] for row in stored]
    for split in ("train", "validation", "test"):
        rows = load_dataset(str(tmp_path / "x"), "queries", split=split)
        assert [list(row.values()) for row in rows] == [
            [row["query_id"], row["query"], [row["positive_id"]], row["negative_ids"]]
            for row in pages.rows("triplets", split)
        ]


def test_what_has_no_picture_is_left_out_and_counted(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    exported = nyxqa.export(root, "colpali", tmp_path / "x")
    documents = {row["doc_id"]: row for rows in tiny.tables["corpus"].values() for row in rows}
    pictured = {one for one, row in documents.items() if row["images"]}
    corpus = load_dataset(str(tmp_path / "x"), "corpus", split="train")
    assert set(corpus["docid"]) == pictured
    rows = load_dataset(str(tmp_path / "x"), "queries", split="test")
    kept = [row for row in tiny.rows("triplets", "test") if row["positive_id"] in pictured and not row["query_images"]]
    assert [(row["pos_target"], row["neg_target"]) for row in rows] == [
        ([row["positive_id"]], [one for one in row["negative_ids"] if one in pictured]) for row in kept
    ]
    reasons = {(row["item_type"], row["reason"]) for row in left_out(tmp_path / "x")}
    assert {("query", "query_images"), ("query", "no_image"), ("document", "no_image"), ("negative", "no_image")} <= (
        reasons
    )
    assert exported.left_out["text_beside_image"] == len(pictured)


def test_captions_make_the_pages_texts(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    nyxqa.export(root, "colpali", tmp_path / "x", images="captions", split="test")
    corpus = load_dataset(str(tmp_path / "x"), "corpus", split="train")
    assert len(corpus) == len({row["doc_id"] for rows in tiny.tables["corpus"].values() for row in rows})
    assert all(isinstance(text, str) and PLACEHOLDER not in text for text in corpus["doc"])
    assert len(load_dataset(str(tmp_path / "x"), "queries", split="test")) == len(tiny.rows("triplets", "test"))


def test_a_dataset_without_pictures_is_refused(tiny: TinyDataset, tmp_path: Path) -> None:
    tiny.tables["triplets"] = {"train": [row for row in tiny.rows("triplets", "train") if row["pool"] == "wiki"]}
    tiny.write(tmp_path / "data")
    with pytest.raises(UsageError, match="take --images captions"):
        nyxqa.export(tmp_path / "data", "colpali", tmp_path / "x")
    assert not (tmp_path / "x").exists()


_COLPALI = """
import json, sys
import torch
from transformers import AutoImageProcessor, AutoTokenizer, Qwen2_5_VLConfig, Qwen2VLVideoProcessor, TrainingArguments
from colpali_engine.collators import VisualRetrieverCollator
from colpali_engine.loss.late_interaction_losses import ColbertNegativeCELoss
from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
from colpali_engine.trainer.contrastive_trainer import ContrastiveTrainer
snippet, folder, steps, place = sys.argv[1:]
exec(snippet)
images, tokenizer = AutoImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
processor = ColQwen2_5_Processor(images, tokenizer, Qwen2VLVideoProcessor())
torch.manual_seed(0)
model = ColQwen2_5(Qwen2_5_VLConfig.from_pretrained(folder))
collator = VisualRetrieverCollator(processor)
batch = collator([data[0], data[1]])
arguments = TrainingArguments(place, max_steps=int(steps), per_device_train_batch_size=2, learning_rate=1e-3,
    logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, dataloader_drop_last=True, disable_tqdm=True)
trainer = ContrastiveTrainer(model=model, args=arguments, train_dataset=data, eval_dataset=None,
    data_collator=collator, loss_func=ColbertNegativeCELoss(), is_vision_model=True)
before = [one.detach().clone() for one in model.parameters()]
trainer.train()
moved = sum(not torch.equal(one, other) for one, other in zip(before, model.parameters()))
print(json.dumps({
    "losses": [row["loss"] for row in trainer.state.log_history if "loss" in row], "moved": moved,
    "rows": len(data), "shapes": {name: list(batch[name].shape)[:2] for name in ("doc_input_ids", "neg_doc_input_ids")},
}))
"""


def _snippet(out: Path) -> str:
    (code,) = fenced((out / "README.md").read_text(encoding="utf-8"), "python")
    return code.replace("FOLDER", str(out))


@pytest.mark.skipif(not CLIENTS_INTERPRETER, reason="NYXQA_CLIENTS names no interpreter with colpali-engine")
def test_colpali_engine_trains_five_steps(pages_root: Path, tiny_qwen: Path, tmp_path: Path) -> None:
    nyxqa.export(pages_root, "colpali", tmp_path / "x")
    code = [CLIENTS_INTERPRETER, "-c", _COLPALI, _snippet(tmp_path / "x"), str(tiny_qwen), str(STEPS), str(tmp_path)]
    done = subprocess.run(code, capture_output=True, text=True, check=False, cwd=tmp_path)
    if "No module named 'colpali_engine'" in done.stderr:
        pytest.skip("the interpreter that NYXQA_CLIENTS names has no colpali-engine")
    assert done.returncode == 0, done.stderr[-3000:]
    trained = json.loads(done.stdout.splitlines()[-1])
    assert len(trained["losses"]) == STEPS and all(loss > 0 for loss in trained["losses"])
    assert trained["moved"] > 10
    assert trained["rows"] == 3
    assert trained["shapes"]["doc_input_ids"][0] == 2
    assert trained["shapes"]["neg_doc_input_ids"] == [2, 3]


def test_the_multi_vector_trainer_of_sentence_transformers_trains_five_steps(
    pages_root: Path, tiny_qwen: Path, tmp_path: Path
) -> None:
    library = pytest.importorskip("sentence_transformers", minversion="6.2")
    import torch

    nyxqa.export(pages_root, "sentence-transformers", tmp_path / "x")
    train = run_snippet(_snippet(tmp_path / "x"))["train"]
    model = library.MultiVectorEncoder(str(tiny_qwen), device="cpu")
    options = {"save_strategy": "no", "report_to": [], "use_cpu": True, "disable_tqdm": True, "logging_steps": 1}
    arguments = library.MultiVectorEncoderTrainingArguments(
        str(tmp_path / "out"), max_steps=STEPS, per_device_train_batch_size=2, learning_rate=1e-3, **options
    )
    trainer = library.MultiVectorEncoderTrainer(model=model, args=arguments, train_dataset=train)
    before = [one.detach().clone() for one in model.parameters()]
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert len(losses) == STEPS and all(loss > 0 for loss in losses)
    assert sum(not torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True)) > 10
    assert train.column_names == ["anchor", "positive", "negative_1", "negative_2", "negative_3"]
