"""The arguments of ``nyxqa remove``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

Names = list[str] | None


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
