"""Checkpoints by name: a folder, or a repository and revision on the Hub; its files and their fingerprint."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import UsageError, WorldError, one_line
from nyxqa.schemas.writing import file_hash

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
# Suffixes of the files that vectors depend on; a card or a training log is not one of them.
_CHECKPOINT_SUFFIXES = {".json", ".txt", ".model", ".safetensors", ".bin", ".jinja"}


@dataclass(frozen=True)
class ModelName:
    """The name of a checkpoint.

    :param model: Name on the Hub or path of a folder.
    :param revision: Commit, tag or branch on the Hub; None for a folder.
    """

    model: str
    revision: str | None = None

    @property
    def label(self) -> str:
        """Name for tables: of a folder only its last part, so that no machine's paths are published."""
        path = Path(self.model)
        name = path.resolve().name if path.is_dir() else self.model
        return f"{name}@{self.revision}" if self.revision else name


def parse_model(text: str, kind: str) -> ModelName:
    """``MODEL[@REVISION]`` parsed; an existing path is never split at an @.

    :param kind: The encoder's kind, for error messages.
    :raises UsageError: If a part is empty.
    """
    model, at, revision = text.rpartition("@")
    if not at or Path(text).exists():
        model, at, revision = text, "", ""
    if not model or (at and not revision):
        raise UsageError(f"encoder {kind}:{text}: expected {kind}:MODEL[@REVISION]")
    return ModelName(model, revision or None)


def checkpoint_fingerprint(model: str, revision: str | None) -> str:
    """Hash of a folder's files, or name and commit of a model on the Hub.

    :raises WorldError: If the folder holds no checkpoint, or the Hub cannot say which commit ``revision`` is.
    """
    folder = Path(model)
    if not folder.is_dir():
        return f"{model}@{resolve_revision(model, revision)}"
    files = sorted(path for path in folder.iterdir() if path.suffix in _CHECKPOINT_SUFFIXES and path.is_file())
    if not files:
        raise WorldError(f"{model} holds no model: no file has one of the suffixes {sorted(_CHECKPOINT_SUFFIXES)}")
    content = "".join(f"{path.name} {file_hash(path)}\n" for path in files)
    return hashlib.sha256(content.encode()).hexdigest()


def resolve_revision(model: str, revision: str | None) -> str:
    """The commit of ``revision`` (default: the main branch) of a model on the Hub; a full commit needs no network.

    :raises WorldError: If the Hub does not answer or does not have the model.
    """
    if revision is not None and _COMMIT.match(revision):
        return revision
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    try:
        return str(HfApi().model_info(model, revision=revision).sha)
    except (httpx2.HTTPError, HFValidationError, OSError) as error:
        raise WorldError(
            f"cannot resolve the commit of model {model!r}, which is not a folder either: {one_line(error, 300)}; "
            "name a folder, or a commit that is in the cache: MODEL@COMMIT"
        ) from error


def checkpoint_folder(model: ModelName) -> Path:
    """The folder of a checkpoint; one on the Hub is fetched.

    :raises WorldError: If it does not exist.
    """
    folder = Path(model.model)
    if folder.is_dir():
        return folder
    if model.model.startswith(("/", ".", "~")) or model.model.count("/") != 1:
        raise WorldError(f"model {model.model!r} is neither an existing folder nor a name on the Hub (USER/NAME)")
    return _fetched(model)


@lru_cache
def _fetched(model: ModelName) -> Path:
    from huggingface_hub import snapshot_download

    commit = resolve_revision(model.model, model.revision)
    with load_errors(model.model):
        return Path(snapshot_download(model.model, revision=commit))


@contextmanager
def load_errors(name: str) -> Iterator[None]:
    """Raise the errors of loading as a one-line ``WorldError``, and silence progress bars and reports."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging
    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise WorldError(f"cannot load model {name!r}: {one_line(error, 300)}") from error
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()
