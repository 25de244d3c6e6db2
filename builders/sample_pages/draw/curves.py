"""Circles, conic sections, solids, polygons, tilings and figures made of squares."""

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


GEOMETRY_PAPER = "#F7FBFF"
GEOMETRY_RED, GEOMETRY_BLUE, GEOMETRY_GREEN, GEOMETRY_AMBER, GEOMETRY_VIOLET = (
    "#D64541",
    "#2E6FD0",
    "#2FA35B",
    "#F0A830",
    "#8A4FBF",
)


def shape(name: str, points: Sequence[Point], fill: str, square: Point | None = None) -> Image.Image:
    """Draw one filled polygon with its name, and a right-angle mark if asked."""
    canvas = Canvas(220, 170, GEOMETRY_PAPER)
    canvas.poly(points, fill, INK, 2.5)
    if square is not None:
        canvas.poly([square, (square[0] + 13, square[1]), (square[0] + 13, square[1] - 13),
                     (square[0], square[1] - 13)], None, "white", 2)  # fmt: skip
    canvas.text((110, 156), name, 14)
    return canvas.finish()


def regular(name: str, sides: int, fill: str) -> Image.Image:
    """Draw a regular polygon with one side flat on the ground."""
    turn = -90 - 180 / sides
    return shape(name, [on_circle((110, 76), 64, turn + 360 * i / sides) for i in range(sides)], fill)


def tiling(corners: int) -> Image.Image:
    """Cover the canvas with equal triangles, squares or hexagons in alternating colours."""
    canvas, h = Canvas(232, 168, GEOMETRY_PAPER), 38.0
    for row in range(-1, 6):
        for col in range(-1, 14):
            if corners == 4:
                x, y = col * 40.0, row * 40.0
                tile = [(x, y), (x + 40, y), (x + 40, y + 40), (x, y + 40)]
                canvas.poly(tile, (GEOMETRY_BLUE, "#CFE2FF")[(row + col) % 2], "white")
            elif corners == 3:
                x, y, up = col * 22.0, row * h, (row + col) % 2 == 0
                tile = [(x, y + h * up), (x + 44, y + h * up), (x + 22, y + h * (not up))]
                canvas.poly(tile, GEOMETRY_GREEN if up else "#CDEFD8", "white")
            else:
                x, y = col * 46.8 + 23.4 * (row % 2), row * 40.5
                tile = [on_circle((x, y), 27, 90 + 60 * i) for i in range(6)]
                canvas.poly(tile, (GEOMETRY_AMBER, "#FFE2A8", "#F7C768")[(col + (row % 2) * 2) % 3], "white")
    return canvas.finish()


def fibonacci() -> Image.Image:
    """Draw squares with sides 1, 1, 2, 3, 5 and 8 and the quarter circles in them."""
    canvas, u = Canvas(250, 160, GEOMETRY_PAPER), 18.0
    squares = ((0, 0, 8, 270, 8, 8), (8, 0, 5, 180, 8, 5), (10, 5, 3, 90, 10, 5),
               (8, 6, 2, 0, 10, 6), (8, 5, 1, 270, 9, 6), (9, 5, 1, 180, 9, 6))  # fmt: skip
    fills = ("#CFE2FF", "#CDEFD8", "#FFE2A8", "#FFD0CC", "#E7D5FA", "#FFF6C4")
    for (x, y, side, _, _, _), fill in zip(squares, fills, strict=True):
        canvas.rect(8 + x * u, 8 + y * u, side * u, side * u, fill, INK)
        canvas.text((8 + (x + side / 2) * u, 8 + (y + side / 2) * u), str(side), 8 + 2 * side)
    for x, y, side, start, cx, cy in squares:
        del x, y
        arc = [on_circle((8 + cx * u, 8 + cy * u), side * u, start + 180 + 3 * i) for i in range(31)]
        canvas.path(arc, GEOMETRY_RED, 2.5)
    return canvas.finish()


def pythagoras() -> Image.Image:
    """Draw the 3-4-5 triangle with a square on each side."""
    canvas, u = Canvas(240, 240, GEOMETRY_PAPER), 20.0
    a, b, c = (80.0, 150.0), (80.0 + 4 * u, 150.0), (80.0, 150.0 - 3 * u)
    canvas.poly([a, b, (b[0], b[1] + 4 * u), (a[0], a[1] + 4 * u)], "#BBD6FF", GEOMETRY_BLUE)
    canvas.poly([a, c, (c[0] - 3 * u, c[1]), (a[0] - 3 * u, a[1])], "#C6EFD2", GEOMETRY_GREEN)
    canvas.poly([c, b, (b[0] + 3 * u, b[1] - 4 * u), (c[0] + 3 * u, c[1] - 4 * u)], "#FFD0CC", GEOMETRY_RED)
    canvas.poly([a, b, c], "#FFF3B0", INK, 3)
    for at, words in (((120, 190), "16"), ((50, 120), "9"), ((150, 80), "25"), ((113, 141), "4"), ((88, 126), "3")):
        canvas.text(at, words, 15)
    return canvas.finish()


DRAWINGS |= {
    "triangle_equilateral.png": partial(regular, "equilateral triangle", 3, GEOMETRY_GREEN),
    "triangle_isosceles.png": partial(shape, "isosceles triangle", [(72, 140), (148, 140), (110, 14)], GEOMETRY_BLUE),
    "triangle_right.png": partial(shape, "right triangle", [(40, 140), (190, 140), (40, 26)], GEOMETRY_RED, (41, 139)),
    "triangle_obtuse.png": partial(shape, "obtuse triangle", [(80, 138), (150, 138), (14, 46)], GEOMETRY_AMBER),
    "quad_square.png": partial(regular, "square", 4, GEOMETRY_BLUE),
    "quad_rectangle.png": partial(shape, "rectangle", [(25, 35), (195, 35), (195, 125), (25, 125)], GEOMETRY_GREEN),
    "quad_rhombus.png": partial(shape, "rhombus", [(110, 12), (190, 76), (110, 140), (30, 76)], GEOMETRY_RED),
    "quad_trapezoid.png": partial(shape, "trapezoid", [(70, 35), (150, 35), (200, 130), (20, 130)], GEOMETRY_AMBER),
    "quad_kite.jpg": partial(shape, "kite", [(110, 8), (165, 52), (110, 144), (55, 52)], GEOMETRY_VIOLET),
    "polygon_pentagon.png": partial(regular, "regular pentagon", 5, GEOMETRY_RED),
    "polygon_hexagon.jpg": partial(regular, "regular hexagon", 6, GEOMETRY_AMBER),
    "polygon_octagon.png": partial(regular, "regular octagon", 8, GEOMETRY_VIOLET),
    "pythagoras_squares.png": pythagoras,
    "tiling_triangles.png": partial(tiling, 3),
    "tiling_squares.png": partial(tiling, 4),
    "tiling_hexagons.png": partial(tiling, 6),
    "fibonacci_squares.png": fibonacci,
}
