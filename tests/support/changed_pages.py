"""The pages of ``evidence_builds`` at a later time: ten added, ten changed, ten gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.build import run
from nyxqa.builders.runner.request import BuildResult
from nyxqa.schemas.ids import page_id_of_url
from tests.support.evidence_builds import IMAGES, RECIPE
from tests.support.evidence_model import EvidenceModel
from tests.support.pages import page, write_recipe
from tests.support.vlm_server import VlmServer

GONE = frozenset(range(0, 40, 4))
CHANGED = frozenset(range(1, 40, 4))
REWRITTEN = frozenset(range(5, 40, 8))  # those of the changed whose first sentence says something else now
ADDED = frozenset(range(40, 50))
LATER_IMAGES = IMAGES | {number: number % 3 for number in ADDED}


def later_pages() -> list[dict[str, Any]]:
    """Rows of the source at the later time."""
    rows = [page(number, images) for number, images in LATER_IMAGES.items() if number not in GONE]
    for row in rows:
        if number_of(row) in CHANGED:
            first = next(place for place, text in enumerate(row["texts"]) if text)
            news = "Lately nothing of the sort is told about this place by anybody."
            told = "" if number_of(row) in REWRITTEN else f" {row['texts'][first]}"
            row["texts"][first] = news + told
    return rows


def number_of(row: dict[str, Any]) -> int:
    """The number of a page."""
    return int(json.loads(row["general_metadata"])["url"].rpartition("/")[2])


def page_ids(numbers: Iterable[int]) -> set[str]:
    """Ids of pages by their numbers."""
    return {page_id_of_url(f"https://example.org/{number:04d}") for number in numbers}


@dataclass(frozen=True)
class Updated:
    """An update that ran to its end.

    :param before: Folder with the version that it started from.
    :param seen: Name and text of each prompt of the update.
    """

    out: Path
    before: Path
    recipe: Path
    seen: list[tuple[str, str]]


def update(recipe: Path, out: Path, model: EvidenceModel, **settings: Any) -> BuildResult:
    """Update in this process with one worker."""
    with VlmServer(reply=model) as server:
        given = {"vlm.model": f"openai:model@{server.url}", **settings}
        return run(recipe=recipe, out=out, workers=1, settings=given, update=True)


def update_once(before: Path, folder: Path) -> Updated:
    """Update a copy of ``before`` below ``folder``."""
    recipe = write_recipe(folder / "source", later_pages(), RECIPE)
    shutil.copytree(before, folder / "out")
    model = EvidenceModel(LATER_IMAGES)
    assert update(recipe, folder / "out", model).changed
    return Updated(folder / "out", before, recipe, model.seen)
