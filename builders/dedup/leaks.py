"""Near-duplicate documents across groups or splits, by the exact query that the certificate uses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from nyxqa.builders.dedup.cross_split import CrossPairs, pairs_across
from nyxqa.builders.dedup.settings import PHASHES, TEXT, similarity_settings, write_documents
from nyxqa.builders.engine.database import SCRATCH, database
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import file_list

_PLACED = "SELECT doc_id, {text}, {phashes}, side FROM read_parquet({files}) JOIN placed USING (page_id)"
# The row number is the id: a broken table may hold a doc_id twice.
_PUBLISHED = """
SELECT row_number() OVER ()::VARCHAR AS doc_id, {text}, image_phashes AS phashes, split AS side
FROM read_parquet({files})
"""


def links_between(files: Sequence[Path], side: pa.Table, settings: Dedup, folder: Path) -> pa.Table:
    """Pairs ``a``, ``b`` of doc_ids that connect all near-duplicates across sides.

    :param files: Part files of DOCUMENTS.
    :param side: ``page_id`` and the ``side`` each page is on; documents of other pages are left out.
    :param folder: For the search's files, removed at the end: a stopped search of the same documents continues.
    """
    with _between(files, side, settings, folder / ".across") as pairs:
        return pairs.links


def pairs_between(files: Sequence[Path], side: pa.Table, settings: Dedup, folder: Path) -> pa.Table:
    """All pairs ``a``, ``b`` of doc_ids of near-duplicates across sides; parameters as in ``links_between``."""
    with _between(files, side, settings, folder / ".divided") as pairs:
        return pa.concat_tables([found.select(["a", "b"]) for found in (pairs.texts, pairs.images)])


@contextmanager
def _between(files: Sequence[Path], side: pa.Table, settings: Dedup, work: Path) -> Iterator[CrossPairs]:
    """The search across sides in a folder of its own, which is removed once it was used."""
    work.mkdir(exist_ok=True)
    target = work / "documents.parquet"
    with database(work) as db:
        db.register("placed", side)
        write_documents(db, _PLACED.format(text=TEXT, phashes=PHASHES, files=file_list(files)), target)
    with _cross_pairs(target, settings, work) as pairs:
        yield pairs
    shutil.rmtree(work)


def count_across_splits(files: Sequence[Path], settings: Dedup, scratch: Path) -> dict[str, int]:
    """Number of near-duplicate pairs of published documents across splits, by the name of the check.

    :param files: Files of table ``corpus``, pool ``web``.
    :param scratch: Folder for databases, which are removed.
    """
    if not files:
        return {"near_text_in_two_splits": 0, "near_image_in_two_splits": 0}
    with TemporaryDirectory(dir=scratch, prefix=SCRATCH) as temporary:
        target = Path(temporary) / "documents.parquet"
        with database(Path(temporary)) as db:
            write_documents(db, _PUBLISHED.format(text=TEXT, files=file_list(files)), target)
        with _cross_pairs(target, settings, Path(temporary)) as pairs:
            counts = pairs.counts()
    return {"near_text_in_two_splits": counts["texts"], "near_image_in_two_splits": counts["images"]}


def _cross_pairs(documents: Path, settings: Dedup, work: Path) -> CrossPairs:
    return pairs_across(documents, phashes="phashes", side="side", work=work, **similarity_settings(settings))
