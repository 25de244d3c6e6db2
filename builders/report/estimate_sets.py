"""What judging the negatives of question sets needs from a model, computed before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from nyxqa.builders.mining.judging import judges
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.question_sets.mixed.model import SourceDocument, SourceQuestion
from nyxqa.builders.question_sets.outputs import qa_splits
from nyxqa.builders.question_sets.passages import Passage, read_passages
from nyxqa.builders.question_sets.questions import Question, read_questions
from nyxqa.builders.report.estimate import Cost, text_tokens
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.prompt import load_prompt
from nyxqa.schemas.recipe import QaSet, Recipe, TextSet

_PASSAGES = 1_000  # at the beginning of a pool, from which the length of a passage is taken


def estimate_sets(recipe: Recipe, splits: Sequence[str]) -> dict[tuple[str, str], Cost]:
    """The cost of judging the sets of ``splits``, by split and stage, without pictures; sources are read."""
    model = make_provider(recipe.vlm.model).info
    if model.is_local or not judges(recipe.judge, model):
        return {}
    costs: dict[tuple[str, str], Cost] = {}
    for text in (one for one in recipe.text if one.split in splits):
        passages = (one.text for one in read_passages(text.passages) if isinstance(one, Passage))
        questions = read_questions(text.questions, text.split, text.count)
        asked = (one.text for one in questions if isinstance(one, Question))
        costs[text.split, f"text.{text.name}"] = _of_set(recipe, text, asked, passages)
    for section in recipe.qa:
        for split in (one for one in qa_splits(section) if one in splits):
            documents = (one for spec in section.corpora for one in open_mixed(spec).documents())
            texts = (one.text for one in documents if isinstance(one, SourceDocument))
            found = islice(open_mixed(section.questions, split).questions(split), section.count)
            asked = (one.text for one in found if isinstance(one, SourceQuestion) and one.answers)
            costs[split, f"qa.{section.name}"] = _of_set(recipe, section, asked, texts)
    return costs


def _of_set(recipe: Recipe, section: TextSet | QaSet, questions: Iterable[str], documents: Iterable[str]) -> Cost:
    lengths = [text_tokens(text) for text in islice(documents, _PASSAGES)]
    document = max(1, sum(lengths) // max(1, len(lengths)))
    judged = min(recipe.judge.most, section.negatives[1] - section.negatives[0] + 1)
    judged += recipe.judge.positives == "drop"
    prompt = text_tokens(load_prompt("answer").text)
    total = Cost()
    for question in questions:
        tokens = prompt + document + text_tokens(question)
        total += Cost(1, tokens, recipe.vlm.answer_tokens).times(judged)
    return total
