"""Stream the joined triplets of a self-contained export."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.loading.features import features_of
from nyxqa.schemas.loading.join import CUT
from nyxqa.schemas.loading.joined_content import ImagesMode, joined_content, open_image
from nyxqa.schemas.loading.published import DATA_VARIABLE, DEFAULT_FOLDER
from nyxqa.schemas.manifest import MANIFEST
from nyxqa.schemas.tables import QA_SPLITS, SIDE

if TYPE_CHECKING:
    from datasets import IterableDataset, IterableDatasetDict

SHARDS = "shards"
_SINGLE = ("query", "positive")


def export_folder(path: str | Path | None, revision: str | None) -> Path | None:
    """The folder that ``path`` names, if it holds such an export and no dataset."""
    if revision is not None:
        return None
    folder = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_FOLDER) if path is None else Path(path)
    if (folder / MANIFEST).exists() or not (folder / "data" / SHARDS).is_dir():
        return None
    return folder


def load_exported(
    folder: Path, name: str, split: str | None, stream: bool, images: ImagesMode, max_negatives: int | None
) -> IterableDataset | IterableDatasetDict:
    """One split of the export, or all that it has.

    :param stream: Whether the caller requests joined rows as a stream.
    :raises UsageError: If the caller requests anything but joined triplets as a stream, or a split that does not exist.
    :raises FormatError: If a file is not part of such an export.
    """
    if name != "triplets" or not stream:
        raise UsageError(
            f"{folder} is an export of joined triplets to stream: read it with "
            f"nyxqa.load('triplets', {str(folder)!r}, streaming=True)"
        )
    files = {one: sorted((folder / "data" / SHARDS).glob(f"{one}-*.parquet")) for one in QA_SPLITS}
    there = [one for one in QA_SPLITS if files[one]]
    if not there:
        raise FormatError(f"{folder} holds no rows; write it again with: nyxqa export DATA --to shards --out FOLDER")
    if split is None:
        from datasets import IterableDatasetDict

        return IterableDatasetDict({one: _stream(files[one], one, images, max_negatives) for one in there})
    if split not in there:
        raise UsageError(f"{folder} has no split {split!r}; valid splits: {', '.join(there)}")
    return _stream(files[split], split, images, max_negatives)


def _stream(files: list[Path], split: str, images: ImagesMode, max_negatives: int | None) -> IterableDataset:
    from datasets import load_dataset

    features = features_of(_schema(files), decode=False)
    stored = load_dataset(
        "parquet",
        data_files={split: [str(file) for file in files]},
        split=split,
        streaming=True,
        features=features,
    )
    joined: IterableDataset = stored.map(_Joined(images, max_negatives))
    return joined


def _schema(files: list[Path]) -> pa.Schema:
    """The schema of all files.

    :raises FormatError: If a file cannot be read, holds no joined rows, or has other columns than the first.
    """
    schemas = [_read_schema(file) for file in files]
    for file, schema in zip(files, schemas, strict=True):
        if not schema.equals(schemas[0]):
            raise FormatError(f"{file} and {files[0]} have different columns; write the export again")
    return schemas[0]


def _read_schema(file: Path) -> pa.Schema:
    try:
        schema = pq.read_schema(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise FormatError(f"{file} cannot be read: {error}; write the export again") from error
    wanted = {**dict.fromkeys(_SINGLE, SIDE), "negatives": pa.list_(SIDE)}
    if any(name not in schema.names or not schema.field(name).type.equals(kind) for name, kind in wanted.items()):
        raise FormatError(
            f"{file} does not hold joined rows; write the export again with: nyxqa export DATA --to shards --out FOLDER"
        )
    return schema


@dataclass(frozen=True)
class _Joined:
    """Turns a stored row into a joined one as ``load`` returns it; image ids are computed from the bytes."""

    images: ImagesMode
    max_negatives: int | None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        joined = dict(row)
        for name in CUT if self.max_negatives is not None else ():
            joined[name] = joined[name][: self.max_negatives]
        of = partial(self._side, str(row["query_id"]))
        return {
            **joined,
            **{name: of(joined[name]) for name in _SINGLE},
            "negatives": [of(one) for one in joined["negatives"]],
        }

    def _side(self, row: str, stored: dict[str, Any]) -> dict[str, Any]:
        data = [image["bytes"] for image in stored["images"]]
        if self.images == "none":
            return joined_content(stored["text"], [image_id(one) for one in data], row)
        return joined_content(
            stored["text"], [open_image(one, f"row {row}") for one in data] if self.images == "decode" else data, row
        )
