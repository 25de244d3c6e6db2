"""Bar charts, line charts and pie charts of small tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image

from nyxqa.builders.sample_pages.draw.canvas import INK, Canvas, on_circle

RED, BLUE, GREEN, AMBER, VIOLET, GREY = "#D64541", "#2E6FD0", "#2FA35B", "#F0A830", "#8A4FBF", "#9AA3AD"
MONTHS = tuple("JFMAMJJASOND")
LEFT, TOP, HIGH = 34, 30, 120


def axes(title: str, most: float, tick: float, width: int = 280) -> Canvas:
    """Draw the title, the grid lines with their values and the two axes."""
    canvas = Canvas(width, 180)
    canvas.text((width / 2, 14), title, 13)
    for i in range(int(most / tick) + 1):
        y = TOP + HIGH * (1 - i * tick / most)
        canvas.line((LEFT, y), (width - 8, y), "#DDDDDD", 1)
        canvas.text((LEFT - 4, y), f"{i * tick:g}", 10, anchor="rm")
    canvas.line((LEFT, TOP), (LEFT, TOP + HIGH), INK, 1.5)
    canvas.line((LEFT, TOP + HIGH), (width - 8, TOP + HIGH), INK, 1.5)
    return canvas


def bars(
    title: str, labels: Sequence[str], values: Sequence[float], tick: float, most: float, fill: str,
    special: int = -1, small: int = 10,
) -> Image.Image:  # fmt: skip
    """Draw upright bars; the special one is red."""
    canvas, step = axes(title, most, tick), (280 - 8 - LEFT) / len(values)
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        high, x = HIGH * value / most, LEFT + step * i
        canvas.rect(x + step * 0.15, TOP + HIGH - high, step * 0.7, high, RED if i == special else fill)
        canvas.text((x + step / 2, TOP + HIGH + 12), label, small)
    return canvas.finish()


def lines(
    title: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], tick: float, most: float
) -> Image.Image:
    """Draw one or more lines with a dot at each value."""
    canvas, step = axes(title, most, tick), (280 - 24 - LEFT) / (len(labels) - 1)
    for i, label in enumerate(labels):
        canvas.text((LEFT + 8 + step * i, TOP + HIGH + 12), label, 10)
    for colour, values in series:
        points = [(LEFT + 8 + step * i, TOP + HIGH * (1 - v / most)) for i, v in enumerate(values)]
        canvas.path(points, colour, 2.5)
        for p in points:
            canvas.disc(p, 3.5, colour)
    return canvas.finish()


def pie(title: str, slices: Sequence[tuple[str, float, str]]) -> Image.Image:
    """Draw a pie clockwise from the top, with a legend."""
    canvas, o, total = Canvas(280, 180), (88.0, 102.0), sum(v for _, v, _ in slices)
    canvas.text((140, 14), title, 13)
    angle = 90.0
    for i, (name, value, colour) in enumerate(slices):
        share = 360 * value / total
        canvas.sector(o, 70, angle - share, angle, colour)
        if share > 30:
            canvas.text(on_circle(o, 45, angle - share / 2), f"{value:g}%", 12, "white")
        angle -= share
        canvas.rect(172, 42 + 24 * i, 12, 12, colour)
        canvas.text((190, 48 + 24 * i), name, 11, anchor="lm")
    return canvas.finish()


RAIN = (92, 71, 66, 48, 40, 31, 22, 35, 58, 84, 103, 110)
WARMTH = (4, 5, 8, 11, 15, 19, 22, 21, 17, 12, 8, 5)
YEARS = ("2015", "2016", "2017", "2018", "2019", "2020", "2021")
STEPS = tuple(str(i) for i in range(7))

DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "chart_brackwell_rain.png": partial(bars, "Rain in Brackwell (mm)", MONTHS, RAIN, 30, 120, BLUE, 11),
    "chart_brackwell_warmth.png": partial(lines, "Brackwell (°C)", MONTHS, [(AMBER, WARMTH)], 5, 25),
    "chart_highest_mountains.png": partial(
        bars,
        "Highest mountains (m)",
        ("Everest", "K2", "Kangch.", "Lhotse", "Makalu"),
        (8849, 8611, 8586, 8516, 8485),
        2000,
        10000,
        GREY,
        0,
    ),
    "chart_air_earth.png": partial(
        pie, "Dry air of the Earth", [("nitrogen", 78.1, BLUE), ("oxygen", 20.9, RED), ("argon, others", 1, AMBER)]
    ),
    "chart_air_mars.png": partial(
        pie, "Air of Mars", [("carbon dioxide", 95, AMBER), ("nitrogen", 2.8, BLUE), ("argon, others", 2.2, GREEN)]
    ),
    "chart_ocean_areas.png": partial(
        pie,
        "Shares of the world ocean",
        [
            ("Pacific", 46.6, BLUE),
            ("Atlantic", 23.5, GREEN),
            ("Indian", 19.5, AMBER),
            ("Southern", 6.1, VIOLET),
            ("Arctic", 4.3, GREY),
        ],
    ),
    "chart_ocean_depths.jpg": partial(
        bars,
        "Deepest points (m)",
        ("Pacific", "Atlantic", "Southern", "Indian", "Arctic"),
        (10935, 8376, 7434, 7192, 5550),
        3000,
        12000,
        "#1C5FA8",
        -1,
    ),
    "chart_tellin_passengers.png": partial(
        lines, "Port Tellin ferry (thousand trips)", YEARS, [(BLUE, (310, 325, 340, 372, 390, 150, 265))], 100, 400
    ),
    "chart_tellin_seasons.png": partial(
        bars,
        "Trips in 2019 (thousands)",
        ("winter", "spring", "summer", "autumn"),
        (40, 95, 170, 85),
        50,
        200,
        GREEN,
        2,
    ),
    "chart_tellin_tickets.jpg": partial(
        pie, "Tickets in 2019", [("single", 45, BLUE), ("return", 35, VIOLET), ("season", 20, AMBER)]
    ),
    "chart_growth_linear.png": partial(
        lines, "Linear: 10 x n", STEPS, [(GREEN, tuple(10 * i for i in range(7)))], 20, 70
    ),
    "chart_growth_square.png": partial(
        lines, "Square: n x n", STEPS, [(VIOLET, tuple(i * i for i in range(7)))], 10, 40
    ),
    "chart_growth_doubling.png": partial(
        bars, "Doubling: 2 to the n", STEPS, tuple(2**i for i in range(7)), 16, 70, AMBER
    ),
    "chart_library_loans.png": partial(
        bars,
        "Ostermoor loans by weekday",
        ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat"),
        (120, 90, 140, 110, 160, 230),
        50,
        250,
        VIOLET,
        5,
    ),
    "chart_library_genres.png": partial(
        pie,
        "Loans by kind",
        [("novels", 40, RED), ("children", 30, AMBER), ("science", 18, BLUE), ("music", 12, GREEN)],
    ),
    "chart_library_visitors.png": partial(
        lines,
        "Visitors: town (red), school (blue)",
        ("2018", "2019", "2020", "2021", "2022"),
        [(RED, (52, 55, 20, 34, 58)), (BLUE, (18, 20, 8, 15, 26))],
        20,
        60,
    ),
    "chart_library_members.jpg": partial(
        bars,
        "Members by age",
        ("0-12", "13-19", "20-39", "40-64", "65+"),
        (640, 310, 420, 580, 450),
        200,
        800,
        GREEN,
        0,
    ),
}
