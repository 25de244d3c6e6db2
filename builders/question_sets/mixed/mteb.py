"""``mteb:DIR`` and ``hf:NAME``: the layout of MTEB and BEIR: corpus, queries, and graded judgements (qrels)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.repair import BadCellError
from nyxqa.builders.question_sets.mixed.cells import (
    answer_forms,
    content_text,
    options_of,
    split_named,
    text_cell,
)
from nyxqa.builders.question_sets.mixed.model import Relevant, SourceDocument, SourceQuestion
from nyxqa.builders.question_sets.mixed.mteb_files import Parts
from nyxqa.builders.question_sets.mixed.references import pictures
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe_types import Split
from nyxqa.schemas.tables import QA_SPLITS

_IDS = ("_id", "id")
_QUERY_IDS = ("query-id", "query_id", "qid")
_DOCUMENT_IDS = ("corpus-id", "corpus_id", "doc-id", "doc_id", "docid")
_IMAGES = ("images", "image", "query_image", "document_image")


@dataclass(frozen=True)
class Mteb:
    """A set in the layout of MTEB.

    :param parts: Its files or configs.
    """

    parts: Parts
    kind: str = "mteb"

    def state(self) -> Any:
        """What identifies the files."""
        return self.parts.state()

    def splits(self) -> set[Split]:
        """Splits that have judgements; what names no known split is test."""
        return {_split(name) for name in self.parts.splits("qrels")}

    def questions(self, split: Split) -> Iterator[SourceQuestion | Drop]:
        """Queries with a judgement in this split; without one in any, they come with the first split, unanswered.

        :raises WorldError: If a part or a column is missing.
        """
        judged = self._judged(split)
        first = min(self.splits(), key=QA_SPLITS.index) == split
        elsewhere = set().union(*(self._judged(other) for other in self.splits() - {split})) if first else set()
        for name in self._query_splits(split):
            for row in self.parts.rows("queries", name):
                if isinstance(row, Drop):
                    if first:
                        yield row
                    continue
                own = _id(row, (*_IDS, *_QUERY_IDS))
                if own in judged or (first and own not in elsewhere):
                    try:
                        yield self._question(row, own, judged.get(own, {}))
                    except BadCellError as error:
                        yield row.drop(error.reason, error.detail)

    def documents(self) -> Iterator[SourceDocument | Drop]:
        """The corpus; of several splits all.

        :raises WorldError: If it or a column is missing.
        """
        for name in self.parts.splits("corpus"):
            for row in self.parts.rows("corpus", name):
                try:
                    yield row if isinstance(row, Drop) else self._document(row)
                except BadCellError as error:
                    yield row.drop(error.reason, error.detail)  # type: ignore[union-attr]

    def _query_splits(self, split: Split) -> list[str]:
        """Splits of the queries that may belong to ``split``: that of its name, or all if there is none."""
        named = self.parts.splits("queries")
        return [name for name in named if split_named(name) == split] or named

    def _judged(self, split: Split) -> dict[str, dict[str, int]]:
        """By query, the documents that answer it with their grades; of a pair that is judged twice the highest."""
        grades: dict[str, dict[str, int]] = {}
        for name in self.parts.splits("qrels"):
            if _split(name) != split:
                continue
            for row in self.parts.rows("qrels", name):
                if isinstance(row, Drop):
                    continue
                grade = _grade(row)
                query, document = _id(row, _QUERY_IDS), _id(row, _DOCUMENT_IDS)
                known = grades.setdefault(query, {})
                if grade > 0:
                    known[document] = max(grade, known.get(document, 0))
        return grades

    def _question(self, row: Row, own: str, grades: Mapping[str, int]) -> SourceQuestion:
        values = row.values
        images = pictures(_first(values, _IMAGES), self.parts.root)
        text, repairs = content_text("text", _first(values, ("text", "query", "question")), len(images))
        given = values.get("answers")
        answers = answer_forms(given if given not in (None, "", []) else values.get("answer"))
        choices, label, _ = options_of(values.get("choices"), values.get("label"), answers)
        return SourceQuestion(
            row=row.name,
            own_id=own,
            text=text.strip(),
            images=images,
            answers=answers or ((choices[label],) if label >= 0 else ()),
            choices=choices,
            label=label,
            relevant=tuple(Relevant(document, grade=grade) for document, grade in grades.items()),
            instruction=text_cell("instruction", values.get("instruction"), empty=True),
            repairs=repairs,
        )

    def _document(self, row: Row) -> SourceDocument:
        """A document; its title precedes its text, as it does when BEIR's corpora are searched."""
        values = row.values
        images = pictures(_first(values, _IMAGES), self.parts.root)
        title = text_cell("title", values.get("title"), empty=True).strip()
        body = text_cell("text", _first(values, ("text", "contents", "segment")), empty=True)
        whole = body if not title or title in body.partition("\n")[0] else f"{title}\n{body}" if body else title
        text, repairs = content_text("text", whole, len(images))
        return SourceDocument(
            row=row.name,
            id=_id(row, (*_IDS, *_DOCUMENT_IDS)),
            text=text,
            images=images,
            captions=("",) * len(images),
            title=title,
            url=text_cell("url", values.get("url"), empty=True) or None,
            repairs=repairs,
        )


def _split(name: str) -> Split:
    return split_named(name) or "test"


def _first(values: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of some columns that holds something."""
    return next((values[name] for name in names if values.get(name) not in (None, "", [])), None)


def _id(row: Row, names: Sequence[str]) -> str:
    """The id in the first of some columns.

    :raises WorldError: If the row has none of them, or an empty one.
    """
    value = row.need(*names)
    if value is None or value == "" or isinstance(value, bool) or not isinstance(value, str | int):
        raise WorldError(f"{row.source}, row {row.number}: {names[0]} is {value!r}, expected text or a number")
    return str(value)


def _grade(row: Row) -> int:
    """The grade of a judgement; 1 where the file has no scores.

    :raises WorldError: If it is not a number.
    """
    value = next((row.values[name] for name in ("score", "relevance", "label") if name in row.values), 1)
    try:
        return int(float(value))
    except (TypeError, ValueError) as error:
        raise WorldError(f"{row.source}, row {row.number}: score is {value!r}, expected a number") from error
