"""Simple flags of countries, built from stripes, crosses, discs and stars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image

from nyxqa.builders.sample_pages.draw.canvas import Canvas, Point, on_circle

Ratio = tuple[int, int]

MARGIN, LONGEST, PAPER = 10, 230, "#D8D8D8"


class Flag(Canvas):
    """A canvas with a pale margin around a flag of given height-to-length ratio."""

    def __init__(self, ratio: Ratio, field: str) -> None:
        self.w = min(LONGEST, 170 * ratio[1] / ratio[0])
        self.h = self.w * ratio[0] / ratio[1]
        super().__init__(round(self.w) + 2 * MARGIN, round(self.h) + 2 * MARGIN, PAPER)
        self.part(0, 0, 1, 1, field)

    def part(self, x: float, y: float, w: float, h: float, fill: str) -> None:
        """Fill a box given in shares of the flag's length and height."""
        self.rect(MARGIN + x * self.w, MARGIN + y * self.h, w * self.w, h * self.h, fill)

    def at(self, x: float, y: float) -> Point:
        """Return the canvas point for shares of the flag's length and height."""
        return MARGIN + x * self.w, MARGIN + y * self.h

    def star(self, centre: Point, radius: float, fill: str) -> None:
        """Fill an upright five-pointed star."""
        inner = radius * 0.382
        self.poly([on_circle(centre, inner if i % 2 else radius, 90 + 36 * i) for i in range(10)], fill)


def columns(ratio: Ratio, colours: Sequence[str]) -> Image.Image:
    """Draw vertical stripes of equal width."""
    flag = Flag(ratio, colours[-1])
    for i, colour in enumerate(colours):
        flag.part(i / len(colours), 0, 1 / len(colours), 1, colour)
    return flag.finish()


def rows(ratio: Ratio, colours: Sequence[str], heights: Sequence[int] | None = None) -> Image.Image:
    """Draw horizontal stripes, of equal height unless heights are given."""
    shares = heights or [1] * len(colours)
    flag = Flag(ratio, colours[-1])
    top = 0.0
    for colour, share in zip(colours, shares, strict=True):
        flag.part(0, top, 1, share / sum(shares), colour)
        top += share / sum(shares)
    return flag.finish()


def nordic(ratio: Ratio, colours: Sequence[str], hoist: float, arm: float, edge: float = 0) -> Image.Image:
    """Draw a cross shifted to the hoist; lengths are in the units of the ratio."""
    high, long = ratio
    flag = Flag(ratio, colours[0])
    bands = [(edge + arm + edge, hoist, colours[1]), (arm, hoist + edge, colours[-1])]
    for wide, left, colour in bands:
        flag.part(left / long, 0, wide / long, 1, colour)
        flag.part(0, (high - wide) / 2 / high, 1, wide / high, colour)
    return flag.finish()


def disc(ratio: Ratio, field: str, colour: str, centre: Point, radius: float) -> Image.Image:
    """Draw one disc, its radius in shares of the flag's height."""
    flag = Flag(ratio, field)
    flag.disc(flag.at(*centre), radius * flag.h, colour)
    return flag.finish()


def japan_construction() -> Image.Image:
    """Draw the flag of Japan with its centre lines and the diameter of the disc."""
    flag = Flag((2, 3), "#FFFFFF")
    flag.disc(flag.at(0.5, 0.5), 0.3 * flag.h, "#F2A0AE", "#BC002D", 2)
    flag.dashes(flag.at(0, 0), flag.at(1, 1), "#555555")
    flag.dashes(flag.at(0, 1), flag.at(1, 0), "#555555")
    for y in (0.2, 0.8):
        flag.line(flag.at(0.5, y), flag.at(0.8, y), "#1A4FA0", 1)
        flag.arrow(flag.at(0.77, 0.5), flag.at(0.77, y), "#1A4FA0")
    flag.text(flag.at(0.85, 0.5), "3/5", 16, "#1A4FA0")
    return flag.finish()


def switzerland() -> Image.Image:
    """Draw the square flag with the upright cross, on a grid of 32 units."""
    flag = Flag((32, 32), "#DA291C")
    flag.part(13 / 32, 6 / 32, 6 / 32, 20 / 32, "#FFFFFF")
    flag.part(6 / 32, 13 / 32, 20 / 32, 6 / 32, "#FFFFFF")
    return flag.finish()


def lone_star(field: str, colour: str, radius: float) -> Image.Image:
    """Draw one large star in the middle of the flag."""
    flag = Flag((2, 3), field)
    flag.star(flag.at(0.5, 0.5), radius * flag.h, colour)
    return flag.finish()


