"""Drawings of cells, a food web, butterfly stages, bacteria, leaf shapes and leaf margins."""

from __future__ import annotations

import math
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Path, Point, pictures, ring, shift, smooth

DARK = "#202428"


def plant_cell() -> Board:
    """Draw a rectangular plant cell with chloroplasts and a large vacuole."""
    b = Board(290, 200, "white")
    b.rect(20, 15, 270, 185, "#c5e8a5", "#3d7a1f", 8)
    b.oval(165, 100, 75, 55, "#a9d8f5", "#4a90c2", 2)
    b.circle(62, 70, 24, "#b57edc", "#5b2a86", 3)
    b.circle(62, 70, 8, "#5b2a86")
    for x, y in ((50, 130), (75, 160), (120, 38), (180, 32), (235, 45), (245, 155), (150, 168)):
        b.oval(x, y, 15, 8, "#2e8b2e", "#14501a", 1)
    return b


def animal_cell() -> Board:
    """Draw a round animal cell with a nucleus and mitochondria."""
    b = Board(260, 200, "white")
    outline = [(40, 60), (100, 20), (180, 25), (235, 80), (220, 150), (150, 182), (70, 170), (25, 120)]
    b.poly(smooth(outline, closed=True), "#ffd9d0", "#c0563f", 4)
    b.circle(125, 95, 34, "#b57edc", "#5b2a86", 3)
    b.circle(125, 95, 11, "#5b2a86")
    for x, y in ((65, 85), (80, 140), (160, 155), (195, 110), (180, 55)):
        b.oval(x, y, 17, 9, "#f39c12", "#8a5200", 2)
    return b


def food_web() -> Board:
    """Draw a pond food web of six boxes joined by arrows."""
    b = Board(320, 230, "#e9f5fb")
    spots = {
        "algae": (70, 200, "#8bc34a"),
        "pondweed": (230, 200, "#4caf50"),
        "water flea": (70, 130, "#ffd54f"),
        "snail": (230, 130, "#d7a86e"),
        "roach": (110, 70, "#90caf9"),
        "heron": (200, 22, "#b0bec5"),
    }
    for eaten, eater in (
        ("algae", "water flea"),
        ("algae", "snail"),
        ("pondweed", "snail"),
        ("water flea", "roach"),
        ("snail", "roach"),
        ("roach", "heron"),
    ):
        (x0, y0, _), (x1, y1, _) = spots[eaten], spots[eater]
        b.arrow((x0, y0 - 14), (x1, y1 + 15), DARK, 2.5, 11)
    for name, (x, y, colour) in spots.items():
        b.rect(x - 46, y - 14, x + 46, y + 14, colour, DARK, 1.5)
        b.text(x, y, name, 14)
    return b


def _leaf(b: Board) -> None:
    outline = [(15, 150), (90, 110), (180, 115), (235, 140), (170, 175), (80, 178)]
    b.poly(smooth(outline, closed=True), "#66bb6a", "#2e7d32")
    b.line([(15, 150), (230, 141)], "#2e7d32", 2)


def eggs() -> Board:
    """Draw five pale yellow eggs on a leaf."""
    b = Board(250, 190)
    _leaf(b)
    for x, y in ((90, 128), (114, 140), (138, 126), (120, 114), (156, 142)):
        b.oval(x, y, 8, 12, "#fff59d", "#a58b00", 1.5)
    return b


def caterpillar() -> Board:
    """Draw a striped caterpillar on a leaf."""
    b = Board(250, 190)
    _leaf(b)
    for i in range(8):
        x, y = 60 + i * 17, 110 - 9 * math.sin(i * 0.9)
        b.circle(x, y, 14, "#fdd835" if i % 2 else "#212121")
    b.circle(198, 108, 15, "#212121")
    for dx in (4, 14):
        b.line([(198, 98), (198 + dx, 76)], "#212121", 2)
    b.circle(203, 105, 3, "white")
    return b


