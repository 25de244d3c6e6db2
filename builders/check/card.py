"""Check of the dataset card: its configs list the published files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nyxqa.builders.check.dataset import Examined
from nyxqa.schemas.tables import PREVIEW, TABLES

CARD = "README.md"


def check_card(examined: Examined) -> None:
    """The front matter of ``README.md`` names every file under its table and split, the preview first and default."""
    examined.findings.begin("card_configs")
    try:
        configs = card_configs(examined.out / CARD)
    except (OSError, ValueError) as error:
        examined.findings.fail("card_configs", f"{CARD}: {getattr(error, 'strerror', None) or error}")
        return
    for wrong in _wrong(configs, examined):
        examined.findings.fail("card_configs", f"{CARD}: {wrong}")


def card_configs(path: Path) -> list[Mapping[str, Any]]:
    """The configs in the front matter of a card.

    :raises ValueError: If there are none.
    """
    from huggingface_hub.repocard import metadata_load
    from yaml import YAMLError

    try:
        value = metadata_load(path)
    except YAMLError as error:
        raise ValueError(f"front matter that is no YAML: {error}") from error
    configs = (value or {}).get("configs")
    if not isinstance(configs, list) or not all(isinstance(config, Mapping) for config in configs):
        raise ValueError("no front matter with configs")
    return configs


def _wrong(configs: list[Mapping[str, Any]], examined: Examined) -> list[str]:
    manifest = examined.manifest
    expected = {
        name: {split: manifest.paths(name, split) for split in manifest.splits(name)}
        for name in TABLES
        if manifest.splits(name)
    }
    listed = {str(config.get("config_name")): _files(config) for config in configs}
    wrong = [
        f"config {name} lists other files than the manifest" for name in expected if listed.get(name) != expected[name]
    ]
    wrong += [f"config {name} has no table" for name in listed if name not in expected]
    first = configs[0].get("config_name") if configs else None
    if PREVIEW.name in expected and (first != PREVIEW.name or configs[0].get("default") is not True):
        wrong.append(f"config {PREVIEW.name} is not the first and the default")
    return wrong


def _files(config: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in config.get("data_files") or []:
        if isinstance(entry, Mapping):
            path = entry.get("path")
            found[str(entry.get("split"))] = list(path) if isinstance(path, list) else [str(path)]
    return found
