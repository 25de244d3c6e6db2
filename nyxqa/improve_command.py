"""The arguments of ``nyxqa improve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


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
