"""What the stages of an update know of the published version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.update.parent import DOCUMENTS, questions_file
from nyxqa.schemas.recipe import Update

Ids = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class UpdateInputs:
    """The published version as a stage sees it.

    :param fingerprint: That of the version.
    :param tables: Folder of its tables, as ``write_parent`` wrote them.
    :param splits: Splits of which it has questions.
    :param settings: Section ``[update]`` of the recipe.
    """

    fingerprint: str
    tables: Path
    splits: tuple[str, ...]
    settings: Update

    def of_split(self, split: str) -> UpdateInputs | None:
        """The version, unless it has no questions of ``split``."""
        return self if split in self.splits else None

    def params(self, *keys: str) -> dict[str, Any]:
        """What enters the fingerprint of a step: the version, and ``keys`` of the settings."""
        own = self.settings.model_dump(mode="json", include=set(keys))
        return {"parent": self.fingerprint, **({"update": own} if own else {})}


class PublishedDocuments:
    """Which documents a version published in one split, and about which of them it has questions.

    :param tables: Folder of the tables of the version.
    :param split: The split; "" for all of them, without questions.
    """

    def __init__(self, tables: Path, split: str = "") -> None:
        rows = pq.read_table(tables / DOCUMENTS, columns=["doc_id", "split"])
        self._all = _sorted(rows["doc_id"] if not split else rows.filter(pc.equal(rows["split"], split))["doc_id"])
        asked = pq.read_table(questions_file(tables, split), columns=["doc_id"])["doc_id"] if split else None
        self._asked = _sorted(pa.chunked_array([], pa.string()) if asked is None else asked.unique())

    def holds(self, ids: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """For each id whether it was published."""
        return _among(ids, self._all)

    def asks(self, ids: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """For each id whether there are questions about it."""
        return _among(ids, self._asked)


def _sorted(ids: pa.ChunkedArray | pa.Array) -> Ids:
    return np.sort(np.array(ids.to_pylist(), "S32"))


def _among(ids: pa.ChunkedArray, known: Ids) -> npt.NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(ids), np.bool_)
    own = np.array(ids.to_pylist(), "S32")
    places = np.minimum(np.searchsorted(known, own), len(known) - 1)
    return np.asarray(known[places] == own)
