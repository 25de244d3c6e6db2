"""Which files of a dataset or model the repository shall hold, and which of them it holds already."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from nyxqa.builders.publish.card import CARD
from nyxqa.builders.publish.croissant import CROISSANT, Repository, croissant_text
from nyxqa.builders.report.check_report import REPORT
from nyxqa.builders.report.page import PAGE, write_page
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.files import read_json
from nyxqa.schemas.live import task
from nyxqa.schemas.loading.hub import REPOSITORY
from nyxqa.schemas.loading.published import require_inside
from nyxqa.schemas.manifest import MANIFEST, Manifest
from nyxqa.schemas.writing import file_hash

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

    from nyxqa.builders.publish.hub.remote import Remote

_ADAPTERS, _SETTINGS = "adapter_config.json", "embedder.toml"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")
_NOT_SENT = {"checkpoints"}
# Stands for the folder in the snippets of a card.
_FOLDER = "FOLDER"


@dataclass(frozen=True)
class PushFile:
    """A file to be published.

    :param path: Its path in the repository.
    :param content: The file, or the bytes of a small one.
    :param sha256: Hash of its bytes, 64 hexadecimal digits.
    """

    path: str
    content: Path | bytes
    sha256: str

    @property
    def size(self) -> int:
        """Size in bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @cached_property
    def git_id(self) -> str:
        """Its blob id in git, by which the Hub identifies files that are not in LFS."""
        data = self.content if isinstance(self.content, bytes) else self.content.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    def is_same_as(self, remote: RepoFile | None) -> bool:
        """Whether ``remote`` holds the same bytes."""
        if remote is None or remote.size != self.size:
            return False
        return remote.lfs.sha256 == self.sha256 if remote.lfs is not None else remote.blob_id == self.git_id


@dataclass(frozen=True)
class Difference:
    """How the files to be published differ from those in the repository."""

    missing: tuple[PushFile, ...]
    obsolete: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the missing files."""
        return tuple(file.path for file in self.missing)

    @property
    def size(self) -> int:
        """Bytes of the missing files."""
        return sum(file.size for file in self.missing)

    @property
    def is_empty(self) -> bool:
        """Whether they do not differ."""
        return not self.missing and not self.obsolete


def local_files(folder: Path, manifest: Manifest) -> list[PushFile]:
    """All files but those of ``generated_files``, hashed and compared with the manifest; ``report.json`` if it exists.

    :raises FormatError: If a file is missing or differs from the manifest.
    """
    require_inside(folder, [*manifest.files, MANIFEST, REPORT, CARD])
    files = []
    with task("push", len(manifest.files), "file") as bar:
        for path, entry in sorted(manifest.files.items()):
            bar.note(f"hashing {path}")
            source = folder / path
            if not source.is_file():
                raise FormatError(f"{source} is listed in {MANIFEST} but missing; build the dataset again")
            if file_hash(source) != entry.sha256:
                raise FormatError(f"{source} differs from its hash in {MANIFEST}; build the dataset again")
            files.append(PushFile(path, source, entry.sha256))
            bar.advance()
    others = [path for path in (folder / MANIFEST, folder / REPORT) if path.is_file()]
    return [*files, *(PushFile(path.name, path, file_hash(path)) for path in others)]


def page_file(out: Path) -> PushFile:
    """The report as a page, brought up to date with the dataset in ``out``."""
    path = write_page(out)
    return PushFile(PAGE, path, file_hash(path))


def generated_files(card: str, manifest: Manifest, remote: Remote) -> list[PushFile]:
    """The files that name the repository: the card, and ``croissant.json``."""
    address = f"{remote.api.endpoint}/datasets/{remote.name}"
    texts = {CARD: card, CROISSANT: croissant_text(manifest, Repository(address, remote.branch))}
    encoded = {name: text.encode("utf-8") for name, text in texts.items()}
    return [PushFile(name, data, hashlib.sha256(data).hexdigest()) for name, data in encoded.items()]


def difference(files: Iterable[PushFile], remote: Mapping[str, RepoFile]) -> Difference:
    """Files to send and paths to remove; of files that nyxqa did not write, only those below ``data/`` are removed."""
    wanted = {file.path: file for file in files}
    missing = tuple(file for path, file in wanted.items() if not file.is_same_as(remote.get(path)))
    obsolete = tuple(
        sorted(path for path in remote if (path.startswith("data/") or path in (REPORT, PAGE)) and path not in wanted)
    )
    return Difference(missing, obsolete)


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
    """The base as the files name it, and as it is published; None without adapters."""
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
