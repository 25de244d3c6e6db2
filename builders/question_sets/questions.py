"""Readers of question sets: HotpotQA, 2WikiMultiHopQA, MuSiQue, Bamboogle and the sets that FlashRAG publishes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.passages import question_problem, text_problem
from nyxqa.builders.question_sets.row_source import HUB, SAMPLE, parse_row_source
from nyxqa.builders.row_files.row import Row


@dataclass(frozen=True, slots=True)
class Gold:
    """A paragraph that a set annotates as evidence: by title and text, or by the passage's own id."""

    title: str = ""
    text: str = ""
    passage_id: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a set.

    :param name: Ledger name of the source row.
    :param own_id: The set's id, or the row number if the set has no ids.
    :param answers: Accepted answers, neither blank nor repeated.
    :param gold: Paragraphs that the set annotates as evidence, not repeated.
    """

    name: str
    own_id: str | int
    text: str
    answers: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()


def read_questions(spec: str, split: str = "train", count: int | None = None) -> Iterator[Question | Drop]:
    """Yield a question or a drop for each of the first ``count`` rows of the set that ``spec`` names.

    :param spec: ``KIND:FILE``, ``hf:USER/NAME[/CONFIG]@REVISION`` or ``sample``.
    :param split: Split of the sample or of a dataset on the Hub.
    :raises UsageError: If the kind is unknown.
    :raises WorldError: If the source is missing, or a row lacks a needed column.
    """
    source = parse_row_source(spec, QUESTION_READERS, split)
    read = {HUB: read_by_columns, SAMPLE: read_flashrag, **QUESTION_READERS}[source.kind]
    for row in islice(source.rows(split), count):
        yield row if isinstance(row, Drop) else read(row)


def read_flashrag(row: Row) -> Question | Drop:
    """Read a row of FlashRAG; its metadata may hold evidence in the format of the original set."""
    metadata = row.values.get("metadata") or {}
    if isinstance(metadata, str):
        metadata = _json_object(metadata)
    gold: list[Gold] = []
    if isinstance(metadata, Mapping):
        if "supporting_facts" in metadata:
            gold = _hotpot_gold(metadata["supporting_facts"], metadata.get("context"))
        elif "paragraphs" in metadata:
            gold = _musique_gold(metadata["paragraphs"])
        elif metadata.get("passage_id") is not None:
            gold = [Gold(passage_id=str(metadata["passage_id"]))]
    return _question(row, row.need("question"), row.need("golden_answers"), gold)


def read_hotpotqa(row: Row) -> Question | Drop:
    """Read a row of HotpotQA or 2WikiMultiHopQA, in the original or the Hub's format; test rows have no answer."""
    facts = row.values.get("supporting_facts")
    gold = _hotpot_gold(facts, row.need("context")) if facts else []
    return _question(row, row.need("question"), row.values.get("answer"), gold)


def read_musique(row: Row) -> Question | Drop:
    """Read a row of MuSiQue; a row that its paragraphs do not answer is dropped."""
    if row.values.get("answerable") is False:
        return row.drop("unanswerable")
    answers = [row.values.get("answer"), *(row.values.get("answer_aliases") or [])]
    return _question(row, row.need("question"), answers, _musique_gold(row.need("paragraphs")))


def read_bamboogle(row: Row) -> Question | Drop:
    """Read a row of Bamboogle, in FlashRAG's format or with its own two columns."""
    if "golden_answers" in row.values:
        return read_flashrag(row)
    return _question(row, row.need("Question", "question"), row.need("Answer", "answer"), [])


def read_by_columns(row: Row) -> Question | Drop:
    """Read a row of the set that its columns identify."""
    for column, read in _BY_COLUMN.items():
        if column in row.values:
            return read(row)
    return read_bamboogle(row)


QUESTION_READERS: dict[str, Callable[[Row], Question | Drop]] = {
    "flashrag": read_flashrag,
    "hotpotqa": read_hotpotqa,
    "2wiki": read_hotpotqa,
    "musique": read_musique,
    "bamboogle": read_bamboogle,
}
_BY_COLUMN = {"golden_answers": read_flashrag, "paragraphs": read_musique, "context": read_hotpotqa}


def _question(row: Row, text: Any, answers: Any, gold: list[Gold]) -> Question | Drop:
    problem = question_problem(row, text) or text_problem(text)
    if problem:
        return row.drop(*problem)
    listed = [answers] if isinstance(answers, str) else answers if answers is not None else []
    if not isinstance(listed, list | tuple):
        return row.drop("bad_type", f"answers: expected a list, found {type(listed).__name__}")
    texts = (str(answer).strip() for answer in listed if isinstance(answer, str | int | float))
    set_id = row.values.get("id", row.values.get("_id"))
    own_id = row.number if set_id is None or set_id == "" else str(set_id)
    # Questions are stripped: FlashRAG's files contain stray blanks of the original sets.
    unique = tuple(dict.fromkeys(answer for answer in texts if text_problem(answer) is None))
    return Question(row.name, own_id, text.strip(), unique, tuple(dict.fromkeys(gold)))


def _hotpot_gold(facts: Any, context: Any) -> list[Gold]:
    """Return supporting titles with the text of their paragraphs, in the order of ``facts``."""
    if isinstance(facts, Mapping):
        titles = [str(title) for title in facts.get("title", [])]
    else:
        titles = [str(fact[0]) for fact in facts or []]
    paragraphs = dict(_paragraphs(context))
    return [Gold(title, paragraphs.get(title, "")) for title in dict.fromkeys(titles)]


def _paragraphs(context: Any) -> Iterator[tuple[str, str]]:
    """Yield titles and texts of pairs in a list, or columns ``title`` and ``sentences`` (FlashRAG: ``content``)."""
    if isinstance(context, Mapping):
        bodies = context.get("sentences", context.get("content", []))
        pairs: Iterable[Any] = zip(context.get("title", []), bodies, strict=False)
    else:
        pairs = context or []
    for title, sentences in pairs:
        yield str(title), sentences if isinstance(sentences, str) else _joined([str(part) for part in sentences])


def _joined(sentences: list[str]) -> str:
    """Join sentences with single blanks; HotpotQA's start with a blank, 2WikiMultiHopQA's do not."""
    return " ".join("".join(f" {sentence}" for sentence in sentences).split())


def _musique_gold(paragraphs: Any) -> list[Gold]:
    return [
        Gold(str(part.get("title", "")), str(part.get("paragraph_text", "")))
        for part in paragraphs or []
        if isinstance(part, Mapping) and part.get("is_supporting")
    ]


def _json_object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}
