"""Phases, rings, shadows and the tilt of the Earth."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from PIL import Image

from nyxqa.builders.sample_pages.draw.canvas import Canvas, on_circle

NIGHT, PALE, FAINT, SUN = "#0B1030", "#E8ECFF", "#6F7FB8", "#FFD23F"


def phase(lit: float, right: bool) -> Image.Image:
    """Draw the Moon with the given share lit, on the right or the left."""
    canvas, o, r = Canvas(180, 160, NIGHT), (90.0, 80.0), 62.0
    canvas.disc(o, r, "#30364F")
    sign = 1 if right else -1
    rim = [on_circle(o, r, 90 - 6 * i) for i in range(31)]
    edge = [(o[0] + (1 - 2 * lit) * (x - o[0]), y) for x, y in reversed(rim)]
    canvas.poly([(o[0] + sign * (x - o[0]), y) for x, y in [*rim, *edge]], "#F4F0D8")
    return canvas.finish()


def moon_orbit() -> Image.Image:
    """Draw the Moon at four places of its orbit, each lit from the right."""
    canvas, o = Canvas(280, 200, NIGHT), (115.0, 100.0)
    canvas.disc(o, 74, None, FAINT, 1)
    canvas.disc(o, 20, "#3F8CFF")
    canvas.text(o, "Earth", 11, "white")
    for angle in (0, 90, 180, 270):
        p = on_circle(o, 74, angle)
        canvas.disc(p, 11, "#555B70")
        canvas.sector(p, 11, -90, 90, "#F4F0D8", "#F4F0D8")
    for y in (50, 100, 150):
        canvas.arrow((275, y), (222, y), SUN)
    canvas.text((250, 36), "sunlight", 11, SUN)
    return canvas.finish()


def saturn() -> Image.Image:
    """Draw Saturn with its rings, the front half before the globe."""
    canvas, o = Canvas(280, 160, NIGHT), (140.0, 80.0)
    rings = [(124.0, 33.0, "#C9B58A"), (104.0, 26.0, NIGHT), (98.0, 24.0, "#E6D3A3"), (72.0, 15.0, NIGHT)]
    for rx, ry, fill in rings:
        canvas.oval(o, rx, ry, fill)
    canvas.disc(o, 56, "#E3B860")
    for outer, inner, fill in ((124, 104, "#C9B58A"), (98, 72, "#E6D3A3")):
        arcs = [[(140 + r * math.cos(t / 20), 80 + k * math.sin(t / 20)) for t in range(64)]
                for r, k in ((outer, outer * 0.26), (inner, inner * 0.23))]  # fmt: skip
        canvas.poly([*arcs[0], *reversed(arcs[1])], fill)
    return canvas.finish()


def eclipse(lunar: bool) -> Image.Image:
    """Draw Sun, Earth and Moon in a row with the shadow of the middle body."""
    canvas = Canvas(300, 150, NIGHT)
    middle, last = (("Earth", 14.0, "#3F8CFF"), ("Moon", 6.0, "#A8452E")) if lunar else (
        ("Moon", 6.0, "#BBBBBB"), ("Earth", 14.0, "#3F8CFF"))  # fmt: skip
    x = 170 if lunar else 200
    canvas.poly([(x, 75 - middle[1]), (x, 75 + middle[1]), (296 if lunar else 250, 75)], "#4A5580")
    for name, at, radius, fill in (("Sun", 45, 40.0, SUN), (middle[0], x, *middle[1:]), (last[0], 250, *last[1:])):
        canvas.disc((at, 75), radius, fill)
        canvas.text((at, 130), name, 12, PALE)
    return canvas.finish()


def corona() -> Image.Image:
    """Draw the black Moon before the Sun with white streamers around it."""
    canvas, o = Canvas(220, 180, NIGHT), (110.0, 90.0)
    rays = [on_circle(o, 80 + 8 * math.cos(i * 2.1) if i % 2 else 50, i * 9) for i in range(40)]
    canvas.poly(rays, "#6C7BB5")
    canvas.disc(o, 52, "#F5F7FF")
    canvas.disc(o, 45, "#000000")
    return canvas.finish()


def tilt() -> Image.Image:
    """Draw the Earth with its axis leaning 23.4 degrees from the dashed upright."""
    canvas, o = Canvas(240, 200, NIGHT), (120.0, 104.0)
    canvas.disc(o, 56, "#3F8CFF")
    canvas.dashes((120, 14), (120, 190), PALE)
    canvas.line(on_circle(o, 92, 66.6), on_circle(o, 92, 246.6), "#FF5A4F", 3)
    canvas.line(on_circle(o, 56, 156.6), on_circle(o, 56, 336.6), "#FFFFFF", 2)
    canvas.text((182, 26), "23.4°", 13, SUN)
    canvas.text((200, 150), "equator", 12, PALE)
    return canvas.finish()


DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "moon_orbit.png": moon_orbit,
    "moon_crescent.png": partial(phase, 0.2, True),
    "moon_first_quarter.jpg": partial(phase, 0.5, True),
    "moon_full.webp": partial(phase, 1.0, True),
    "saturn_rings.jpg": saturn,
    "eclipse_solar.png": partial(eclipse, False),
    "eclipse_lunar.png": partial(eclipse, True),
    "eclipse_corona.jpg": corona,
    "earth_axis_tilt.png": tilt,
}
