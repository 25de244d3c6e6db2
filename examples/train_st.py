"""The method's loss in sentence-transformers' trainer, for those who need what it has: FSDP, DeepSpeed, its callbacks.

    nyxqa export nyxqa_data --to sentence-transformers --out exported
    torchrun --nproc-per-node 4 examples/train_st.py exported MODEL OUT --batch-size 160

MODEL is a folder or name that sentence-transformers loads: a folder that ``nyxqa train`` wrote, or an embedder of the
Hub. The loss is InfoNCE over the batches of all GPUs by chunks (cached), at four prefix lengths, with the method's
weights; what ``nyxqa train`` has and this has not: documents known to answer another query of the batch count as its
negatives here, and hard negatives are all of a row's.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from datasets import Dataset, load_dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss, MatryoshkaLoss

SHARES, RATIOS = (1, 2, 4, 8), (1.0, 1.0, 0.2, 0.2)  # prefixes of 1, 1/2, 1/4, 1/8 of the vector and their weights
SETTINGS = "embedder.toml"


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, help="folder of nyxqa export --to sentence-transformers")
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--batch-size", type=int, default=160, help="rows of a device")
    parser.add_argument("--chunk", type=int, default=8, help="rows embedded with a graph at a time")
    parser.add_argument("--temperature", type=float, default=0.02)
    parser.add_argument("--lr", type=float, default=1e-5)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    model = SentenceTransformer(options.model)
    dim = model.get_embedding_dimension()
    kept = [(dim // share, ratio) for share, ratio in zip(SHARES, RATIOS, strict=True) if dim % share == 0]
    total = sum(ratio for _, ratio in kept)
    cached = CachedMultipleNegativesRankingLoss(
        model, scale=1 / options.temperature, mini_batch_size=options.chunk, gather_across_devices=True
    )
    loss = MatryoshkaLoss(model, cached, [one for one, _ in kept], matryoshka_weights=[r / total for _, r in kept])
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(options.out / "checkpoints"),
        num_train_epochs=1,
        max_steps=options.max_steps,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.lr,
        warmup_steps=0.05,
        max_grad_norm=5.0,
        lr_scheduler_type="linear",
        bf16=options.bf16,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        seed=42,
        prompts={"anchor": model.prompts.get("query", ""), "positive": model.prompts.get("document", "")},
    )
    trainer = Trainer(model, arguments, train_dataset=rows_of(options.export), loss=loss)
    trainer.train()
    if trainer.is_world_process_zero():
        model.save_pretrained(str(options.out))
        settings = Path(options.model) / SETTINGS
        if settings.is_file():  # so that nyxqa loads the folder, too
            shutil.copy(settings, options.out / SETTINGS)
        losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
        (options.out / "losses.json").write_text(json.dumps(losses))


class Trainer(SentenceTransformerTrainer):
    """The trainer without its card, whose examples need columns of text where messages hold images."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none."""


def rows_of(folder: Path) -> Dataset:
    """The train rows."""
    file = folder / "train.parquet"
    if not file.is_file():
        raise SystemExit(f"{file} is missing; write it with nyxqa export --to sentence-transformers")
    return load_dataset("parquet", data_files=str(file), split="train")


if __name__ == "__main__":
    main()
