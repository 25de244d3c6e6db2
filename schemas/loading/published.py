"""A published dataset folder, compared with its manifest before anything is read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.schemas.columns import Table
from nyxqa.schemas.errors import FormatError, UsageError, nearest, one_line
from nyxqa.schemas.loading.hub import REPOSITORY, fetch_snapshot
from nyxqa.schemas.manifest import BY_ADDRESS, MANIFEST, Manifest, read_manifest
from nyxqa.schemas.tables import FORMAT, FORMAT_KEY, TABLES, WEB, table_in_format

DATA_VARIABLE = "NYXQA_DATA"
DEFAULT_FOLDER = "nyxqa_data"


@dataclass(frozen=True)
class Published:
    """A folder whose files agree with its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def is_earlier(self) -> bool:
        """Whether it has an earlier format, which is read with what it lacks filled in."""
        return self.manifest.format < FORMAT

    def require_present(self, command: str) -> None:
        """Refuse an earlier format in a command that writes into the dataset.

        :raises FormatError: Naming the build that brings it to the present format.
        """
        if self.is_earlier:
            raise FormatError(
                f"{self.folder} has format {self.manifest.format}, and {command} needs {FORMAT}; bring it up to date "
                f"with the command that built it: python -m nyxqa.build --split ... --out {self.folder}"
            )

    @property
    def by_address(self) -> bool:
        """Whether it was published with URLs instead of images, which are then fetched on access."""
        return bool(self.manifest.summary.get("images", {}).get(BY_ADDRESS))

    def splits(self, table: str) -> list[str]:
        """Split names that ``table`` may be asked for; pools are those with files, ``web`` where there is none."""
        if TABLES[table].splits:
            return list(TABLES[table].splits)
        return self.manifest.splits(table) or [WEB]

    def files(self, table: str, split: str) -> list[Path]:
        """Files of one split, in order of their rows; none where it has no rows."""
        return [self.folder / path for path in self.manifest.paths(table, split)]


def table_named(name: str) -> Table:
    """The table of that name.

    :raises UsageError: With the nearest valid name.
    """
    if name not in TABLES:
        raise UsageError(f"unknown table {name!r}{nearest(name, list(TABLES))}")
    return TABLES[name]


def open_published(folder: Path, tables: Iterable[str] | None = None, *, partial: bool = False) -> Published:
    """The dataset in ``folder``, its files compared with the manifest by name and number of rows.

    :param tables: Tables whose Parquet footers are read; all of them if not given.
    :param partial: Whether only the files of ``tables`` need be there, as after a partial download.
    :raises FormatError: If there is no dataset, a newer version wrote it, or a file is missing, unknown or changed.
    """
    manifest = read_manifest(folder)
    require_inside(folder, manifest.files)
    wanted = tuple(f"data/{name}/" for name in (TABLES if tables is None else tables))
    _compare_names(folder, manifest, wanted if partial else ("data/",))
    for path, entry in manifest.files.items():
        if path.startswith(wanted):
            table = TABLES.get(path.split("/")[1])
            _compare_footer(folder / path, table, entry.rows, manifest.format)
    return Published(folder, manifest)


def require_inside(folder: Path, files: Iterable[str]) -> None:
    """Refuse files that lie elsewhere, behind a symbolic link; in the cache of the Hub they lie among its blobs.

    :raises FormatError: Naming the file.
    """
    whole = folder.resolve()
    homes = (whole, whole.parent.parent / "blobs") if whole.parent.name == "snapshots" else (whole,)
    for name in files:
        target = (folder / name).resolve()
        if not any(target.is_relative_to(home) for home in homes):
            raise FormatError(f"{folder / name} is a link out of the dataset's folder; it is not read")


def _compare_names(folder: Path, manifest: Manifest, prefixes: tuple[str, ...]) -> None:
    """Names only: a hidden file is an unfinished one and no part of the dataset."""
    listed = {path for path in manifest.files if path.startswith(prefixes)}
    files = (path for path in (folder / "data").rglob("*") if path.is_file() and not path.name.startswith("."))
    found = {path.relative_to(folder).as_posix() for path in files}
    for path in sorted(listed - found):
        raise FormatError(f"{folder / path} is in {MANIFEST} but not in the folder; copy or build the dataset again")
    for path in sorted(path for path in found - listed if path.startswith(prefixes)):
        raise FormatError(f"{folder / path} is in the folder but not in {MANIFEST}; remove it or build again")


def _compare_footer(path: Path, table: Table | None, rows: int, number: int) -> None:
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read as Parquet: {one_line(error, 300)}") from error
    written = (footer.metadata or {}).get(FORMAT_KEY)
    if written is None or not written.isdigit():
        raise FormatError(f"{path} carries no {FORMAT_KEY.decode()}: it is not a file of nyxqa")
    if int(written) > FORMAT:
        raise FormatError(f"{path} has format {int(written)}; this nyxqa reads up to {FORMAT}: install a newer one")
    if int(written) != number:
        raise FormatError(f"{path} has format {int(written)}, {MANIFEST} says {number}; build the dataset again")
    if footer.num_rows != rows:
        raise FormatError(
            f"{path} holds {footer.num_rows} rows, {MANIFEST} says {rows}; copy or build the dataset again"
        )
    if table is not None:
        _compare_columns(path, table_in_format(table, number), footer)


def _compare_columns(path: Path, table: Table, footer: pq.FileMetaData) -> None:
    """Refuse a file without a declared column, or with one of another type; further columns may be of any."""
    try:
        stored = footer.schema.to_arrow_schema()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read as Parquet: {one_line(error, 300)}") from error
    for column in table.schema:
        places = stored.get_all_field_indices(column.name)
        if not places:
            raise FormatError(f"{path} lacks column {column.name!r} of table {table.name}")
        if len(places) > 1:
            raise FormatError(f"{path} has column {column.name!r} {len(places)} times; build the dataset again")
        if not (kind := stored.field(places[0]).type).equals(column.type):
            raise FormatError(
                f"{path}: column {column.name!r} is {f'{kind}':.80}, not {column.type}; build the dataset again"
            )


def find_published(path: str | Path | None, revision: str | None, tables: Sequence[str]) -> Published:
    """The dataset that ``path`` names, checked; of one on the Hub only ``tables`` are downloaded.

    :param path: An existing folder or a ``Path`` is local; ``user/name``, or anything with a ``revision``, is on
        the Hub; without it the folder that ``NYXQA_DATA`` names, else ``nyxqa_data``.
    :raises FormatError: If the folder holds no dataset, or one that disagrees with its manifest.
    :raises WorldError: If the Hub cannot be reached or has no such dataset.
    """
    if path is None:
        if revision is not None:
            raise UsageError("revision names a version on the Hub: give path='user/name' with it")
        path = default_folder()
    if _is_local(path, revision):
        return open_published(Path(path), tables)
    return open_published(fetch_snapshot(str(path), revision, tables), tables, partial=True)


def default_folder() -> Path:
    """The folder that ``NYXQA_DATA`` names, else ``nyxqa_data``."""
    return Path(os.environ.get(DATA_VARIABLE) or DEFAULT_FOLDER)


def _is_local(path: str | Path, revision: str | None) -> bool:
    if revision is not None:
        return False
    return isinstance(path, Path) or Path(path).is_dir() or not REPOSITORY.match(path)
