"""The arguments of ``nyxqa train`` and ``nyxqa improve``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

RecipeOption = Annotated[str | None, typer.Option(help="A recipe with a section for training: paper, or a TOML file.")]
InitOption = Annotated[str | None, typer.Option(help="A trained model to start from, as --model names it.")]
StageOption = Annotated[int, typer.Option(min=1, max=2, help="1: triplets or mixture; 2: feedback.")]
Count = int | None
ChunkOption = Annotated[
    Count, typer.Option(min=1, help="Queries and documents embedded at a time; by itself what fits.")
]
ScheduleOption = Annotated[
    Literal["linear", "cosine", "constant"] | None, typer.Option(help="How the rate falls after warm-up.")
]
PrecisionOption = Annotated[
    Literal["auto", "no", "bf16"] | None, typer.Option(help="Arithmetic; auto is bf16 on a GPU that has it.")
]
CheckpointingOption = Annotated[
    bool | None, typer.Option("--checkpointing/--no-checkpointing", help="Compute activations again: less memory.")
]
DimsOption = Annotated[str | None, typer.Option(metavar="N,N,...", help="Prefix lengths, as 2048,1024,512,256.")]
WeightsOption = Annotated[str | None, typer.Option(metavar="W,W,...", help="Weight of the loss at each of them.")]
AgainstOption = Annotated[
    Literal["all", "own", "triplet"] | None,
    typer.Option(help="Negatives of a query: the batch; other positives and its own; its own alone."),
]
MixingOption = Annotated[
    Literal["dataset", "mixed"] | None, typer.Option(help="Rows of a batch: of one dataset, or of any.")
]
LoraOption = Annotated[
    Literal["paper", "code", "none"] | None, typer.Option(help="Shape of the adapters; none trains all weights.")
]
TargetsOption = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="Names of the adapted layers, or all-linear.")
]
DoraOption = Annotated[bool | None, typer.Option("--dora/--no-dora", help="Decompose magnitude and direction.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe's section train; may be repeated."),
]


def train(
    ctx: typer.Context,
    data: Annotated[Path, typer.Argument(help="Folder of a dataset.")],
    out: Annotated[Path, typer.Option(help="Folder of the trained model.")],
    model: Annotated[str | None, typer.Option(help="tiny[:PATH], nyx:MODEL, hf:MODEL.")] = None,
    recipe: RecipeOption = None,
    stage: StageOption = 1,
    init: InitOption = None,
    epochs: Annotated[Count, typer.Option(min=1, help="Passes over the rows.")] = None,
    max_steps: Annotated[Count, typer.Option(min=1, help="Stop after this many steps.")] = None,
    batch_size: Annotated[Count, typer.Option(min=1, help="Rows per step, over all devices.")] = None,
    chunk: ChunkOption = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at the end of warm-up.")] = None,
    warmup: Annotated[float | None, typer.Option(help="Share of the steps that warm up.")] = None,
    schedule: ScheduleOption = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of AdamW.")] = None,
    clip: Annotated[float | None, typer.Option(help="Most norm of the gradients.")] = None,
    precision: PrecisionOption = None,
    checkpointing: CheckpointingOption = None,
    checkpoint_steps: Annotated[Count, typer.Option(min=1, help="Steps between checkpoints.")] = None,
    dims: DimsOption = None,
    weights: WeightsOption = None,
    temperature: Annotated[float | None, typer.Option(help="Divisor of the cosines.")] = None,
    negatives: Annotated[Count, typer.Option(min=0, help="Hard negatives per row.")] = None,
    against: AgainstOption = None,
    mixing: MixingOption = None,
    max_pixels: Annotated[Count, typer.Option(min=1, help="Pixels that an image is shrunk to.")] = None,
    lora: LoraOption = None,
    lora_rank: Annotated[Count, typer.Option(min=1, help="Rank of the adapters.")] = None,
    lora_alpha: Annotated[Count, typer.Option(min=1, help="Adapters are scaled by alpha / rank.")] = None,
    lora_dropout: Annotated[float | None, typer.Option(help="Share of an adapter's inputs dropped.")] = None,
    lora_targets: TargetsOption = None,
    dora: DoraOption = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    override: SetOption = None,
    merge: Annotated[bool, typer.Option("--merge", help="Write a checkpoint without adapters.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the last checkpoint.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train a retriever on a dataset, and evaluate it on validation; on many GPUs: torchrun ... -m nyxqa train."""
    from nyxqa.retriever.training.options import refuse_unused, train_section
    from nyxqa.retriever.training.train import started_from, train_on
    from nyxqa.schemas.live import display

    given = _settings(ctx.params)
    section = train_section(recipe, override or [], given)
    start = started_from(model, init)
    refuse_unused(start, given)
    # What libraries announce for their next versions is nothing that a user of this command can act on.
    warnings.simplefilter("ignore", FutureWarning)
    with display():
        done = train_on(data, start, out, stage, resume, section=section, merge=merge)
    sys.stdout.write(done.text())


_NOT_SETTINGS = {"data", "out", "model", "recipe", "stage", "init", "override", "merge", "resume", "debug"}
_KEYS = {"lr": "learning_rate", "dora": "lora.dora"}


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, by their keys of ``[train]``."""
    named = {name: value for name, value in given.items() if name not in _NOT_SETTINGS and value is not None}
    if named.get("lora") == "none":
        named["lora"] = False
    return {_KEYS.get(name, name.replace("lora_", "lora.")): value for name, value in named.items()}


def improve(
    data: Annotated[Path, typer.Argument(help="Folder of a dataset.")],
    base: Annotated[str, typer.Option(help="The model to train: hf:MODEL, nyx:MODEL, tiny.")],
    out: Annotated[Path, typer.Option(help="Folder of the trained model and the page about it.")] = Path("improved"),
    recipe: Annotated[str | None, typer.Option(help="A recipe with a section for training.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the rows.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Stop after this many steps.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows per step, over all devices.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at the end of warm-up.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe's section train; may be repeated."),
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Write a checkpoint without adapters.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the last checkpoint.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as one JSON object on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train a retriever on a dataset, and say whether that helps on its held-out pages."""
    import json

    from nyxqa.retriever.training.improve import improve as run_improve
    from nyxqa.retriever.training.options import train_section

    given = {"epochs": epochs, "max_steps": max_steps, "batch_size": batch_size, "learning_rate": lr, "seed": seed}
    section = train_section(recipe, override or [], {name: one for name, one in given.items() if one is not None})
    done = run_improve(data, base, out, section, resume=resume, merge=merge)
    if done.figures:
        sys.stdout.write(json.dumps(done.figures) + "\n" if as_json else done.text())
