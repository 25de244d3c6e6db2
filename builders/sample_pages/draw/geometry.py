"""Polygons, tilings and figures made of squares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image

from nyxqa.builders.sample_pages.draw.canvas import INK, Canvas, Point, on_circle

PAPER = "#F7FBFF"
RED, BLUE, GREEN, AMBER, VIOLET = "#D64541", "#2E6FD0", "#2FA35B", "#F0A830", "#8A4FBF"


def shape(name: str, points: Sequence[Point], fill: str, square: Point | None = None) -> Image.Image:
    """Draw one filled polygon with its name, and a right-angle mark if asked."""
    canvas = Canvas(220, 170, PAPER)
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
    canvas, h = Canvas(232, 168, PAPER), 38.0
    for row in range(-1, 6):
        for col in range(-1, 14):
            if corners == 4:
                x, y = col * 40.0, row * 40.0
                tile = [(x, y), (x + 40, y), (x + 40, y + 40), (x, y + 40)]
                canvas.poly(tile, (BLUE, "#CFE2FF")[(row + col) % 2], "white")
            elif corners == 3:
                x, y, up = col * 22.0, row * h, (row + col) % 2 == 0
                tile = [(x, y + h * up), (x + 44, y + h * up), (x + 22, y + h * (not up))]
                canvas.poly(tile, GREEN if up else "#CDEFD8", "white")
            else:
                x, y = col * 46.8 + 23.4 * (row % 2), row * 40.5
                tile = [on_circle((x, y), 27, 90 + 60 * i) for i in range(6)]
                canvas.poly(tile, (AMBER, "#FFE2A8", "#F7C768")[(col + (row % 2) * 2) % 3], "white")
    return canvas.finish()


def fibonacci() -> Image.Image:
    """Draw squares with sides 1, 1, 2, 3, 5 and 8 and the quarter circles in them."""
    canvas, u = Canvas(250, 160, PAPER), 18.0
    squares = ((0, 0, 8, 270, 8, 8), (8, 0, 5, 180, 8, 5), (10, 5, 3, 90, 10, 5),
               (8, 6, 2, 0, 10, 6), (8, 5, 1, 270, 9, 6), (9, 5, 1, 180, 9, 6))  # fmt: skip
    fills = ("#CFE2FF", "#CDEFD8", "#FFE2A8", "#FFD0CC", "#E7D5FA", "#FFF6C4")
    for (x, y, side, _, _, _), fill in zip(squares, fills, strict=True):
        canvas.rect(8 + x * u, 8 + y * u, side * u, side * u, fill, INK)
        canvas.text((8 + (x + side / 2) * u, 8 + (y + side / 2) * u), str(side), 8 + 2 * side)
    for x, y, side, start, cx, cy in squares:
        del x, y
        arc = [on_circle((8 + cx * u, 8 + cy * u), side * u, start + 180 + 3 * i) for i in range(31)]
        canvas.path(arc, RED, 2.5)
    return canvas.finish()


def pythagoras() -> Image.Image:
    """Draw the 3-4-5 triangle with a square on each side."""
    canvas, u = Canvas(240, 240, PAPER), 20.0
    a, b, c = (80.0, 150.0), (80.0 + 4 * u, 150.0), (80.0, 150.0 - 3 * u)
    canvas.poly([a, b, (b[0], b[1] + 4 * u), (a[0], a[1] + 4 * u)], "#BBD6FF", BLUE)
    canvas.poly([a, c, (c[0] - 3 * u, c[1]), (a[0] - 3 * u, a[1])], "#C6EFD2", GREEN)
    canvas.poly([c, b, (b[0] + 3 * u, b[1] - 4 * u), (c[0] + 3 * u, c[1] - 4 * u)], "#FFD0CC", RED)
    canvas.poly([a, b, c], "#FFF3B0", INK, 3)
    for at, words in (((120, 190), "16"), ((50, 120), "9"), ((150, 80), "25"), ((113, 141), "4"), ((88, 126), "3")):
        canvas.text(at, words, 15)
    return canvas.finish()


DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "triangle_equilateral.png": partial(regular, "equilateral triangle", 3, GREEN),
    "triangle_isosceles.png": partial(shape, "isosceles triangle", [(72, 140), (148, 140), (110, 14)], BLUE),
    "triangle_right.png": partial(shape, "right triangle", [(40, 140), (190, 140), (40, 26)], RED, (41, 139)),
    "triangle_obtuse.png": partial(shape, "obtuse triangle", [(80, 138), (150, 138), (14, 46)], AMBER),
    "quad_square.png": partial(regular, "square", 4, BLUE),
    "quad_rectangle.png": partial(shape, "rectangle", [(25, 35), (195, 35), (195, 125), (25, 125)], GREEN),
    "quad_rhombus.png": partial(shape, "rhombus", [(110, 12), (190, 76), (110, 140), (30, 76)], RED),
    "quad_trapezoid.png": partial(shape, "trapezoid", [(70, 35), (150, 35), (200, 130), (20, 130)], AMBER),
    "quad_kite.jpg": partial(shape, "kite", [(110, 8), (165, 52), (110, 144), (55, 52)], VIOLET),
    "polygon_pentagon.png": partial(regular, "regular pentagon", 5, RED),
    "polygon_hexagon.jpg": partial(regular, "regular hexagon", 6, AMBER),
    "polygon_octagon.png": partial(regular, "regular octagon", 8, VIOLET),
    "pythagoras_squares.png": pythagoras,
    "tiling_triangles.png": partial(tiling, 3),
    "tiling_squares.png": partial(tiling, 4),
    "tiling_hexagons.png": partial(tiling, 6),
    "fibonacci_squares.png": fibonacci,
}
