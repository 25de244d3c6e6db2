"""Ids of an index on disk, whichever encoder built it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.retriever.encoders.bm25 import postings_in
from nyxqa.retriever.index.stored_strings import StoredIds, rows_of


def count_in(folder: Path) -> int:
    """Number of entries of the index."""
    postings = postings_in(folder)
    return len(StoredIds(folder)) if postings is None else sum(map(len, postings))


def rows_in(folder: Path, ids: Iterable[str]) -> npt.NDArray[np.int64]:
    """Rows of those of ``ids`` that the index has, ascending, int64."""
    postings = postings_in(folder)
    if postings is None:
        return rows_of(folder, ids)
    wanted = pa.array(sorted(ids), pa.string())
    found = [pc.is_in(one.ids, wanted).to_numpy(zero_copy_only=False) for one in postings]
    rows: npt.NDArray[np.int64] = np.flatnonzero(np.concatenate([np.empty(0, bool), *found]))
    return rows
