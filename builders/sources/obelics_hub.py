"""Pages of OBELICS, or of a dataset with its columns, from the Hub."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.sources.obelics import NEEDED, ParquetSource
from nyxqa.builders.sources.obelics_row import COLUMNS
from nyxqa.schemas.errors import UsageError, WorldError, one_line
from nyxqa.schemas.recipe import Web

if TYPE_CHECKING:
    from nyxqa.builders.row_files.parquet import ParquetRows

NAME = "HuggingFaceM4/OBELICS"
# The config without the pages whose publishers have since opted out of training (see the dataset's card).
OPT_OUT = "opt_out_docs_removed_2023_07_12"
_PREFIX = "hf://"


@dataclass(frozen=True)
class HubFiles:
    """What a name on the Hub resolves to: a commit of 40 hex digits and its files, relative to ``root``."""

    revision: str
    root: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class ObelicsHub(ParquetSource):
    """The Parquet files of one config of a dataset on the Hub, split ``train``.

    :param name: ``user/name``.
    :param config: Config; None is the dataset's default.
    :param revision: Branch, tag or commit; None is the newest commit.
    """

    name: str
    config: str | None
    revision: str | None
    web: Web

    @property
    def root(self) -> Path:
        """A path that contains no file: all images are URLs."""
        return Path(os.devnull)

    def fingerprint(self) -> object:
        """Return name, config and the commit that the revision resolves to.

        :raises WorldError: If the Hub does not answer.
        """
        return [self.name, self.config, self._resolved().revision]

    def revisions(self) -> dict[str, str]:
        """Return the commit that is read, by dataset name."""
        return {self.name: self._resolved().revision}

    def files(self) -> Sequence[str]:
        """Return paths in the repository."""
        return self._resolved().files

    def path(self, name: str) -> str:
        """Return the path of a file at its commit."""
        return f"{self._resolved().root}/{name}"

    def rows(self) -> ParquetRows:
        """Return a reader of files on the Hub."""
        from huggingface_hub import HfFileSystem

        from nyxqa.builders.row_files.parquet import ParquetRows

        return ParquetRows(HfFileSystem(), COLUMNS, NEEDED, self._resolved().revision)

    def _resolved(self) -> HubFiles:
        return resolve(self.name, self.config, self.revision)


def hub_source(spec: str, web: Web) -> ObelicsHub:
    """Return the source that ``USER/NAME[/CONFIG][@REVISION]`` names.

    :param spec: The name; the empty string is OBELICS itself without the pages whose publishers opted out.
    :raises UsageError: If ``spec`` has another form.
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
    """Return what a name on the Hub resolves to; the Hub is asked once for each process.

    :raises WorldError: If the Hub does not answer, or the dataset has other files than Parquet.
    """
    from datasets import load_dataset_builder

    shown = f"{name} ({config or 'default config'}, {revision or 'newest revision'})"
    try:
        by_split = load_dataset_builder(name, config, revision=revision).config.data_files or {}
        files = [str(file) for file in by_split["train"]]
    except Exception as error:  # the libraries below raise errors of many unrelated classes
        raise WorldError(
            f"cannot get {shown} from the Hub: {type(error).__name__}: {one_line(error)}; "
            "if you have a copy on disk, use obelics:DIR"
        ) from error
    return hub_files(files, shown)


def hub_files(urls: Sequence[str], shown: str) -> HubFiles:
    """Return the commit and paths in URLs such as ``hf://datasets/USER/NAME@COMMIT/data/train-00000.parquet``.

    :param shown: What error messages call the dataset.
    :raises WorldError: If there is no URL, or one of another format or commit.
    """
    roots, names = set(), []
    for url in urls:
        head, _, rest = url.removeprefix(_PREFIX).partition("@")
        commit, _, name = rest.partition("/")
        if not url.startswith(_PREFIX) or not name.endswith(".parquet"):
            raise WorldError(f"{shown} on the Hub has {url.rpartition('/')[2]!r}; only Parquet files can be read")
        roots.add((commit, f"{head}@{commit}"))
        names.append(name)
    if len(roots) != 1:
        raise WorldError(f"{shown} on the Hub has no files of one revision in split train")
    ((commit, root),) = roots
    return HubFiles(commit, root, tuple(sorted(names)))
