"""Drawings of levers, pulleys, gears and an inclined plane."""

from __future__ import annotations

import math
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Point, pictures

RED, BLUE, WOOD, GREY = "#d63031", "#1f6fd0", "#c68642", "#7f8c8d"


def _box(b: Board, x: float, bottom: float, size: float = 34) -> None:
    b.rect(x - size / 2, bottom - size, x + size / 2, bottom, BLUE, "#12406f")


def lever(fulcrum: float, load: float, effort: float, effort_up: bool) -> Board:
    """Draw a lever with a triangular fulcrum, a load and an effort arrow."""
    b = Board(300, 180)
    b.rect(20, 108, 280, 118, WOOD, "#6b4423", 1)
    b.poly([(fulcrum, 119), (fulcrum - 20, 155), (fulcrum + 20, 155)], GREY, "#34495e")
    _box(b, load, 107)
    if effort_up:
        b.arrow((effort, 104), (effort, 45), RED, 5, 16)
    else:
        b.arrow((effort, 45), (effort, 104), RED, 5, 16)
    b.text(effort, 32, "effort", 14, RED)
    b.text(load, 58, "load", 14, BLUE)
    return b


def _wheel(b: Board, x: float, y: float, r: float = 22) -> None:
    b.circle(x, y, r, "#f5c542", "#7a5c00", 3)
    b.circle(x, y, 4, "#7a5c00")


def _ceiling(b: Board) -> None:
    b.rect(30, 6, 210, 16, GREY)


def fixed_pulley() -> Board:
    """Draw one pulley hung from a beam."""
    b = Board(240, 230)
    _ceiling(b)
    b.line([(120, 16), (120, 60)], "#34495e", 4)
    b.line([(98, 60), (98, 160)], "#6b4423", 3)
    b.arrow((142, 60), (142, 170), RED, 4, 14)
    _wheel(b, 120, 60)
    _box(b, 98, 200, 40)
    return b


def movable_pulley() -> Board:
    """Draw one pulley that rides on the rope with the load."""
    b = Board(240, 230)
    _ceiling(b)
    b.line([(98, 16), (98, 110)], "#6b4423", 3)
    b.arrow((142, 110), (142, 30), RED, 4, 14)
    b.line([(120, 110), (120, 170)], "#34495e", 4)
    _wheel(b, 120, 110)
    _box(b, 120, 210, 44)
    return b


def tackle() -> Board:
    """Draw a block and tackle in which four rope parts carry the load."""
    b = Board(240, 250)
    _ceiling(b)
    for x in (90, 108, 132, 150):
        b.line([(x, 50), (x, 150)], "#6b4423", 3)
    b.arrow((174, 50), (200, 200), RED, 4, 14)
    b.line([(150, 50), (174, 50)], "#6b4423", 3)
    for y in (50, 150):
        b.rect(72, y - 20, 168, y + 20, "#34495e")
        for x in (96, 144):
            _wheel(b, x, y, 16)
    b.line([(120, 16), (120, 30)], "#34495e", 5)
    b.line([(120, 170), (120, 195)], "#34495e", 4)
    _box(b, 120, 240, 46)
    return b


def _gear(b: Board, at: Point, radius: float, teeth: int, colour: str, turn: float = 0) -> None:
    points: list[Point] = []
    for i in range(teeth):
        for offset, r in ((-0.32, radius - 5), (-0.17, radius + 6), (0.17, radius + 6), (0.32, radius - 5)):
            angle = math.tau * (i + offset + turn) / teeth
            points.append((at[0] + r * math.cos(angle), at[1] + r * math.sin(angle)))
    b.poly(points, colour, "#202428", 1.5)
    b.circle(*at, radius / 4, "white", "#202428", 2)


def gear_pair() -> Board:
    """Draw a red gear of 10 teeth driving a blue gear of 20 teeth."""
    b = Board(280, 190)
    _gear(b, (65, 95), 37, 10, "#e74c3c")
    _gear(b, (177, 95), 74, 20, "#3498db", 0.5)
    return b


def gear_idler() -> Board:
    """Draw three equal gears in a row with a yellow idler between."""
    b = Board(300, 150)
    for i, colour in enumerate(("#e74c3c", "#f1c40f", "#27ae60")):
        _gear(b, (60 + i * 89, 75), 44, 12, colour, 0.5 * (i % 2))
    return b


def incline() -> Board:
    """Draw a barrel rolled up a ramp."""
    b = Board(290, 180)
    b.poly([(20, 150), (260, 150), (260, 50)], "#e8c48a", "#6b4423", 3)
    b.circle(138, 72, 26, "#8e5a2b", "#4e3115", 4)
    b.arrow((158, 40), (215, 16), RED, 4, 14)
    b.text(140, 166, "length 5 m", 13)
    b.text(275, 95, "2 m", 13)
    return b


DRAWINGS = pictures(
    {
        "lever_first_class.png": partial(lever, 150, 55, 245, False),
        "lever_second_class.png": partial(lever, 42, 120, 255, True),
        "lever_third_class.jpg": partial(lever, 42, 255, 140, True),
        "pulley_fixed.png": fixed_pulley,
        "pulley_movable.png": movable_pulley,
        "pulley_tackle.png": tackle,
        "gear_pair.png": gear_pair,
        "gear_idler.png": gear_idler,
        "inclined_plane.png": incline,
    }
)
