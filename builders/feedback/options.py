"""What the caller of ``nyxqa feedback`` chooses, and the recipe that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nyxqa.builders.engine.executors.factory import DEFAULT
from nyxqa.builders.feedback.compose import without_feedback
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Feedback, Recipe
from nyxqa.schemas.recipe_file import read_recipe, recipe_of

_SECTIONS = ("feedback", "vlm")


@dataclass(frozen=True)
class FeedbackOptions:
    """What the caller of feedback chooses.

    :param retriever: The encoder that retrieves candidates; None where only labels are recomputed.
    :param vlm: The model that answers, as ``[vlm] model`` has it.
    :param recipe: A shipped recipe or TOML file whose sections ``feedback`` and ``vlm`` are used; None: the dataset's.
    :param settings: Further values of these sections by dotted key.
    :param retry_failed: Whether to ask the model again where it failed.
    :param executor: Where shards are worked on, as ``--executor`` has it.
    :param workers: Number of worker processes; None for one per core.
    :param flags: Command-line flag behind a setting, by its dotted key; ``--set`` if not named here.
    """

    retriever: str | None = None
    vlm: str | None = None
    recipe: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    retry_failed: bool = False
    flags: Mapping[str, str] = field(default_factory=dict)
    executor: str = DEFAULT
    workers: int | None = None


def resolve_recipe(manifest: Manifest, options: FeedbackOptions) -> Recipe:
    """A recipe of the dataset's seed and the sections ``feedback`` and ``vlm`` to use.

    :raises UsageError: If a key is not in these sections, or a value is not valid.
    """
    overrides = {**({"vlm.model": options.vlm} if options.vlm is not None else {}), **options.settings}
    for key in overrides:
        if key.partition(".")[0] not in _SECTIONS:
            raise UsageError(f"--set {key}: feedback has no such key; it reads sections [feedback] and [vlm]")
    try:
        if options.recipe is not None:
            given = read_recipe(options.recipe, overrides)
            return Recipe(seed=manifest.seed, feedback=given.feedback, vlm=given.vlm)
        built = without_feedback(manifest).recipe  # settings of an earlier feedback run do not persist
        own = {name: dict(built[name]) for name in _SECTIONS if name in built}
        if "feedback" in own:
            own["feedback"] = Feedback.stored(own["feedback"]).model_dump(mode="json")
        return recipe_of({"seed": manifest.seed, **own}, overrides, "of the dataset")
    except UsageError as error:
        raise _of_flag(error, options) from error


def _of_flag(error: UsageError, options: FeedbackOptions) -> UsageError:
    """``error`` with the name of the flag that gave the value instead of the recipe."""
    fault = str(error).partition(": ")[2]
    key = fault.partition(" = ")[0]
    given = dict.fromkeys(options.settings, "--set") | ({"vlm.model": "--vlm"} if options.vlm is not None else {})
    flag = options.flags.get(key) or given.get(key)
    return error if flag is None else UsageError(f"{flag}: {fault}")
