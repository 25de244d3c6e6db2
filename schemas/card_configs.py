"""The configs of a dataset card, with which ``datasets`` reads the folder without nyxqa."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import PREVIEW, TABLES

_DIGITS = 32


def files_description(hashes: Mapping[str, str]) -> str:
    """The ``description`` of a config: a hash of its files, which ``datasets`` makes part of the name of its cache.

    Without it a folder of the same name and shape, or a second export into the same place, is served from the first's
    cache.

    :param hashes: SHA-256 of each file, by path relative to the dataset's folder.
    """
    digest = hashlib.sha256()
    for path in sorted(hashes):
        digest.update(f"{path} {hashes[path]}\n".encode())
    return f"files {digest.hexdigest()[:_DIGITS]}"


def dataset_configs(manifest: Manifest) -> list[dict[str, Any]]:
    """One config for each table that has files, ``preview`` first and default, with the exact files of each split.

    ``description`` is that of ``files_description``.
    """
    configs = []
    for name in TABLES:
        splits = manifest.splits(name)
        if not splits:
            continue
        config: dict[str, Any] = {"config_name": name, "description": _description(manifest, name)}
        if name == PREVIEW.name:
            config["default"] = True
        listed = TABLES[name].splits or tuple(splits)
        config["data_files"] = [
            {"split": split, "path": manifest.paths(name, split)} for split in listed if split in splits
        ]
        configs.append(config)
    return configs


def _description(manifest: Manifest, table: str) -> str:
    prefix = f"data/{table}/"
    return files_description({path: one.sha256 for path, one in manifest.files.items() if path.startswith(prefix)})
