"""Rankings of other systems: TREC runs, and JSON lines of documents, spans of pages or texts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nyxqa.builders.row_files.compression import READ_ERRORS, numbered_lines, open_text
from nyxqa.schemas.errors import FormatError, WorldError

_TREC = "QUERY Q0 DOCUMENT RANK SCORE NAME"
_QUERY = ("query_id", "qa_id", "qid")
_KINDS = "doc_id; page_id or url with start and end; or text"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One retrieved piece: a document, a span of a page, or a text.

    :param doc_id: Id of a document; "" for the other kinds.
    :param page: ``page_id`` or ``url`` of a page whose characters ``start`` to ``end`` were retrieved.
    :param rank: Its rank, NaN if the line has none.
    :param line: Its line in the file, from 1.
    """

    doc_id: str = ""
    page: str = ""
    start: int = 0
    end: int = 0
    text: str = ""
    rank: float = math.nan
    score: float = math.nan
    line: int = 0


def read_run(path: Path) -> dict[str, list[Retrieved]]:
    """The retrieved pieces of each query, best first: by rank, else by score, else in the order of the file.

    :param path: A TREC run or JSON lines, plain or compressed.
    :raises WorldError: If the file is missing or cannot be read to its end.
    :raises FormatError: If a line has none of the forms; file and line are named.
    """
    if not path.is_file():
        raise WorldError(f"--run: file {path} does not exist")
    found: dict[str, list[Retrieved]] = {}
    try:
        with open_text(path) as stream:
            for number, line, length in numbered_lines(stream):
                where = f"{path.name}, line {number + 1}"
                if line is None:
                    raise FormatError(f"{where}: {length} characters are too many for one line")
                query, one = _parsed(line.strip(), where, number + 1)
                found.setdefault(query, []).append(one)
    except READ_ERRORS as error:
        raise WorldError(f"{path} cannot be read to its end: {error}") from error
    if not found:
        raise FormatError(f"{path.name} holds no line; a run has one line for each retrieved piece")
    return {query: _ordered(path.name, query, pieces) for query, pieces in found.items()}


def _parsed(line: str, where: str, number: int) -> tuple[str, Retrieved]:
    if not line.startswith(("{", "[")):
        return _trec(line, where, number)
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{where}: not a JSON object")
    query = next((name for name in _QUERY if name in value), _QUERY[0])
    return _text(value, query, where), _piece(value, where, number)


def _trec(line: str, where: str, number: int) -> tuple[str, Retrieved]:
    parts = line.split()
    if len(parts) != 6:
        raise FormatError(f"{where}: {len(parts)} columns; a TREC run has six ({_TREC}), JSON lines begin with a brace")
    query, _, document, rank, score, _ = parts
    try:
        values = (float(rank), float(score))
    except ValueError:
        raise FormatError(f"{where}: rank {rank!r} or score {score!r} is not a number") from None
    return query, Retrieved(document, rank=values[0], score=values[1], line=number)


def _piece(value: Mapping[str, Any], where: str, number: int) -> Retrieved:
    order = Retrieved(rank=_number(value, "rank", where), score=_number(value, "score", where), line=number)
    if "doc_id" in value:
        return replace(order, doc_id=_text(value, "doc_id", where))
    page = next((name for name in ("page_id", "url") if name in value), None)
    if page is not None:
        start, end = _place(value.get("start")), _place(value.get("end"))
        if start is None or end is None or end <= start:
            raise FormatError(
                f"{where}: start {value.get('start')!r} and end {value.get('end')!r} are not places in the page's "
                "text: whole numbers, start before end"
            )
        return replace(order, page=_text(value, page, where), start=start, end=end)
    if "text" in value:
        return replace(order, text=_text(value, "text", where))
    raise FormatError(f"{where}: nothing that was retrieved; a line has {_KINDS}")


def _place(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Mapping[str, Any], name: str, where: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found.strip():
        raise FormatError(f"{where}: {name} is missing or not text")
    return found


def _number(value: Mapping[str, Any], name: str, where: str) -> float:
    found = value.get(name, math.nan)
    if found is None:
        return math.nan
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise FormatError(f"{where}: {name} {found!r} is not a number")
    return float(found)


def _ordered(name: str, query: str, pieces: list[Retrieved]) -> list[Retrieved]:
    seen: dict[str, int] = {}
    for one in pieces:
        if one.doc_id and one.doc_id in seen:
            raise FormatError(
                f"{name}, line {one.line}: document {one.doc_id} of query {query} stands in line {seen[one.doc_id]} "
                "already"
            )
        seen[one.doc_id] = one.line
    ranks = {one.rank for one in pieces if not math.isnan(one.rank)}
    if len(ranks) == len(pieces):
        return sorted(pieces, key=lambda one: one.rank)
    if not any(math.isnan(one.score) for one in pieces):
        return sorted(pieces, key=lambda one: -one.score)  # stable: equal scores stay in the order of the file
    return pieces
