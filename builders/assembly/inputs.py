"""What assembling reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.step import Parts
from nyxqa.schemas.recipe import Recipe


@dataclass(frozen=True)
class WebInputs:
    """Outputs of the web builder's stages.

    :param documents: Documents of all splits.
    :param questions: Mined questions of each split to publish, in the order train, validation, test.
    :param packs: Folder of the image packs.
    """

    documents: Parts
    questions: Mapping[str, Parts]
    packs: Path


@dataclass(frozen=True)
class Assembly:
    """Everything that decides the published tables.

    :param recipe: The recipe.
    :param web: Outputs of the web builder.
    :param ledgers: Outputs of all steps whose ledger rows are published, in the order of the stages.
    """

    recipe: Recipe
    web: WebInputs
    ledgers: tuple[Parts, ...]
