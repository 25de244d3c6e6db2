"""The arguments of ``nyxqa train`` and ``nyxqa improve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

_NO_ADAPTERS = "none"


def train(
    data: Annotated[Path, typer.Argument(help="Folder of a dataset.")],
    out: Annotated[Path, typer.Option(help="Folder of the trained model.")],
    model: Annotated[str | None, typer.Option(help="tiny[:PATH], nyx:MODEL, hf:MODEL.")] = None,
    recipe: Annotated[str | None, typer.Option(help="A recipe whose [train] is used: paper, or a TOML file.")] = None,
    stage: Annotated[int, typer.Option(min=1, max=2, help="1: triplets or mixture; 2: feedback.")] = 1,
    init: Annotated[str | None, typer.Option(help="A trained model to start from, as --model names it.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the rows.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Stop after this many steps.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows per step, over all devices.")] = None,
    chunk: Annotated[
        int | None, typer.Option(min=1, help="Queries and documents embedded at a time; by itself what fits.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at the end of warm-up.")] = None,
    warmup: Annotated[float | None, typer.Option(help="Share of the steps that warm up.")] = None,
    schedule: Annotated[
        Literal["linear", "cosine", "constant"] | None, typer.Option(help="How the rate falls after warm-up.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of AdamW.")] = None,
    clip: Annotated[float | None, typer.Option(help="Most norm of the gradients.")] = None,
    precision: Annotated[
        Literal["auto", "no", "bf16"] | None, typer.Option(help="Arithmetic; auto is bf16 on a GPU that has it.")
    ] = None,
    checkpointing: Annotated[
        bool | None, typer.Option("--checkpointing/--no-checkpointing", help="Compute activations again: less memory.")
    ] = None,
    checkpoint_steps: Annotated[int | None, typer.Option(min=1, help="Steps between checkpoints.")] = None,
    dims: Annotated[str | None, typer.Option(metavar="N,N,...", help="Prefix lengths, as 2048,1024,512,256.")] = None,
    weights: Annotated[str | None, typer.Option(metavar="W,W,...", help="Weight of the loss at each of them.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Divisor of the cosines.")] = None,
    negatives: Annotated[int | None, typer.Option(min=0, help="Hard negatives per row.")] = None,
    against: Annotated[
        Literal["all", "own", "triplet"] | None,
        typer.Option(help="Negatives of a query: the batch; other positives and its own; its own alone."),
    ] = None,
    mixing: Annotated[
        Literal["dataset", "mixed"] | None, typer.Option(help="Rows of a batch: of one dataset, or of any.")
    ] = None,
    max_pixels: Annotated[int | None, typer.Option(min=1, help="Pixels that an image is shrunk to.")] = None,
    lora: Annotated[
        Literal["paper", "code", "none"] | None, typer.Option(help="Shape of the adapters; none trains all weights.")
    ] = None,
    lora_rank: Annotated[int | None, typer.Option(min=1, help="Rank of the adapters.")] = None,
    lora_alpha: Annotated[int | None, typer.Option(min=1, help="Adapters are scaled by alpha / rank.")] = None,
    lora_dropout: Annotated[float | None, typer.Option(help="Share of an adapter's inputs that is dropped.")] = None,
    lora_targets: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Names of the adapted layers, or all-linear.")
    ] = None,
    dora: Annotated[bool | None, typer.Option("--dora/--no-dora", help="Decompose magnitude and direction.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A key of [train]; may be repeated.")
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Write a checkpoint without adapters.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the last checkpoint.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train a retriever on a dataset, and evaluate it on validation; many devices: torchrun -m nyxqa train."""
    from nyxqa.retriever.training.options import train_section
    from nyxqa.retriever.training.train import started_from, train_on

    given: dict[str, Any] = {
        "epochs": epochs,
        "max_steps": max_steps,
        "batch_size": batch_size,
        "chunk": chunk,
        "learning_rate": lr,
        "warmup": warmup,
        "schedule": schedule,
        "weight_decay": weight_decay,
        "clip": clip,
        "precision": precision,
        "checkpointing": checkpointing,
        "checkpoint_steps": checkpoint_steps,
        "dims": dims,
        "weights": weights,
        "temperature": temperature,
        "negatives": negatives,
        "against": against,
        "mixing": mixing,
        "max_pixels": max_pixels,
        "lora": False if lora == _NO_ADAPTERS else lora,
        "lora.rank": lora_rank,
        "lora.alpha": lora_alpha,
        "lora.dropout": lora_dropout,
        "lora.targets": lora_targets,
        "lora.dora": dora,
        "seed": seed,
    }
    section = train_section(recipe, override or [], {name: value for name, value in given.items() if value is not None})
    sys.stdout.write(train_on(data, started_from(model, init), out, stage, resume, section=section, merge=merge).text())
