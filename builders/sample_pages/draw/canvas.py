"""Drawing surfaces, curves and text for the sample's pictures: drawn enlarged and reduced, so that edges are smooth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Path = Sequence[Point]

SCALE = 3  # drawn pixels for each final pixel, in both directions
INK = "#222222"
BOARD_INK = "#202428"
PAPER = "#fdfcf7"


class _Surface:
    """A drawing surface in final-size coordinates; what :class:`Canvas` and :class:`Board` share."""

    def __init__(self, width: int, height: int, background: str) -> None:
        self.width = width
        self.height = height
        self._image = Image.new("RGB", (width * SCALE, height * SCALE), background)
        self._draw = ImageDraw.Draw(self._image)

    def _stroke(self, points: Path, colour: str, width: int) -> None:
        self._draw.line(_enlarged(points), fill=colour, width=width, joint="curve")

    def _ellipse(
        self, x: float, y: float, rx: float, ry: float, fill: str | None, edge: str | None, width: int
    ) -> None:
        box = _enlarged([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse(box, fill=fill, outline=edge, width=width)

    def _write(self, x: float, y: float, words: str, size: int, colour: str, anchor: str) -> None:
        font = ImageFont.load_default(size=size * SCALE)
        self._draw.text((x * SCALE, y * SCALE), words, fill=colour, font=font, anchor=anchor)

    def finish(self) -> Image.Image:
        """Return the full-colour picture at its final size."""
        return self._image.resize((self.width, self.height), Image.Resampling.LANCZOS)


class Canvas(_Surface):
    """A surface for diagrams: boxes by corner and size, circles by centre, angles counted anticlockwise."""

    def __init__(self, width: int = 240, height: int = 180, background: str = "white") -> None:
        super().__init__(width, height, background)

    def rect(self, x: float, y: float, w: float, h: float, fill: str, edge: str | None = None) -> None:
        """Fill a box given by its upper left corner and its size."""
        box = (round(x * SCALE), round(y * SCALE), round((x + w) * SCALE) - 1, round((y + h) * SCALE) - 1)
        self._draw.rectangle(box, fill=fill, outline=edge, width=SCALE)

    def disc(self, centre: Point, radius: float, fill: str | None, edge: str | None = None, width: float = 1) -> None:
        """Draw a filled or an empty circle."""
        self.oval(centre, radius, radius, fill, edge, width)

    def oval(
        self, centre: Point, rx: float, ry: float, fill: str | None, edge: str | None = None, width: float = 1
    ) -> None:
        """Draw an axis-aligned ellipse with the two half axes rx and ry."""
        self._ellipse(*centre, rx, ry, fill, edge, round(width * SCALE))

    def sector(self, centre: Point, radius: float, start: float, end: float, fill: str, edge: str = "white") -> None:
        """Fill a pie slice between two anticlockwise angles."""
        x, y = centre
        box = ((x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE)
        self._draw.pieslice(box, -end, -start, fill=fill, outline=edge, width=SCALE)

    def poly(self, points: Sequence[Point], fill: str | None, edge: str | None = None, width: float = 2) -> None:
        """Draw a polygon, its outline with rounded corners."""
        if fill is not None:
            self._draw.polygon(_enlarged(points), fill=fill)
        if edge is not None:
            self.path([*points, points[0], points[1]], edge, width)

    def path(self, points: Sequence[Point], colour: str = INK, width: float = 2) -> None:
        """Draw a line through the points."""
        self._stroke(points, colour, round(width * SCALE))

    def line(self, start: Point, end: Point, colour: str = INK, width: float = 2) -> None:
        """Draw one straight line."""
        self.path([start, end], colour, width)

    def dashes(self, start: Point, end: Point, colour: str = INK, width: float = 1.5, step: float = 4) -> None:
        """Draw a dashed straight line."""
        length = math.dist(start, end)
        count = max(1, int(length / (2 * step)))
        dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        for i in range(count + 1):
            a, b = 2 * step * i, min(2 * step * i + step, length)
            if a < b:
                first = (start[0] + dx * a, start[1] + dy * a)
                self.line(first, (start[0] + dx * b, start[1] + dy * b), colour, width)

    def arrow(self, start: Point, end: Point, colour: str = INK, width: float = 2, head: float = 8) -> None:
        """Draw a straight arrow with a filled head."""
        angle = math.degrees(math.atan2(start[1] - end[1], end[0] - start[0]))
        wings = [on_circle(end, head, angle + 180 + turn) for turn in (-25, 25)]
        self.line(start, on_circle(end, head / 2, angle + 180), colour, width)
        self.poly([end, *wings], colour)

    def text(self, at: Point, words: str, size: int = 12, colour: str = INK, anchor: str = "mm") -> None:
        """Write words, anchored at their middle by default."""
        self._write(*at, words, size, colour, anchor)


class Board(_Surface):
    """A surface for illustrations on paper: boxes by two corners, everything else by coordinates and point lists."""

    def __init__(self, width: int = 280, height: int = 200, background: str = PAPER) -> None:
        super().__init__(width, height, background)

    def line(self, points: Path, colour: str = BOARD_INK, width: float = 2) -> None:
        """Draw an open line through the points."""
        self._stroke(points, colour, _at_least_one(width))

    def poly(self, points: Path, fill: str | None = None, outline: str | None = None, width: float = 2) -> None:
        """Draw a closed polygon."""
        if fill is not None:
            self._draw.polygon(_enlarged(points), fill=fill)
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
        """Draw an axis-aligned rectangle."""
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
        self._ellipse(x, y, rx, ry, fill, outline, _at_least_one(width))

    def circle(
        self, x: float, y: float, r: float, fill: str | None = None, outline: str | None = None, width: float = 2
    ) -> None:
        """Draw a circle around a centre."""
        self.oval(x, y, r, r, fill, outline, width)

    def text(self, x: float, y: float, words: str, size: int = 14, colour: str = BOARD_INK, anchor: str = "mm") -> None:
        """Write a short text, centred on the point by default."""
        self._write(x, y, words, size, colour, anchor)

    def arrow(self, start: Point, end: Point, colour: str = BOARD_INK, width: float = 2, head: float = 9) -> None:
        """Draw a straight arrow with a filled head."""
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        neck = (end[0] - head * 0.8 * math.cos(angle), end[1] - head * 0.8 * math.sin(angle))
        self.line([start, neck], colour, width)
        wings = [(end[0] - head * math.cos(angle + t), end[1] - head * math.sin(angle + t)) for t in (-0.45, 0.45)]
        self.poly([end, *wings], colour)

    def palette(self, colours: int = 40) -> Image.Image:
        """Return the finished picture with a small palette."""
        return self.finish().quantize(colours, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)


def _enlarged(points: Path) -> list[Point]:
    return [(x * SCALE, y * SCALE) for x, y in points]


def _at_least_one(width: float) -> int:
    return max(1, round(width * SCALE))


def on_circle(centre: Point, radius: float, degrees: float) -> Point:
    """Return the point at an angle counted anticlockwise from three o'clock."""
    angle = math.radians(degrees)
    return centre[0] + radius * math.cos(angle), centre[1] - radius * math.sin(angle)


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
        return board().palette() if name.endswith(".png") else board().finish()

    return draw
