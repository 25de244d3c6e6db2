"""Drawings of simple measuring instruments: protractor, cylinder, hourglass, spring scale and ruler."""

from __future__ import annotations

import math

from nyxqa.builders.sample_pages.draw.canvas import Board, pictures, ring

RED, BLUE, INK, WOOD = "#d63031", "#1f6fd0", "#202428", "#a9713c"


def protractor() -> Board:
    """Draw a half-disc protractor with a red line at 60 degrees."""
    b = Board(280, 170)
    b.poly(ring(140, 145, 125, 125, 180, 360), "#d9f0f7", INK, 2)
    for degrees in range(0, 181, 10):
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        inner = 108 if degrees % 30 == 0 else 115
        b.line([(140 + 125 * c, 145 - 125 * s), (140 + inner * c, 145 - inner * s)], INK, 1.5)
        if degrees % 30 == 0 and 0 < degrees < 180:
            b.text(140 + 94 * c, 145 - 94 * s, str(degrees), 13)
    b.line([(140, 145), (140 + 80 * math.cos(math.pi / 3), 145 - 80 * math.sin(math.pi / 3))], RED, 4)
    b.line([(140, 145), (262, 145)], RED, 4)
    return b


def cylinder() -> Board:
    """Draw a measuring cylinder with blue liquid up to 70."""
    b = Board(170, 240)
    b.rect(55, 82, 105, 215, "#4aa3df")
    b.rect(55, 15, 105, 215, None, INK, 3)
    b.rect(38, 215, 122, 226, "#7f8c8d", INK, 2)
    for value in range(10, 101, 10):
        y = 215 - value * 1.9
        b.line([(90, y), (105, y)], INK, 1.5)
        if value % 20 == 0:
            b.text(112, y, str(value), 13, anchor="lm")
    return b


def hourglass() -> Board:
    """Draw a wooden-framed hourglass with orange sand."""
    b = Board(180, 230, "#f3f6fa")
    b.poly([(45, 25), (135, 25), (95, 113), (135, 205), (45, 205), (85, 113)], "#dff1f8", INK, 2)
    b.poly([(65, 72), (115, 72), (94, 112), (86, 112)], "#f39c12")
    b.poly([(50, 203), (130, 203), (90, 160)], "#f39c12")
    b.line([(90, 112), (90, 165)], "#f39c12", 2)
    for y in (12, 203):
        b.rect(30, y, 150, y + 14, WOOD, "#5b3a1a", 2)
    return b


def spring_scale() -> Board:
    """Draw a spring scale that holds a purple weight."""
    b = Board(170, 250)
    b.circle(85, 18, 9, None, INK, 3)
    b.rect(60, 28, 110, 150, "#ffe9a8", INK, 2)
    coil = [(85 + 8 * math.sin(i * math.pi / 2), 30 + i * 1.7) for i in range(41)]
    b.line(coil, "#555555", 2)
    for value in range(6):
        b.line([(98, 48 + value * 18), (110, 48 + value * 18)], INK, 1.5)
        b.text(116, 48 + value * 18, str(value), 13, anchor="lm")
    b.line([(72, 102), (98, 102)], RED, 4)
    b.line([(85, 102), (85, 180)], INK, 2)
    b.poly([(70, 180), (100, 180), (112, 235), (58, 235)], "#8e44ad", "#4a1c63", 2)
    return b


def ruler() -> Board:
    """Draw a yellow ruler of 10 cm under a red pencil of 7 cm."""
    b = Board(300, 150)
    b.rect(12, 75, 288, 130, "#f7d154", INK, 2)
    for mm in range(0, 101, 5):
        b.line([(25 + mm * 2.5, 75), (25 + mm * 2.5, 92 if mm % 10 == 0 else 84)], INK, 1.5)
        if mm % 10 == 0:
            b.text(25 + mm * 2.5, 106, str(mm // 10), 14)
    b.rect(25, 45, 178, 63, RED, "#6d1010", 1.5)
    b.poly([(178, 45), (178, 63), (200, 54)], "#e8c48a", "#6d1010", 1.5)
    return b


DRAWINGS = pictures(
    {
        "protractor_sixty.png": protractor,
        "measuring_cylinder.png": cylinder,
        "hourglass.jpg": hourglass,
        "spring_scale.png": spring_scale,
        "ruler_pencil.png": ruler,
    }
)
