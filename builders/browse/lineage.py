"""The story of one item: what it is, where it came from, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nyxqa.builders.browse.find import ItemName, Kind, tables_of
from nyxqa.schemas.content import PLACEHOLDER

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PICTURE = "\u25a3"  # stands for an image in the line of an item
SHOWN = 20  # items of a group that are listed; its total is always counted
_LINE = 160  # characters of an item's line
_NOTED = 200  # ledger rows about parts of an item that are read
_ID = re.compile(r"\b[0-9a-f]{32}\b(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Related:
    """An item that another one is connected with.

    :param line: What it is, in one line: the title of a page, the beginning of a document, a question.
    :param note: How it is connected, such as ``rank 11, score 0.63``, or the reason why it was dropped; may be empty.
    """

    name: ItemName
    line: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Items that are connected in the same way.

    :param title: How: ``made from``, ``became``, ``dropped on the way``, ``positive of``, ``negative of``, ...
    :param total: How many there are.
    :param items: The first ``SHOWN`` of them.
    """

    title: str
    total: int
    items: tuple[Related, ...]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger."""

    stage: str
    split: str
    item_type: str
    item_id: str
    parent_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The story of an item.

    :param facts: Its stored columns by name; empty if only the ledger knows it.
    :param triplet: The stored columns of a question's triplet; empty for other items.
    :param before: What it came from, the outermost item first; then others of the same origin.
    :param after: What was made of it, and who uses it.
    :param fate: Ledger rows about the item itself: why it was dropped.
    :param notes: Ledger rows about parts of it.
    """

    name: ItemName
    facts: Mapping[str, Any]
    triplet: Mapping[str, Any]
    before: tuple[Group, ...]
    after: tuple[Group, ...]
    fate: tuple[LedgerRow, ...]
    notes: tuple[LedgerRow, ...]


