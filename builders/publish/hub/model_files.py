"""The files of a trained model as they are published: no checkpoints, and no path of this machine."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from nyxqa.builders.publish.card import CARD
from nyxqa.builders.publish.hub.files import PushFile
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.files import read_json
from nyxqa.schemas.loading.hub import REPOSITORY
from nyxqa.schemas.manifest import MANIFEST
from nyxqa.schemas.writing import file_hash

_ADAPTERS, _SETTINGS = "adapter_config.json", "embedder.toml"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")
_NOT_SENT = {"checkpoints"}
# Stands for the folder in the snippets of a card.
_FOLDER = "FOLDER"


def is_model(folder: Path) -> bool:
    """Whether the folder holds weights and no dataset."""
    return not (folder / MANIFEST).exists() and any((folder / name).is_file() for name in _WEIGHTS)


def model_files(folder: Path, repository: str, base: str | None) -> list[PushFile]:
    """All files but checkpoints and hidden ones; adapters name their base as others can find it.

    :param base: Name of the base on the Hub; the one in the files if None.
    :raises FormatError: If a file is a link out of the folder.
    :raises UsageError: If ``base`` is not a name on the Hub, or there are no adapters.
    """
    named = _base(folder, base)
    files = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] in _NOT_SENT or any(part.startswith(".") for part in name.split("/")):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise FormatError(f"{path} is a link out of the model's folder; it is not sent")
        text = _portable(path, name, named, repository)
        if text is None:
            files.append(PushFile(name, path, file_hash(path)))
        else:
            files.append(PushFile(name, text.encode(), hashlib.sha256(text.encode()).hexdigest()))
    return files


def _base(folder: Path, base: str | None) -> tuple[str, str] | None:
    """The base as it stands in the files, and as it is published; None without adapters."""
    if base is not None and not REPOSITORY.match(base):
        raise UsageError(f"--base {base!r} is not the name of a Hub repository: give it as user/name")
    file = folder / _ADAPTERS
    if not file.is_file():
        if base is not None:
            raise UsageError(f"{folder} holds no adapters, so it needs no --base")
        return None
    stored = str(read_json(file).get("base_model_name_or_path") or "")
    if base is not None:
        return stored, base
    if not Path(stored).is_absolute():
        return stored, stored
    name = Path(stored).name
    sys.stderr.write(
        f"nyxqa: the base of these adapters is a folder of this machine, and is published as {name!r}; name it as on "
        "the Hub with --base USER/NAME, or train with --merge\n"
    )
    return stored, name


def _portable(path: Path, name: str, base: tuple[str, str] | None, repository: str) -> str | None:
    """The text of a file that names the base or its own folder; None for any other."""
    if name == CARD:
        text = path.read_text(encoding="utf-8").replace(_FOLDER, repository)
        return text if base is None else text.replace(f'"{Path(base[0]).name}"', f'"{base[1]}"')
    if base is None:
        return None
    if name == _ADAPTERS:
        config: dict[str, Any] = read_json(path)
        return json.dumps({**config, "base_model_name_or_path": base[1]}, indent=2, ensure_ascii=False) + "\n"
    if name == _SETTINGS:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
        return tomli_w.dumps({**settings, "base": base[1]}) if "base" in settings else None
    return None
