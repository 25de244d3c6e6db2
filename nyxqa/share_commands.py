"""The arguments of ``nyxqa push``, ``nyxqa export`` and ``nyxqa remove``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nyxqa.builders.export.factory import TARGETS

Names = list[str] | None

DataArgument = Annotated[Path, typer.Argument(help="Folder of a dataset.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def remove(
    data: Annotated[Path, typer.Argument(help="Folder of a dataset.")],
    url: Annotated[Names, typer.Option(metavar="URL", help="A page or image at this URL; may be repeated.")] = None,
    page: Annotated[Names, typer.Option(metavar="ID", help="A page by its id, or its path in the source.")] = None,
    image: Annotated[Names, typer.Option(metavar="ID", help="An image by its id, URL or path in the source.")] = None,
    host: Annotated[Names, typer.Option(metavar="HOST", help="All on this host and its subdomains.")] = None,
    file: Annotated[
        list[Path] | None, typer.Option(metavar="LIST", help="A file with one of these a line; # begins a comment.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default one per core.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take pages and images out of a dataset: build it again without them, and delete all that was kept of them."""
    from nyxqa.builders.runner.removal.remove import remove as run_remove

    done = run_remove(
        data, urls=url or (), pages=page or (), images=image or (), hosts=host or (), files=file or (), workers=workers
    )
    sys.stdout.write(done.text())


def _say_plan(plan: Any) -> None:
    sys.stdout.write(plan.text())
    sys.stdout.flush()


def push(
    data: DataArgument,
    repository: Annotated[str, typer.Argument(metavar="USER/NAME|s3://...", help="On the Hub, or a prefix of S3.")],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to push to; default main.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Propose it as a pull request.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent and exit.")] = False,
    images: Annotated[Literal["bytes", "urls"] | None, typer.Option(help="Publish images, or only their URLs.")] = None,
    report_page: Annotated[bool, typer.Option("--report", help="Publish report.html as well.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Push even without passed checks and a report.")] = False,
    accept_findings: Annotated[
        bool, typer.Option("--accept-findings", help="Push although secrets or personal data are found.")
    ] = False,
    base: Annotated[str | None, typer.Option(metavar="USER/NAME", help="Base of adapters on the Hub.")] = None,
    debug: DebugOption = False,
) -> None:
    """Publish a dataset or a trained model on the Hugging Face Hub (HF_TOKEN or its login), or copy a dataset to S3."""
    from nyxqa.builders.publish.hub.push import push as run_push
    from nyxqa.schemas.live import display

    with display():
        done = run_push(
            data,
            repository,
            private=private,
            revision=revision,
            create_pr=create_pr,
            dry_run=dry_run,
            images=images,
            report=report_page,
            force=force,
            accept_findings=accept_findings,
            base=base,
            planned=_say_plan,
        )
    sys.stdout.write(done.text(repository))


def export(
    data: Annotated[str, typer.Argument(help="Folder of a dataset, or user/name on the Hub.")],
    to: Annotated[
        str,
        typer.Option(
            metavar="|".join(TARGETS),
            help="; ".join(f"{one.name}: {one.description}" for one in TARGETS.values()) + ".",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist, or be empty.")],
    split: Annotated[
        Literal["train", "validation", "test"] | None, typer.Option(help="One split; default all.")
    ] = None,
    max_negatives: Annotated[
        int | None, typer.Option(min=0, help="Most negatives per row (sentence-transformers: as many); default all.")
    ] = None,
    expand_negatives: Annotated[bool, typer.Option("--expand-negatives", help="vlm2vec: a row per negative.")] = False,
    images: Annotated[
        Literal["keep", "captions", "none"] | None,
        typer.Option(help="Images as they are, as captions in their place, or left out; default keep, if it can."),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the Hub.")] = None,
    debug: DebugOption = False,
) -> None:
    """Write a dataset, including its images, in the format of another tool."""
    from nyxqa.builders.export.export import export as run_export
    from nyxqa.schemas.live import display

    with display():
        done = run_export(
            data,
            to,
            out,
            split=split,
            max_negatives=max_negatives,
            expand_negatives=expand_negatives,
            images=images,
            revision=revision,
        )
    sys.stdout.write(done.text())