# Queries of groups give: kind, id, line, note. ``$id`` is the item.
_MADE_FROM = {
    "document": """
        SELECT 'page', page_id, coalesce(title, url, source), coalesce(url, '') FROM corpus WHERE doc_id = $id""",
    "question": """
        SELECT 'page', page_id, coalesce(title, url, source), coalesce(url, '') FROM corpus
        WHERE doc_id IN (SELECT doc_id FROM qa WHERE qa_id = $id
                         UNION ALL SELECT positive_id FROM triplets WHERE query_id = $id)
        UNION SELECT 'document', doc_id, left(text, 400), section FROM corpus
        WHERE doc_id IN (SELECT doc_id FROM qa WHERE qa_id = $id
                         UNION ALL SELECT positive_id FROM triplets WHERE query_id = $id)
        ORDER BY 1 DESC""",
}
_BESIDE = {
    "document": {
        "of the same page": """
            SELECT 'document', doc_id, left(text, 400), 'chunk ' || chunk FROM corpus
            WHERE page_id = (SELECT any_value(page_id) FROM corpus WHERE doc_id = $id) AND doc_id <> $id
              AND pool = (SELECT any_value(pool) FROM corpus WHERE doc_id = $id) ORDER BY chunk""",
        "of the same cluster": """
            SELECT 'document', doc_id, left(text, 400), split FROM corpus
            WHERE cluster = (SELECT any_value(cluster) FROM corpus WHERE doc_id = $id) AND doc_id <> $id ORDER BY 2""",
        "the same content at": """
            SELECT 'page', place.page_id, coalesce(place.url, ''), 'chunk ' || place.chunk
            FROM (SELECT unnest(also_at) AS place FROM corpus WHERE doc_id = $id) ORDER BY 2, 4""",
    },
    "question": {
        "about the same document": """
            SELECT 'question', qa_id, question, answer FROM qa
            WHERE doc_id <> '' AND doc_id = (SELECT any_value(doc_id) FROM qa WHERE qa_id = $id) AND qa_id <> $id
            ORDER BY 2""",
    },
}
_AFTER = {
    "page": {
        "documents": """
            SELECT 'document', doc_id, left(text, 400), 'chunk ' || chunk || ', ' || n_tokens || ' tokens' FROM corpus
            WHERE page_id = $id ORDER BY chunk""",
        "its content stands in": """
            SELECT 'document', doc_id, left(text, 400), 'of page ' || page_id FROM corpus
            WHERE list_contains(list_transform(also_at, lambda place: place.page_id), $id) ORDER BY 2""",
        "questions": """
            SELECT 'question', qa_id, question, answer FROM qa
            WHERE page_id = $id ORDER BY 2""",
    },
    "document": {
        "questions": "SELECT 'question', qa_id, question, answer FROM qa WHERE doc_id = $id ORDER BY 2",
        "positive of": """
            SELECT 'question', query_id, query, dataset || ' ' || split FROM triplets
            WHERE list_contains(list_transform(positives, lambda one: one.doc_id), $id) ORDER BY dataset, 2""",
        "negative of": """
            SELECT 'question', query_id, query, 'rank ' || coalesce(rank::VARCHAR, '?') ||
                   coalesce(', score ' || round(score, 3), '')
            FROM (SELECT query_id, query, list_position(negative_ids, $id) AS place, negative_ranks[place] AS rank,
                         negative_scores[place] AS score
                  FROM triplets WHERE list_contains(negative_ids, $id)) ORDER BY rank NULLS LAST, 2""",
    },
    "question": {
        "negatives": """
            SELECT 'document', doc_id, left(text, 400), 'rank ' || coalesce(rank::VARCHAR, '?') ||
                   coalesce(', score ' || round(score, 3), '')
            FROM (SELECT unnest(negative_ids) AS doc_id, unnest(negative_ranks) AS rank,
                         unnest(negative_scores) AS score, generate_subscripts(negative_ids, 1) AS place, pool
                  FROM triplets WHERE query_id = $id) LEFT JOIN corpus USING (doc_id, pool) ORDER BY place""",
    },
    "image": {
        "in documents": """
            SELECT 'document', doc_id, left(text, 400), captions[list_position(image_ids, $id)] FROM corpus
            WHERE list_contains(image_ids, $id) ORDER BY 2""",
        "in questions": """
            SELECT 'question', qa_id, question, answer FROM qa WHERE list_contains(image_ids, $id) ORDER BY 2""",
    },
}
_DUPLICATES = """
SELECT item_type, item_id, detail, reason FROM ledger WHERE contains(detail, $id) AND item_id <> $id ORDER BY 1, 2
"""
_PUBLISHED = """
SELECT 'page', page_id, coalesce(any_value(title), any_value(url), any_value(source)), coalesce(any_value(url), '')
FROM corpus WHERE doc_id = $id OR page_id = $id GROUP BY page_id
UNION ALL (SELECT 'document', doc_id, left(text, 400), section FROM corpus WHERE doc_id = $id LIMIT 1)
ORDER BY 1 DESC, 2
"""
_FACTS = {
    "document": "FROM corpus WHERE doc_id = $id",
    "question": "FROM qa WHERE qa_id = $id",
    "page": """SELECT title, url, source, license, language, pool, split, "group", count(*) AS documents,
               sum(n_tokens) AS n_tokens, sum(len(image_ids)) AS images
               FROM corpus WHERE page_id = $id GROUP BY ALL ORDER BY documents DESC LIMIT 1""",
    "image": """SELECT caption, caption_origin, image_url, title, license FROM
                (SELECT unnest(image_ids) AS image, unnest(captions) AS caption,
                        unnest(caption_origins) AS caption_origin, unnest(image_urls) AS image_url, title, license
                 FROM corpus WHERE list_contains(image_ids, $id)) WHERE image = $id LIMIT 1""",
}
_TRIPLET = "FROM triplets WHERE query_id = $id"
_LEDGER = "SELECT stage, split, item_type, item_id, parent_id, reason, detail FROM ledger WHERE "
_FATE = _LEDGER + "item_id = $id ORDER BY ALL"
_NOTES = _LEDGER + "parent_id = $id AND item_id <> $id ORDER BY item_type, stage, item_id LIMIT $limit"


