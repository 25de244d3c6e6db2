"""Drawings of international maritime signal flags."""

from __future__ import annotations

from collections.abc import Callable

from nyxqa.builders.sample_pages.draw.canvas import Board, pictures

RED, BLUE, YELLOW, BLACK, WHITE = "#d81e2c", "#0b4ea2", "#ffd500", "#111111", "#ffffff"
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
    b.poly(SWALLOW, BLUE)
    b.rect(X0, Y0, half, Y1, WHITE)
    b.poly(SWALLOW, None, "#333333", 1.5)
    return b


def bravo() -> Board:
    """Plain red with a swallow tail."""
    b = _board()
    b.poly(SWALLOW, RED, "#333333", 1.5)
    return b


def foxtrot() -> Board:
    """White with a red diamond."""
    b = _rows((WHITE, 1))
    mid_x, mid_y = (X0 + X1) / 2, (Y0 + Y1) / 2
    b.poly([(mid_x, Y0), (X1, mid_y), (mid_x, Y1), (X0, mid_y)], RED)
    return _edge(b)


def kilo() -> Board:
    """Yellow at the hoist and blue at the fly."""
    b = _rows((YELLOW, 1))
    b.rect((X0 + X1) / 2, Y0, X1, Y1, BLUE)
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
    b = _rows((YELLOW, 1))
    b.poly([(X0, Y0), (X1, Y0), (X1, Y1)], RED)
    return _edge(b)


BOARDS: dict[str, Callable[[], Board]] = {
    "flag_alfa.png": alfa,
    "flag_bravo.jpg": bravo,
    "flag_charlie.png": lambda: _rows((BLUE, 1), (WHITE, 1), (RED, 1), (WHITE, 1), (BLUE, 1)),
    "flag_delta.png": lambda: _rows((YELLOW, 1), (BLUE, 2), (YELLOW, 1)),
    "flag_echo.png": lambda: _rows((BLUE, 1), (RED, 1)),
    "flag_foxtrot.png": foxtrot,
    "flag_kilo.png": kilo,
    "flag_lima.png": lambda: _checks(2, YELLOW, BLACK),
    "flag_november.png": lambda: _checks(4, BLUE, WHITE),
    "flag_oscar.png": oscar,
    "flag_quebec.png": lambda: _rows((YELLOW, 1)),
}
DRAWINGS = pictures(BOARDS)
