"""What judging the documents of question sets needs from a model, computed before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import cast

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
from nyxqa.schemas.recipe_types import Split
from nyxqa.schemas.tables import QRELS

_PASSAGES = 1_000  # at the beginning of a pool, from which the length of a passage is taken


def estimate_sets(recipe: Recipe, splits: Sequence[str]) -> dict[tuple[str, str], Cost]:
    """The cost of judging the sets of ``splits``, by split and stage, without pictures; sources are read.

    Their negatives are judged in all splits, what several retrievers find in validation and test.
    """
    model = make_provider(recipe.vlm.model).info
    if model.is_local:
        return {}
    negatives, found = judges(recipe.judge, model), bool(recipe.qrels.systems) and model.can_judge
    costs: dict[tuple[str, str], Cost] = {}
    for section, split, stage in _sections(recipe, splits):
        times = {}
        if negatives:
            times[stage] = min(recipe.judge.most, section.negatives[1] - section.negatives[0] + 1)
            times[stage] += recipe.judge.positives == "drop"
        if found and split in QRELS.splits:
            times[f"qrels.{section.name}"] = recipe.qrels.most
        if times:
            once = _of_text(recipe, section) if isinstance(section, TextSet) else _of_qa(recipe, section, split)
            costs |= {(split, name): once.times(count) for name, count in times.items()}
    return costs


def _sections(recipe: Recipe, splits: Sequence[str]) -> Iterator[tuple[TextSet | QaSet, str, str]]:
    """The sets of some splits, with the stages that make them."""
    for text in (one for one in recipe.text if one.split in splits):
        yield text, text.split, f"text.{text.name}"
    for section in recipe.qa:
        for split in (one for one in qa_splits(section) if one in splits):
            yield section, split, f"qa.{section.name}"


def _of_text(recipe: Recipe, text: TextSet) -> Cost:
    passages = (one.text for one in read_passages(text.passages) if isinstance(one, Passage))
    questions = read_questions(text.questions, text.split, text.count)
    return _once(recipe, (one.text for one in questions if isinstance(one, Question)), passages)


def _of_qa(recipe: Recipe, section: QaSet, split: str) -> Cost:
    documents = (one for spec in section.corpora for one in open_mixed(spec).documents())
    texts = (one.text for one in documents if isinstance(one, SourceDocument))
    source = open_mixed(section.questions, cast(Split, split))
    found = islice(source.questions(cast(Split, split)), section.count)
    return _once(recipe, (one.text for one in found if isinstance(one, SourceQuestion) and one.answers), texts)


def _once(recipe: Recipe, questions: Iterable[str], documents: Iterable[str]) -> Cost:
    """The cost of asking each question with one document of average length."""
    lengths = [text_tokens(text) for text in islice(documents, _PASSAGES)]
    document = max(1, sum(lengths) // max(1, len(lengths)))
    prompt = text_tokens(load_prompt("answer").text)
    total = Cost()
    for question in questions:
        total += Cost(1, prompt + document + text_tokens(question), recipe.vlm.answer_tokens)
    return total
