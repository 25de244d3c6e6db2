"""Text of strangers as safe HTML: escaped, invisible characters shown, pictures as numbers, answers marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup, escape

from nyxqa.builders.report.visible import visible as shown
from nyxqa.schemas.content import PLACEHOLDER

SNIPPET = 600  # characters of a document that are shown at first
_CODE = re.compile("\u27e8(U\\+[0-9A-F]{4,6})\u27e9")
_COMPARED = 8_000  # characters of two texts whose words are compared
_WORD = 30  # characters that a cut moves on to end a word
_ANSWERS = 20  # forms that are marked
_PART = tuple[str, str]  # what it is (text, mark, image), and its text


def visible(text: object) -> Markup:
    """``text`` escaped, with each control and bidirectional character shown by its code."""
    escaped = str(escape(plain(text)))
    return Markup(_CODE.sub(r'<span class="ctl">\1</span>', escaped))  # noqa: S704 - escaped above


def plain(text: object) -> str:
    """``text`` for an attribute, with such characters as their codes; not escaped."""
    return shown("" if text is None else str(text))


def content(text: str, answers: Sequence[str] = (), limit: int | None = None) -> Markup:
    """A content as HTML: pictures as numbered chips, answers marked.

    :param limit: Most characters, around the first answer; all of them if not given.
    """
    parts = list(_parts(text, answer_pattern(answers)))
    if limit is not None:
        parts = _window(parts, limit)
    return Markup("").join(_html(kind, value) for kind, value in parts)


def holds_answer(text: str, answers: Sequence[str]) -> int:
    """How often an accepted answer occurs in ``text`` as whole words."""
    pattern = answer_pattern(answers)
    return 0 if pattern is None else len(pattern.findall(text))


def answer_pattern(answers: Iterable[str]) -> re.Pattern[str] | None:
    """Matches any of the answers as whole words, whatever their case; None without one."""
    forms = sorted({one.strip() for one in answers if one.strip()}, key=lambda one: (-len(one), one))[:_ANSWERS]
    joined = "|".join(r"\s+".join(map(re.escape, form.split())) for form in forms)
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE) if joined else None


def _parts(text: str, answers: re.Pattern[str] | None) -> Iterator[_PART]:
    for number, piece in enumerate(text.split(PLACEHOLDER)):
        if number:
            yield "image", str(number)
        at = 0
        for found in answers.finditer(piece) if answers is not None else ():
            yield "text", piece[at : found.start()]
            yield "mark", found[0]
            at = found.end()
        yield "text", piece[at:]


def _window(parts: Sequence[_PART], limit: int) -> list[_PART]:
    """The parts within about ``limit`` characters around the first mark, cut between words."""
    total = sum(len(value) for kind, value in parts if kind != "image")
    if total <= limit:
        return list(parts)
    first, before = 0, 0
    for kind, value in parts:
        if kind == "mark":
            first = before
            break
        before += len(value) if kind != "image" else 0
    joined = "".join(value for kind, value in parts if kind != "image")
    start = _between_words(joined, max(0, min(first - limit // 3, total - limit)))
    end = _between_words(joined, start + limit)
    kept: list[_PART] = [("text", "… ")] if start else []
    at = 0
    for kind, value in parts:
        if kind == "image":
            kept += [(kind, value)] if start <= at <= end else []
            continue
        kept.append((kind, value[max(0, start - at) : max(0, end - at)]))
        at += len(value)
    return [*kept, ("text", " …")] if end < total else kept


def _between_words(text: str, place: int) -> int:
    """The next place from ``place`` on where a word begins; ``place`` itself where that is far."""
    if place <= 0 or place >= len(text):
        return min(max(place, 0), len(text))
    space = text.find(" ", place, place + _WORD)
    return place if space < 0 else space + 1


def _html(kind: str, value: str) -> Markup:
    if kind == "image":
        return Markup('<b class="im">{}</b>').format(value)
    shown = visible(value)
    return Markup("<mark>{}</mark>").format(shown) if kind == "mark" else shown


def word_differences(first: str, second: str) -> tuple[Markup, Markup]:
    """Two texts with the words marked in which they differ."""
    import difflib

    sides = [re.findall(r"\s+|[^\s]+", one.replace(PLACEHOLDER, " ▣ ")[:_COMPARED]) for one in (first, second)]
    matcher = difflib.SequenceMatcher(None, sides[0], sides[1], autojunk=False)
    shown: tuple[list[Markup], list[Markup]] = ([], [])
    for tag, a, b, c, d in matcher.get_opcodes():
        for side, words in zip(shown, (sides[0][a:b], sides[1][c:d]), strict=True):
            text = visible("".join(words))
            side.append(text if tag == "equal" or not text.strip() else Markup("<del>{}</del>").format(text))
    return Markup("").join(shown[0]), Markup("").join(shown[1])
