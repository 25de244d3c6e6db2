"""Near-duplicate documents: one function over a table or Parquet files, usable alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.documents import Columns, number_documents, read_band_keys, read_documents, set_store
from nyxqa.builders.dedup.inputs import Source, identity, text_bytes
from nyxqa.builders.dedup.joint import join_texts_and_images
from nyxqa.builders.dedup.lsh_pairs import find_text_pairs
from nyxqa.builders.dedup.minhash import banding
from nyxqa.builders.dedup.phash_pairs import check_distance, label_images
from nyxqa.builders.dedup.result import DedupResult
from nyxqa.builders.dedup.threshold import Threshold, as_threshold
from nyxqa.builders.engine.limits import Limits, current
from nyxqa.schemas.errors import UsageError

VERSION = 3  # of the files in a work folder
_THREAD_BYTES = 128 << 20  # of text for each further thread of DuckDB: with less, waking it takes longer than it saves


def deduplicate(
    source: Source,
    *,
    id: str = "doc_id",
    text: str = "text",
    phashes: str | None = None,
    tokens: str | None = None,
    preference: str | None = None,
    threshold: float | Threshold = 0.8,
    shingle: int = 3,
    permutations: int = 50,
    image_distance: int = 4,
    common_images: int | None = None,
    limits: Limits | None = None,
    work: Path | None = None,
) -> DedupResult:
    """Find near-duplicate documents, choose which to keep, and report why the others are dropped.

    Texts are near-duplicates if the exact Jaccard similarity of their word shingles is at least ``threshold``. A text
    with fewer words than a shingle has only equal texts as duplicates, one without words has none. Images are
    near-identical if their perceptual hashes differ in at most ``image_distance`` bits, flat ones if they are equal.
    Of documents with similar text and near-identical images, in any order, one survives: of the smallest
    ``preference``, most images, most tokens, smallest id. Neither order nor ``limits`` changes the result.

    :param source: An Arrow table, a Parquet file or several.
    :param id: Column of unique ids; ``text`` that of texts.
    :param phashes: Column of lists of int64 perceptual hashes; None: no images.
    :param tokens: Column of sizes, by which survivors are chosen; None: the number of words.
    :param preference: Column of strings; None: all are equal.
    :param threshold: Similarity from which texts are near-duplicates, above 0 and at most 1.
    :param shingle: Words of a shingle; ``permutations`` is the length of a MinHash signature.
    :param image_distance: Bits, 0 to 16.
    :param common_images: An image in more documents than this does not join their clusters; None: every image does.
    :param limits: Memory, threads and disk; None: those of the running build, otherwise the defaults.
    :param work: Folder in which a stopped search continues; None: a temporary one, removed when the result is closed.
    :returns: Documents to keep and to drop, clusters and pairs; close it after use.
    :raises UsageError: If a parameter or column is wrong, or an id occurs in several rows.
    :raises WorldError: If an input is unreadable, or memory or disk run out.
    """
    rule = as_threshold(threshold)
    if shingle < 1 or permutations < 1:
        raise UsageError(f"shingle {shingle} and permutations {permutations} must be at least 1")
    check_distance(image_distance)
    layout = banding(rule.value, permutations)
    columns = Columns(id, text, phashes, tokens, preference)
    settings = [rule.key, shingle, permutations, image_distance, common_images]
    folder, temporary = open_work(work, "dedup", source, columns, settings)
    database = Database(folder / "near.duckdb", limits or current(), temporary is not None, _threads(source, text))
    try:
        sets = folder / "sets.bin"
        read_documents(database, sets, source, columns, shingle, layout)
        number_documents(database)
        store = set_store(database, sets)
        find_text_pairs(database, store, read_band_keys(database, sets, layout.bands), rule)
        label_images(database, image_distance)
        join_texts_and_images(database)
        return DedupResult(database, store, rule, rule, common_images, temporary)
    except BaseException:
        database.close()
        raise


def _threads(source: Source, text: str) -> int:
    """Threads that DuckDB has work for."""
    return 1 + text_bytes(source, text) // _THREAD_BYTES


def open_work(
    work: Path | None, kind: str, source: Source, columns: Columns, settings: Sequence[object]
) -> tuple[Path, TemporaryDirectory[str] | None]:
    """The folder of this search below ``work``, named by its input and settings, or a temporary one."""
    if work is None:
        temporary = TemporaryDirectory(prefix="nyxqa-near-")
        return Path(temporary.name), temporary
    key = json.dumps([VERSION, kind, identity(source, columns.names), columns.names, list(settings)])
    folder = work / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, None
