"""The pages of rows: filters, sorting, and fifty rows at a time by the key of the last one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from nyxqa.builders.browse.dataset import SORTS, BrowsedDataset, condition
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.sql import string_literal

PAGE = 50
SECONDS = 2.0
_THUMBNAILS = 3
_QUERY = """
SELECT split, dataset, query_id, {sort}::DOUBLE AS sorted FROM triplets
WHERE {where} AND ({sort}::DOUBLE, dataset, query_id) > (?, ?, ?) ORDER BY sorted, dataset, query_id LIMIT {limit}
"""
_START: tuple[float, str, str] = (float("-inf"), "", "")


@dataclass(frozen=True)
class RowsPage:
    """One page of rows.

    :param rows: Triplets, each with ``split`` and ``thumbnails``.
    :param following: The address of the next page; empty on the last.
    :param error: Why there are none, if the filter cannot be evaluated.
    """

    rows: Sequence[Mapping[str, Any]]
    following: str = ""
    error: str = ""


def rows_page(dataset: BrowsedDataset, given: Mapping[str, str], disagreed: Sequence[str]) -> RowsPage:
    """The rows that ``where``, ``split``, ``dataset``, ``sort`` and ``after`` name.

    :param disagreed: Queries on which reviewers contradict each other.
    """
    try:
        plain = not any(given.get(name) for name in ("where", "dataset", "sort"))
        found, key = _in_order(dataset, given) if plain else _selected(dataset, given, disagreed)
    except UsageError as error:
        return RowsPage([], error=str(error))
    rows = [_with_thumbnails(dataset, split, row) for split, row in found]
    kept = {name: given[name] for name in ("where", "split", "dataset", "sort") if given.get(name)}
    following = f"/rows?{urlencode({**kept, 'after': key})}" if key else ""
    return RowsPage(rows, following)


def _in_order(dataset: BrowsedDataset, given: Mapping[str, str]) -> tuple[list[tuple[str, Mapping[str, Any]]], str]:
    """Rows as they are stored, found by their number: no other row is read."""
    splits = [split for split in dataset.splits if given.get("split") in ("", None, split)]
    first, _, start = given.get("after", "").partition(":")
    if first in splits:
        splits = splits[splits.index(first) :]
    place = int(start) + 1 if start.isdigit() and len(start) < 16 else 0
    found: list[tuple[str, Mapping[str, Any]]] = []
    for split in splits:
        total = dataset.count("triplets", split)
        numbers = range(place, min(total, place + PAGE - len(found)))
        found += [(split, row) for row in dataset.numbered("triplets", split, numbers)]
        if len(found) == PAGE:
            last = numbers[-1]
            more = last + 1 < total or any(dataset.count("triplets", one) for one in splits[splits.index(split) + 1 :])
            return found, f"{split}:{last}" if more else ""
        place = 0
    return found, ""


def _selected(
    dataset: BrowsedDataset, given: Mapping[str, str], disagreed: Sequence[str]
) -> tuple[list[tuple[str, Mapping[str, Any]]], str]:
    """Rows by a condition or in another order, found by a query.

    :raises UsageError: If it cannot be evaluated.
    """
    sort = given.get("sort", "")
    if sort not in SORTS:
        raise UsageError(f"unknown sort {sort!r}{nearest(sort, [name for name in SORTS if name])}")
    where = [condition(given.get("where", ""), disagreed)]
    where += [f"{name} = {string_literal(given[name])}" for name in ("split", "dataset") if given.get(name)]
    query = _QUERY.format(sort=SORTS[sort], where=" AND ".join(where), limit=PAGE + 1)
    named = dataset.views.rows(query, list(_key(given.get("after", ""))), SECONDS)
    found: list[tuple[str, Mapping[str, Any]]] = []
    for one in named[:PAGE]:
        row = dataset.row("triplets", one["split"], one["query_id"])
        if row is not None:
            found.append((one["split"], row))
    if len(named) <= PAGE:
        return found, ""
    last = named[PAGE - 1]
    return found, json.dumps([last["sorted"], last["dataset"], last["query_id"]])


def _key(after: str) -> tuple[float, str, str]:
    """The key of the last row of the page before."""
    try:
        value, name, query = json.loads(after)
        return float(value), str(name), str(query)
    except (ValueError, TypeError, RecursionError):
        return _START


def _with_thumbnails(dataset: BrowsedDataset, split: str, row: Mapping[str, Any]) -> dict[str, Any]:
    where = f"table=triplets&split={split}&row={row['query_id']}"
    paths = [f"/image/{image}?{where}" for image in row["query_image_ids"]]
    if not paths and row["kind"] != "text":
        paths = dataset.document(row["pool"], row["positive_id"]).images
    return {**row, "split": split, "thumbnails": paths[:_THUMBNAILS]}