def chrysalis() -> Board:
    """Draw a green chrysalis hanging from a twig."""
    b = Board(250, 190)
    b.line([(10, 25), (240, 18)], "#6d4c41", 10)
    b.line([(125, 25), (125, 45)], "#333333", 3)
    shape = [(125, 42), (150, 62), (155, 105), (138, 150), (125, 172), (112, 150), (95, 105), (100, 62)]
    b.poly(smooth(shape, closed=True), "#81c784", "#2e7d32", 3)
    b.line([(101, 72), (149, 72)], "#ffd54f", 4)
    return b


def butterfly() -> Board:
    """Draw an orange butterfly with four wings."""
    b = Board(250, 190)
    for s in (-1, 1):
        upper = [(125, 85), (125 + s * 35, 30), (125 + s * 95, 25), (125 + s * 90, 80), (125 + s * 45, 100)]
        lower = [(125, 95), (125 + s * 55, 100), (125 + s * 75, 135), (125 + s * 45, 165), (125 + s * 12, 130)]
        for wing in (upper, lower):
            b.poly(smooth(wing, closed=True), "#ff8f00", "#1a1a1a", 5)
        b.circle(125 + s * 72, 52, 9, "white")
        b.line(smooth([(125, 65), (125 + s * 10, 40), (125 + s * 22, 22)]), "#1a1a1a", 2)
    b.oval(125, 105, 8, 45, "#1a1a1a")
    return b


def cocci() -> Board:
    """Draw a cluster of round bacteria."""
    b = Board(240, 180, "#f6effa")
    for x, y in ((85, 60), (118, 48), (150, 66), (70, 95), (105, 84), (138, 100), (170, 96), (90, 125), (123, 133)):
        b.circle(x, y, 18, "#8e44ad", "#4a1c63", 2)
    return b


def bacilli() -> Board:
    """Draw four rod-shaped bacteria."""
    b = Board(240, 180, "#f9efef")
    for x, y, dx, dy in ((40, 50, 60, 20), (140, 35, 55, 25), (45, 130, 60, -25), (140, 140, 62, -12)):
        b.line([(x, y), (x + dx, y + dy)], "#e0457b", 24)
        for px, py in ((x, y), (x + dx, y + dy)):
            b.circle(px, py, 12, "#e0457b")
    return b


def spirilla() -> Board:
    """Draw one wavy spiral bacterium."""
    b = Board(240, 180, "#eef6f0")
    b.line([(25 + i, 90 + 32 * math.sin(i * math.tau / 48)) for i in range(191)], "#00897b", 14)
    for x, y in (ring(25, 90, 0, 0)[0], (215, 90 + 32 * math.sin(190 * math.tau / 48))):
        b.circle(x, y, 7, "#00897b")
    return b


DRAWINGS = pictures(
    {
        "cell_plant.jpg": plant_cell,
        "cell_animal.png": animal_cell,
        "pond_food_web.png": food_web,
        "butterfly_eggs.png": eggs,
        "butterfly_caterpillar.png": caterpillar,
        "butterfly_chrysalis.png": chrysalis,
        "butterfly_adult.jpg": butterfly,
        "bacteria_cocci.png": cocci,
        "bacteria_bacilli.png": bacilli,
        "bacteria_spirillum.webp": spirilla,
    }
)


GREEN, LEAVES_DARK = "#4caf50", "#1b5e20"
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
    b.line([(x, y + top), (x, y + low)], LEAVES_DARK, 3)


def leaf(kind: str) -> Board:
    """Draw a simple leaf of a named outline."""
    b = Board(224, 200, "#fbf8ec")
    half = HALVES[kind]
    b.poly(shift(_whole(half), 112, 92), GREEN, LEAVES_DARK, 2)
    _veins(b, 112, 92, half[0][1] + 8, 98)
    if kind not in ("linear", "reniform"):
        for i in (-30, -5, 20):
            for s in (-1, 1):
                b.line([(112, 92 + i + 15), (112 + s * 17, 92 + i)], LEAVES_DARK, 1.5)
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


DRAWINGS |= pictures(
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
