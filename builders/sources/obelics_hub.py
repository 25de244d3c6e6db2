"""Pages of OBELICS, or of a set like it, straight from the Hub."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.sources.obelics import _NEEDED, ParquetSource
from nyxqa.builders.sources.obelics_row import COLUMNS
from nyxqa.schemas.errors import UsageError, WorldError, one_line
from nyxqa.schemas.recipe import Web

if TYPE_CHECKING:
    from nyxqa.builders.row_files.parquet import ParquetRows

NAME = "HuggingFaceM4/OBELICS"
# Pages whose publishers have opted out of training since are left out of it (the set's own card).
OPT_OUT = "opt_out_docs_removed_2023_07_12"
_PREFIX = "hf://"


@dataclass(frozen=True)
class HubFiles:
    """What a name on the Hub stands for: a revision, 40 hex digits, and its files below ``root``."""

    revision: str
    root: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class ObelicsHub(ParquetSource):
    """The Parquet files of one config of a set on the Hub, split ``train``.

    :param name: ``user/name``.
    :param config: Config; none is the set's default.
    :param revision: Branch, tag or commit; none is the newest.
    """

    name: str
    config: str | None
    revision: str | None
    web: Web

    @property
    def root(self) -> Path:
        """A place that holds no file: images are URLs."""
        return Path(os.devnull)

    def fingerprint(self) -> object:
        """Name, config and the commit that the revision stands for.

        :raises WorldError: If the Hub does not tell.
        """
        return [self.name, self.config, self._resolved().revision]

    def revisions(self) -> dict[str, str]:
        """The commit that is read, by the set's name."""
        return {self.name: self._resolved().revision}

    def files(self) -> Sequence[str]:
        """Paths in the repository."""
        return self._resolved().files

    def path(self, name: str) -> str:
        """Path of a file with its commit."""
        return f"{self._resolved().root}/{name}"

    def rows(self) -> ParquetRows:
        """A reader of files on the Hub."""
        from huggingface_hub import HfFileSystem

        from nyxqa.builders.row_files.parquet import ParquetRows

        return ParquetRows(HfFileSystem(), COLUMNS, _NEEDED, self._resolved().revision)

    def _resolved(self) -> HubFiles:
        return resolve(self.name, self.config, self.revision)


def hub_source(spec: str, web: Web) -> ObelicsHub:
    """The source of ``USER/NAME[/CONFIG][@REVISION]``; nothing is OBELICS itself without those who opted out.

    :raises UsageError: If it is no such name.
    """
    path, _, revision = (spec or NAME).partition("@")
    parts = path.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError(f"source {web.source!r}: a name on the Hub is USER/NAME[/CONFIG][@REVISION]")
    name = "/".join(parts[:2])
    config = parts[2] if len(parts) == 3 else OPT_OUT if name == NAME else None
    return ObelicsHub(name, config, revision or None, web)


@lru_cache
def resolve(name: str, config: str | None, revision: str | None) -> HubFiles:
    """Ask the Hub once a process what a name stands for.

    :raises WorldError: If it does not answer, or the set holds other files than Parquet.
    """
    from datasets import load_dataset_builder

    shown = f"{name} ({config or 'default config'}, {revision or 'newest revision'})"
    try:
        found = load_dataset_builder(name, config, revision=revision).config.data_files
        files = [str(file) for file in (found or {})["train"]]
    except Exception as error:  # the libraries below raise errors of many unrelated classes
        said = one_line(error)
        raise WorldError(
            f"cannot get {shown} from the Hub: {type(error).__name__}: {said}; with a copy on disk use obelics:DIR"
        ) from error
    return hub_files(files, shown)


def hub_files(urls: Sequence[str], shown: str) -> HubFiles:
    """Revision and paths in URLs such as ``hf://datasets/USER/NAME@COMMIT/data/train-00000.parquet``.

    :raises WorldError: If they are none, or of other formats.
    """
    roots, names = set(), []
    for url in urls:
        head, _, rest = url.removeprefix(_PREFIX).partition("@")
        commit, _, name = rest.partition("/")
        if not url.startswith(_PREFIX) or not name.endswith(".parquet"):
            raise WorldError(f"{shown} on the Hub holds {url.rpartition('/')[2]!r}; only Parquet files are read")
        roots.add((commit, f"{head}@{commit}"))
        names.append(name)
    if len(roots) != 1:
        raise WorldError(f"{shown} on the Hub has no files of one revision in split train")
    ((commit, root),) = roots
    return HubFiles(commit, root, tuple(sorted(names)))
