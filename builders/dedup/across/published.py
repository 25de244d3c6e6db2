"""Published documents for the certificate: what two splits share, counted by ranges of hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.dedup.across.pairs import PAIRS, near_pairs
from nyxqa.builders.dedup.across.sketches import GROUP_DOCUMENTS, Documents, sketched
from nyxqa.builders.dedup.inputs import text_bytes
from nyxqa.builders.dedup.settings import similarity_params
from nyxqa.builders.engine.exchange import KEY, Items, exchange
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.tables import QA_SPLITS

_VERSION = 1
_DOCUMENTS_A_RANGE = 1 << 17

# A part of a file: first row group, and the one after the last.
Piece = tuple[Path, int, int]
Codes = npt.NDArray[np.integer[Any]]

# What a split has, by 128 bits of its name or content.
_KINDS = ("page", "document", "text", "image")
_KEYS = pa.schema([(KEY, pa.uint64()), ("rest", pa.uint64()), ("kind", pa.int8()), ("split", pa.int8())])
_FOUND = pa.schema([(f"{kind}_in_two_splits", pa.int64()) for kind in _KINDS])


def find_leaks(
    run: Run, stage: str, inputs: Sequence[str], files: Callable[[], Sequence[Path]], settings: Dedup
) -> tuple[StepOutput, StepOutput]:
    """Run (or plan) the steps that look for leaks between splits in the files of ``corpus``, pool ``web``.

    :param files: The written files, known when the steps run.
    :returns: Rows of counts, and rows of PAIRS: what ``leak_counts`` adds up.
    """
    documents = Documents(partial(_pieces, files), partial(_text_bytes, files), read_published)
    given = tuple(inputs)
    shared = exchange(
        run,
        Items(partial(_count, files), _DOCUMENTS_A_RANGE),
        (Step(f"{stage}/keys", _VERSION, {}, given), _keys_of, _KEYS),
        documents.groups,
        (Step(f"{stage}/shared", _VERSION), _count_shared, _FOUND),
    )
    rule = similarity_params(settings)
    step = Step(f"{stage}/sketch", _VERSION, {"shingle": rule.pop("shingle")}, given)
    sketches = sketched(run, step, documents, settings.shingle)
    step = Step(f"{stage}/prefixes", _VERSION, rule, (sketches.counts.fingerprint,))
    return shared, near_pairs(run, step, sketches, documents.groups, published_splits, settings, every=True)


def leak_counts(shared: StepOutput, near: StepOutput) -> dict[str, int]:
    """How often each check of ``find_leaks`` found something, by the names of the certificate."""
    counts = dict.fromkeys(_FOUND.names, 0)
    for row in shared.rows():
        counts = {name: count + row[name] for name, count in counts.items()}
    pairs = pa.concat_tables([PAIRS.empty_table(), *map(pq.read_table, near.files())])
    for name, image in (("near_text_in_two_splits", False), ("near_image_in_two_splits", True)):
        own = pairs.filter(pc.equal(pairs["image"], image))
        counts[name] = own.group_by(["a", "b"]).aggregate([]).num_rows  # several ranges may find a pair
    return counts


def _count(files: Callable[[], Sequence[Path]]) -> int:
    return sum(pq.read_metadata(file).num_rows for file in files())


def _text_bytes(files: Callable[[], Sequence[Path]]) -> int:
    return text_bytes(list(files()), "text")


def _pieces(files: Callable[[], Sequence[Path]]) -> list[Piece]:
    """The row groups of all files, in pieces of about ``GROUP_DOCUMENTS`` rows."""
    pieces = []
    for file in files():
        metadata = pq.read_metadata(file)
        start = rows = 0
        for number in range(metadata.num_row_groups):
            rows += metadata.row_group(number).num_rows
            if rows >= GROUP_DOCUMENTS or number == metadata.num_row_groups - 1:
                pieces.append((file, start, number + 1))
                start, rows = number + 1, 0
    return pieces


def _read(piece: Piece, columns: list[str]) -> pa.Table:
    file, start, end = piece
    with pq.ParquetFile(file) as parquet:
        return parquet.read_row_groups(range(start, end), columns=columns)


def read_published(piece: Piece) -> Iterator[pa.Table]:
    """Texts and perceptual hashes."""
    yield _read(piece, ["text", "image_phashes"]).rename_columns(["text", "phashes"])


def published_splits(piece: Piece) -> Codes:
    """The split of each document, by its place in ``QA_SPLITS``; any other is one more."""
    found = pc.index_in(_read(piece, ["split"])["split"], pa.array(QA_SPLITS))
    codes: Codes = pc.fill_null(found, len(QA_SPLITS)).to_numpy()
    return codes


def _keys_of(piece: Piece) -> pa.Table:
    """Pages, documents, texts and images of one piece, with their splits."""
    table = _read(piece, ["doc_id", "page_id", "text", "image_ids", "also_at"])
    splits = published_splits(piece).astype(np.int8)
    copies, images = table["also_at"].combine_chunks(), table["image_ids"].combine_chunks()
    bare = pc.utf8_trim(pc.replace_substring(table["text"], PLACEHOLDER, ""), characters=" \n\t")
    every = np.arange(len(splits))
    parts: list[tuple[int, Iterable[str], Any]] = [
        (0, table["page_id"].to_pylist(), every),
        (0, copies.flatten().field("page_id").to_pylist(), pc.list_parent_indices(copies).to_numpy()),
        (1, table["doc_id"].to_pylist(), every),
        (2, bare.to_pylist(), every),
        (3, images.flatten().to_pylist(), pc.list_parent_indices(images).to_numpy()),
    ]
    tables = []
    for kind, names, rows in parts:
        digests = b"".join(_digest(kind, name) for name in names)
        halves = np.frombuffer(digests, np.uint64).reshape(-1, 2)
        kinds = np.full(len(halves), kind, np.int8)
        columns = [halves[:, 0], halves[:, 1], kinds, splits[rows]]
        made = pa.table(dict(zip(_KEYS.names, columns, strict=True)), schema=_KEYS)
        tables.append(made.filter(pc.not_equal(bare, "")) if kind == 2 else made)
    return pa.concat_tables(tables)


def _digest(kind: int, name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16, person=bytes([kind])).digest()


def _count_shared(rows: pa.Table, _: int) -> pa.Table:
    """Counts of what several splits share in one range, and of documents that occur more than once."""
    keys, rests, kinds, splits = (rows[name].to_numpy() for name in _KEYS.names)
    order = np.lexsort((splits, rests, keys, kinds))
    keys, rests, kinds, splits = keys[order], rests[order], kinds[order], splits[order]
    starts = np.ones(len(keys), np.bool_)
    starts[1:] = (keys[1:] != keys[:-1]) | (rests[1:] != rests[:-1]) | (kinds[1:] != kinds[:-1])
    things = np.cumsum(starts) - 1
    moved = starts.copy()
    moved[1:] |= splits[1:] != splits[:-1]
    count = int(starts.sum())
    places = np.bincount(things[moved], minlength=count)  # splits of each thing
    occurrences = np.bincount(things, minlength=count)
    own = kinds[starts]
    found = {
        "page": np.sum((own == 0) & (places > 1)),
        "document": np.sum((own == 1) & (occurrences > 1)),
        "text": np.sum((own == 2) & (places > 1)),
        "image": np.sum(places[(own == 3) & (places > 1)]),  # each of its splits counts
    }
    return pa.table({f"{kind}_in_two_splits": [int(found[kind])] for kind in _KINDS}, schema=_FOUND)
