"""What differs between two datasets, in pages, documents, questions and triplets: change log, ``nyxqa diff``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.database import database
from nyxqa.builders.formatting import text_table
from nyxqa.builders.report.views import add_views
from nyxqa.schemas.loading.published import Published, find_published
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.sql import identifier
from nyxqa.schemas.tables import TABLES, WEB

if TYPE_CHECKING:
    import duckdb

TABLES_READ = ("corpus", "qa", "triplets", "ledger")  # that a comparison reads

# Rows by what names them, with a hash of what they say; ids and hashes only, so that memory stays small.
_KEEP = (
    """
    CREATE TABLE {side}_page AS
    SELECT page_id, min(split) AS split, md5(string_agg(doc_id, ' ' ORDER BY own DESC, chunk, doc_id)) AS content
    FROM (SELECT page_id, split, doc_id, true AS own, chunk FROM corpus WHERE pool = '{web}'
          UNION ALL SELECT place.page_id, split, doc_id, false, place.chunk
          FROM (SELECT split, doc_id, unnest(also_at) AS place FROM corpus WHERE pool = '{web}')) GROUP BY page_id""",
    "CREATE TABLE {side}_document AS SELECT pool, doc_id, min(split) AS split FROM corpus GROUP BY ALL",
    """
    CREATE TABLE {side}_question AS
    SELECT dataset, qa_id AS id, any_value(split) AS split, md5(any_value(
        {{'q': question, 'i': image_ids, 'a': answers, 'c': choices, 'd': doc_id}}::VARCHAR)) AS content
    FROM qa GROUP BY dataset, qa_id""",
    """
    CREATE TABLE {side}_triplet AS
    SELECT dataset, query_id AS id, any_value(split) AS split, md5(any_value(
        {{'p': list_transform(positives, lambda one: one.doc_id), 'n': negative_ids}}::VARCHAR)) AS content
    FROM triplets GROUP BY dataset, query_id""",
)
_REASONS = (
    "CREATE TABLE new_reason AS SELECT item_id AS id, any_value(reason) AS reason FROM ledger "
    "WHERE item_type = 'question' GROUP BY item_id"
)
_COMPARED = """
SELECT {group}, count(*) FILTER (old.{key} IS NULL) AS added, count(*) FILTER (new.{key} IS NULL) AS gone,
       count(*) FILTER ({changed}) AS changed,
       count(*) FILTER (old.split <> new.split) AS moved,
       count(*) FILTER (old.split = new.split AND NOT ({changed})) AS same
FROM old_{table} old FULL JOIN new_{table} new USING ({using}) GROUP BY 1 ORDER BY 1
"""
_RETIRED = """
SELECT old.dataset || ' ' || old.split, reason, count(*)
FROM old_question old ANTI JOIN new_question new USING (dataset, id) JOIN new_reason USING (id)
GROUP BY ALL ORDER BY 1, 2
"""
_NUMBERS = ("added", "gone", "changed", "moved", "same")


def changes(old: Published, new: Published, scratch: Path | None = None) -> dict[str, Any]:
    """What changed from ``old`` to ``new``, as JSON types.

    ``pages``, and by pool ``documents``, by ``DATASET SPLIT`` ``questions`` and ``triplets`` count what was ``added``,
    is ``gone``, ``changed`` (the same id with other content), ``moved`` to another split, or is the ``same``.
    ``retired`` says by reason of the ledger why questions are gone. ``recipe``, ``versions`` and ``rows`` (of each
    table and split) give old and new value where the two differ.

    :param scratch: Folder for a temporary database; None for that of temporary files.
    """
    result: dict[str, Any] = {
        "old": old.manifest.fingerprint,
        "new": new.manifest.fingerprint,
        "parent": new.manifest.parent,
    }
    with database(Path(gettempdir()) if scratch is None else scratch) as db:
        for side, published in (("old", old), ("new", new)):
            add_views(db, _read(published))
            for statement in _KEEP:
                db.execute(statement.format(side=side, web=WEB))
            if side == "new":
                db.execute(_REASONS)
            for (name,) in db.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
                db.execute(f"DROP VIEW {identifier(name)}")
        result["pages"] = _compared(db, "page", "'pages'", ("page_id",)).get("pages", dict.fromkeys(_NUMBERS, 0))
        result["documents"] = _compared(db, "document", "pool", ("pool", "doc_id"), content=False)
        own = "dataset || ' ' || coalesce(new.split, old.split)"
        result["questions"] = _compared(db, "question", own, ("dataset", "id"))
        result["triplets"] = _compared(db, "triplet", own, ("dataset", "id"))
        retired: dict[str, dict[str, int]] = {}
        for name, reason, count in db.execute(_RETIRED).fetchall():
            retired.setdefault(name, {})[reason] = count
        result["retired"] = retired
    result["recipe"] = _differing(_flat(old.manifest.recipe), _flat(new.manifest.recipe))
    result["versions"] = _differing(old.manifest.versions, new.manifest.versions)
    result["rows"] = _differing(_row_counts(old.manifest), _row_counts(new.manifest))
    return result


def _read(published: Published) -> Published:
    """The dataset as far as it is compared: of one on the Hub the other tables were not downloaded."""
    files = published.manifest.files
    own = {path: entry for path, entry in files.items() if path.split("/")[1] in TABLES_READ}
    return Published(published.folder, replace(published.manifest, files=own))


def _compared(
    db: duckdb.DuckDBPyConnection, table: str, group: str, using: tuple[str, ...], content: bool = True
) -> dict[str, dict[str, int]]:
    """Counts of ``_NUMBERS`` by group."""
    changed = "old.content <> new.content" if content else "false"
    query = _COMPARED.format(group=group, key=using[-1], changed=changed, table=table, using=", ".join(using))
    return {name: dict(zip(_NUMBERS, counts, strict=True)) for name, *counts in db.execute(query).fetchall()}


def _row_counts(manifest: Manifest) -> dict[str, int]:
    """Rows by TABLE/SPLIT."""
    return {
        f"{table}/{split}": sum(manifest.files[path].rows for path in manifest.paths(table, split))
        for table in TABLES
        for split in manifest.splits(table)
    }


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """The values of a recipe by dotted key; lists of tables by number."""
    if isinstance(value, Mapping) and value:
        parts = ((f"{name}.{key}" if name else str(key), item) for key, item in value.items())
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        parts = ((f"{name}[{number}]", item) for number, item in enumerate(value))
    else:
        return {name: value}
    return {key: one for part, item in parts for key, one in _flat(item, part).items()}


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Old and new value of each key of which they differ; None where there is none."""
    names = [*old, *(name for name in new if name not in old)]
    return {name: [old.get(name), new.get(name)] for name in names if old.get(name) != new.get(name)}


