"""Drawings of latitude circles, meridians, river deltas and contour lines."""

from __future__ import annotations

import math
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Point, pictures, ring, smooth

SEA, LAND, SAND = "#8fc9ea", "#a8d08d", "#f1dca7"
RED, BLUE, BROWN = "#d63031", "#1f6fd0", "#8d5a2b"


def globe(meridians: bool) -> Board:
    """Draw a globe with its circles of latitude or its meridians."""
    b = Board(240, 220)
    b.circle(120, 105, 90, "#cfe8f7", "#174d8f", 2)
    if meridians:
        for rx in (88, 55, 20):
            b.oval(120, 105, rx, 90, None, "#7d3c98", 2)
        return b
    for degrees, colour in ((66.6, BLUE), (23.4, "#f39c12"), (0, RED), (-23.4, "#f39c12"), (-66.6, BLUE)):
        y, half = 105 - 90 * math.sin(math.radians(degrees)), 90 * math.cos(math.radians(degrees))
        b.line([(120 - half, y), (120 + half, y)], colour, 4)
    return b


def delta(kind: str) -> Board:
    """Draw a river delta seen from above."""
    b = Board(260, 190, LAND)
    b.rect(0, 95, 260, 190, SEA)
    mouths: list[Point]
    if kind == "arcuate":
        b.poly(ring(130, 85, 105, 75, 0, 180), SAND)
        mouths = ring(130, 85, 100, 71, 20, 160, 4)
    elif kind == "bird":
        mouths = [(45, 130), (85, 165), (135, 180), (190, 160), (225, 125)]
        for mouth in mouths:
            b.line([(130, 95), mouth], SAND, 22)
    else:
        left = smooth([(20, 95), (85, 105), (115, 130), (130, 165)])
        b.poly([*left, *[(260 - x, y) for x, y in reversed(left)]], SAND)
        mouths = [(130, 166)]
    b.line([(130, 0), (130, 70)], BLUE, 8)
    for mouth in mouths:
        b.line([(130, 66), (130, 85), mouth], BLUE, 5)
    return b


def contours() -> Board:
    """Draw four nested contour lines around a summit."""
    b = Board(280, 200, "#eef5e0")
    for i, height in enumerate((100, 200, 300, 400)):
        b.oval(150 - i * 8, 100, 115 - i * 28, 88 - i * 22, None, BROWN, 2)
        b.rect(253 - i * 36, 94, 277 - i * 36, 107, "#eef5e0")
        b.text(265 - i * 36, 100, str(height), 12, BROWN)
    b.poly([(122, 92), (129, 106), (115, 106)], RED)
    return b


DRAWINGS = pictures(
    {
        "latitude_circles.png": partial(globe, False),
        "meridians.png": partial(globe, True),
        "delta_arcuate.jpg": partial(delta, "arcuate"),
        "delta_bird_foot.jpg": partial(delta, "bird"),
        "delta_cuspate.png": partial(delta, "cuspate"),
        "contour_hill.png": contours,
    }
)
