"""Text of strangers as safe HTML: escaped, invisible characters shown, pictures as numbers, answers marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup, escape

from nyxqa.schemas.content import PLACEHOLDER

SNIPPET = 600  # characters of a document that are shown at first
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e007f]"
)
_COMPARED = 8_000  # characters of two texts whose words are compared
_ANSWERS = 20  # forms that are marked
_PART = tuple[str, str]  # what it is (text, mark, image), and its text


def visible(text: object) -> Markup:
    """``text`` escaped, with each control and bidirectional character shown by its code."""
    escaped = str(escape("" if text is None else str(text)))
    return Markup(_HIDDEN.sub(lambda found: f'<span class="ctl">{code(found[0])}</span>', escaped))  # noqa: S704


def plain(text: object) -> str:
    """``text`` for an attribute, with such characters as their codes; not escaped."""
    return _HIDDEN.sub(lambda found: f"[{code(found[0])}]", "" if text is None else str(text))


def code(character: str) -> str:
    """The code of a character, as ``U+202E``."""
    return f"U+{ord(character):04X}"


def content(text: str, answers: Sequence[str] = (), limit: int | None = None) -> Markup:
    """A content as HTML: pictures as numbered chips, answers marked.

    :param limit: Most characters, around the first answer; all of them if not given.
    """
    parts = list(_parts(text, answer_pattern(answers)))
    if limit is not None:
        parts = _window(parts, limit)
    return Markup("").join(_html(kind, value) for kind, value in parts)


def holds_answer(text: str, answers: Sequence[str]) -> int:
    """How often an accepted answer stands in ``text`` as whole words."""
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
    """The parts within ``limit`` characters around the first mark; all pictures stay."""
    total = sum(len(value) for kind, value in parts if kind != "image")
    if total <= limit:
        return list(parts)
    first, before = 0, 0
    for kind, value in parts:
        if kind == "mark":
            first = before
            break
        before += len(value) if kind != "image" else 0
    start = max(0, min(first - limit // 3, total - limit))
    kept: list[_PART] = [("text", "… ")] if start else []
    at = 0
    for kind, value in parts:
        if kind == "image":
            kept.append((kind, value))
            continue
        kept.append((kind, value[max(0, start - at) : max(0, start + limit - at)]))
        at += len(value)
    return [*kept, ("text", " …")] if start + limit < total else kept


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
