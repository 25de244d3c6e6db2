"""Rankings of other systems as rankings of the dataset's documents: by id, by place in a page, or by words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.evaluate.questions import EvalSet, Question
from nyxqa.builders.evaluate.rankings import DEPTH, Ranking, Shown
from nyxqa.builders.evaluate.run_files import Retrieved
from nyxqa.builders.qa.keys import text_key
from nyxqa.retriever.evaluation.spans import Cover, Piece, covers_of_text
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.loading.id_index import IdTable

Run = Mapping[str, Sequence[Retrieved]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A document in its page: its row in the pool, and the characters it takes there."""

    row: int
    start: int
    end: int


class _Places:
    """Where the pieces of a run may lie in a pool.

    :param pages: Documents of each page that the run names, in the order of the page.
    :param texts: Rows of whole documents by a hash of their words; made where the run brings texts.
    """

    def __init__(self, table: IdTable, pages: Mapping[str, Sequence[_Place]], by_text: bool) -> None:
        self.table, self.pages = table, pages
        self._hashes: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self._rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
        if by_text:
            hashes = np.fromiter(map(_text_hash, _texts(table)), np.uint64, table.table.num_rows)
            self._rows = np.argsort(hashes, kind="stable")
            self._hashes = hashes[self._rows]

    def whole(self, text: str) -> int | None:
        """Row of the document whose text has the same words; None if there is none."""
        key = _text_hash(text)
        at = int(np.searchsorted(self._hashes, key))
        return int(self._rows[at]) if at < len(self._hashes) and self._hashes[at] == key else None


def _text_hash(text: str) -> np.uint64:
    return np.uint64(int(text_key(text)[:16] or "0", 16))


def _texts(table: IdTable) -> Iterator[str]:
    for chunk in table.table.column("text").chunks:
        yield from (one.as_py() for one in chunk)


@dataclass
class _Found:
    """What a run found, piece by piece, and what could not be mapped."""

    ranks: list[npt.NDArray[np.float64]] = field(default_factory=list)
    items: list[list[tuple[Shown, ...]]] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=list)
    pieces: list[list[Piece]] = field(default_factory=list)
    total: int = 0
    elsewhere: int = 0
    own: int = 0
    empty: int = 0


def map_run(questions: EvalSet, system: str, run: Run, known_queries: Iterable[str]) -> tuple[Ranking, list[str]]:
    """The run as a ranking, and notes on what it lacks.

    A piece counts as a known document if they share half of the shorter of the two.

    :param known_queries: Ids of all questions of the split: a run may hold more than are evaluated.
    :raises FormatError: If a line names a question or a document that the dataset does not hold.
    """
    known = set(known_queries)
    for query, pieces in run.items():
        if query not in known:
            raise FormatError(
                f"run {system}, line {pieces[0].line}: the dataset has no question {query} in split {questions.split}"
            )
    places = {pool: _places(questions, pool, system, run) for pool in questions.pools}
    found = _Found()
    for question in questions.questions:
        listed = run.get(question.id, ())[:DEPTH]
        found.empty += not listed
        _map(questions, question, listed, places[question.pool], system, found)
    ranking = Ranking(system, 0, found.ranks, found.items, found.scores, found.pieces)
    return ranking, list(_notes(system, found, len(questions)))


def _notes(system: str, found: _Found, questions: int) -> Iterator[str]:
    if found.empty:
        yield f"run {system} has no line for {found.empty} of {questions} questions; they count as nothing found"
    if found.elsewhere:
        yield f"run {system}: {found.elsewhere} of {found.total} pieces lie in no document of their pool"
    if found.own:
        yield f"run {system}: {found.own} pieces are documents made of the question itself; they are left out"


def _map(
    questions: EvalSet,
    question: Question,
    listed: Sequence[Retrieved],
    places: _Places,
    system: str,
    found: _Found,
) -> None:
    table = places.table
    rows = questions.rows_of(question)
    texts = [table.table.column("text")[row].as_py() for row in rows]
    pieces, items, scores = [], [], []
    for one in listed:
        piece, shown = _piece(one, (rows, texts), places, system)
        found.total += 1
        if shown == (questions.own_row(question),):  # made of the question itself
            found.own += 1
            continue
        found.elsewhere += not shown
        pieces.append(piece)
        items.append(shown)
        scores.append(one.score)
    ranks = np.full(len(rows), np.inf)
    for number, text in enumerate(texts):
        hits = [rank for rank, piece in enumerate(pieces, 1) if piece.holds(number, max(1, len(text)))]
        ranks[number] = hits[0] if hits else np.inf
    found.ranks.append(np.sort(ranks))
    found.items.append(items)
    found.scores.append(scores)
    found.pieces.append(pieces)


def _piece(
    one: Retrieved, known: tuple[Sequence[int], Sequence[str]], places: _Places, system: str
) -> tuple[Piece, tuple[Shown, ...]]:
    """A retrieved piece against the known documents, and what it shows a model: rows of documents, or its text."""
    rows, texts = known
    row: int | None = None
    if one.text:
        row = places.whole(one.text)
        if row is None:
            return Piece(len(one.text), covers_of_text(one.text, texts)), (one.text,)
    if one.doc_id:
        row = int(places.table.rows([one.doc_id])[0])
        if row < 0:
            raise FormatError(
                f"run {system}, line {one.line}: document {one.doc_id} is not in the pool of its question"
            )
    if row is not None:
        length = max(1, len(places.table.table.column("text")[row].as_py()))
        return Piece(length, (Cover(rows.index(row), 0, length),) if row in rows else ()), (row,)
    met = [place for place in places.pages.get(one.page, ()) if min(place.end, one.end) > max(place.start, one.start)]
    covers = [
        Cover(
            rows.index(place.row),
            max(place.start, one.start) - place.start,
            min(place.end, one.end) - place.start,
            max(0, place.start - one.start),
        )
        for place in met
        if place.row in rows
    ]
    return Piece(one.end - one.start, tuple(covers)), tuple(place.row for place in met)


def _places(questions: EvalSet, pool: str, system: str, run: Run) -> _Places:
    """Documents of each page that the run names, by page id and by URL, and all of them by their words."""
    ids = {question.id for question in questions.questions if question.pool == pool}
    pieces = [one for query, several in run.items() if query in ids for one in several]
    pages = {one.page for one in pieces if one.page}
    found: dict[str, list[_Place]] = {}
    by_text = any(one.text for one in pieces)
    if not pages:
        return _Places(questions.documents(pool), found, by_text)
    table = questions.documents(pool).table.select(["page_id", "url", "start", "end"])
    wanted = pa.array(sorted(pages))
    for name in ("page_id", "url"):
        named = pc.is_in(table.column(name), wanted).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(named).tolist():
            start, end = (int(table.column(one)[row].as_py()) for one in ("start", "end"))
            found.setdefault(table.column(name)[row].as_py(), []).append(_Place(row, start, end))
    if found and all(place.end == place.start for several in found.values() for place in several):
        raise FormatError(
            f"run {system}: the documents of pool {pool} do not tell where they lie in their pages; build the dataset "
            "again, or give doc_id or text"
        )
    ordered = {page: sorted(several, key=lambda one: one.start) for page, several in found.items()}
    return _Places(questions.documents(pool), ordered, by_text)
