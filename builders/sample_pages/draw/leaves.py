"""Drawings of leaf shapes and leaf margins."""

from __future__ import annotations

import math
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Path, Point, pictures, shift, smooth

GREEN, DARK = "#4caf50", "#1b5e20"
HALVES: dict[str, Path] = {
    "linear": ((0, -85), (7, -60), (9, 0), (8, 50), (0, 75)),
    "lanceolate": ((0, -85), (12, -50), (24, 0), (23, 35), (12, 62), (0, 72)),
    "ovate": ((0, -80), (18, -55), (42, -5), (50, 35), (35, 65), (0, 75)),
    "cordate": ((0, -80), (25, -50), (58, -5), (65, 35), (45, 68), (15, 66), (0, 45)),
    "reniform": ((0, -48), (45, -45), (85, -5), (88, 40), (60, 62), (22, 48), (0, 25)),
}


def _whole(half: Path) -> list[Point]:
    right = smooth(half)
    return [*right, *[(-x, y) for x, y in reversed(right)]]


def _veins(b: Board, x: float, y: float, top: float, low: float) -> None:
    b.line([(x, y + top), (x, y + low)], DARK, 3)


def leaf(kind: str) -> Board:
    """Draw a simple leaf of a named outline."""
    b = Board(224, 200, "#fbf8ec")
    half = HALVES[kind]
    b.poly(shift(_whole(half), 112, 92), GREEN, DARK, 2)
    _veins(b, 112, 92, half[0][1] + 8, 98)
    if kind not in ("linear", "reniform"):
        for i in (-30, -5, 20):
            for s in (-1, 1):
                b.line([(112, 92 + i + 15), (112 + s * 17, 92 + i)], DARK, 1.5)
    return b


def palmate() -> Board:
    """Draw a leaf with five pointed lobes."""
    b = Board(240, 200, "#fbf8ec")
    points: list[Point] = []
    for i, angle in enumerate(range(-210, 31, 30)):
        r = 40 if i % 2 else (88 if 2 <= i <= 6 else 70)
        points.append((120 + r * math.cos(math.radians(angle)), 110 + r * math.sin(math.radians(angle))))
    b.poly([*points, (120, 122)], "#d9822b", "#7a3e0a", 2)
    for tip in points[::2]:
        b.line([(120, 122), (120 + (tip[0] - 120) * 0.85, 122 + (tip[1] - 122) * 0.85)], "#7a3e0a", 2)
    b.line([(120, 122), (120, 195)], "#7a3e0a", 4)
    return b


def _edge(kind: str, t: float, steps: int, i: int) -> float:
    if kind == "serrate":
        return 1 + 0.2 * ((3 - i % 4) / 4)
    if kind == "lobed":
        return 0.85 + 0.3 * math.cos(t * 9)
    return 1.0


def margin(kind: str) -> Board:
    """Draw a broad leaf with an entire, serrate or lobed margin."""
    b = Board(240, 200, "#f4f7ee")
    steps = 160 if kind != "serrate" else 96
    points: list[Point] = []
    for i in range(steps):
        t = math.tau * i / steps
        point = math.tau - t if t > math.pi else t
        grow = _edge(kind, point, steps, i if t <= math.pi else steps - i)
        points.append((120 + 55 * math.sin(t) * grow, 95 - 80 * math.cos(t) * (1 if kind != "lobed" else 0.98)))
    b.poly(points, "#7cb342", "#33691e", 2)
    b.line([(120, 25), (120, 196)], "#33691e", 3)
    return b


DRAWINGS = pictures(
    {
        "leaf_linear.png": partial(leaf, "linear"),
        "leaf_lanceolate.png": partial(leaf, "lanceolate"),
        "leaf_ovate.jpg": partial(leaf, "ovate"),
        "leaf_cordate.png": partial(leaf, "cordate"),
        "leaf_reniform.png": partial(leaf, "reniform"),
        "leaf_palmate.png": palmate,
        "margin_entire.png": partial(margin, "entire"),
        "margin_serrate.png": partial(margin, "serrate"),
        "margin_lobed.jpg": partial(margin, "lobed"),
    }
)
