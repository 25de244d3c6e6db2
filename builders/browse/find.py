"""Which item an id, or the beginning of one, means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from nyxqa.schemas.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Kind = Literal["page", "document", "question", "image", "block", "row", "negative"]
SHOWN = 5  # of the items that an ambiguous prefix may mean

# Ids by kind and the table that knows them; the ledger knows the rest.
_IDS: tuple[tuple[str, str, str], ...] = (
    ("document", "corpus", "SELECT doc_id AS id FROM corpus"),
    ("page", "corpus", "SELECT page_id AS id FROM corpus"),
    ("page", "corpus", "SELECT unnest(also_at).page_id AS id FROM corpus"),
    ("image", "corpus", "SELECT unnest(image_ids) AS id FROM corpus"),
    ("question", "qa", "SELECT qa_id AS id FROM qa"),
    ("image", "qa", "SELECT unnest(image_ids) AS id FROM qa"),
    ("question", "triplets", "SELECT query_id AS id FROM triplets"),
    ("image", "triplets", "SELECT unnest(query_image_ids) AS id FROM triplets"),
)
_SOURCE = "SELECT '{kind}' AS kind, id FROM ({query})"
_LEDGER_IDS = "SELECT item_type AS kind, item_id AS id FROM ledger"
# An image that was left out everywhere is in no table.
_NAMED_IMAGES = "SELECT 'image' AS kind, regexp_extract(detail, '\\b[0-9a-f]{64}\\b') AS id FROM ledger WHERE id <> ''"
# A page of which only notes on its parts are known.
_PARENTS = "SELECT 'page' AS kind, parent_id AS id FROM ledger WHERE item_type IN ('image', 'block', 'document')"
_FOUND = """
SELECT id, min(kind) FROM ({sources}) WHERE starts_with(id, $prefix)
GROUP BY id ORDER BY id = $prefix DESC, len(id), id LIMIT $limit
"""


@dataclass(frozen=True, slots=True)
class ItemName:
    """An item of a dataset.

    :param kind: What it is; a question and its triplet are one item.
    :param id: Its whole id; ``PARENT:ORDINAL`` of an item that was dropped before it had one.
    """

    kind: Kind
    id: str


def tables_of(db: DuckDBPyConnection) -> set[str]:
    """Names of the views that the dataset has; a build that published nothing has a ledger alone."""
    return {name for (name,) in db.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}


def candidates(db: DuckDBPyConnection, prefix: str, limit: int = SHOWN + 1) -> list[ItemName]:
    """Items whose id begins with ``prefix``, an exact match first, then the shortest.

    :param db: Database with the views of ``nyxqa.builders.report.views``.
    """
    known = tables_of(db)
    sources = [_SOURCE.format(kind=kind, query=query) for kind, table, query in _IDS if table in known]
    query = _FOUND.format(sources=" UNION ALL ".join([*sources, _LEDGER_IDS, _NAMED_IMAGES, _PARENTS]))
    rows = db.execute(query, {"prefix": prefix, "limit": limit}).fetchall()
    return [ItemName(cast(Kind, kind), name) for name, kind in rows]


def find_item(db: DuckDBPyConnection, prefix: str) -> ItemName:
    """The item whose id is or begins with ``prefix``; a page counts before its parts, which are named after it.

    :raises UsageError: If there is none, or more than one.
    """
    if not prefix.strip():
        raise UsageError("an id is needed: of a page, document, question or image, or of a row of the ledger")
    found = candidates(db, prefix.strip())
    if not found:
        raise UsageError(
            f"no page, document, question, image or ledger row has an id that begins with {prefix}; the tables hold "
            "the ids, for example column query_id of triplets"
        )
    first, *others = found
    if first.id == prefix.strip() or all(other.id.startswith(f"{first.id}:") for other in others):
        return first
    raise UsageError(f"{prefix} is not the beginning of one id alone: {_listed(found)}; give more of it")


def _listed(found: Sequence[ItemName]) -> str:
    names = [f"{item.kind} {item.id}" for item in found[:SHOWN]]
    return ", ".join(names) + (", ..." if len(found) > SHOWN else "")
