"""Cells of mixed-modal sets: answers, options, numbers, and content with a placeholder for each image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nyxqa.builders.question_sets.importers.repair import BadCellError, parse_list
from nyxqa.builders.question_sets.mixed.model import Repair
from nyxqa.schemas.answers import LIST_SEPARATOR, normalise_answer
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.recipe_types import Split

MAX_CHOICES = 10
_LETTERS = "ABCDEFGHIJ"
_SPLITS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    "test": "test",
}
_TOKEN = re.compile(r"<\|image(?:_\d+)?\|>[ \t]*\n?")


def split_named(value: Any) -> Split | None:
    """The split that a set's own name for it means; None if it means none."""
    return _SPLITS.get(str(value).strip().lower())


def text_cell(column: str, value: Any, empty: bool = False) -> str:
    """A cell of text.

    :param empty: Whether it may be absent or blank.
    :raises BadCellError: If it is not text, blank, or not valid Unicode.
    """
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise BadCellError("bad_type", f"{column}: expected text, found {type(value).__name__}")
    if not value.strip() and not empty:
        raise BadCellError("empty_text", column)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadCellError("bad_unicode", f"{column}: {error}") from error
    return value


def content_text(column: str, value: Any, images: int) -> tuple[str, tuple[Repair, ...]]:
    """Text with one placeholder for each image, and what was repaired.

    A text without any placeholder gets those of its images in front.

    :raises BadCellError: If the numbers differ otherwise, or neither text nor image is left.
    """
    text = text_cell(column, value, empty=images > 0)
    found = text.count(PLACEHOLDER)
    if found == images:
        return text, ()
    if found:
        raise BadCellError("image_count", f"{column}: {found} placeholders but {images} images")
    return f"{PLACEHOLDER}\n" * images + text if text.strip() else "\n".join([PLACEHOLDER] * images), (
        (column, "missing_token"),
    )


def tokens_repaired(column: str, value: Any, images: int) -> tuple[str, tuple[Repair, ...]]:
    """As ``content_text``, for sets that number their tokens and leave some behind: surplus ones are removed.

    :raises BadCellError: If neither text nor image is left.
    """
    text = text_cell(column, value, empty=True)
    repairs: list[Repair] = []
    tokens = list(_TOKEN.finditer(text))
    for token in reversed(tokens[images:]):
        text = text[: token.start()] + text[token.end() :]
        repairs.append((column, "stray_token"))
    text = re.sub(r"<\|image(?:_\d+)?\|>", PLACEHOLDER, text)
    if missing := images - min(len(tokens), images):
        repairs.append((column, "missing_token"))
        text = f"{PLACEHOLDER}\n" * missing + text
    if not text.strip():
        raise BadCellError("empty_text", f"{column}: neither text nor image")
    return text.strip(), tuple(repairs)


def answer_forms(value: Any) -> tuple[str, ...]:
    """Accepted forms in a cell: text, a number, or a list of them; a list within the list is one list answer."""
    listed = value if isinstance(value, list | tuple) else [value]
    forms: list[str] = []
    for one in listed:
        forms += [list_answer(one)] if isinstance(one, list | tuple) else scalar_forms(one)
    return tuple(dict.fromkeys(form for form in forms if form))


def list_answer(items: Sequence[Any]) -> str:
    """One form of an answer with several items: sorted, each once, joined by "; "."""
    texts = {forms[0] for one in items if (forms := scalar_forms(one))}
    return LIST_SEPARATOR.join(sorted(texts))


def scalar_forms(value: Any) -> list[str]:
    """Forms of one answer: the text; of a number also the one in full where ten digits do not give it."""
    if value is None or isinstance(value, bool):
        return [] if value is None else ["yes" if value else "no"]
    if isinstance(value, int):
        return [str(value)]
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return []
        return [str(int(value))] if value.is_integer() else list(dict.fromkeys([f"{value:.10g}", repr(value)]))
    text = str(value).strip() if isinstance(value, str) else ""
    if not text or PLACEHOLDER in text or not _is_unicode(text):
        return []
    return [text]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def options_of(cell: Any, key: Any, answers: Sequence[str]) -> tuple[tuple[str, ...], int, str]:
    """Options, the number of the right one (-1 if it is not known), and what is wrong with the cell, "" if nothing.

    :param cell: A list, or a list spelled as a string.
    :param key: The right option: its number from 0, its letter, or None.
    """
    if cell is None or cell == "" or cell == []:
        return (), -1, ""
    parsed, _ = parse_list(cell)
    found = [forms[0] if (forms := scalar_forms(one)) else "" for one in parsed]
    if len(found) == 1 and isinstance(cell, str):
        return (), -1, f"choices is no list: {cell[:60]!r}"
    if not 2 <= len(found) <= MAX_CHOICES:
        return (), -1, f"{len(found)} options, 2 to {MAX_CHOICES} are read"
    if "" in found:
        return (), -1, f"option {found.index('')} is empty or no text"
    if len(set(found)) < len(found):
        return (), -1, f"an option occurs twice: {found}"
    label = option_label(key, found, answers)
    if label is None:
        return (), -1, f"the right option is {key!r}, and there are {len(found)}"
    return tuple(found), label, ""


def option_label(key: Any, options: Sequence[str], answers: Sequence[str]) -> int | None:
    """Number of the right option; -1 if nothing says which, None if ``key`` is not among them."""
    if isinstance(key, str) and key.strip():
        position = _LETTERS.find(key.strip().upper()) if len(key.strip()) == 1 else -1
        key = position if position >= 0 else int(key) if key.strip().lstrip("-").isdecimal() else key
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if isinstance(key, int) and not isinstance(key, bool):
        if key == -1:
            return -1
        return key if 0 <= key < len(options) else None
    if key not in (None, ""):
        return None
    wanted = {normalise_answer(answer) for answer in answers}
    equal = [number for number, option in enumerate(options) if normalise_answer(option) in wanted]
    return equal[0] if len(equal) == 1 else -1
