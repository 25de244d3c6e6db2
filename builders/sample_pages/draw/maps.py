"""Drawings of invented islands and a town, latitude circles, meridians, river deltas and contour lines."""

from __future__ import annotations

import math
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Path, Point, pictures, regular, ring, smooth

SEA, LAND, SAND, SHORE = "#8fc9ea", "#a8d08d", "#f1dca7", "#5d7a48"
RED, BLUE, BROWN = "#d63031", "#1f6fd0", "#8d5a2b"
MARROWICK: Path = ((60, 60), (120, 25), (190, 40), (250, 90), (235, 140), (180, 150), (140, 195), (80, 180), (45, 120))


def _island(b: Board, outline: Path, land: str = LAND) -> None:
    b.poly(smooth(outline, closed=True), land, SHORE, 2)


def _town(b: Board, x: float, y: float, name: str, colour: str = RED) -> None:
    b.circle(x, y, 5, colour, "#202428", 1)
    b.text(x, y + 13, name, 12)


def marrowick() -> Board:
    """Draw Marrowick with its three towns."""
    b = Board(300, 220, SEA)
    _island(b, MARROWICK)
    for x, y, name in ((125, 50, "Pellgate"), (215, 110, "Sorrel Bay"), (110, 160, "Dunmarrow")):
        _town(b, x, y, name)
    b.arrow((280, 45), (280, 15), "#202428", 2)
    b.text(280, 55, "N", 14)
    return b


def marrowick_relief() -> Board:
    """Draw the mountain and the lake of Marrowick."""
    b = Board(300, 220, SEA)
    _island(b, MARROWICK)
    b.poly([(75, 135), (115, 55), (155, 135)], BROWN, "#4e3115")
    b.poly([(102, 81), (115, 55), (128, 81), (115, 74)], "white")
    b.oval(198, 105, 28, 16, BLUE, "#174d8f", 1)
    b.text(115, 148, "Hask 640 m", 12)
    b.text(198, 130, "Lake Ine", 12)
    return b


def marrowick_roads() -> Board:
    """Draw the ring road and the railway of Marrowick."""
    b = Board(300, 220, SEA)
    _island(b, MARROWICK)
    b.line(smooth([(125, 50), (205, 65), (215, 110), (150, 140), (110, 165), (75, 110), (125, 50)]), RED, 4)
    b.line([(125, 50), (110, 165)], "#202428", 4)
    for i in range(1, 12):
        x, y = 125 - 15 * i / 12, 50 + 115 * i / 12
        b.line([(x - 6, y), (x + 6, y)], "#202428", 2)
    for x, y in ((125, 50), (215, 110), (110, 165)):
        b.circle(x, y, 7, "white", "#202428", 2)
    return b


def tessaly() -> Board:
    """Draw the town of Tessaly Bridge with a river and two bridges."""
    b = Board(300, 210, "#efe6d5")
    for x in range(20, 290, 45):
        for y in (15, 52, 135, 172):
            b.rect(x, y, x + 33, y + 26, "#c9a27e", "#8a6a4c", 1)
    b.line(smooth([(-5, 100), (80, 112), (160, 100), (305, 110)]), SEA, 28)
    b.rect(54, 86, 62, 132, "#7f8c8d", "#202428", 1)
    b.rect(189, 82, 197, 126, RED, "#202428", 1)
    b.text(125, 106, "River Ammer", 13, "#174d8f")
    return b


def tessaly_square() -> Board:
    """Draw the octagonal market square with a round fountain."""
    b = Board(240, 220, "#c9a27e")
    b.poly(regular(120, 110, 90, 8, -67.5), "#f3e9d2", "#6d4c33", 4)
    b.circle(120, 110, 26, SEA, "#174d8f", 4)
    b.circle(120, 110, 6, "white", "#174d8f", 2)
    for x, y in ((70, 70), (170, 70), (70, 150), (170, 150)):
        b.circle(x, y, 10, "#2e8b57")
    return b


