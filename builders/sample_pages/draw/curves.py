"""Circles, conic sections and solids."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image

from nyxqa.builders.sample_pages.draw.canvas import INK, Canvas, Point, on_circle

PAPER = "#F7FBFF"
RED, BLUE, GREEN, AMBER, VIOLET = "#D64541", "#2E6FD0", "#2FA35B", "#F0A830", "#8A4FBF"


def circle_parts() -> Image.Image:
    """Draw a circle with a radius, a diameter and a chord."""
    canvas, o = Canvas(240, 180, PAPER), (120.0, 90.0)
    canvas.disc(o, 76, "#E4F0FF", INK, 2.5)
    canvas.line(on_circle(o, 76, 180), on_circle(o, 76, 0), BLUE, 3)
    canvas.line(o, on_circle(o, 76, 60), RED, 3)
    canvas.line(on_circle(o, 76, 215), on_circle(o, 76, 325), GREEN, 3)
    canvas.disc(o, 4, INK)
    for at, words, colour in (((88, 80), "diameter", BLUE), ((118, 46), "radius", RED), ((120, 122), "chord", GREEN)):
        canvas.text(at, words, 13, colour)
    return canvas.finish()


def circle_sector() -> Image.Image:
    """Draw a circle with one sector of 60 degrees."""
    canvas, o = Canvas(240, 180, PAPER), (120.0, 90.0)
    canvas.disc(o, 76, "#EEEEEE", INK, 2)
    canvas.sector(o, 75, 0, 60, AMBER, INK)
    canvas.text(on_circle(o, 44, 30), "60°", 16)
    return canvas.finish()


def thales() -> Image.Image:
    """Draw a right angle inscribed in a semicircle."""
    canvas, o = Canvas(240, 170, PAPER), (120.0, 135.0)
    canvas.sector(o, 100, 0, 180, "#F1E6FF", VIOLET)
    a, b, c = on_circle(o, 100, 180), on_circle(o, 100, 0), on_circle(o, 100, 65)
    canvas.poly([a, b, c], "#D9BDF7", INK, 2.5)
    mark = [c, on_circle(c, 14, 212.5), on_circle(on_circle(c, 14, 212.5), 14, 302.5), on_circle(c, 14, 302.5)]
    canvas.poly(mark, RED, RED)
    for at, words in (((14, 146), "A"), ((226, 146), "B"), ((170, 32), "C"), ((140, 76), "90°")):
        canvas.text(at, words, 14)
    return canvas.finish()


def ellipse() -> Image.Image:
    """Draw an ellipse with two foci joined to one of its points."""
    canvas, o = Canvas(240, 160, PAPER), (120.0, 80.0)
    canvas.oval(o, 105, 63, "#FFF0D6", AMBER, 3)
    p = (120 + 105 * math.cos(1.0), 80 - 63 * math.sin(1.0))
    for x in (36.0, 204.0):
        canvas.line((x, 80), p, BLUE)
        canvas.disc((x, 80), 5, RED)
    canvas.disc(p, 4, INK)
    canvas.text((44, 98), "F1", 13)
    canvas.text((196, 98), "F2", 13)
    return canvas.finish()


def parabola() -> Image.Image:
    """Draw a parabola with its focus and its directrix."""
    canvas = Canvas(240, 180, PAPER)
    canvas.path([(120 + x, 135 - x * x / 88) for x in range(-104, 105, 4)], BLUE, 3)
    canvas.line((10, 157), (230, 157), GREEN, 2.5)
    canvas.disc((120, 113), 5, RED)
    canvas.text((120, 98), "focus", 13, RED)
    canvas.text((190, 168), "directrix", 13, GREEN)
    return canvas.finish()


def hyperbola() -> Image.Image:
    """Draw the two branches of a hyperbola between dashed asymptotes."""
    canvas = Canvas(240, 180, PAPER)
    canvas.dashes((30, 0), (210, 180), "#777777")
    canvas.dashes((30, 180), (210, 0), "#777777")
    for side in (-1, 1):
        points = [(120 + side * 36 * math.cosh(t / 10), 90 - 36 * math.sinh(t / 10)) for t in range(-16, 17)]
        canvas.path(points, RED, 3.5)
    return canvas.finish()


def solid(name: str, points: Sequence[Point], faces: Sequence[tuple[str, str]], hidden: Sequence[str]) -> Image.Image:
    """Draw shaded faces, given by point digits, and dashed hidden edges."""
    canvas = Canvas(200, 190, PAPER)
    for digits, fill in faces:
        canvas.poly([points[int(d)] for d in digits], fill, INK, 2.5)
    for digits in hidden:
        canvas.dashes(points[int(digits[0])], points[int(digits[1])], INK)
    canvas.text((100, 176), name, 14)
    return canvas.finish()


CUBE = [(45.0, 60.0), (125.0, 60.0), (125.0, 145.0), (45.0, 145.0), (78.0, 25.0), (158.0, 25.0), (158.0, 110.0),
        (78.0, 110.0)]  # fmt: skip
OCTA = [(100.0, 10.0), (30.0, 84.0), (84.0, 108.0), (170.0, 84.0), (116.0, 66.0), (100.0, 158.0)]

DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "circle_parts.png": circle_parts,
    "circle_sector.png": circle_sector,
    "thales_semicircle.png": thales,
    "conic_ellipse.png": ellipse,
    "conic_parabola.png": parabola,
    "conic_hyperbola.png": hyperbola,
    "solid_tetrahedron.png": partial(
        solid,
        "tetrahedron",
        [(100, 12), (25, 130), (118, 158), (178, 112)],
        [("012", "#8CC6FF"), ("023", BLUE)],
        ["13"],
    ),
    "solid_cube.png": partial(
        solid,
        "cube",
        CUBE,
        [("0123", "#FFB38A"), ("0451", "#FFD9C4"), ("1562", "#E07B45")],
        ["47", "73", "76"],
    ),
    "solid_octahedron.png": partial(
        solid,
        "octahedron",
        OCTA,
        [("012", "#8FE0A8"), ("023", GREEN), ("125", "#5CC27F"), ("235", "#1F7D43")],
        ["04", "14", "43", "45"],
    ),
}
