"""Models by the name a recipe gives them."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.vlm.protocol import Vlm
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import VlmSection


def make_vlm(section: VlmSection, seed: int, answers: Path) -> Vlm:
    """The model that ``section`` names.

    :raises UsageError: With the valid names, if there is none of this name.
    """
    if section.model == "extractive":
        from nyxqa.builders.vlm.extractive import Extractive

        return Extractive(seed)
    raise _unknown(section)


def check_model(section: VlmSection) -> None:
    """Say at once if no model bears the name.

    :raises UsageError: With the valid names.
    """
    if section.model != "extractive":
        raise _unknown(section)


def _unknown(section: VlmSection) -> UsageError:
    return UsageError(f"no model is named {section.model!r}; valid names are extractive")
