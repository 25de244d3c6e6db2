"""The most that feedback needs from a model, computed before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.feedback.labels import windows
from nyxqa.builders.feedback.train_set import TrainSet
from nyxqa.builders.qa.scoring import listed_options
from nyxqa.builders.report.estimate import Cost, Estimate, picture_tokens, text_tokens
from nyxqa.builders.stages.names import FEEDBACK
from nyxqa.builders.vlm.prompt import PromptPart, load_prompt, numbered_documents
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.recipe import Recipe

HOW = (
    "At most: if no question stops early and no two prompts are equal. Prompt tokens: text at 4 characters a token (1 "
    "outside ASCII), pictures at 28 x 28 pixels a token within vlm.max_pixels. Retries are not included; "
    "answers already stored are not subtracted."
)
_CACHE = 100_000  # documents whose cost is cached: they are candidates of many questions
_COLUMNS = ["query_id", "pool", "query", "answers"]


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
