"""Drawings of invented islands and an invented town."""

from __future__ import annotations

from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Path, pictures, regular, ring, smooth

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
