"""Settings of well-known embedders by their names on the Hub, shipped as ``known/*.toml`` with their source."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import UsageError

_FOLDER = Path(__file__).parent / "known"
_NAMES, _UNSUPPORTED = "names", "unsupported"


def known_settings(model: str) -> dict[str, Any] | None:
    """The settings of a model, or None if it is not among the known ones; names are compared without case.

    :raises UsageError: If it is known, and cannot be read by its settings alone.
    """
    found = _known().get(model.lower())
    if found is not None and _UNSUPPORTED in found:
        raise UsageError(f"hf:{model}: {found[_UNSUPPORTED]}")
    return None if found is None else dict(found)


def known_names() -> list[str]:
    """Names of all known models, as they spell themselves."""
    return [name for file in _files() for name in tomllib.loads(file.read_text(encoding="utf-8"))[_NAMES]]


@lru_cache(maxsize=1)
def _known() -> dict[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    for file in _files():
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
        names = settings.pop(_NAMES)
        known |= {name.lower(): settings for name in names}
    return known


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.toml"))