def isle(kind: str) -> Board:
    """Draw one of the four Orrin Isles."""
    b = Board(240, 180, SEA)
    if kind == "Lunet":
        b.poly([*ring(130, 80, 74, 68, 60, 300), *ring(150, 80, 54, 48, 285, 75)], LAND, SHORE)
    elif kind == "Annel":
        b.circle(120, 85, 65, SAND, "#b08d3c")
        b.circle(120, 85, 42, "#45d0d0", "#b08d3c")
    elif kind == "Tarrow":
        b.poly([(120, 15), (205, 145), (35, 145)], "#6d6d6d", "#2d2d2d")
        b.circle(120, 102, 13, RED)
    else:
        b.poly(ring(120, 85, 108, 15), "#2e8b57", "#1b5e3a")
    b.text(120, 168, kind, 15)
    return b


DRAWINGS = pictures(
    {
        "marrowick_island.jpg": marrowick,
        "marrowick_relief.png": marrowick_relief,
        "marrowick_roads.png": marrowick_roads,
        "tessaly_bridge.png": tessaly,
        "tessaly_square.jpg": tessaly_square,
        "isle_lunet.png": partial(isle, "Lunet"),
        "isle_annel.jpg": partial(isle, "Annel"),
        "isle_tarrow.png": partial(isle, "Tarrow"),
        "isle_quill.png": partial(isle, "Quill"),
    }
)


GEOGRAPHY_SEA, GEOGRAPHY_LAND, GEOGRAPHY_SAND = "#8fc9ea", "#a8d08d", "#f1dca7"
GEOGRAPHY_RED, GEOGRAPHY_BLUE, GEOGRAPHY_BROWN = "#d63031", "#1f6fd0", "#8d5a2b"


def globe(meridians: bool) -> Board:
    """Draw a globe with its circles of latitude or its meridians."""
    b = Board(240, 220)
    b.circle(120, 105, 90, "#cfe8f7", "#174d8f", 2)
    if meridians:
        for rx in (88, 55, 20):
            b.oval(120, 105, rx, 90, None, "#7d3c98", 2)
        return b
    for degrees, colour in (
        (66.6, GEOGRAPHY_BLUE),
        (23.4, "#f39c12"),
        (0, GEOGRAPHY_RED),
        (-23.4, "#f39c12"),
        (-66.6, GEOGRAPHY_BLUE),
    ):
        y, half = 105 - 90 * math.sin(math.radians(degrees)), 90 * math.cos(math.radians(degrees))
        b.line([(120 - half, y), (120 + half, y)], colour, 4)
    return b


def delta(kind: str) -> Board:
    """Draw a river delta seen from above."""
    b = Board(260, 190, GEOGRAPHY_LAND)
    b.rect(0, 95, 260, 190, GEOGRAPHY_SEA)
    mouths: list[Point]
    if kind == "arcuate":
        b.poly(ring(130, 85, 105, 75, 0, 180), GEOGRAPHY_SAND)
        mouths = ring(130, 85, 100, 71, 20, 160, 4)
    elif kind == "bird":
        mouths = [(45, 130), (85, 165), (135, 180), (190, 160), (225, 125)]
        for mouth in mouths:
            b.line([(130, 95), mouth], GEOGRAPHY_SAND, 22)
    else:
        left = smooth([(20, 95), (85, 105), (115, 130), (130, 165)])
        b.poly([*left, *[(260 - x, y) for x, y in reversed(left)]], GEOGRAPHY_SAND)
        mouths = [(130, 166)]
    b.line([(130, 0), (130, 70)], GEOGRAPHY_BLUE, 8)
    for mouth in mouths:
        b.line([(130, 66), (130, 85), mouth], GEOGRAPHY_BLUE, 5)
    return b


def contours() -> Board:
    """Draw four nested contour lines around a summit."""
    b = Board(280, 200, "#eef5e0")
    for i, height in enumerate((100, 200, 300, 400)):
        b.oval(150 - i * 8, 100, 115 - i * 28, 88 - i * 22, None, GEOGRAPHY_BROWN, 2)
        b.rect(253 - i * 36, 94, 277 - i * 36, 107, "#eef5e0")
        b.text(265 - i * 36, 100, str(height), 12, GEOGRAPHY_BROWN)
    b.poly([(122, 92), (129, 106), (115, 106)], GEOGRAPHY_RED)
    return b


DRAWINGS |= pictures(
    {
        "latitude_circles.png": partial(globe, False),
        "meridians.png": partial(globe, True),
        "delta_arcuate.jpg": partial(delta, "arcuate"),
        "delta_bird_foot.jpg": partial(delta, "bird"),
        "delta_cuspate.png": partial(delta, "cuspate"),
        "contour_hill.png": contours,
    }
)
