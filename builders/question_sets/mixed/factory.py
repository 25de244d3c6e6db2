"""From ``KIND:PLACE`` to a source of questions and documents."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.question_sets.mixed.json_lines import JsonLines
from nyxqa.builders.question_sets.mixed.mmqa import Mmqa
from nyxqa.builders.question_sets.mixed.model import MixedSource
from nyxqa.builders.question_sets.mixed.mteb import Mteb
from nyxqa.builders.question_sets.mixed.mteb_files import FolderParts, HubParts
from nyxqa.builders.question_sets.mixed.nyxqa import PublishedNyxQa
from nyxqa.builders.question_sets.mixed.scienceqa import ScienceQa
from nyxqa.builders.row_files.hub import HubName
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe_types import Split

KINDS = ("jsonl", "mmqa", "scienceqa", "nyxqa", "mteb")
_PLACES = {"jsonl": "FILE", "mteb": "DIR|hf:NAME"}


def open_mixed(spec: str, split: Split = "train") -> MixedSource:
    """The source that ``spec`` names; nothing is read yet.

    :param spec: ``KIND:FILE`` or ``KIND:DIR``, ``mteb:hf:NAME`` or ``hf:NAME``.
    :param split: Split of the rows of a file that name none.
    :raises UsageError: If the kind is unknown or the place is missing.
    """
    kind, _, place = spec.partition(":")
    if place:
        path = Path(place)
        if kind == "jsonl":
            return JsonLines(path, split)
        if kind == "mmqa":
            return Mmqa(path)
        if kind == "scienceqa":
            return ScienceQa(path)
        if kind == "nyxqa":
            return PublishedNyxQa(path)
        if (hub := mixed_hub_name(spec)) is not None:
            return Mteb(HubParts(hub))
        if kind == "mteb":
            return Mteb(FolderParts(path))
    valid = ", ".join((*(f"{name}:{_PLACES.get(name, 'DIR')}" for name in KINDS), "hf:USER/NAME[@REVISION]"))
    problem = f"has the unknown kind {kind!r}" if place else "names neither a file nor a folder"
    raise UsageError(f"{spec!r} {problem}; valid are {valid}")


def mixed_hub_name(spec: str) -> HubName | None:
    """The dataset on the Hub that ``spec`` names, or None.

    :raises UsageError: If the name is malformed.
    """
    place = spec.removeprefix("mteb:")
    return HubName.parse(place.removeprefix("hf:")) if place.startswith("hf:") else None
