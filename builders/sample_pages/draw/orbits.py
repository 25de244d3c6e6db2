"""Orbits and sizes of planets and moons; phases, rings, shadows and the tilt of the Earth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image

from nyxqa.builders.sample_pages.draw.canvas import Canvas, Point, on_circle

NIGHT, PALE, FAINT, SUN = "#0B1030", "#E8ECFF", "#6F7FB8", "#FFD23F"
Track = tuple[str, float, float, str]


def tracks(centre: str, fill: str, paths: Sequence[Track], size: float = 12) -> Image.Image:
    """Draw concentric orbits as (name, radius, angle, colour) around a labelled middle."""
    canvas, o = Canvas(260, 250, NIGHT), (130.0, 125.0)
    for _, radius, _, _ in paths:
        canvas.disc(o, radius, None, FAINT, 1)
    canvas.disc(o, size, fill)
    canvas.text((o[0], o[1] + size + 7), centre, 10, PALE)
    for name, radius, angle, colour in paths:
        x, y = on_circle(o, radius, angle)
        canvas.disc((x, y), 6, colour)
        canvas.text((x, y - 13), name, 11, PALE)
    return canvas.finish()


def sizes(bodies: Sequence[tuple[str, float, str]], largest: float) -> Image.Image:
    """Draw bodies side by side, their diameters to scale."""
    canvas, top = Canvas(300, 150, NIGHT), max(d for _, d, _ in bodies)
    step = 300 / len(bodies)
    for i, (name, diameter, colour) in enumerate(bodies):
        canvas.disc((step * (i + 0.5), 66), largest * diameter / top / 2, colour)
        canvas.text((step * (i + 0.5), 136), name, 12, PALE)
    return canvas.finish()


def kepler_point(mean: float, o: Point, a: float, e: float) -> Point:
    """Return the place on an ellipse, focus on the left, at a mean anomaly in degrees."""
    m = math.radians(mean)
    big = m
    for _ in range(30):
        big = m + e * math.sin(big)
    return o[0] - a * math.cos(big), o[1] - a * math.sqrt(1 - e * e) * math.sin(big)


def kepler(areas: bool) -> Image.Image:
    """Draw an eccentric orbit with the Sun in one focus, and two equal areas if asked."""
    canvas, o, a, e = Canvas(280, 210, NIGHT), (140.0, 105.0), 120.0, 0.6
    focus = (o[0] - a * e, o[1])
    for start, fill in ((-20, "#D9534F"), (160, "#3FA7D6")):
        if areas:
            canvas.poly([focus, *(kepler_point(start + i, o, a, e) for i in range(41))], fill)
    canvas.oval(o, a, a * 0.8, None, PALE, 2)
    if not areas:
        canvas.dashes((o[0] - a, 105), (o[0] + a, 105), FAINT)
        canvas.disc((o[0] + a * e, 105), 5, NIGHT, PALE, 1.5)
        canvas.text((o[0] + a * e, 121), "empty focus", 11, PALE)
    canvas.disc(focus, 12, SUN)
    canvas.text((focus[0] + 4, 127), "Sun", 12, "white")
    canvas.disc(kepler_point(60, o, a, e), 7, "#7CE38B")
    return canvas.finish()


def halley() -> Image.Image:
    """Draw the long orbit of Halley's Comet across the orbit of Neptune."""
    canvas, sun, a, e = Canvas(300, 190, NIGHT), (96.0, 95.0), 52.0, 0.967
    canvas.disc(sun, 88, None, "#5B8CFF", 1.5)
    canvas.oval((sun[0] + a * e, 95), a, a * 0.255, None, "#7CE38B", 2.5)
    canvas.disc(sun, 6, SUN)
    canvas.disc((sun[0] + a * e + a, 95), 5, "white")
    canvas.line((sun[0] + a * e + a + 4, 95), (250, 95), "#9FB4FF", 3)
    canvas.text((96, 122), "Sun", 12, SUN)
    canvas.text((250, 78), "comet", 12, PALE)
    canvas.text((228, 168), "orbit of Neptune", 12, "#8FB0FF")
    return canvas.finish()


INNER: list[Track] = [("Mercury", 29, 90, "#B5A08A"), ("Venus", 54, 300, "#F2C879"), ("Earth", 75, 20, "#3F8CFF"),
                      ("Mars", 110, 120, "#E0532F")]  # fmt: skip
OUTER: list[Track] = [("Jupiter", 22, 60, "#D9A066"), ("Saturn", 39, 190, "#EBD38B"), ("Uranus", 72, 320, "#8FE3E8"),
                      ("Neptune", 108, 100, "#3F62FF")]  # fmt: skip
GALILEAN: list[Track] = [("Io", 26, 160, "#F5E663"), ("Europa", 41, 320, "#E8DCC8"), ("Ganymede", 64, 215, "#A89A87"),
                         ("Callisto", 110, 60, "#7A6A5C")]  # fmt: skip
SATURN: list[Track] = [("Rhea", 46, 220, "#DDDDDD"), ("Titan", 106, 50, "#F0A030")]
MARS: list[Track] = [("Phobos", 42, 220, "#B8A594"), ("Deimos", 105, 40, "#D8CDBE")]
ROCKY = [("Mercury", 4879.0, "#B5A08A"), ("Venus", 12104.0, "#F2C879"), ("Earth", 12756.0, "#3F8CFF"),
         ("Mars", 6792.0, "#E0532F")]  # fmt: skip