def chile() -> Image.Image:
    """Draw white over red with a starred blue square at the upper hoist."""
    flag = Flag((2, 3), "#DA291C")
    flag.part(0, 0, 1, 0.5, "#FFFFFF")
    flag.part(0, 0, 1 / 3, 0.5, "#0032A0")
    flag.star(flag.at(1 / 6, 0.25), 0.125 * flag.h, "#FFFFFF")
    return flag.finish()


DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "flag_france.jpg": partial(columns, (2, 3), ("#000091", "#FFFFFF", "#E1000F")),
    "flag_italy.png": partial(columns, (2, 3), ("#008C45", "#FFFFFF", "#CD212A")),
    "flag_ireland.png": partial(columns, (1, 2), ("#169B62", "#FFFFFF", "#FF883E")),
    "flag_ivory_coast.png": partial(columns, (2, 3), ("#FF8200", "#FFFFFF", "#009A44")),
    "flag_japan.png": partial(disc, (2, 3), "#FFFFFF", "#BC002D", (0.5, 0.5), 0.3),
    "flag_japan_construction.png": japan_construction,
    "flag_bangladesh.jpg": partial(disc, (3, 5), "#006A4E", "#F42A41", (0.45, 0.5), 1 / 3),
    "flag_palau.png": partial(disc, (5, 8), "#0099FF", "#FFEE00", (0.44, 0.5), 0.3),
    "flag_denmark.png": partial(nordic, (28, 37), ("#C8102E", "#FFFFFF"), 12, 4),
    "flag_sweden.png": partial(nordic, (10, 16), ("#006AA7", "#FECC02"), 5, 2),
    "flag_finland.jpg": partial(nordic, (11, 18), ("#FFFFFF", "#002F6C"), 5, 3),
    "flag_norway.png": partial(nordic, (16, 22), ("#BA0C2F", "#FFFFFF", "#00205B"), 6, 2, 1),
    "flag_iceland.png": partial(nordic, (18, 25), ("#02529C", "#FFFFFF", "#DC1E35"), 7, 2, 1),
    "flag_germany.png": partial(rows, (3, 5), ("#000000", "#DD0000", "#FFCC00")),
    "flag_belgium.jpg": partial(columns, (13, 15), ("#000000", "#FDDA24", "#EF3340")),
    "flag_netherlands.png": partial(rows, (2, 3), ("#AE1C28", "#FFFFFF", "#21468B")),
    "flag_luxembourg.png": partial(rows, (3, 5), ("#EF3340", "#FFFFFF", "#00A3E0")),
    "flag_russia.jpg": partial(rows, (2, 3), ("#FFFFFF", "#0039A6", "#D52B1E")),
    "flag_estonia.png": partial(rows, (7, 11), ("#0072CE", "#000000", "#FFFFFF")),
    "flag_latvia.png": partial(rows, (1, 2), ("#9E1B34", "#FFFFFF", "#9E1B34"), (2, 1, 2)),
    "flag_lithuania.webp": partial(rows, (3, 5), ("#FDB913", "#006A44", "#C1272D")),
    "flag_switzerland.png": switzerland,
    "flag_poland.png": partial(rows, (5, 8), ("#FFFFFF", "#DC143C")),
    "flag_indonesia.jpg": partial(rows, (2, 3), ("#EE1C25", "#FFFFFF")),
    "flag_monaco.png": partial(rows, (4, 5), ("#CE1126", "#FFFFFF")),
    "flag_ukraine.png": partial(rows, (2, 3), ("#0057B7", "#FFD700")),
    "flag_nigeria.png": partial(columns, (1, 2), ("#1B7339", "#FFFFFF", "#1B7339")),
    "flag_mali.png": partial(columns, (2, 3), ("#14B53A", "#FCD116", "#CE1126")),
    "flag_guinea.jpg": partial(columns, (2, 3), ("#CE1126", "#FCD116", "#009460")),
    "flag_gabon.png": partial(rows, (3, 4), ("#009E60", "#FCD116", "#3A75C4")),
    "flag_mauritius.jpg": partial(rows, (2, 3), ("#EA2839", "#1A206D", "#FFD500", "#00A551")),
    "flag_vietnam.png": partial(lone_star, "#DA251D", "#FFFF00", 0.31),
    "flag_somalia.jpg": partial(lone_star, "#4189DD", "#FFFFFF", 0.28),
    "flag_chile.png": chile,
}
