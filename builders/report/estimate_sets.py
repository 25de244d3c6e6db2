"""What judging the negatives of question sets needs from a model, computed before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from nyxqa.builders.mining.judging import judges
from nyxqa.builders.question_sets.passages import Passage, read_passages
from nyxqa.builders.question_sets.questions import Question, read_questions
from nyxqa.builders.report.estimate import Cost, text_tokens
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.prompt import load_prompt
from nyxqa.schemas.recipe import Recipe, TextSet

_PASSAGES = 1_000  # at the beginning of a pool, from which the length of a passage is taken


def estimate_sets(recipe: Recipe, splits: Sequence[str]) -> dict[tuple[str, str], Cost]:
    """The cost of judging the sets of ``splits``, by split and stage; sources are read, nothing is written."""
    model = make_provider(recipe.vlm.model).info
    if model.is_local or not judges(recipe.judge, model):
        return {}
    return {(text.split, f"text.{text.name}"): _of_set(recipe, text) for text in recipe.text if text.split in splits}


def _of_set(recipe: Recipe, text: TextSet) -> Cost:
    first = (one for one in islice(read_passages(text.passages), _PASSAGES) if isinstance(one, Passage))
    lengths = [text_tokens(passage.text) for passage in first]
    passage = max(1, sum(lengths) // max(1, len(lengths)))
    documents = min(recipe.judge.most, text.negatives[1] - text.negatives[0] + 1)
    documents += recipe.judge.positives == "drop"
    total = Cost()
    prompt = text_tokens(load_prompt("answer").text)
    for question in read_questions(text.questions, text.split, text.count):
        if isinstance(question, Question):
            tokens = prompt + passage + text_tokens(question.text)
            total += Cost(1, tokens, recipe.vlm.answer_tokens).times(documents)
    return total
