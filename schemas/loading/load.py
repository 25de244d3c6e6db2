"""Load published tables as ``datasets`` objects, joined on access."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.loading.arrow_copy import Layout, arranged, arrow_copy
from nyxqa.schemas.loading.arrow_layouts import plain_columns
from nyxqa.schemas.loading.document_lookup import DocumentLookup
from nyxqa.schemas.loading.earlier_format import is_earlier
from nyxqa.schemas.loading.export_stream import export_folder, load_exported
from nyxqa.schemas.loading.features import features_of
from nyxqa.schemas.loading.id_index import map_arrow
from nyxqa.schemas.loading.join import Joiner
from nyxqa.schemas.loading.joined_content import ImagesMode, decode_images
from nyxqa.schemas.loading.published import Published, find_published, table_named
from nyxqa.schemas.loading.whole import written_whole
from nyxqa.schemas.tables import WEB

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

# Tables that a joined table is read from; a join does not change the other tables.
_JOINED = {
    "triplets": ("triplets", "corpus"),
    "mixture": ("mixture", "triplets", "corpus"),
    "feedback": ("feedback", "triplets", "qa", "corpus"),
    "qa": ("qa", "corpus"),
}
_WITH_NEGATIVES = ("triplets", "mixture")
_FETCHED_ROWS = 8  # rows of a stream whose images are fetched at a time


def load(
    name: str = "triplets",
    path: str | Path | None = None,
    *,
    split: str | None = None,
    join: bool | Literal["whole"] = True,
    images: ImagesMode = "decode",
    max_negatives: int | None = None,
    streaming: bool = False,
    revision: str | None = None,
) -> Dataset | DatasetDict | IterableDataset | IterableDatasetDict:
    """Load one table of a dataset as a ``datasets`` object.

    Joined rows of ``triplets`` and ``mixture`` hold ``query``, ``positive`` and ``negatives``, those of ``qa``
    ``document`` and those of ``feedback`` ``query`` and ``candidates`` as ``{"text", "images"}``; the documents are
    looked up when a row is read. The stored form of such a column is a reference; ``features`` shows that form, and a
    transform set by ``with_transform`` gets it. A whole column of ids is read fastest after
    ``select_columns`` or with ``join=False``, which look up no document.

    :param name: A table: triplets, qa, corpus, mixture, feedback, ledger, preview.
    :param path: An existing folder, ``user/name`` on the Hub, or None for ``NYXQA_DATA``, else ``nyxqa_data``.
    :param split: One split (of ``corpus``: a pool) as a ``Dataset``; None gives all of them in a ``DatasetDict``.
    :param join: Whether rows carry the contents they refer to; False gives the stored columns, ``whole`` a
        plain ``Dataset`` of joined rows, from a file in the cache.
    :param images: ``decode`` gives pictures of Pillow, whose pixels a joined row decodes on first use; ``bytes`` gives
        the encoded ``bytes`` in a joined side, and in stored columns the stored struct ``{"bytes", "path"}``; ``none``
        reads no image: a joined side lists the image ids in place of its images, stored image columns are left out.
    :param max_negatives: Maximum number of negatives of a joined row, with their ids, ranks and scores; None for all.
    :param streaming: Reads Parquet row by row, without a copy in the cache of ``datasets``; needs ``join=False``, or
        a folder that ``nyxqa export --to shards`` wrote.
    :param revision: Branch, tag or commit on the Hub.
    :raises UsageError: If an argument is not valid, or two exclude each other.
    :raises FormatError: If there is no dataset, or it does not match its manifest.
    :raises LawError: On reading a row, if it refers to a document or triplet that the dataset does not hold.
    :raises WorldError: If the Hub or the cache folder cannot be used.
    """
    table = table_named(name)
    folder = export_folder(path, revision)
    _check(name, join, images, max_negatives, streaming and folder is None)
    if folder is not None:
        return load_exported(folder, name, split, bool(join) and streaming, images, max_negatives)
    joined = bool(join) and name in _JOINED
    published = find_published(path, revision, _JOINED[name] if joined else (name,))
    valid = published.splits(table.name)
    if split is not None and split not in valid:
        raise UsageError(f"table {name} has no split {split!r}; valid splits: {', '.join(valid)}")
    layout = Layout(joined, with_bytes=images != "none")
    wanted = valid if split is None else [split]
    if streaming:
        return _streamed(published, name, wanted, split, layout, images)
    loaded = {one: _mapped(published, name, one, layout, images) for one in wanted}
    if joined:
        loaded = _joined(published, loaded, name, images, max_negatives, join == "whole")
    elif images == "decode" and published.by_address:
        for dataset in loaded.values():
            dataset.set_transform(decode_images)
    return loaded[split] if split is not None else _as_dictionary(loaded)


def _as_dictionary(loaded: dict[str, Dataset]) -> DatasetDict:
    from datasets import DatasetDict

    return DatasetDict(loaded)


def _check(name: str, join: bool | str, images: str, max_negatives: int | None, streaming: bool) -> None:
    if images not in get_args(ImagesMode):
        raise UsageError(f"images={images!r}{nearest(str(images), get_args(ImagesMode))}")
    if join not in (True, False, "whole"):
        raise UsageError(f"join={join!r}; valid: True, False, 'whole'")
    if streaming and join:
        raise UsageError(
            "streaming=True needs join=False, because documents are looked up in any order; for joined rows in a "
            "stream write them out with nyxqa export DATA --to shards --out FOLDER, and load the triplets of that "
            "folder"
        )
    if max_negatives is None:
        return
    if not join or name not in _WITH_NEGATIVES:
        raise UsageError(f"max_negatives needs join=True and one of the tables {', '.join(_WITH_NEGATIVES)}")
    if not isinstance(max_negatives, int) or max_negatives < 0:
        raise UsageError(f"max_negatives={max_negatives!r} is not a number of negatives")


def _join(
    published: Published, loaded: dict[str, Dataset], name: str, images: ImagesMode, max_negatives: int | None
) -> None:
    """Set the transform; the copies that rows are looked up in are written now, not in a worker."""
    documents = DocumentLookup(published, images)
    rows = [dataset for dataset in loaded.values() if dataset.num_rows]
    for pool in sorted({pool for dataset in rows for pool in _pools(dataset)}):
        documents.pool(pool)
    for dataset in loaded.values():
        dataset.set_transform(Joiner(name, documents, max_negatives))


def _joined(
    published: Published,
    loaded: dict[str, Dataset],
    name: str,
    images: ImagesMode,
    max_negatives: int | None,
    whole: bool,
) -> dict[str, Dataset]:
    """The sets joined on access, or written out whole."""
    _join(published, loaded, name, "bytes" if whole and images == "decode" else images, max_negatives)
    if not whole:
        return loaded
    return {split: written_whole(published, name, split, rows, images) for split, rows in loaded.items()}


def _pools(dataset: Dataset) -> list[str]:
    """Pools that the rows name; those of feedback candidates are opened on access."""
    if "pool" not in dataset.column_names:
        return [WEB] if "document" in dataset.column_names else []
    return [str(pool) for pool in dataset.data.column("pool").unique().to_pylist()]


def _mapped(published: Published, name: str, split: str, layout: Layout, images: ImagesMode) -> Dataset:
    from datasets import Dataset, DatasetInfo, NamedSplit

    from nyxqa.schemas.loading.joined_dataset import JoinedDataset

    kind = JoinedDataset if layout.joined else Dataset
    # Joined rows decode their own images, so that reading an id costs no decoding.
    decode = images == "decode" and not layout.joined and not published.by_address
    file = arrow_copy(published, name, split, layout)
    if file is None:
        nothing = pa.Table.from_batches(list(arranged(published, name, split, layout)))
        info = DatasetInfo(features=features_of(nothing.schema, decode))
        return kind(nothing, info=info, split=NamedSplit(split))
    info = DatasetInfo(features=features_of(map_arrow(file).schema, decode))
    return kind.from_file(str(file), info=info, split=NamedSplit(split))


def _streamed(
    published: Published, name: str, splits: Sequence[str], split: str | None, layout: Layout, images: ImagesMode
) -> IterableDataset | IterableDatasetDict:
    from datasets import IterableDatasetDict

    streams = {one: _stream(published, name, one, layout, images) for one in splits}
    return streams[split] if split is not None else IterableDatasetDict(streams)


def _stream(published: Published, name: str, split: str, layout: Layout, images: ImagesMode) -> IterableDataset:
    from datasets import IterableDataset, load_dataset

    files = published.files(name, split)
    if not files:
        nothing: IterableDataset = IterableDataset.from_generator(
            list, features=_mapped(published, name, split, layout, images).features
        )
        return nothing
    schema = pq.read_schema(files[0])
    decode = images == "decode" and not published.by_address
    if is_earlier(schema):
        return _filled_stream(published, name, split, layout, images)
    if images == "none":
        schema = pa.schema([schema.field(column) for column in plain_columns(schema)])
    stream: IterableDataset = load_dataset(
        "parquet",
        data_files={split: [str(file) for file in files]},
        split=split,
        streaming=True,
        columns=schema.names,
        features=features_of(schema, decode),
    )
    return _fetched(stream) if images == "decode" and published.by_address else stream


def _filled_stream(published: Published, name: str, split: str, layout: Layout, images: ImagesMode) -> IterableDataset:
    """Rows of an earlier format, completed as they are read."""
    from datasets import IterableDataset

    rows = partial(_rows, published, name, split, layout)
    decode = images == "decode" and not published.by_address
    features = features_of(next(arranged(published, name, split, layout)).schema, decode)
    stream: IterableDataset = IterableDataset.from_generator(rows, features=features)
    return _fetched(stream) if images == "decode" and published.by_address else stream


def _rows(published: Published, name: str, split: str, layout: Layout) -> Iterator[dict[str, Any]]:
    for batch in arranged(published, name, split, layout):
        yield from batch.to_pylist()


def _fetched(stream: IterableDataset) -> IterableDataset:
    """The stream with its images fetched from their addresses and opened."""
    fetched: IterableDataset = stream.map(decode_images, batched=True, batch_size=_FETCHED_ROWS)
    return fetched
