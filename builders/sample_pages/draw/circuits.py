"""Drawings of electric circuits, resistor colour bands, logic gate symbols and a half adder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Point, pictures, ring, shift, smooth

RED, BLUE, ORANGE, GREEN = "#d63031", "#1f6fd0", "#f39c12", "#27ae60"


def _resistor(b: Board, x: float, y: float, name: str, colour: str, upright: bool = False) -> None:
    half_w, half_h = (11, 24) if upright else (28, 11)
    b.rect(x - half_w, y - half_h, x + half_w, y + half_h, colour, "#202428")
    b.text(x, y, name, 13 if not upright else 12, "white")


def _battery(b: Board, x: float, y: float, label: str) -> None:
    b.rect(x - 4, y - 8, x + 4, y + 8, "#fdfcf7")
    b.line([(x - 16, y - 6), (x + 16, y - 6)], RED, 3)
    b.line([(x - 8, y + 6), (x + 8, y + 6)], BLUE, 4)
    b.text(x - 22, y, label, 13, anchor="rm")


def _loop(b: Board, x0: float, y0: float, x1: float, y1: float) -> None:
    b.rect(x0, y0, x1, y1, None, "#202428")


def _diode(b: Board, x: float, y: float) -> None:
    b.poly([(x - 14, y - 14), (x - 14, y + 14), (x + 12, y)], RED)
    b.line([(x + 13, y - 15), (x + 13, y + 15)], "#202428", 4)


def half_wave_circuit() -> Board:
    """Draw an AC source, one diode and a load resistor."""
    b = Board()
    _loop(b, 60, 45, 225, 160)
    b.circle(60, 102, 24, "#fff3b0", "#202428")
    b.line([(44 + i, 102 - 10 * math.sin(i * math.tau / 32)) for i in range(33)], "#202428", 2)
    _diode(b, 142, 45)
    b.text(142, 18, "diode", 14)
    _resistor(b, 225, 102, "R", BLUE, upright=True)
    b.text(60, 178, "AC source", 13)
    b.text(222, 178, "load", 13)
    return b


def _wave(keep: bool, x: float, y: float) -> list[Point]:
    values = [-math.sin(i * math.tau / 70) * 28 for i in range(211)]
    return [(x + i, y + (v if keep or v < 0 else 0)) for i, v in enumerate(values)]


def half_wave_output() -> Board:
    """Draw a full sine input above the clipped output."""
    b = Board()
    for y, keep, colour, label in ((55, True, "#7f8c8d", "input"), (150, False, BLUE, "output")):
        b.line([(60, y), (275, y)], "#b2bec3", 1)
        b.line(_wave(keep, 63, y), colour, 4)
        b.text(6, y, label, 14, anchor="lm")
    return b


def voltage_divider() -> Board:
    """Draw a 9 V battery and two stacked resistors with a tap between them."""
    b = Board(260, 220)
    _loop(b, 70, 25, 160, 195)
    _battery(b, 70, 110, "9 V")
    _resistor(b, 160, 67, "R1", ORANGE, upright=True)
    _resistor(b, 160, 152, "R2", GREEN, upright=True)
    b.line([(160, 110), (215, 110)])
    b.circle(160, 110, 4, "#202428")
    b.circle(218, 110, 5, "white", RED, 2)
    b.text(225, 128, "3 V", 14, RED)
    b.text(180, 67, "2 k", 13, anchor="lm")
    b.text(180, 158, "1 k", 13, anchor="lm")
    return b


def series() -> Board:
    """Draw two resistors one after the other in one loop."""
    b = Board()
    _loop(b, 60, 50, 240, 155)
    _battery(b, 60, 102, "6 V")
    _resistor(b, 110, 50, "R1", ORANGE)
    _resistor(b, 190, 50, "R2", GREEN)
    b.arrow((120, 178), (180, 178), RED, 3)
    return b


def parallel() -> Board:
    """Draw two resistors side by side in separate branches."""
    b = Board()
    _loop(b, 60, 35, 230, 165)
    b.line([(150, 35), (150, 165)])
    _battery(b, 60, 100, "6 V")
    _resistor(b, 150, 100, "R1", ORANGE, upright=True)
    _resistor(b, 230, 100, "R2", GREEN, upright=True)
    for y in (35, 165):
        b.circle(150, y, 4, "#202428")
    return b


def bands(colours: Sequence[str]) -> Board:
    """Draw a resistor body with four colour bands."""
    b = Board(280, 160)
    b.line([(10, 80), (270, 80)], "#95a5a6", 5)
    b.poly([*ring(75, 80, 25, 40, 90, 270), *ring(205, 80, 25, 40, -90, 90)], "#e8d0a0", "#8a6d3b")
    for x, colour in zip((80, 110, 140, 195), colours, strict=True):
        b.rect(x - 8, 40, x + 8, 120, colour)
    return b


BROWN, BLACK, YELLOW, VIOLET, GOLD = "#7b3f00", "#111111", "#ffe100", "#8e3fc7", "#c9a227"

DRAWINGS = pictures(
    {
        "half_wave_rectifier.png": half_wave_circuit,
        "half_wave_output.png": half_wave_output,
        "voltage_divider.png": voltage_divider,
        "resistors_series.png": series,
        "resistors_parallel.png": parallel,
        "resistor_1k.png": partial(bands, (BROWN, BLACK, "#e02020", GOLD)),
        "resistor_470.jpg": partial(bands, (YELLOW, VIOLET, BROWN, GOLD)),
        "resistor_220k.png": partial(bands, ("#e02020", "#e02020", YELLOW, GOLD)),
    }
)


COLOURS = {
    "AND": "#74b9ff",
    "NAND": "#a29bfe",
    "OR": "#55efc4",
    "NOR": "#ffeaa7",
    "XOR": "#fab1a0",
    "NOT": "#fd79a8",
}


def _body(b: Board, kind: str, x: float, y: float, s: float) -> None:
    colour = COLOURS[kind]
    if kind == "NOT":
        b.poly(shift([(-40, -38), (-40, 38), (36, 0)], x, y, s), colour, "#202428", 3)
    elif kind in ("AND", "NAND"):
        b.poly(shift([(-45, -40), *ring(0, 0, 40, 40, -90, 90), (-45, 40)], x, y, s), colour, "#202428", 3)
    else:
        top = smooth([(-45, -40), (-5, -38), (22, -22), (40, 0)])
        low = [(px, -py) for px, py in reversed(top)]
        back = smooth([(-45, 40), (-32, 20), (-28, 0), (-32, -20), (-45, -40)])
        b.poly(shift([*top, *low, *back], x, y, s), colour, "#202428", 3)
        if kind == "XOR":
            b.line(shift(back, x - 12 * s, y, s), "#202428", 3)


def _bubble(b: Board, x: float, y: float, s: float) -> None:
    b.circle(x + 48 * s, y, 8 * s, "white", "#202428", 3)


def gate(kind: str) -> Board:
    """Draw one gate with its inputs, its output and its name."""
    b = Board(240, 170)
    x, y = 120, 72
    for dy in (0,) if kind == "NOT" else (-20, 20):
        b.line([(30, y + dy), (x - 30, y + dy)], "#202428", 3)
    b.line([(x + 30, y), (215, y)], "#202428", 3)
    _body(b, kind, x, y, 1)
    if kind in ("NAND", "NOR", "NOT"):
        _bubble(b, x, y, 1)
    b.text(120, 145, kind, 22)
    return b


def half_adder() -> Board:
    """Draw an XOR gate for the sum and an AND gate for the carry."""
    b = Board(300, 220)
    for y, name, lines in ((42, "A", (42, 142)), (78, "B", (78, 178))):
        b.text(14, y, name, 18)
        b.line([(28, y), (160, y)])
        x = 70 if name == "A" else 100
        b.line([(x, lines[0]), (x, lines[1]), (160, lines[1])])
        b.circle(x, y, 4, "#202428")
    for kind, y, label in (("XOR", 60, "sum"), ("AND", 160, "carry")):
        b.line([(200, y), (245, y)])
        _body(b, kind, 175, y, 0.8)
        b.text(250, y, label, 16, anchor="lm")
        b.text(174, y, kind, 14)
    return b


DRAWINGS |= pictures(
    {
        **{f"gate_{kind.lower()}.png": partial(gate, kind) for kind in ("AND", "OR", "NAND", "NOR", "XOR")},
        "gate_not.webp": partial(gate, "NOT"),
        "half_adder.png": half_adder,
    }
)
