"""What the caller of ``nyxqa feedback`` chooses, the recipe that follows from it, and the most that it asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nyxqa.builders.engine.executors.factory import DEFAULT
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.feedback.compose import without_feedback
from nyxqa.builders.feedback.labels import windows
from nyxqa.builders.feedback.train_set import TrainSet
from nyxqa.builders.qa.scoring import listed_options
from nyxqa.builders.report.estimate import Cost, Estimate, picture_tokens, text_tokens
from nyxqa.builders.stages.names import FEEDBACK
from nyxqa.builders.vlm.prompt import PromptPart, load_prompt, numbered_documents
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Feedback, Recipe
from nyxqa.schemas.recipe_file import read_recipe, recipe_of

_SECTIONS = ("feedback", "vlm")

HOW = (
    "At most: if no question stops early and no two prompts are equal. Prompt tokens: text at 4 characters a token (1 "
    "outside ASCII), pictures at 28 x 28 pixels a token within vlm.max_pixels. Retries are not included; "
    "answers already stored are not subtracted."
)
_CACHE = 100_000  # documents whose cost is cached: they are candidates of many questions
_COLUMNS = ["query_id", "pool", "query", "answers"]


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


def estimate_feedback(train: TrainSet, retrieved: StepOutput, recipe: Recipe) -> Estimate:
    """The cost of answering all questions with all their candidates.

    :param retrieved: Rows of ``CANDIDATES``, in the order of the train triplets.
    """
    pixels, settings = recipe.vlm.max_pixels, recipe.feedback

    @lru_cache(_CACHE)
    def document(pool: str, row: int) -> tuple[int, int]:
        return _tokens(numbered_documents([train.pools[pool].pool.source(row)]), pixels)

    total = Cost()
    for place, row in enumerate(retrieved.rows(["candidates"])):
        (question_row,) = train.rows(place, place + 1, _COLUMNS)
        truth = train.truth(question_row, settings.options)
        if not truth.known or not row["candidates"]:
            continue
        question = [question_row["query"] + listed_options(truth.choices), *train.pictures(place)]
        own, images = _tokens(question, pixels)
        documents = [document(question_row["pool"], one["row"]) for one in row["candidates"]]
        places = windows(len(documents), settings.window, settings.stride)
        shown = [documents[place] for window in places for place in window]
        asked = 1 + len(places)
        fixed = text_tokens(load_prompt("answer_closed").text) + len(places) * text_tokens(load_prompt("answer").text)
        total += Cost(
            asked,
            fixed + asked * own + sum(tokens for tokens, _ in shown),
            asked * recipe.vlm.answer_tokens,
            asked * images + sum(count for _, count in shown),
        )
    return Estimate(recipe.vlm.model.partition("@http")[0], {("train", FEEDBACK): total}, HOW)


def _tokens(parts: Iterable[PromptPart], max_pixels: int) -> tuple[int, int]:
    """Tokens, and the number of images among the parts."""
    pictures, texts = 0, 0
    tokens = 0
    for part in parts:
        if isinstance(part, VlmImage):
            pictures += 1
            tokens += picture_tokens(part.data, max_pixels)
        else:
            texts += text_tokens(part)
    return tokens + texts, pictures
