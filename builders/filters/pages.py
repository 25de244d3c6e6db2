"""Filters of pages: copies, short pages, and languages that a recipe does not name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from nyxqa.builders.filters.base import Rejection, Verdicts
from nyxqa.builders.filters.language import Detected, matches
from nyxqa.schemas.words import word_count

# What the filters read of a page. ``row`` is its row in its shard; ``language`` is what the page states; ``found`` is
# what was detected where it states none, null with too little text.
PAGE_TEXTS = pa.schema(
    [
        ("row", pa.int64()),
        ("texts", pa.list_(pa.string())),
        ("language", pa.string()),
        ("found", pa.struct([("tag", pa.string()), ("best", pa.string()), ("score", pa.float64())])),
    ]
)


class CopyFilter:
    """Drops a page whose content an earlier page has.

    :param first: Id of that page, by the row of the copy in its shard.
    """

    def __init__(self, first: Mapping[int, str]) -> None:
        self._first = first

    def __call__(self, rows: pa.Table) -> Verdicts:
        """One verdict for each of ``rows``, of PAGE_TEXTS."""
        first = [self._first.get(row) for row in rows["row"].to_pylist()]
        return [None if page is None else Rejection("same_page_content", f"equal to page {page}") for page in first]


class LengthFilter:
    """Drops pages of fewer than ``min_words`` words."""

    def __init__(self, min_words: int) -> None:
        self._min_words = min_words

    def __call__(self, rows: pa.Table) -> Verdicts:
        """One verdict for each of ``rows``, of PAGE_TEXTS."""
        rejection = Rejection("too_short", f"fewer than {self._min_words} words")
        return [None if self._is_enough(texts) else rejection for texts in rows["texts"].to_pylist()]

    def _is_enough(self, texts: Sequence[str]) -> bool:
        count = 0
        for text in texts:
            count += word_count(text, self._min_words - count) if count < self._min_words else 0
        return count >= self._min_words


class LanguageFilter:
    """Drops pages whose language is not one of ``languages``, or cannot be detected.

    :param languages: BCP-47 tags; a page in ``en-GB`` is one in ``en``.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = languages

    def __call__(self, rows: pa.Table) -> Verdicts:
        """One verdict for each of ``rows``, of PAGE_TEXTS."""
        return list(map(self._verdict, rows["language"].to_pylist(), rows["found"].to_pylist()))

    def _verdict(self, stated: str | None, found: Mapping[str, Any] | None) -> Rejection | None:
        tag = stated if found is None else found["tag"]
        if tag is not None and matches(tag, self._languages):
            return None
        if stated is not None:
            return Rejection("language", f"{stated}, as the page says")
        detail = f"{found['best']}, score {found['score']}" if found else "too little text to tell"
        return Rejection("language", detail)


def page_texts(rows: Sequence[int], texts: Sequence[Sequence[str]], languages: Sequence[str | None]) -> pa.Table:
    """Rows of PAGE_TEXTS, with nothing detected."""
    columns = [rows, texts, languages, [None] * len(rows)]
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, PAGE_TEXTS, strict=True)], PAGE_TEXTS
    )


def with_languages(pages: pa.Table, found: Sequence[Detected | None]) -> pa.Table:
    """Rows of PAGE_TEXTS with what was detected."""
    values = [None if one is None else {"tag": one.tag, "best": one.best, "score": one.score} for one in found]
    place = PAGE_TEXTS.get_field_index("found")
    return pages.set_column(place, PAGE_TEXTS.field(place), pa.array(values, PAGE_TEXTS.field(place).type))
