"""Drawings of knots with ropes that pass over and under each other."""

from __future__ import annotations

import math
from collections.abc import Iterable

from nyxqa.builders.sample_pages.draw.canvas import Board, Path, Point, pictures, smooth

ROPE, BLUE = ("#e0a84e", "#6b4423"), ("#4a90d9", "#143d6b")
RED = ("#e4572e", "#6d1f0b")


def _strand(b: Board, points: Path, colours: tuple[str, str]) -> None:
    _thick(b, points, colours[1], 7.5)
    _thick(b, points, colours[0], 5)


def _thick(b: Board, points: Path, colour: str, radius: float) -> None:
    for x, y in points:
        b.circle(x, y, radius, colour)


def _over(b: Board, points: Path, at: int, colours: tuple[str, str], reach: int = 9) -> None:
    piece = points[max(0, at - reach) : at + reach + 1]
    _thick(b, piece[3:-3], colours[1], 7.5)
    _thick(b, piece, colours[0], 5)


def _cross(p: Point, q: Point, r: Point, s: Point) -> bool:
    def side(a: Point, b: Point, c: Point) -> bool:
        return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])

    return side(p, q, r) != side(p, q, s) and side(r, s, p) != side(r, s, q)


def _meetings(a: Path, b: Path) -> list[tuple[int, int]]:
    same = a is b
    return [
        (i, j)
        for i in range(len(a) - 1)
        for j in range(i + 2 if same else 0, len(b) - 1)
        if _cross(a[i], a[i + 1], b[j], b[j + 1])
    ]


def single(points: Path) -> Board:
    """Draw one rope whose crossings go alternately over and under."""
    b = Board(290, 190)
    curve = smooth(points, steps=20)
    passes: Iterable[int] = sorted(i for pair in _meetings(curve, curve) for i in pair)
    _strand(b, curve, ROPE)
    for at in list(passes)[::2]:
        _over(b, curve, at, ROPE)
    return b


def overhand() -> Board:
    """Draw an overhand knot."""
    turns = [math.pi + 0.5 + i * (math.tau - 1) / 24 for i in range(25)]
    knot = [
        (145 + 26 * (math.sin(t) + 2 * math.sin(2 * t)), 88 - 26 * (math.cos(t) - 2 * math.cos(2 * t))) for t in turns
    ]
    return single([(280, 165), (230, 163), *knot, (60, 163), (10, 165)])


def figure_eight() -> Board:
    """Draw a figure-eight knot."""
    return single(
        [
            (10, 95),
            (60, 95),
            (120, 75),
            (170, 120),
            (220, 125),
            (235, 90),
            (205, 60),
            (160, 80),
            (120, 125),
            (75, 130),
            (55, 95),
            (75, 55),
            (130, 60),
            (180, 95),
            (235, 97),
            (280, 97),
        ]
    )


def reef() -> Board:
    """Draw a reef knot of a red and a blue rope."""
    b = Board(300, 180)
    red = smooth(
        [
            (10, 72),
            (60, 72),
            (110, 78),
            (150, 55),
            (190, 60),
            (202, 90),
            (190, 120),
            (150, 125),
            (110, 102),
            (60, 108),
            (10, 108),
        ],
        steps=20,
    )
    blue = [(300 - x, y) for x, y in red]
    _strand(b, red, RED)
    _strand(b, blue, BLUE)
    for index, (at, _) in enumerate(sorted(_meetings(red, blue))):
        if index in (0, 2, 3, 5):
            _over(b, red, at, RED)
    return b


DRAWINGS = pictures({"knot_overhand.jpg": overhand, "knot_figure_eight.png": figure_eight, "knot_reef.png": reef})
