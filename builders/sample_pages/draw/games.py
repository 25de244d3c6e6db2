"""Drawings of chess positions, noughts and crosses, go stones and dominoes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Path, pictures, ring, shift

RED, BLUE, INK = "#d63031", "#1f6fd0", "#202428"
CELL = 26
BASE = ((-9, 10), (9, 10), (9, 6), (-9, 6))
SHAPES: dict[str, Path] = {
    "P": (*ring(0, -3, 5, 5, 120, 420, 20), (6, 10), (-6, 10)),
    "R": (
        (-8, -10),
        (-8, -4),
        (-5, -2),
        (-6, 10),
        (6, 10),
        (5, -2),
        (8, -4),
        (8, -10),
        (4, -10),
        (4, -7),
        (2, -7),
        (2, -10),
        (-2, -10),
        (-2, -7),
        (-4, -7),
        (-4, -10),
    ),
    "N": ((-7, 10), (7, 10), (8, 0), (5, -8), (1, -11), (0, -8), (-5, -5), (-9, 0), (-7, 3), (-1, 0), (-5, 6)),
    "B": ((-7, 10), (-3, 5), (-6, 0), (-4, -6), (0, -11), (4, -6), (6, 0), (3, 5), (7, 10)),
    "Q": ((-7, 10), (-10, -8), (-5, -1), (-4, -10), (0, -1), (4, -10), (5, -1), (10, -8), (7, 10)),
    "K": (
        (-7, 10),
        (-10, 0),
        (-6, -4),
        (-2, -3),
        (-2, -6),
        (-5, -6),
        (-5, -8),
        (-2, -8),
        (-2, -12),
        (2, -12),
        (2, -8),
        (5, -8),
        (5, -6),
        (2, -6),
        (2, -3),
        (6, -4),
        (10, 0),
        (7, 10),
    ),
}


def _centre(square: str) -> tuple[float, float]:
    return 8 + (ord(square[0]) - 97 + 0.5) * CELL, 8 + (8 - int(square[1]) + 0.5) * CELL


def chess(pieces: Mapping[str, str], marked: Sequence[str] = (), colour: str = "#7bd37b") -> Board:
    """Draw a board; upper-case letters are white pieces and lower-case letters black ones."""
    b = Board(224, 224, "#4e3629")
    for index in range(64):
        square = f"{'abcdefgh'[index % 8]}{index // 8 + 1}"
        x, y = _centre(square)
        tone = "#b58863" if (index % 8 + index // 8) % 2 == 0 else "#f0d9b5"
        b.rect(x - 13, y - 13, x + 13, y + 13, colour if square in marked else tone)
    for square, letter in pieces.items():
        x, y = _centre(square)
        fill, edge = ("#ffffff", "#111111") if letter.isupper() else ("#111111", "#dddddd")
        b.poly(shift(SHAPES[letter.upper()], x, y), fill, edge, 1.2)
        b.poly(shift(BASE, x, y), fill, edge, 1)
    return b


def _rook_moves() -> list[str]:
    return [f"d{i}" for i in range(1, 9) if i != 4] + [f"{c}4" for c in "abcefgh"]


def _bishop_moves() -> list[str]:
    steps = [(d * s, d * t) for d in range(1, 8) for s in (-1, 1) for t in (-1, 1)]
    return [f"{'abcdefgh'[3 + x]}{4 + y}" for x, y in steps if 0 <= 3 + x < 8 and 1 <= 4 + y <= 8]


def _rank(row: str, rank: int) -> dict[str, str]:
    return {f"{'abcdefgh'[i]}{rank}": letter for i, letter in enumerate(row) if letter != "."}


SCHOLAR = {
    **_rank("r.bqkb.r", 8),
    **_rank("pppp.Qpp", 7),
    **_rank("..n..n..", 6),
    **_rank("....p...", 5),
    **_rank("..B.P...", 4),
    **_rank("PPPP.PPP", 2),
    **_rank("RNB.K.NR", 1),
}
BACK_RANK = {
    "g8": "k",
    "f7": "p",
    "g7": "p",
    "h7": "p",
    "e8": "R",
    "g1": "K",
    "f2": "P",
    "g2": "P",
    "h2": "P",
    "b6": "r",
}


def noughts(cells: str, strike: bool) -> Board:
    """Draw a noughts-and-crosses grid, with a green line on a finished diagonal."""
    b = Board(224, 200, "white")
    for i in (1, 2):
        b.line([(22 + 60 * i, 12), (22 + 60 * i, 188)], INK, 4)
        b.line([(26, 10 + 60 * i), (198, 10 + 60 * i)], INK, 4)
    for i, mark in enumerate(cells):
        x, y = 52 + 60 * (i % 3), 40 + 60 * (i // 3)
        if mark == "O":
            b.circle(x, y, 20, None, BLUE, 5)
        elif mark == "X":
            b.line([(x - 18, y - 18), (x + 18, y + 18)], RED, 5)
            b.line([(x + 18, y - 18), (x - 18, y + 18)], RED, 5)
    if strike:
        b.line([(28, 16), (196, 184)], "#27ae60", 7)
    return b


def go(black: Sequence[tuple[int, int]], white: Sequence[tuple[int, int]], dots: Sequence[tuple[int, int]]) -> Board:
    """Draw part of a go board with stones and red marks on liberties."""
    b = Board(224, 224, "#e3b45f")
    for i in range(5):
        b.line([(12, 32 + 40 * i), (212, 32 + 40 * i)], "#5b3a11", 1.5)
        b.line([(32 + 40 * i, 12), (32 + 40 * i, 212)], "#5b3a11", 1.5)
    for stones, colour in ((black, "#111111"), (white, "#fafafa")):
        for x, y in stones:
            b.circle(32 + 40 * x, 32 + 40 * y, 18, colour, "#111111", 1)
    for x, y in dots:
        b.circle(32 + 40 * x, 32 + 40 * y, 7, RED)
    return b


PIPS = {0: "", 1: "4", 2: "08", 3: "048", 4: "0268", 5: "02468", 6: "035268"}


def domino(left: int, right: int) -> Board:
    """Draw one domino tile."""
    b = Board(260, 160, "#2e7d4f")
    b.rect(25, 28, 235, 132, "#fffdf0", INK, 3)
    b.line([(130, 36), (130, 124)], INK, 3)
    for x0, value in ((46, left), (150, right)):
        for spot in PIPS[value]:
            row, col = divmod(int(spot), 3)
            b.circle(x0 + col * 32, 48 + row * 32, 9, INK)
    return b


BOARDS: dict[str, Callable[[], Board]] = {
    "chess_rook.png": partial(chess, {"d4": "R"}, _rook_moves()),
    "chess_bishop.png": partial(chess, {"d4": "B"}, _bishop_moves(), "#ffb347"),
    "chess_knight.png": partial(chess, {"d4": "N"}, ("b3", "b5", "c2", "c6", "e2", "e6", "f3", "f5"), "#7ec8f2"),
    "chess_back_rank.png": partial(chess, BACK_RANK, ("e8", "g8"), "#ff7f7f"),
    "chess_scholars_mate.png": partial(chess, SCHOLAR, ("f7",), "#ff7f7f"),
    "noughts_win.png": partial(noughts, "XO.OX...X", True),
    "noughts_draw.png": partial(noughts, "XOXXOOOXX", False),
    "go_liberties.png": partial(go, [(2, 2)], [], [(1, 2), (3, 2), (2, 1), (2, 3)]),
    "go_atari.png": partial(go, [(1, 2), (2, 1), (2, 3)], [(2, 2)], [(3, 2)]),
    "domino_double_six.png": partial(domino, 6, 6),
    "domino_three_five.png": partial(domino, 3, 5),
    "domino_blank_one.jpg": partial(domino, 0, 1),
}
DRAWINGS = pictures(BOARDS)