def is_same(found: Mapping[str, Any]) -> bool:
    """Whether the data of the two are the same, byte for byte."""
    return bool(found["old"] == found["new"])


def change_lines(found: Mapping[str, Any]) -> list[str]:
    """The changes in lines for people: one for pages, and one for each pool, dataset and split with a difference."""
    pages = found["pages"]
    lines = []
    if any(pages.values()):
        lines.append(f"pages: {_counts(pages)}")
    for pool, counts in found["documents"].items():
        if _differs(counts):
            lines.append(f"documents of {pool}: {_counts(counts)}")
    for name in dict.fromkeys((*found["questions"], *found["retired"])):
        counts = found["questions"].get(name, dict.fromkeys(_NUMBERS, 0))
        if _differs(counts):
            reasons = ", ".join(f"{reason} {count}" for reason, count in found["retired"].get(name, {}).items())
            lines.append(f"questions of {name}: {_counts(counts)}" + (f"; gone: {reasons}" if reasons else ""))
    for name, counts in found["triplets"].items():
        if counts["changed"]:
            lines.append(f"triplets of {name}: {counts['changed']} of the same question have other documents")
    for key, (old, new) in found["recipe"].items():
        lines.append(f"recipe {key}: {_value(old)} -> {_value(new)}")
    for name, (old, new) in found["versions"].items():
        lines.append(f"version of {name}: {_value(old)} -> {_value(new)}")
    return lines


def _differs(counts: Mapping[str, int]) -> bool:
    return any(counts[name] for name in _NUMBERS if name != "same")


def _counts(counts: Mapping[str, int]) -> str:
    words = {
        "added": f"+{counts['added']}",
        "gone": f"-{counts['gone']}",
        "changed": f"{counts['changed']} changed",
        "moved": f"{counts['moved']} moved to another split",
        "same": f"{counts['same']} as before",
    }
    return ", ".join(text for name, text in words.items() if counts[name])


def _value(value: Any) -> str:
    return "none" if value is None else f"{value}"


def version_log(log: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The lines of each update, the latest first, by the short fingerprints of the versions before and after it.

    :param log: Part ``changes`` of a manifest's summary.
    """
    return {
        f"`{found['old'][:16]}` to `{found['new'][:16]}`": change_lines(found) or ["nothing but the order of rows"]
        for found in log
    }


def diff(old: str | Path, new: str | Path) -> dict[str, Any]:
    """What changed from one dataset to another; see ``changes``.

    :param old: An existing folder, or ``user/name`` on the Hub, with ``@REVISION`` for a version of it.
    :raises FormatError: If one of them holds no dataset, or one that disagrees with its manifest.
    :raises WorldError: If the Hub cannot be reached or has no such dataset.
    """
    return changes(_opened(old), _opened(new))


def _opened(place: str | Path) -> Published:
    name, _, revision = str(place).rpartition("@")
    if isinstance(place, Path) or Path(place).exists() or not name:
        return find_published(place, None, TABLES_READ)
    return find_published(name, revision, TABLES_READ)


def diff_json(found: Mapping[str, Any]) -> str:
    """The changes as one JSON object."""
    return json.dumps(found, ensure_ascii=False) + "\n"


def diff_text(found: Mapping[str, Any], old: str, new: str) -> str:
    """The changes for people, with the rows of each table and split that has another number of them.

    :param old: How the first dataset was named; ``new`` the second.
    """
    parent = found["parent"]
    relation = ", updated from the first" if parent and parent == found["old"] else ""
    lines = [f"first   {found['old'][:16]}  {old}", f"second  {found['new'][:16]}  {new}{relation}"]
    if is_same(found):
        lines.append("the data are the same, byte for byte")
    told = change_lines(found)
    lines += told if told else [] if is_same(found) else ["no page, document, question, triplet or recipe key differs"]
    if rows := found["rows"]:
        cells = [[name, *("none" if one is None else f"{one:,}" for one in pair)] for name, pair in rows.items()]
        lines += ["", *text_table(("rows", "first", "second"), cells, {1, 2})]
    return "\n".join(lines) + "\n"
