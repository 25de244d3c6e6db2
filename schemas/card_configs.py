"""The configs of a dataset card, by which ``datasets`` reads the folder without nyxqa."""

from __future__ import annotations

import hashlib
from typing import Any

from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import PREVIEW, TABLES

_DIGITS = 32


def dataset_configs(manifest: Manifest) -> list[dict[str, Any]]:
    """One config for each table that has files, ``preview`` first and default, with the exact files of each split.

    ``description`` holds a hash of the files: ``datasets`` makes it part of the name of its cache, which so is never
    that of an earlier build in the same folder.
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
    digest = hashlib.sha256()
    for path in sorted(path for path in manifest.files if path.startswith(f"data/{table}/")):
        digest.update(f"{path} {manifest.files[path].sha256}\n".encode())
    return f"files {digest.hexdigest()[:_DIGITS]}"
