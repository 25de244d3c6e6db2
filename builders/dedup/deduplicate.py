"""Near-duplicate documents: one function over a table or Parquet files, usable alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.documents import Columns, number_documents, read_documents, set_store
from nyxqa.builders.dedup.inputs import Source, identity
from nyxqa.builders.dedup.joint import join_texts_and_images
from nyxqa.builders.dedup.lsh_pairs import find_text_pairs
from nyxqa.builders.dedup.minhash import banding
from nyxqa.builders.dedup.phash_pairs import check_distance, name_images
from nyxqa.builders.dedup.result import DedupResult
from nyxqa.builders.engine.limits import Limits, current
from nyxqa.schemas.errors import UsageError

VERSION = 2  # of the files in a work folder


def deduplicate(
    source: Source,
    *,
    id: str = "doc_id",
    text: str = "text",
    phashes: str | None = None,
    tokens: str | None = None,
    threshold: float = 0.8,
    shingle: int = 3,
    permutations: int = 50,
    image_distance: int = 4,
    common_images: int | None = None,
    limits: Limits | None = None,
    work: Path | None = None,
) -> DedupResult:
    """Find documents alike, choose which of them to keep, and say why.

    Texts are alike from a Jaccard ``threshold`` of their word shingles on (MinHash proposes, the exact similarity
    decides); a text of fewer words than a shingle only if equal, one without words never. Images are near-identical
    within ``image_distance`` bits of their perceptual hashes, those of flat pictures only if the hashes are equal.
    A document is dropped when one alike in text and near-equal in its images, whatever their order, survives: that
    with most images, then most tokens, then the smallest id. The result depends on the documents alone, not on their
    order, nor on ``limits``.

    :param source: An Arrow table, a Parquet file or several.
    :param id: Column of unique ids.
    :param text: Column of texts.
    :param phashes: Column of lists of int64 perceptual hashes; None: no images.
    :param tokens: Column of sizes, by which survivors are chosen; None: the number of words.
    :param threshold: Similarity from which texts are alike, above 0 and at most 1.
    :param shingle: Words of a shingle.
    :param permutations: Permutations of the MinHash signature.
    :param image_distance: Bits, 0 to 16.
    :param common_images: An image in more documents than that does not join their clusters; None: every image does.
    :param limits: Memory, threads and disk; None for those of the build, else the defaults.
    :param work: Folder for the search's files, in which a stopped search continues and a finished one is not
        repeated; None: a temporary folder, which goes with the result.
    :raises UsageError: If a parameter or column is wrong, or an id stands in several rows.
    :raises WorldError: If an input is unreadable, or memory, spill space or disk run out.
    """
    if not 0 < threshold <= 1 or shingle < 1 or permutations < 1:
        raise UsageError(
            f"threshold {threshold} must be above 0 and at most 1, shingle {shingle} and permutations {permutations} "
            "at least 1"
        )
    check_distance(image_distance)
    layout = banding(threshold, permutations)
    columns = Columns(id, text, phashes, tokens)
    settings = [threshold, shingle, permutations, image_distance, common_images]
    folder, temporary = open_work(work, "dedup", source, columns, settings)
    database = Database(folder / "near.duckdb", limits or current())
    try:
        sets = folder / "sets.bin"
        read_documents(database, sets, source, columns, shingle, layout)
        number_documents(database, layout.bands)
        store = set_store(database, sets)
        find_text_pairs(database, store, threshold, layout.bands)
        name_images(database, image_distance)
        join_texts_and_images(database)
        return DedupResult(database, store, threshold, threshold, common_images, temporary)
    except BaseException:
        database.close()
        raise


def open_work(
    work: Path | None, kind: str, source: Source, columns: Columns, settings: Sequence[object]
) -> tuple[Path, TemporaryDirectory[str] | None]:
    """The folder of this search below ``work``, named by its input and settings, or a temporary one."""
    if work is None:
        temporary = TemporaryDirectory(prefix="nyxqa-near-")
        return Path(temporary.name), temporary
    known = json.dumps([VERSION, kind, identity(source, columns.names), columns.names, list(settings)])
    folder = work / f"{kind}-{hashlib.sha256(known.encode()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, None
