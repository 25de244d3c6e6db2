"""What the stages that search for what is alike share: the documents that a search reads, and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from nyxqa.schemas.files import replacing
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import string_literal

if TYPE_CHECKING:
    import duckdb

MIN_PAGES = 5  # what stands on no more pages than this is never common


TEXT = "replace(text, '<|image|>', ' ') AS text"  # placeholders are no words
PHASHES = "list_transform(images, lambda i: i.phash) AS phashes"  # of rows between stages


class Alike(TypedDict):
    """From where on texts and images are alike, as the functions of ``near`` take it."""

    threshold: float
    shingle: int
    image_distance: int


def alike(settings: Dedup) -> Alike:
    """What ``[dedup]`` says of likeness."""
    return {
        "threshold": settings.threshold,
        "shingle": settings.shingle,
        "image_distance": settings.image_distance,
    }


def write_documents(db: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    """Write the documents that ``query`` selects for a search, unless a stopped run did.

    A search that goes on knows its input by the file's time.
    """
    if not file.exists():
        with replacing(file) as temporary:
            options = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192"
            db.execute(f"COPY ({query}) TO {string_literal(str(temporary))} ({options})")
