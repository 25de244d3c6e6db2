"""Pages that share a document or a cluster, and numbers for all pages: groups before any text is compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.dedup.across.sketches import document_groups
from nyxqa.builders.dedup.union_find import Components
from nyxqa.builders.dedup.word_hashes import I64
from nyxqa.builders.engine.exchange import KEY, Items, exchange
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput

_DIGITS = 32  # of an id
_DOCUMENTS_A_RANGE = 1 << 18

Ids = npt.NDArray[np.bytes_]

# A page that a document of a cluster stands on.
_HOMES = pa.schema([(KEY, pa.uint64()), ("cluster", pa.string()), ("page", pa.string())])
# A page and the first page of a cluster that stands on both.
_EDGES = pa.schema([("page", pa.string()), ("first", pa.string())])


def page_edges(run: Run, step: Step, documents: StepOutput) -> StepOutput:
    """Run (or plan) the steps ``NAME/homes`` and ``NAME/edges``: pages of one cluster, and of copies, by their ids.

    :param step: Name, version and inputs of the first step; its name ends in ``homes``.
    :param documents: Rows of DOCUMENTS.
    """
    return exchange(
        run,
        Items(partial(len, documents), _DOCUMENTS_A_RANGE),
        (step, _homes_of_files, _HOMES),
        partial(_groups, documents),
        (Step(step.name.removesuffix("homes") + "edges", step.version), _edges_of_range, _EDGES),
    )


def _groups(documents: StepOutput) -> list[list[Path]]:
    return document_groups(documents.files())


def _homes_of_files(files: list[Path]) -> pa.Table:
    """The pages of each document, its own and those of its copies, under the name of its cluster."""
    table = pa.concat_tables([pq.read_table(file, columns=["page_id", "cluster", "also_at"]) for file in files])
    copies = table["also_at"].combine_chunks()
    others = copies.flatten().field("page_id")
    owners = pc.list_parent_indices(copies)
    clusters = pa.concat_arrays([*table["cluster"].chunks, *table["cluster"].take(owners).chunks]).cast(pa.string())
    pages = pa.concat_arrays([*table["page_id"].chunks, others]).cast(pa.string())
    keys = [hashlib.blake2b(one.encode(), digest_size=8).digest() for one in clusters.to_pylist()]
    return pa.table({KEY: np.frombuffer(b"".join(keys), np.uint64), "cluster": clusters, "page": pages}, schema=_HOMES)


def _edges_of_range(homes: pa.Table, _: int) -> pa.Table:
    """The pages of each cluster of one range with the first of them."""
    clusters = homes["cluster"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    pages = fixed_width(homes["page"])
    order = np.lexsort((pages, clusters))
    clusters, pages = clusters[order], pages[order]
    starts = np.searchsorted(clusters, clusters)
    others = np.flatnonzero(pages != pages[starts])
    rows = pa.array(order)
    found = {"page": rows.take(pa.array(others)), "first": rows.take(pa.array(starts[others]))}
    return pa.table({name: homes["page"].take(places) for name, places in found.items()}, schema=_EDGES)


def fixed_width(ids: pa.ChunkedArray) -> Ids:
    """Ids as an array of 32 bytes each, in the same sort order."""
    padded = pc.ascii_rpad(ids, _DIGITS, padding="\0")
    fixed = padded.cast(pa.binary()).cast(pa.binary(_DIGITS)).combine_chunks()
    return np.frombuffer(fixed.buffers()[1], f"S{_DIGITS}", len(fixed), fixed.offset * _DIGITS)


class Pages:
    """All pages by number, in the order of their ids, as ``write_pages`` left them in a folder.

    :param ids: Of the pages, in a mapped file.
    :param labels: The first page that each page is connected with, int64 [pages].
    """

    def __init__(self, folder: Path) -> None:
        self.ids: Ids = np.load(folder / "ids.npy", "r")
        self.labels: I64 = np.load(folder / "labels.npy", "r")


def write_pages(documents: StepOutput, edges: StepOutput, folder: Path) -> None:
    """Number all pages and connect those of ``edges``; at most 48 bytes for each page in memory.

    Leaves what ``Pages`` reads, and for each of ``document_groups`` a file with columns ``page`` and ``side``: the
    number of the page of each document, and its label.
    """
    groups = _groups(documents)
    joined = [pq.read_table(file) for file in edges.files()]
    np.save(folder / "ids.npy", _sorted_ids(groups, joined, folder / "ids.bin"))
    ids = np.load(folder / "ids.npy", "r")
    components = Components(len(ids))
    for table in joined:
        components.join(*(np.searchsorted(ids, fixed_width(table[name])) for name in ("page", "first")))
    labels = components.labels()
    np.save(folder / "labels.npy", labels)
    for shard, files in enumerate(groups):
        pages = np.searchsorted(ids, _page_ids(files))
        write_table(part_file(folder, shard), pa.table({"page": pages.astype(np.int32), "side": labels[pages]}))


def _sorted_ids(groups: Sequence[list[Path]], joined: Sequence[pa.Table], file: Path) -> Ids:
    """Each page once.

    :param file: Temporary; with lists of arrays in its place all ids would be in memory twice.
    """
    with file.open("wb") as stream:
        for files in groups:
            np.unique(_page_ids(files)).tofile(stream)
        for table in joined:
            for name in ("page", "first"):
                np.unique(fixed_width(table[name])).tofile(stream)
    ids = np.fromfile(file, f"S{_DIGITS}")
    file.unlink()
    ids.sort()
    repeated = np.flatnonzero(ids[1:] == ids[:-1])
    return np.delete(ids, repeated) if len(repeated) else ids


def _page_ids(files: list[Path]) -> Ids:
    return fixed_width(pa.concat_tables([pq.read_table(file, columns=["page_id"]) for file in files])["page_id"])
