"""Drawings of notes, clefs, accidentals, a keyboard and chord diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, pictures, ring, shift, smooth

INK, RED = "#101418", "#d63031"


TREBLE = (
    (-4, 125),
    (12, 116),
    (6, 102),
    (-14, 104),
    (-22, 122),
    (-8, 140),
    (16, 138),
    (30, 120),
    (20, 98),
    (-2, 92),
    (-28, 106),
    (-34, 80),
    (-10, 62),
    (14, 42),
    (14, 20),
    (2, 18),
    (-4, 40),
    (4, 100),
    (12, 165),
    (0, 180),
    (-14, 172),
)


def _staff(b: Board, y: float = 60, gap: float = 20) -> None:
    for i in range(5):
        b.line([(10, y + i * gap), (b.width - 10, y + i * gap)], "#6b7280", 1.5)


def _head(b: Board, x: float, y: float, hollow: bool, scale: float = 1) -> None:
    tilted = shift([(px - 0.35 * py, py - 0.25 * px) for px, py in ring(0, 0, 22, 14)], x, y, scale)
    b.poly(tilted, INK)
    if hollow:
        b.poly(shift([(px - 0.3 * py, py - 0.35 * px) for px, py in ring(0, 0, 15, 7)], x, y, scale), "white")


def note(stem: bool, hollow: bool, flags: int) -> Board:
    """Draw one large note."""
    b = Board(224, 180, "white")
    x, y = 100, 140
    if not stem:
        y = 95
    if stem:
        b.line([(x + 21, y - 5), (x + 21, 28)], INK, 5)
    for i in range(flags):
        top = 28 + i * 28
        b.poly(
            smooth([(x + 20, top), (x + 32, top + 22), (x + 50, top + 38), (x + 46, top + 62)])
            + smooth([(x + 43, top + 62), (x + 42, top + 44), (x + 20, top + 24)]),
            INK,
        )
    _head(b, x, y, hollow)
    return b


def clef(kind: str) -> Board:
    """Draw a treble, bass or alto clef on a staff."""
    b = Board(240, 200, "white")
    _staff(b)
    x = 90
    if kind == "treble":
        b.line(smooth(shift(TREBLE, x, 0)), INK, 6)
        b.circle(x - 12, 170, 8, INK)
    elif kind == "bass":
        b.circle(x - 25, 80, 10, INK)
        b.line(smooth([(x - 32, 76), (x - 20, 62), (x + 8, 60), (x + 24, 82), (x + 10, 112), (x - 35, 142)]), INK, 7)
        for y in (70, 90):
            b.circle(x + 42, y, 6, RED)
    else:
        b.rect(x - 40, 60, x - 28, 140, INK)
        b.line([(x - 20, 60), (x - 20, 140)], INK, 3)
        for s in (-1, 1):
            b.line(
                smooth(
                    [
                        (x - 18, 100),
                        (x - 4, 100 + s * 14),
                        (x + 16, 100 + s * 10),
                        (x + 24, 100 + s * 26),
                        (x + 8, 100 + s * 40),
                        (x - 8, 100 + s * 34),
                    ]
                ),
                INK,
                7,
            )
        b.line([(130, 100), (228, 100)], RED, 3)
    return b


def three_four() -> Board:
    """Draw a measure of three quarter notes in three-four time."""
    b = Board(300, 180, "white")
    _staff(b, 50)
    b.text(40, 70, "3", 44, RED)
    b.text(40, 110, "4", 44, RED)
    for x in (110, 170, 230):
        b.line([(x + 11, 98), (x + 11, 40)], INK, 3)
        _head(b, x, 100, False, 0.55)
    b.line([(275, 50), (275, 130)], INK, 3)
    return b


def keyboard(marked: str) -> Board:
    """Draw one octave of keys with some keys coloured."""
    b = Board(260, 180, "#5b3a29")
    for i in range(7):
        x = 18 + i * 32
        b.rect(x, 15, x + 32, 165, "#ff8a80" if marked == "C" and i == 0 else "white", INK, 2)
    for i in (0, 1, 3, 4, 5):
        b.rect(40 + i * 32, 15, 60 + i * 32, 105, BLACK_KEYS[marked], INK, 2)
    if marked == "C":
        b.text(34, 140, "C", 20)
    return b


BLACK_KEYS = {"C": INK, "black": "#2e6fdb"}


def chord(name: str, frets: Sequence[int]) -> Board:
    """Draw a guitar chord grid, with -1 for a muted string and 0 for an open one."""
    b = Board(224, 230)
    b.text(112, 18, name, 22)
    b.line([(46, 60), (178, 60)], INK, 7)
    for i in range(1, 5):
        b.line([(47, 60 + i * 38), (177, 60 + i * 38)], INK, 2)
    for i, fret in enumerate(frets):
        x = 47 + i * 26
        b.line([(x, 60), (x, 212)], INK, 2)
        if fret > 0:
            b.circle(x, 41 + fret * 38, 11, "#1f6fd0")
        elif fret == 0:
            b.circle(x, 46, 6, None, INK, 2)
        else:
            b.text(x, 46, "x", 18, RED)
    return b


def accidental(kind: str) -> Board:
    """Draw a sharp, flat or natural sign before a note on a staff."""
    b = Board(240, 190, "white")
    _staff(b, 55)
    x, y = 80, 95
    _head(b, 165, y, False, 0.7)
    b.line([(180, y - 4), (180, 25)], INK, 4)
    if kind == "flat":
        b.line([(x - 12, y - 60), (x - 12, y + 28)], RED, 5)
        b.line(smooth([(x - 12, y - 8), (x + 6, y - 18), (x + 16, y - 4), (x - 12, y + 27)]), RED, 6)
        return b
    ends = ((-42, 42), (-42, 42)) if kind == "sharp" else ((-45, 24), (-24, 45))
    for dx, (top, low) in zip((-11, 11), ends, strict=True):
        b.line([(x + dx, y + top), (x + dx, y + low)], RED, 5)
    reach = 24 if kind == "sharp" else 12
    for dy in (-16, 16):
        b.line([(x - reach, y + dy + 6), (x + reach, y + dy - 6)], RED, 8)
    return b


DRAWINGS = pictures(
    {
        "note_whole.png": partial(note, False, True, 0),
        "note_half.png": partial(note, True, True, 0),
        "note_quarter.png": partial(note, True, False, 0),
        "note_eighth.png": partial(note, True, False, 1),
        "note_sixteenth.jpg": partial(note, True, False, 2),
        **{f"clef_{kind}.png": partial(clef, kind) for kind in ("treble", "bass", "alto")},
        "time_three_four.png": three_four,
        "piano_c.png": partial(keyboard, "C"),
        "piano_black.jpg": partial(keyboard, "black"),
        "chord_e_minor.png": partial(chord, "Em", (0, 2, 2, 0, 0, 0)),
        "chord_g.png": partial(chord, "G", (3, 2, 0, 0, 0, 3)),
        "chord_c.png": partial(chord, "C", (-1, 3, 2, 0, 1, 0)),
        "chord_d.png": partial(chord, "D", (-1, -1, 0, 2, 3, 2)),
        **{f"sign_{kind}.png": partial(accidental, kind) for kind in ("sharp", "flat", "natural")},
    }
)