GIANTS = [("Jupiter", 142984.0, "#D9A066"), ("Saturn", 120536.0, "#EBD38B"), ("Uranus", 51118.0, "#8FE3E8"),
          ("Neptune", 49528.0, "#3F62FF")]  # fmt: skip
MOONS = [("Io", 3643.0, "#F5E663"), ("Europa", 3122.0, "#E8DCC8"), ("Ganymede", 5268.0, "#A89A87"),
         ("Callisto", 4821.0, "#7A6A5C")]  # fmt: skip

DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "orbits_inner_planets.png": partial(tracks, "Sun", SUN, INNER),
    "sizes_rocky_planets.jpg": partial(sizes, ROCKY, 70),
    "orbits_outer_planets.png": partial(tracks, "", SUN, OUTER, 8),
    "sizes_giant_planets.png": partial(sizes, GIANTS, 74),
    "orbits_galilean_moons.png": partial(tracks, "", "#D9A066", GALILEAN, 14),
    "sizes_galilean_moons.jpg": partial(sizes, MOONS, 66),
    "orbits_saturn_moons.png": partial(tracks, "Saturn", "#EBD38B", SATURN, 18),
    "orbits_mars_moons.png": partial(tracks, "Mars", "#E0532F", MARS, 16),
    "kepler_ellipse.png": partial(kepler, False),
    "kepler_areas.png": partial(kepler, True),
    "halley_orbit.png": halley,
}


MOONS_NIGHT, MOONS_PALE, MOONS_FAINT, MOONS_SUN = "#0B1030", "#E8ECFF", "#6F7FB8", "#FFD23F"


def phase(lit: float, right: bool) -> Image.Image:
    """Draw the Moon with the given share lit, on the right or the left."""
    canvas, o, r = Canvas(180, 160, MOONS_NIGHT), (90.0, 80.0), 62.0
    canvas.disc(o, r, "#30364F")
    sign = 1 if right else -1
    rim = [on_circle(o, r, 90 - 6 * i) for i in range(31)]
    edge = [(o[0] + (1 - 2 * lit) * (x - o[0]), y) for x, y in reversed(rim)]
    canvas.poly([(o[0] + sign * (x - o[0]), y) for x, y in [*rim, *edge]], "#F4F0D8")
    return canvas.finish()


def moon_orbit() -> Image.Image:
    """Draw the Moon at four places of its orbit, each lit from the right."""
    canvas, o = Canvas(280, 200, MOONS_NIGHT), (115.0, 100.0)
    canvas.disc(o, 74, None, MOONS_FAINT, 1)
    canvas.disc(o, 20, "#3F8CFF")
    canvas.text(o, "Earth", 11, "white")
    for angle in (0, 90, 180, 270):
        p = on_circle(o, 74, angle)
        canvas.disc(p, 11, "#555B70")
        canvas.sector(p, 11, -90, 90, "#F4F0D8", "#F4F0D8")
    for y in (50, 100, 150):
        canvas.arrow((275, y), (222, y), MOONS_SUN)
    canvas.text((250, 36), "sunlight", 11, MOONS_SUN)
    return canvas.finish()


def saturn() -> Image.Image:
    """Draw Saturn with its rings, the front half before the globe."""
    canvas, o = Canvas(280, 160, MOONS_NIGHT), (140.0, 80.0)
    rings = [(124.0, 33.0, "#C9B58A"), (104.0, 26.0, MOONS_NIGHT), (98.0, 24.0, "#E6D3A3"), (72.0, 15.0, MOONS_NIGHT)]
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
    canvas = Canvas(300, 150, MOONS_NIGHT)
    middle, last = (("Earth", 14.0, "#3F8CFF"), ("Moon", 6.0, "#A8452E")) if lunar else (
        ("Moon", 6.0, "#BBBBBB"), ("Earth", 14.0, "#3F8CFF"))  # fmt: skip
    x = 170 if lunar else 200
    canvas.poly([(x, 75 - middle[1]), (x, 75 + middle[1]), (296 if lunar else 250, 75)], "#4A5580")
    for name, at, radius, fill in (
        ("Sun", 45, 40.0, MOONS_SUN),
        (middle[0], x, *middle[1:]),
        (last[0], 250, *last[1:]),
    ):
        canvas.disc((at, 75), radius, fill)
        canvas.text((at, 130), name, 12, MOONS_PALE)
    return canvas.finish()


def corona() -> Image.Image:
    """Draw the black Moon before the Sun with white streamers around it."""
    canvas, o = Canvas(220, 180, MOONS_NIGHT), (110.0, 90.0)
    rays = [on_circle(o, 80 + 8 * math.cos(i * 2.1) if i % 2 else 50, i * 9) for i in range(40)]
    canvas.poly(rays, "#6C7BB5")
    canvas.disc(o, 52, "#F5F7FF")
    canvas.disc(o, 45, "#000000")
    return canvas.finish()


def tilt() -> Image.Image:
    """Draw the Earth with its axis leaning 23.4 degrees from the dashed upright."""
    canvas, o = Canvas(240, 200, MOONS_NIGHT), (120.0, 104.0)
    canvas.disc(o, 56, "#3F8CFF")
    canvas.dashes((120, 14), (120, 190), MOONS_PALE)
    canvas.line(on_circle(o, 92, 66.6), on_circle(o, 92, 246.6), "#FF5A4F", 3)
    canvas.line(on_circle(o, 56, 156.6), on_circle(o, 56, 336.6), "#FFFFFF", 2)
    canvas.text((182, 26), "23.4°", 13, MOONS_SUN)
    canvas.text((200, 150), "equator", 12, MOONS_PALE)
    return canvas.finish()


DRAWINGS |= {
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
