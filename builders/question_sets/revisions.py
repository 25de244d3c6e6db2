"""Where sets come from: what tells that a source has changed, and which commit a name on the Hub stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nyxqa.builders.question_sets.sample import SAMPLE, sample_file
from nyxqa.builders.row_files.hub import HubName
from nyxqa.retriever.encoders.e5 import parse_e5
from nyxqa.retriever.models.checkpoints import resolve_revision
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Recipe


def kind_of_source(spec: str) -> str:
    """The reader's kind: what stands before the colon."""
    return spec.partition(":")[0]


def source_state(spec: str, sample: str) -> Any:
    """What enters the fingerprint of a step that reads ``spec``: kind, name, size and time of its file, or its commit.

    :param sample: Name of the bundled file that ``sample`` stands for.
    :raises WorldError: If the file is missing.
    """
    kind, _, place = spec.partition(":")
    if kind == "hf":
        return ["hf", place]
    return [kind, file_state(sample_file(sample) if spec == SAMPLE else Path(place))]


def file_state(path: Path) -> list[Any]:
    """Name, size in bytes and time of change in nanoseconds of a file.

    :raises WorldError: If it is missing.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise WorldError(f"no file {path}: {error.strerror}") from error
    return [path.name, found.st_size, found.st_mtime_ns]


def pinned(recipe: Recipe) -> tuple[Recipe, dict[str, str]]:
    """The recipe with a commit at every name on the Hub of its sets, and these commits by name.

    :raises WorldError: If the Hub does not say what a name stands for.
    """
    revisions: dict[str, str] = {}
    texts = []
    for text in recipe.text:
        changed = {key: _pinned_source(getattr(text, key), revisions) for key in ("questions", "passages")}
        changed["encoder"] = _pinned_encoder(text.encoder, revisions)
        texts.append(text.model_copy(update=changed))
    return recipe.model_copy(update={"text": texts}), revisions


def _pinned_source(spec: str, revisions: dict[str, str]) -> str:
    kind, _, place = spec.partition(":")
    if kind != "hf":
        return spec
    hub = HubName.parse(place)
    if f"hf:{place}" not in revisions:
        revisions[f"hf:{place}"] = str(hub.pinned().revision)
    config = f"/{hub.config}" if hub.config else ""
    return f"hf:{hub.name}{config}@{revisions[f'hf:{place}']}"


def _pinned_encoder(spec: str, revisions: dict[str, str]) -> str:
    kind, _, rest = spec.partition(":")
    if kind != "e5":
        return spec
    model = parse_e5(rest)
    if Path(model.model).is_dir():
        return spec
    if spec not in revisions:
        revisions[spec] = resolve_revision(model.model, model.revision)
    return f"e5:{model.model}@{revisions[spec]}{'' if model.prefixes else '?prefixes=off'}"
