"""Check of the dataset card: its configs list the published files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nyxqa.builders.check.dataset import Examined
from nyxqa.schemas.card_configs import dataset_configs

CARD = "README.md"


def check_card(examined: Examined) -> None:
    """The front matter of ``README.md`` holds the configs that the manifest asks for."""
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


def _wrong(configs: Sequence[Mapping[str, Any]], examined: Examined) -> list[str]:
    """What differs from the configs that the manifest asks for; further keys of a config may stand there."""
    expected = dataset_configs(examined.manifest)
    names = [config.get("config_name") for config in configs]
    wanted = [config["config_name"] for config in expected]
    if names != wanted:
        return [f"configs {names}, not {wanted}"]
    return [
        f"config {wish['config_name']}: {key} differs from what the manifest lists"
        for config, wish in zip(configs, expected, strict=True)
        for key in wish
        if config.get(key) != wish[key]
    ]
