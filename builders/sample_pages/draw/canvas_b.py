"""Shared primitives for the sample drawings: a supersampled board, curves, arrows and text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Path = Sequence[Point]

SCALE = 3
INK = "#202428"
PAPER = "#fdfcf7"


class Board:
    """A drawing surface whose coordinates are final pixels, drawn larger and reduced at the end."""

    def __init__(self, width: int = 280, height: int = 200, background: str = PAPER) -> None:
        self.width = width
        self.height = height
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), background)
        self.pen = ImageDraw.Draw(self.image)

    def line(self, points: Path, colour: str = INK, width: float = 2) -> None:
        """Draw an open line through the points."""
        self.pen.line(_up(points), fill=colour, width=max(1, round(width * SCALE)), joint="curve")

    def poly(self, points: Path, fill: str | None = None, outline: str | None = None, width: float = 2) -> None:
        """Draw a closed polygon."""
        if fill is not None:
            self.pen.polygon(_up(points), fill=fill)
        if outline is not None:
            self.line([*points, points[0], points[1]], outline, width)

    def rect(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: str | None = None,
        outline: str | None = None,
        width: float = 2,
    ) -> None:
        """Draw an upright rectangle."""
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, outline, width)

    def oval(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        fill: str | None = None,
        outline: str | None = None,
        width: float = 2,
    ) -> None:
        """Draw an ellipse around a centre."""
        box = _up([(x - rx, y - ry), (x + rx, y + ry)])
        self.pen.ellipse(box, fill=fill, outline=outline, width=max(1, round(width * SCALE)))

    def circle(
        self, x: float, y: float, r: float, fill: str | None = None, outline: str | None = None, width: float = 2
    ) -> None:
        """Draw a circle around a centre."""
        self.oval(x, y, r, r, fill, outline, width)

    def text(self, x: float, y: float, words: str, size: int = 14, colour: str = INK, anchor: str = "mm") -> None:
        """Write a short text, centred on the point by default."""
        font = ImageFont.load_default(size=size * SCALE)
        self.pen.text((x * SCALE, y * SCALE), words, fill=colour, font=font, anchor=anchor)

    def arrow(self, start: Point, end: Point, colour: str = INK, width: float = 2, head: float = 9) -> None:
        """Draw a straight arrow with a filled head."""
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        neck = (end[0] - head * 0.8 * math.cos(angle), end[1] - head * 0.8 * math.sin(angle))
        self.line([start, neck], colour, width)
        wings = [(end[0] - head * math.cos(angle + t), end[1] - head * math.sin(angle + t)) for t in (-0.45, 0.45)]
        self.poly([end, *wings], colour)

    def rgb(self) -> Image.Image:
        """Return the finished full-colour picture."""
        return self.image.resize((self.width, self.height), Image.Resampling.LANCZOS)

    def palette(self, colours: int = 40) -> Image.Image:
        """Return the finished picture with a small palette."""
        return self.rgb().quantize(colours, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)


def _up(points: Path) -> list[Point]:
    return [(x * SCALE, y * SCALE) for x, y in points]


def ring(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360, steps: int = 60) -> list[Point]:
    """Return points on an ellipse from one angle to another, clockwise in degrees from the right."""
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def smooth(points: Path, closed: bool = False, steps: int = 12) -> list[Point]:
    """Return a Catmull-Rom curve through the points."""
    padded = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    curve: list[Point] = []
    for i in range(len(padded) - 3):
        p, q, r, s = padded[i : i + 4]
        curve.extend(_spline(p, q, r, s, k / steps) for k in range(steps))
    return curve if closed else [*curve, points[-1]]


def _spline(p: Point, q: Point, r: Point, s: Point, t: float) -> Point:
    def axis(a: float, b: float, c: float, d: float) -> float:
        return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)

    return axis(p[0], q[0], r[0], s[0]), axis(p[1], q[1], r[1], s[1])


def shift(points: Path, dx: float, dy: float, scale: float = 1) -> list[Point]:
    """Return the points scaled about the origin and then moved."""
    return [(dx + x * scale, dy + y * scale) for x, y in points]


def regular(x: float, y: float, r: float, sides: int, start: float = -90) -> list[Point]:
    """Return the corners of a regular polygon."""
    return ring(x, y, r, r, start, start + 360, sides)[:-1]


def pictures(boards: Mapping[str, Callable[[], Board]]) -> dict[str, Callable[[], Image.Image]]:
    """Turn board functions into image functions, with a palette for PNG names only."""
    return {name: _picture(name, board) for name, board in boards.items()}


def _picture(name: str, board: Callable[[], Board]) -> Callable[[], Image.Image]:
    def draw() -> Image.Image:
        return board().palette() if name.endswith(".png") else board().rgb()

    return draw
