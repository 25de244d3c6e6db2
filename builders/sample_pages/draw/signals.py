"""Drawings of buoys, road signs, traffic lights and international maritime signal flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, pictures, regular

RED, GREEN, YELLOW, BLACK, BLUE = "#d81e2c", "#1e9e4a", "#ffd500", "#111111", "#0b5cc0"


def _sea(b: Board) -> None:
    b.rect(0, 165, b.width, b.height, "#3f8fc4")
    b.line([(10, 175), (60, 171), (110, 176), (160, 171), (230, 176)], "#bfe0f2", 2)


def port_buoy() -> Board:
    """Draw a red can buoy with a can topmark."""
    b = Board(224, 200, "#d8ecf7")
    b.rect(75, 85, 149, 168, RED, "#5e0a10")
    b.line([(112, 85), (112, 45)], "#333333", 5)
    b.rect(95, 25, 129, 58, RED, "#5e0a10")
    _sea(b)
    return b


def starboard_buoy() -> Board:
    """Draw a green conical buoy with a cone topmark."""
    b = Board(224, 200, "#d8ecf7")
    b.poly([(112, 70), (160, 168), (64, 168)], GREEN, "#0c4a22")
    b.line([(112, 75), (112, 50)], "#333333", 5)
    b.poly([(112, 18), (132, 55), (92, 55)], GREEN, "#0c4a22")
    _sea(b)
    return b


def _cone(b: Board, y: float, up: bool) -> None:
    tip, base = (y - 15, y + 15) if up else (y + 15, y - 15)
    b.poly([(112, tip), (130, base), (94, base)], BLACK)


def cardinal(bands: Sequence[str], upper_up: bool, lower_up: bool) -> Board:
    """Draw a cardinal pillar buoy with two black cones."""
    b = Board(224, 220, "#d8ecf7")
    b.line([(112, 15), (112, 100)], "#555555", 4)
    step = 92 / len(bands)
    for i, colour in enumerate(bands):
        b.rect(92, 88 + i * step, 132, 88 + (i + 1) * step, colour)
    b.rect(92, 88, 132, 180, None, "#333333", 1.5)
    b.poly([(70, 180), (154, 180), (140, 200), (84, 200)], bands[-1])
    _cone(b, 25, upper_up)
    _cone(b, 62, lower_up)
    _sea_low(b)
    return b


def _sea_low(b: Board) -> None:
    b.rect(0, 192, b.width, b.height, "#3f8fc4")


def _sign() -> Board:
    b = Board(224, 200, "#cfe3c8")
    b.rect(106, 100, 118, 200, "#8a8f94")
    return b


def stop() -> Board:
    """Draw a red octagonal stop sign."""
    b = _sign()
    b.poly(regular(112, 85, 76, 8, -67.5), "white")
    b.poly(regular(112, 85, 71, 8, -67.5), RED)
    b.text(112, 85, "STOP", 42, "white")
    return b


def triangle(down: bool) -> Board:
    """Draw a red-bordered triangle, on its point or on its base."""
    b = _sign()
    y, start = (62, 90) if down else (102, -90)
    b.poly(regular(112, y, 88 if down else 90, 3, start), RED)
    b.poly(regular(112, y, 58, 3, start), "white")
    if not down:
        b.rect(107, 72, 117, 106, BLACK)
        b.circle(112, 118, 6, BLACK)
    return b


def speed_limit() -> Board:
    """Draw a white disc with a red rim and the number 50."""
    b = _sign()
    b.circle(112, 85, 74, "white", RED, 14)
    b.text(112, 85, "50", 58, BLACK)
    return b


def ahead_only() -> Board:
    """Draw a blue disc with a white arrow."""
    b = _sign()
    b.circle(112, 85, 74, BLUE, "white", 3)
    b.arrow((112, 135), (112, 30), "white", 14, 40)
    return b


def lamp(lit: int) -> Board:
    """Draw a three-lamp traffic light with one lamp lit."""
    b = Board(160, 220, "#cfdbe3")
    b.rect(42, 8, 118, 212, "#2b2f33", "#000000", 3)
    colours = (("#ff2d2d", "#4d1515"), ("#ffb300", "#4d3a10"), ("#1fe06a", "#124a28"))
    for i, (bright, dim) in enumerate(colours):
        b.circle(80, 44 + i * 66, 27, bright if i == lit else dim)
    return b


DRAWINGS = pictures(
    {
        "buoy_port.jpg": port_buoy,
        "buoy_starboard.png": starboard_buoy,
        "cardinal_north.png": partial(cardinal, (BLACK, YELLOW), True, True),
        "cardinal_east.png": partial(cardinal, (BLACK, YELLOW, BLACK), True, False),
        "cardinal_south.jpg": partial(cardinal, (YELLOW, BLACK), False, False),
        "cardinal_west.png": partial(cardinal, (YELLOW, BLACK, YELLOW), False, True),
        "sign_stop.png": stop,
        "sign_give_way.png": partial(triangle, True),
        "sign_warning.webp": partial(triangle, False),
        "sign_speed_limit.png": speed_limit,
        "sign_ahead_only.png": ahead_only,
        "light_red.png": partial(lamp, 0),
        "light_amber.png": partial(lamp, 1),
        "light_green.jpg": partial(lamp, 2),
    }
)


SIGNAL_FLAGS_RED, SIGNAL_FLAGS_BLUE, SIGNAL_FLAGS_YELLOW, SIGNAL_FLAGS_BLACK, WHITE = (
    "#d81e2c",
    "#0b4ea2",
    "#ffd500",
    "#111111",
    "#ffffff",
)
X0, Y0, X1, Y1 = 40.0, 20.0, 210.0, 150.0
SWALLOW = ((X0, Y0), (X1, Y0), (X1 - 45, (Y0 + Y1) / 2), (X1, Y1), (X0, Y1))


def _board() -> Board:
    b = Board(240, 170, "#dfe7ec")
    b.line([(34, 8), (34, 165)], "#5b3a29", 6)
    return b


def _edge(b: Board) -> Board:
    b.rect(X0, Y0, X1, Y1, None, "#333333", 1.5)
    return b


def _rows(*parts: tuple[str, float]) -> Board:
    b, y, unit = _board(), Y0, (Y1 - Y0) / sum(p[1] for p in parts)
    for colour, share in parts:
        b.rect(X0, y, X1, y + share * unit, colour)
        y += share * unit
    return _edge(b)


def alfa() -> Board:
    """White at the hoist and blue at the swallow-tailed fly."""
    b, half = _board(), (X0 + X1) / 2
    b.poly(SWALLOW, SIGNAL_FLAGS_BLUE)
    b.rect(X0, Y0, half, Y1, WHITE)
    b.poly(SWALLOW, None, "#333333", 1.5)
    return b


def bravo() -> Board:
    """Plain red with a swallow tail."""
    b = _board()
    b.poly(SWALLOW, SIGNAL_FLAGS_RED, "#333333", 1.5)
    return b


def foxtrot() -> Board:
    """White with a red diamond."""
    b = _rows((WHITE, 1))
    mid_x, mid_y = (X0 + X1) / 2, (Y0 + Y1) / 2
    b.poly([(mid_x, Y0), (X1, mid_y), (mid_x, Y1), (X0, mid_y)], SIGNAL_FLAGS_RED)
    return _edge(b)


def kilo() -> Board:
    """Yellow at the hoist and blue at the fly."""
    b = _rows((SIGNAL_FLAGS_YELLOW, 1))
    b.rect((X0 + X1) / 2, Y0, X1, Y1, SIGNAL_FLAGS_BLUE)
    return _edge(b)


def _checks(n: int, first: str, second: str) -> Board:
    b, w, h = _board(), (X1 - X0) / n, (Y1 - Y0) / n
    for row in range(n):
        for col in range(n):
            colour = first if (row + col) % 2 == 0 else second
            b.rect(X0 + col * w, Y0 + row * h, X0 + (col + 1) * w, Y0 + (row + 1) * h, colour)
    return _edge(b)


def oscar() -> Board:
    """Yellow lower hoist triangle and red upper fly triangle."""
    b = _rows((SIGNAL_FLAGS_YELLOW, 1))
    b.poly([(X0, Y0), (X1, Y0), (X1, Y1)], SIGNAL_FLAGS_RED)
    return _edge(b)


BOARDS: dict[str, Callable[[], Board]] = {
    "flag_alfa.png": alfa,
    "flag_bravo.jpg": bravo,
    "flag_charlie.png": lambda: _rows(
        (SIGNAL_FLAGS_BLUE, 1), (WHITE, 1), (SIGNAL_FLAGS_RED, 1), (WHITE, 1), (SIGNAL_FLAGS_BLUE, 1)
    ),
    "flag_delta.png": lambda: _rows((SIGNAL_FLAGS_YELLOW, 1), (SIGNAL_FLAGS_BLUE, 2), (SIGNAL_FLAGS_YELLOW, 1)),
    "flag_echo.png": lambda: _rows((SIGNAL_FLAGS_BLUE, 1), (SIGNAL_FLAGS_RED, 1)),
    "flag_foxtrot.png": foxtrot,
    "flag_kilo.png": kilo,
    "flag_lima.png": lambda: _checks(2, SIGNAL_FLAGS_YELLOW, SIGNAL_FLAGS_BLACK),
    "flag_november.png": lambda: _checks(4, SIGNAL_FLAGS_BLUE, WHITE),
    "flag_oscar.png": oscar,
    "flag_quebec.png": lambda: _rows((SIGNAL_FLAGS_YELLOW, 1)),
}
DRAWINGS |= pictures(BOARDS)
