"""What the searches for near-duplicates share: the documents they read, and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.engine.step import section_params
from nyxqa.schemas.files import replacing
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import string_literal

if TYPE_CHECKING:
    import duckdb

MIN_PAGES = 5  # a text or image on at most this many pages is never common

TEXT = "replace(text, '<|image|>', ' ') AS text"  # placeholders are not words
PHASHES = "list_transform(images, lambda i: i.phash) AS phashes"  # of rows between stages


_SIMILARITY_KEYS = ("threshold", "shingle", "image_distance")


class SimilaritySettings(TypedDict):
    """The rule for near-duplicate texts and images, as ``deduplicate`` and ``pairs_across`` take it."""

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


def similarity_params(settings: Dedup) -> dict[str, Any]:
    """The data keys of ``[dedup]`` that decide similarity, for the fingerprints of stages ``dedup`` and ``split``."""
    return section_params(settings, _SIMILARITY_KEYS)


def write_documents(db: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    """Write the documents that ``query`` selects for a search, unless a stopped run wrote them already.

    A resumed search identifies its input by the file's modification time.
    """
    if not file.exists():
        with replacing(file) as temporary:
            options = "FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE 8192"
            db.execute(f"COPY ({query}) TO {string_literal(str(temporary))} ({options})")
