"""Section ``[update]`` of the recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nyxqa.schemas.recipe_types import Section


class Update(Section):
    """What ``nyxqa build --update`` does with a published dataset whose pages changed."""

    grow: list[Literal["train", "validation", "test"]] = Field(
        ["train"],
        description="splits that take in added pages, and questions about added and changed documents; the questions "
        "of the others only ever retire",
    )
    stale: Literal["verify", "retire"] = Field(
        "verify", description="what becomes of a question whose document changed: verified again, or retired"
    )
    negatives: Literal["changed", "better", "all"] = Field(
        "changed",
        description="questions whose negatives are mined anew: those of which a document changed, also those for which "
        "a new document ranks among them, or all",
    )
