"""Where a dataset is: a folder, or a repository on the Hub brought into the Hub's own cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.loading.hub import REPOSITORY, fetch_snapshot
from nyxqa.schemas.loading.published import Published, open_published

DATA_VARIABLE = "NYXQA_DATA"
DEFAULT_FOLDER = "nyxqa_data"


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
