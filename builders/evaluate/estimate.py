"""The most that an evaluation needs from a model, computed before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nyxqa.builders.evaluate.answers import is_asked, request
from nyxqa.builders.evaluate.questions import EvalSet
from nyxqa.builders.evaluate.rankings import STAGE, Ranking
from nyxqa.builders.report.estimate import Cost, Estimate, picture_tokens, text_tokens
from nyxqa.builders.vlm.prompt import content_parts, load_prompt, numbered_documents
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.recipe import Recipe

HOW = (
    "Each prompt is counted once, whichever systems retrieved its documents. Prompt tokens: text at 4 characters a "
    "token (1 outside ASCII), pictures at 28 x 28 pixels a token within vlm.max_pixels. Retries are not included; "
    "answers already stored are not subtracted."
)
_CACHE = 100_000  # documents whose cost is cached: several systems retrieve them


def estimate_answers(questions: EvalSet, ranked: Sequence[Ranking], top_k: Sequence[int], recipe: Recipe) -> Estimate:
    """The cost of answering each question with the first documents of each ranking."""
    pixels = recipe.vlm.max_pixels

    @lru_cache(_CACHE)
    def document(pool: str, row: int) -> tuple[int, int]:
        return _tokens(numbered_documents([questions.pools[pool].source(row)]), pixels)

    total = Cost()
    for number, question in enumerate(questions.questions):
        if not is_asked(question):
            continue
        prompts = dict.fromkeys(one.shown(number, k) for one in ranked for k in top_k if k)
        prompts |= {(): None} if 0 in top_k else {}
        own, images = _tokens(content_parts(request(questions, question, ()).question), pixels)
        for shown in prompts:
            fixed = text_tokens(load_prompt("answer" if shown else "answer_closed").text)
            costs = [(text_tokens(one), 0) if isinstance(one, str) else document(question.pool, one) for one in shown]
            prompt = fixed + own + sum(tokens for tokens, _ in costs)
            total += Cost(1, prompt, recipe.vlm.answer_tokens, images + sum(count for _, count in costs))
    return Estimate(recipe.vlm.model.partition("@http")[0], {(questions.split, STAGE): total}, HOW)


def _tokens(parts: Sequence[str | VlmImage], max_pixels: int) -> tuple[int, int]:
    """Tokens, and the number of images among the parts."""
    pictures = [part for part in parts if isinstance(part, VlmImage)]
    texts = sum(text_tokens(part) for part in parts if isinstance(part, str))
    return texts + sum(picture_tokens(one.data, max_pixels) for one in pictures), len(pictures)
