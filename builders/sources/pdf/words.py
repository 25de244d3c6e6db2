"""Characters of a sheet as words."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nyxqa.builders.sources.pdf.geometry import Box, union
from nyxqa.builders.sources.pdf.glyphs import Glyph, accented
from nyxqa.builders.sources.pdf.scripts import FIRST_MARK, is_right_to_left

_SMALL = 0.85  # of the size of the text beside it, of a raised number
_GAP = 0.22  # of the size; letters farther apart are of different words
_SPREAD = 0.5  # of the size; letters of a spread word are closer
_SPREAD_LETTERS = 3  # beside each other
_SAME_WIDTH = 0.012  # of the size, by which the widths of a typewriter's letters differ
_FEWEST_WIDTHS = 5  # different letters and digits by which a typewriter's font is known
_SEEN = 1.0  # points; smaller letters nobody sees
_MOST_UNDERSCORES = 2_000


@dataclass(slots=True)
class Word:
    """Letters without white space between them.

    :param baseline: Where the letters are, in points from the top.
    :param size: Size of the font in points.
    :param turn: Quarter turns of the text against the sheet, clockwise; -1 if it is oblique.
    :param order: Place among the words as they are drawn.
    :param hidden: Whether it is drawn without ink, as the recognised text of scans is.
    :param pitch: Width of each letter of a typewriter's font; 0 of another font.
    """

    text: str
    box: Box
    baseline: float
    size: float
    turn: int
    order: int
    bold: bool = False
    pitch: float = 0.0
    hidden: bool = False


def words_of_glyphs(glyphs: Iterable[Glyph | None]) -> tuple[list[Word], int]:
    """Letters joined to words, and the number of those too small to be seen; what is drawn twice is read once."""
    drawn = list(glyphs)
    seen = [glyph for glyph in drawn if glyph is None or _is_seen(glyph)]
    found = list(_runs(seen))
    pitches = _pitches(found)
    words = _once([_word(run, order, pitches) for order, run in enumerate(found)])
    return _without_spread(words), len(drawn) - len(seen)


def _is_seen(glyph: Glyph) -> bool:
    height = max(glyph.box.height, glyph.box.width)
    return height >= _SEEN and not (glyph.box.width < 0.02 * glyph.size and glyph.text.isalnum())


def _runs(glyphs: Iterable[Glyph | None]) -> Iterator[list[Glyph]]:
    run: list[Glyph] = []
    before: Glyph | None = None  # the last one of the word before
    for glyph in glyphs:
        if run and (glyph is None or not _continues(run, glyph) or _is_note_number(before, run, glyph)):
            yield run
            before, run = run[-1], []
        if glyph is not None and not (run and _drawn_twice(run, glyph)):
            run.append(glyph)
    if run:
        yield run


def _continues(run: Sequence[Glyph], glyph: Glyph) -> bool:
    last = run[-1]
    if last.text >= FIRST_MARK:
        last = next((one for one in reversed(run) if not unicodedata.combining(one.text[0])), last)
    size = max(last.size, glyph.size, 1.0)
    if last.turn != glyph.turn:
        return False
    if glyph.turn % 2 == 0:
        gap = max(glyph.box.left - last.box.right, last.box.left - glyph.box.right)
        apart = max(glyph.box.top - last.box.bottom, last.box.top - glyph.box.bottom)
    else:
        gap = max(glyph.box.top - last.box.bottom, last.box.top - glyph.box.bottom)
        apart = max(glyph.box.left - last.box.right, last.box.left - glyph.box.right)
    near = 1.0 if glyph.text >= FIRST_MARK and unicodedata.combining(glyph.text[0]) else _GAP
    return gap < near * size and apart < -0.25 * min(last.size, glyph.size)


def _is_note_number(before: Glyph | None, run: list[Glyph], glyph: Glyph) -> bool:
    """Whether ``run`` is the small number of a footnote at the start of a line, whose text begins with ``glyph``."""
    if not glyph.text.isalpha() or run[-1].size > _SMALL * glyph.size or not all(one.text.isdigit() for one in run):
        return False
    return before is None or before.box.left > run[0].box.left


def _drawn_twice(run: list[Glyph], glyph: Glyph) -> bool:
    """Whether a letter is drawn over itself, which some writers do for bold type."""
    return any(
        other.text == glyph.text
        and abs(other.box.left - glyph.box.left) < 0.15 * glyph.size
        and abs(other.box.top - glyph.box.top) < 0.15 * glyph.size
        and other.box != glyph.box  # equal boxes: a ligature that was taken apart
        for other in run[-2:]
    )


def _word(run: list[Glyph], order: int, pitches: dict[int, float]) -> Word:
    run = accented(run)
    box = union(glyph.box for glyph in run)
    size = max(glyph.size for glyph in run)
    text = "".join(glyph.text for glyph in run)
    if is_right_to_left(text):
        text = "".join(glyph.text for glyph in _from_the_right(run))
    fonts = {glyph.font for glyph in run}
    pitch = pitches.get(run[0].font, 0.0) * run[0].size if len(fonts) == 1 else 0.0
    bold = all(glyph.bold for glyph in run)
    return Word(text, box, run[0].origin[1], size, run[0].turn, order, bold, pitch, run[0].hidden)


def _from_the_right(run: list[Glyph]) -> list[Glyph]:
    """The letters of a word as they are read: from the right, each with its marks; numbers in it from the left."""
    letters = [one for one in run if not unicodedata.combining(one.text[0])]
    if not letters:
        return run
    marks: dict[int, list[Glyph]] = defaultdict(list)
    for one in run:
        if unicodedata.combining(one.text[0]):
            nearest = min(range(len(letters)), key=lambda place: abs(_centre(letters[place]) - _centre(one)))
            marks[nearest].append(one)
    places = sorted(range(len(letters)), key=lambda place: -_centre(letters[place]))
    ordered: list[int] = []
    number: list[int] = []
    for place in places:
        if letters[place].text.isdigit() or (letters[place].text[0].isascii() and letters[place].text[0].isalnum()):
            number.append(place)
            continue
        ordered += [*number[::-1], place]
        number = []
    ordered += number[::-1]
    return [glyph for place in ordered for glyph in (letters[place], *marks[place])]


def _centre(glyph: Glyph) -> float:
    return glyph.box.left + glyph.box.right


def _pitches(runs: Sequence[Sequence[Glyph]]) -> dict[int, float]:
    """For each font whose letters are equally wide, their width as a share of the size."""
    widths: dict[int, dict[str, float]] = defaultdict(dict)
    for run in runs:
        for glyph in run:
            if glyph.turn == 0 and glyph.text.isascii() and glyph.text.isalnum():
                widths[glyph.font][glyph.text] = glyph.box.width / max(glyph.size, 0.1)
    return {
        font: max(own.values())
        for font, own in widths.items()
        if len(own) >= _FEWEST_WIDTHS and max(own.values()) - min(own.values()) <= _SAME_WIDTH
    }


def _once(words: Sequence[Word]) -> list[Word]:
    """Words without those that are drawn a second time over themselves."""
    seen: set[tuple[str, int, int]] = set()
    kept = []
    for word in words:
        key = word.text, round(word.box.left), round(word.box.top)
        if key not in seen:
            seen.add(key)
            kept.append(word)
    return kept


def _without_spread(words: list[Word]) -> list[Word]:
    """Words, with those joined whose letters are set apart, as in listings of programs and in titles."""
    lines: list[list[Word]] = []
    for word in words:
        if lines and _follows(lines[-1][-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    patterns = list(map(_pattern, lines))
    spread = [_is_spread(pattern) for pattern in patterns]
    if not any(spread):
        return words
    for places in (range(1, len(lines)), range(len(lines) - 2, -1, -1)):
        for place in places:
            near = spread[place - 1] if places.step > 0 else spread[place + 1]
            spread[place] |= near and bool(re.search("[a.]{2}", patterns[place]))
    return [
        word for line, is_spread in zip(lines, spread, strict=True) for word in (_joined(line) if is_spread else line)
    ]


def _follows(word: Word, later: Word) -> bool:
    upright = word.turn == later.turn == 0
    return upright and abs(later.baseline - word.baseline) < 0.2 * word.size and later.box.left > word.box.left


def _pattern(line: Sequence[Word]) -> str:
    """For each word of a line ``a`` for a letter, ``.`` for two characters, ``-`` for more; a space before a gap."""
    marks = ["a" if len(word.text) == 1 and word.text.isalpha() else ".-"[len(word.text) > 2] for word in line]
    return marks[0] + "".join(mark if near else " " + mark for mark, near in zip(marks[1:], _close(line), strict=True))


def _close(line: Sequence[Word]) -> list[bool]:
    return [later.box.left - word.box.right < _SPREAD * word.size for word, later in pairwise(line)]


def _is_spread(pattern: str) -> bool:
    runs = re.findall(rf"a{{{_SPREAD_LETTERS},}}", pattern)
    return len(runs) > 1 or any(len(run) > _SPREAD_LETTERS + 1 for run in runs)


def _joined(line: Sequence[Word]) -> list[Word]:
    """The words of a line whose letters are spread."""
    joined = [line[0]]
    for word, near in zip(line[1:], _close(line), strict=True):
        if near:
            last = joined[-1]
            last.text += word.text
            last.box, last.size = union((last.box, word.box)), max(last.size, word.size)
        else:
            joined.append(word)
    return joined


def with_underscores(words: list[Word], rules: Sequence[Box]) -> list[Word]:
    """Words, with the underscores that some writers draw as short lines between letters, such as ``file_name``.

    :param rules: Short horizontal lines.
    """
    used: set[int] = set()
    for rule in sorted(rules[:_MOST_UNDERSCORES], key=lambda rule: rule.left):
        near = [
            word
            for word in words
            if word.turn == 0
            and word.order not in used
            and -0.12 * word.size <= rule.top - word.baseline <= 0.35 * word.size
            and rule.width < 0.7 * word.size
        ]
        left = next((word for word in near if -0.06 <= (rule.left - word.box.right) / word.size <= 0.15), None)
        right = next((word for word in near if -0.06 <= (word.box.left - rule.right) / word.size <= 0.15), None)
        if left is None:
            if right is not None:
                right.text, right.box = "_" + right.text, union((rule, right.box))
            continue
        left.text += "_"
        left.box = union((left.box, Box(rule.left, left.box.top, rule.right, left.box.bottom)))
        if right is not None:
            left.text += right.text
            left.box = union((left.box, right.box))
            used.add(right.order)
    return [word for word in words if word.order not in used]
