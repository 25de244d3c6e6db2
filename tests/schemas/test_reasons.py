"""The list of reasons has every one that code gives, and none that it does not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from nyxqa.schemas.reasons import CAPTION, FINDING, REASONS, SECTIONS

ROOT = Path(__file__).parents[2]
FILES = [file for room in ("builders", "schemas") for file in sorted((ROOT / room).rglob("*.py"))]
WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
# The position of the reason among the arguments of each call that takes one.
CALLS = {"Drop": 3, "drop_question": 1, "drop": 0, "malformed": 2, "Rejection": 0, "RuleViolation": 0, "Failed": 0} | {
    "lost_negative": 2, "Note": 1,
    **dict.fromkeys(("Rejected", "DeadImageError", "FetchError", "ImageDecodeError", "RefusedHtmlError"), 0),
    **dict.fromkeys(("BadCellError", "UnreadablePdfError", "FailedReadError", "TransientError"), 0),
    **dict.fromkeys(("UnboundedAnswerError",), 0),
}  # fmt: skip
PREFIXES = (CAPTION, FINDING, "shares_", "in_")  # of reasons that name a reason, a column or a split
TYPES = ("Reason", "DecodeReason", "Settled")  # of literals that are reasons
SQL = re.compile(r"(?:THEN|reason =) '([a-z_]+)'|'([a-z_]+)' AS reason")
SQL_OTHER = {"any", "a", "b", "c"}  # column needs, places in an order
# First of a pair of words that is something else; calls of these names elsewhere that take no reason.
OTHER = {"drop": {"reason", "row", "later"}, "Failed": {"skipped"}}
PAIRS = ("builders/sources", "builders/stages", "builders/question_sets", "builders/filters", "builders/images")


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def words_of(node: ast.AST) -> Iterator[str]:
    """The words that an expression may give: itself, or either side of a condition."""
    if isinstance(node, ast.IfExp):
        yield from words_of(node.body)
        yield from words_of(node.orelse)
    elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        yield str(node.values[0].value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and WORD.match(node.value):
        yield node.value


def given(file: Path) -> Iterator[tuple[str, int]]:
    """Reasons that a module gives, with the line."""
    text = file.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            place = CALLS.get(name_of(node))
            arguments = [one.value for one in node.keywords if one.arg == "reason"]
            arguments += [node.args[place]] if place is not None and len(node.args) > place else []
            for argument in arguments:
                yield from (
                    (word, node.lineno) for word in words_of(argument) if word not in OTHER.get(name_of(node), ())
                )
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in TYPES:
            yield from ((one.value, node.lineno) for one in ast.walk(node.value) if isinstance(one, ast.Constant))
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and str(file.relative_to(ROOT)).startswith(PAIRS):
            first, second = node.elts
            if isinstance(second, ast.JoinedStr):  # a reason and its detail
                yield from ((word, node.lineno) for word in words_of(first))
    for match in SQL.finditer(text):
        if (word := match[1] or match[2]) in SQL_OTHER:
            continue
        yield word, text.count("\n", 0, match.start()) + 1


def test_no_reason_is_missing() -> None:
    missing = [
        f"{file.relative_to(ROOT)}:{line}: {word}"
        for file in FILES
        if file.name != "reasons.py" and not {"export", "browse", "check", "report"} & set(file.parts)
        for word, line in given(file)
        if word not in REASONS and word not in PREFIXES
    ]
    assert missing == []  # add it to schemas/reasons.py with what it means


def test_every_reason_of_the_list_is_given() -> None:
    text = "\n".join(file.read_text() for file in FILES if file.name != "reasons.py")
    own = [name for name in REASONS if not name.startswith(PREFIXES)]
    assert [name for name in own if f'"{name}"' not in text and f"'{name}'" not in text] == []


def test_every_kind_of_secret_is_listed() -> None:
    text = "".join(file.read_text() for file in (ROOT / "builders" / "filters" / "secrets").glob("*.py"))
    modules = set(re.findall(r'": \("(\w+)"', text))  # of the library that finds them
    words = set(re.findall(r'"([a-z]+(?:_[a-z]+)*_(?:key|token|secret|host|address|number|in_url))"', text))
    kinds = words - (modules - set(re.findall(r'"(\w+)": \(', text)))
    listed = {name.removeprefix(FINDING) for name in REASONS if name.startswith(FINDING)}
    assert kinds == listed


def test_a_reason_has_one_meaning() -> None:
    assert sum(map(len, SECTIONS.values())) == len(REASONS)
    assert all(text and not text.endswith(".") for text in REASONS.values())


def test_ledgers_of_builds_hold_no_other(built_sample: Path, small_build: Path) -> None:
    for folder in (built_sample, small_build):
        for file in (folder / "data" / "ledger").glob("*.parquet"):
            assert set(pq.read_table(file)["reason"].to_pylist()) <= set(REASONS)
