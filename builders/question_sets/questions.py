"""Question sets: HotpotQA, 2WikiMultiHopQA, MuSiQue, Bamboogle and whatever FlashRAG publishes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.passages import fault
from nyxqa.builders.question_sets.sample import SAMPLE, sample_file
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.hub import HubName, hub_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import UsageError


@dataclass(frozen=True, slots=True)
class Gold:
    """A paragraph that a set names as evidence: by title and text, or by the passage's own id."""

    title: str = ""
    text: str = ""
    passage_id: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a set.

    :param name: Its source row.
    :param own_id: The set's id, else the row number.
    :param answers: Accepted answers, none blank, none twice.
    :param gold: Paragraphs the set names as evidence, none twice.
    """

    name: str
    own_id: str | int
    text: str
    answers: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()


def read_questions(spec: str, split: str = "train", count: int | None = None) -> Iterator[Question | Drop]:
    """The first ``count`` rows of the set that ``spec`` names.

    :param spec: ``KIND:FILE``, ``hf:USER/NAME[/CONFIG]@REVISION`` or ``sample``.
    :param split: Split of a set on the Hub, whose rows say by their columns of which kind they are, or of the sample.
    :raises UsageError: If there is no such kind.
    :raises WorldError: If the source is missing, or a row lacks a needed column.
    """
    kind, _, place = spec.partition(":")
    read: Callable[[Row], Question | Drop]
    if kind == "hf" and place:
        rows, read = hub_rows(HubName.parse(place), split), read_any
    elif spec == SAMPLE:
        rows, read = file_rows(sample_file(split)), read_flashrag
    elif kind in READERS and place:
        rows, read = file_rows(Path(place)), READERS[kind]
    else:
        kinds = ", ".join(f"{name}:FILE" for name in READERS)
        raise UsageError(
            f"no question set is named {spec!r}; valid are {kinds}, hf:USER/NAME[/CONFIG]@REVISION, sample"
        )
    for row in islice(rows, count):
        yield row if isinstance(row, Drop) else read(row)


def read_flashrag(row: Row) -> Question | Drop:
    """A row of FlashRAG; evidence may stand in its metadata, in the forms of the sets it comes from."""
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
    """A row of HotpotQA or 2WikiMultiHopQA, in the original or the Hub's form; a test row has no answer."""
    facts = row.values.get("supporting_facts")
    gold = _hotpot_gold(facts, row.need("context")) if facts else []
    return _question(row, row.need("question"), row.values.get("answer"), gold)


def read_musique(row: Row) -> Question | Drop:
    """A row of MuSiQue; one that its paragraphs do not answer is dropped."""
    if row.values.get("answerable") is False:
        return row.drop("unanswerable")
    answers = [row.values.get("answer"), *(row.values.get("answer_aliases") or [])]
    return _question(row, row.need("question"), answers, _musique_gold(row.need("paragraphs")))


def read_bamboogle(row: Row) -> Question | Drop:
    """A row of Bamboogle, as FlashRAG has it or with its own two columns."""
    if "golden_answers" in row.values:
        return read_flashrag(row)
    return _question(row, row.need("Question", "question"), row.need("Answer", "answer"), [])


def read_any(row: Row) -> Question | Drop:
    """A row of whichever of these sets its columns say."""
    for column, read in _TELLTALES.items():
        if column in row.values:
            return read(row)
    return read_bamboogle(row)


READERS: dict[str, Callable[[Row], Question | Drop]] = {
    "flashrag": read_flashrag,
    "hotpotqa": read_hotpotqa,
    "2wiki": read_hotpotqa,
    "musique": read_musique,
    "bamboogle": read_bamboogle,
}
_TELLTALES = {"golden_answers": read_flashrag, "paragraphs": read_musique, "context": read_hotpotqa}


def _question(row: Row, text: Any, answers: Any, gold: list[Gold]) -> Question | Drop:
    wrong = fault(text)
    if wrong:
        return row.drop(*wrong)
    listed = [answers] if isinstance(answers, str) else answers if answers is not None else []
    if not isinstance(listed, list | tuple):
        return row.drop("bad_type", f"answers: expected a list, found {type(listed).__name__}")
    kept = (str(answer).strip() for answer in listed if isinstance(answer, str | int | float))
    named = row.values.get("id", row.values.get("_id"))
    own_id = row.number if named is None or named == "" else str(named)
    # Questions reach tables stripped: FlashRAG's files keep stray blanks of their sources.
    unique = tuple(dict.fromkeys(answer for answer in kept if fault(answer) is None))
    return Question(row.name, own_id, text.strip(), unique, tuple(dict.fromkeys(gold)))


def _hotpot_gold(facts: Any, context: Any) -> list[Gold]:
    """Supporting titles with the text of their paragraphs, in the order they are named."""
    if isinstance(facts, Mapping):
        titles = [str(title) for title in facts.get("title", [])]
    else:
        titles = [str(fact[0]) for fact in facts or []]
    paragraphs = dict(_paragraphs(context))
    return [Gold(title, paragraphs.get(title, "")) for title in dict.fromkeys(titles)]


def _paragraphs(context: Any) -> Iterator[tuple[str, str]]:
    """Title and text: pairs in a list, or a column of titles and one of sentences (FlashRAG also says content)."""
    if isinstance(context, Mapping):
        bodies = context.get("sentences", context.get("content", []))
        pairs: Iterable[Any] = zip(context.get("title", []), bodies, strict=False)
    else:
        pairs = context or []
    for title, sentences in pairs:
        yield str(title), sentences if isinstance(sentences, str) else _joined([str(part) for part in sentences])


def _joined(sentences: list[str]) -> str:
    """HotpotQA's sentences bring their own leading blanks, 2WikiMultiHopQA's do not."""
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
