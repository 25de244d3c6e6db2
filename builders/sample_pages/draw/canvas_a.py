"""Shared drawing primitives: a canvas drawn large and shrunk, so that edges come out smooth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]

SCALE = 3
INK = "#222222"


def on_circle(centre: Point, radius: float, degrees: float) -> Point:
    """Return the point at an angle counted anticlockwise from three o'clock."""
    angle = math.radians(degrees)
    return centre[0] + radius * math.cos(angle), centre[1] - radius * math.sin(angle)


class Canvas:
    """A drawing surface in final-size coordinates."""

    def __init__(self, width: int = 240, height: int = 180, background: str = "white") -> None:
        self.width = width
        self.height = height
        self._image = Image.new("RGB", (width * SCALE, height * SCALE), background)
        self._draw = ImageDraw.Draw(self._image)

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
        """Draw an upright ellipse with the two half axes rx and ry."""
        x, y = centre
        box = ((x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE)
        self._draw.ellipse(box, fill=fill, outline=edge, width=round(width * SCALE))

    def sector(self, centre: Point, radius: float, start: float, end: float, fill: str, edge: str = "white") -> None:
        """Fill a pie slice between two anticlockwise angles."""
        x, y = centre
        box = ((x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE)
        self._draw.pieslice(box, -end, -start, fill=fill, outline=edge, width=SCALE)

    def poly(self, points: Sequence[Point], fill: str | None, edge: str | None = None, width: float = 2) -> None:
        """Draw a polygon, its outline with rounded corners."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        if fill is not None:
            self._draw.polygon(scaled, fill=fill)
        if edge is not None:
            self.path([*points, points[0], points[1]], edge, width)

    def path(self, points: Sequence[Point], colour: str = INK, width: float = 2) -> None:
        """Draw a line through the points."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")

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
        """Write words, anchored at their middle unless told otherwise."""
        font = ImageFont.load_default(size=size * SCALE)
        self._draw.text((at[0] * SCALE, at[1] * SCALE), words, fill=colour, font=font, anchor=anchor)

    def finish(self) -> Image.Image:
        """Return the picture at its final size."""
        return self._image.resize((self.width, self.height), Image.Resampling.LANCZOS)
