"""Pairs of documents alike across groups or splits, by the exact query that the certificate asks (law 6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from nyxqa.builders.engine.duck import database, literal, quoted
from nyxqa.builders.near.across import CrossPairs, pairs_across
from nyxqa.builders.near.database import Limits
from nyxqa.schemas.recipe import Dedup

# Placeholders are no words. ``side`` is given by the caller's query over ``doc``.
_DOCUMENTS = """
COPY (SELECT {id} AS doc_id, replace(text, '<|image|>', ' ') AS text, {phashes} AS phashes, {side} AS side
      FROM read_parquet({files}) {join})
TO {target} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)
"""
_LIMITS = Limits(memory="384MB")  # beside the database of the step that asks
_OF_WORK = "list_transform(images, lambda i: i.phash)"


def links_between(files: Sequence[Path], side: pa.Table, settings: Dedup, folder: Path) -> pa.Table:
    """Pairs ``a``, ``b`` of doc_ids that connect whatever is alike across sides.

    :param files: Part files of DOCUMENTS.
    :param side: ``page_id`` and the ``side`` each page is on.
    :param folder: For the search's files, which are removed.
    """
    with TemporaryDirectory(dir=folder, prefix=".across-") as temporary:
        target = Path(temporary) / "documents.parquet"
        with database(Path(temporary)) as db:
            db.register("placed", side)
            db.execute(
                _DOCUMENTS.format(
                    id="doc_id",
                    phashes=_OF_WORK,
                    side="placed.side",
                    files=quoted(list(files)),
                    join="JOIN placed USING (page_id)",
                    target=literal(str(target)),
                )
            )
        with _across(target, settings, Path(temporary)) as pairs:
            return pairs.links


def count_across_splits(files: Sequence[Path], settings: Dedup) -> dict[str, int]:
    """Pairs of published documents of different splits alike in text or images, by the name of the check.

    :param files: Files of table ``corpus``, pool ``web``.
    """
    if not files:
        return {"near_text_in_two_splits": 0, "near_image_in_two_splits": 0}
    with TemporaryDirectory(prefix="nyxqa-across-") as temporary:
        target = Path(temporary) / "documents.parquet"
        with database(Path(temporary)) as db:
            db.execute(
                _DOCUMENTS.format(
                    id="row_number() OVER ()::VARCHAR",  # a broken table may hold an id twice
                    phashes="image_phashes",
                    side="split",
                    files=quoted(list(files)),
                    join="",
                    target=literal(str(target)),
                )
            )
        with _across(target, settings, Path(temporary)) as pairs:
            counts = pairs.counts()
    return {"near_text_in_two_splits": counts["texts"], "near_image_in_two_splits": counts["images"]}


def _across(documents: Path, settings: Dedup, work: Path) -> CrossPairs:
    return pairs_across(
        documents,
        phashes="phashes",
        side="side",
        threshold=settings.threshold,
        shingle=settings.shingle,
        image_distance=settings.image_distance,
        limits=_LIMITS,
        work=work,
    )
