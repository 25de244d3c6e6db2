"""Drawings of logic gate symbols and a half adder."""

from __future__ import annotations

from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, pictures, ring, shift, smooth

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


DRAWINGS = pictures(
    {
        **{f"gate_{kind.lower()}.png": partial(gate, kind) for kind in ("AND", "OR", "NAND", "NOR", "XOR")},
        "gate_not.webp": partial(gate, "NOT"),
        "half_adder.png": half_adder,
    }
)
