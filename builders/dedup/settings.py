"""What the searches for near-duplicates share: the documents they read, and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.schemas.files import replacing
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import string_literal

if TYPE_CHECKING:
    import duckdb

MIN_PAGES = 5  # what occurs on at most this many pages is never common


TEXT = "replace(text, '<|image|>', ' ') AS text"  # placeholders are not words
PHASHES = "list_transform(images, lambda i: i.phash) AS phashes"  # of rows between stages


class SimilaritySettings(TypedDict):
    """When texts and images are near-duplicates, as ``deduplicate`` and ``pairs_across`` take it."""

    threshold: float | Threshold
    shingle: int
    image_distance: int


def similarity_settings(settings: Dedup) -> SimilaritySettings:
    """The similarity settings of ``[dedup]``."""
    return {
        "threshold": settings.threshold,
        "shingle": settings.shingle,
        "image_distance": settings.image_distance,
    }


def write_documents(db: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    """Write the documents that ``query`` selects for a search, unless a stopped run wrote them already.

    A resumed search identifies its input by the file's modification time.
    """
    if not file.exists():
        with replacing(file) as temporary:
            options = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192"
            db.execute(f"COPY ({query}) TO {string_literal(str(temporary))} ({options})")
