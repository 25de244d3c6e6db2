"""Paths that a recipe leaves to be filled in: ``<what to download>``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Recipe

_PLACEHOLDER = re.compile(r"<([^<>]+)>")


def refuse_placeholders(recipe: Recipe) -> None:
    """Refuse a recipe that still has a placeholder where a path should stand.

    :raises UsageError: With the list of what has to be downloaded.
    """
    missing = list(dict.fromkeys(found for value in _sources(recipe) for found in _PLACEHOLDER.findall(value)))
    if missing:
        raise UsageError(
            f"the recipe needs {len(missing)} downloads, and has <...> where their paths belong: {'; '.join(missing)}. "
            "Write the recipe into a file (nyxqa recipe NAME > own.toml), put the paths in, and build with that file"
        )


def _sources(recipe: Recipe) -> Iterator[str]:
    for text in recipe.text:
        yield from (text.questions, text.passages)
    for section in recipe.qa:
        yield from (section.questions, *section.corpora)
    for one in recipe.imports:
        yield from (one.path, one.images or "")