def lineage(db: DuckDBPyConnection, name: ItemName) -> Lineage:
    """The story of ``name``.

    :param db: Database with the views of ``nyxqa.builders.report.views``.
    """
    fate = _ledger(db, _FATE, {"id": name.id})
    notes = _ledger(db, _NOTES, {"id": name.id, "limit": _NOTED})
    if "corpus" not in tables_of(db):  # a build that published nothing
        return Lineage(name, {}, {}, (), (), fate, notes)
    facts = _first(db, _FACTS[name.kind], name.id) if name.kind in _FACTS else {}
    triplet = _first(db, _TRIPLET, name.id) if name.kind == "question" else {}
    origin = [_group(db, "made from", _MADE_FROM[name.kind], name.id)] if name.kind in _MADE_FROM else []
    if not any(group.total for group in origin):
        origin = [_origin_of_dropped(db, fate), _named_in_details(db, fate)]
    beside = [_group(db, title, query, name.id) for title, query in _BESIDE.get(name.kind, {}).items()]
    after = [_group(db, title, query, name.id) for title, query in _AFTER.get(name.kind, {}).items()]
    named = "ledger rows that name it" if name.kind == "image" else "dropped in favour of it"
    after.append(_group(db, named, _DUPLICATES, name.id))
    before = (group for group in (*origin, *beside) if group.total)
    return Lineage(name, facts, triplet, tuple(before), tuple(one for one in after if one.total), fate, notes)


def describe(db: DuckDBPyConnection, item_id: str) -> list[Related]:
    """A published document or page with the page it is of, the outermost first; nothing if it was not published."""
    return [_related(row) for row in db.execute(_PUBLISHED, {"id": item_id}).fetchall()]


def _origin_of_dropped(db: DuckDBPyConnection, fate: Sequence[LedgerRow]) -> Group:
    """The parents of a dropped item, as far as they are known."""
    items: dict[str, Related] = {}
    for row in fate:
        if row.parent_id and row.parent_id not in items:
            published = describe(db, row.parent_id)
            items |= {one.name.id: one for one in published}
            if not published:
                kind: Kind = "document" if row.item_type in ("question", "negative") else "page"
                items[row.parent_id] = Related(ItemName(kind, row.parent_id))
    return Group("made from", len(items), tuple(items.values()))


def _named_in_details(db: DuckDBPyConnection, fate: Sequence[LedgerRow]) -> Group:
    """Items that the ledger names as the reason, as the document that stays in the place of a duplicate."""
    own = {part for row in fate for part in (row.item_id, row.parent_id)}
    ids = dict.fromkeys(found for row in fate for found in _ID.findall(row.detail) if found not in own)
    items = [one for found in ids for one in describe(db, found)[-1:]]
    return Group("in favour of", len(items), tuple(items[:SHOWN]))


def _group(db: DuckDBPyConnection, title: str, query: str, item_id: str) -> Group:
    rows = db.execute(f"SELECT *, count(*) OVER () FROM ({query}) LIMIT {SHOWN}", {"id": item_id}).fetchall()
    return Group(title, rows[0][-1] if rows else 0, tuple(_related(row[:-1]) for row in rows))


def _related(row: tuple[Any, ...]) -> Related:
    kind, item_id, line, note = row
    return Related(
        ItemName(kind, item_id), " ".join((line or "").replace(PLACEHOLDER, PICTURE).split())[:_LINE], note or ""
    )


def _first(db: DuckDBPyConnection, query: str, item_id: str) -> dict[str, Any]:
    rows = db.execute(query, {"id": item_id})
    names = [column[0] for column in rows.description or ()]
    first = rows.fetchone()
    return {} if first is None else dict(zip(names, first, strict=True))


def _ledger(db: DuckDBPyConnection, query: str, values: dict[str, Any]) -> tuple[LedgerRow, ...]:
    return tuple(LedgerRow(*row) for row in db.execute(query, values).fetchall())
