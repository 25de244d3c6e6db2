"""Drawings of clocks, a calendar, thermometers, balances and simple measuring instruments."""

from __future__ import annotations

import math
from functools import partial

from nyxqa.builders.sample_pages.draw.canvas import Board, Point, pictures, ring

RED, BLUE, INK = "#d63031", "#1f6fd0", "#202428"


def _hand(x: float, y: float, length: float, turn: float) -> Point:
    return x + length * math.sin(math.tau * turn), y - length * math.cos(math.tau * turn)


def clock(hour: int, minute: int, face: str) -> Board:
    """Draw a clock face with a blue hour hand and a red minute hand."""
    b = Board(224, 224)
    b.circle(112, 112, 102, face, INK, 5)
    for i in range(1, 13):
        b.text(*_hand(112, 112, 84, i / 12), str(i), 18)
    b.line([(112, 112), _hand(112, 112, 48, (hour + minute / 60) / 12)], BLUE, 8)
    b.line([(112, 112), _hand(112, 112, 72, minute / 60)], RED, 4)
    b.circle(112, 112, 6, INK)
    return b


def calendar() -> Board:
    """Draw February 2024 with the leap day in red."""
    b = Board(300, 220, "white")
    b.rect(0, 0, 300, 32, "#2c3e50")
    b.text(150, 16, "February 2024", 17, "white")
    for i, name in enumerate(("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")):
        b.text(30 + i * 40, 48, name, 13, "#7f8c8d")
    for day in range(1, 30):
        row, col = divmod(day + 2, 7)
        x, y = 30 + col * 40, 78 + row * 31
        if day == 29:
            b.circle(x, y, 14, RED)
        b.text(x, y, str(day), 14, "white" if day == 29 else INK)
    return b


def thermometer(low: int, high: int, step: int, value: int, liquid: str) -> Board:
    """Draw a thermometer between two labelled ends."""
    b = Board(160, 240)
    y_low, y_high = 185.0, 20.0
    b.rect(66, 12, 94, 200, "white", INK, 3)
    b.circle(80, 208, 24, liquid, INK, 3)
    y = y_low + (y_high - y_low) * (value - low) / (high - low)
    b.rect(70, y, 90, 205, liquid)
    for mark in range(low, high + 1, step):
        at = y_low + (y_high - y_low) * (mark - low) / (high - low)
        b.line([(95, at), (106, at)], INK, 2)
        b.text(112, at, str(mark), 13, anchor="lm")
    return b


def vernier() -> Board:
    """Draw a main scale and a vernier scale that read 12.6 mm."""
    b = Board(320, 170)
    unit, left = 11.0, 10.0
    b.rect(0, 20, 320, 80, "#d5dbe0", INK, 1.5)
    b.rect(left + 11.4 * unit, 80, left + 23.4 * unit, 145, "#ffe9a8", INK, 1.5)
    for mm in range(28):
        x = left + mm * unit
        b.line([(x, 80), (x, 52 if mm % 10 == 0 else 58 if mm % 5 == 0 else 66)], INK, 1.5)
        if mm % 10 == 0:
            b.text(x + 1, 40, str(mm), 14)
    for i in range(11):
        x = left + (12.6 + 0.9 * i) * unit
        b.line([(x, 80), (x, 108 if i % 5 == 0 else 98)], RED if i == 6 else INK, 3 if i == 6 else 1.5)
        if i in (0, 6, 10):
            b.text(x, 120, str(i), 14, RED if i == 6 else INK)
    return b


def balance(tilt: float) -> Board:
    """Draw a beam balance with a red weight on the left and a green one on the right."""
    b = Board(280, 210)
    b.poly([(140, 40), (150, 190), (130, 190)], "#7f8c8d")
    b.rect(90, 188, 190, 200, "#7f8c8d")
    b.line([(45, 50 + tilt), (235, 50 - tilt)], INK, 6)
    b.circle(140, 50, 8, "#f1c40f", INK, 2)
    for x, y, colour, size in ((45, 50 + tilt, RED, 16 if not tilt else 22), (235, 50 - tilt, "#27ae60", 16)):
        b.line([(x - 32, y + 80), (x, y), (x + 32, y + 80)], INK, 2)
        b.rect(x - size, y + 78 - 2 * size, x + size, y + 78, colour, INK, 1.5)
        b.poly(ring(x, y + 78, 36, 16, 0, 180), "#d4a72c", INK, 1.5)
    return b


DRAWINGS = pictures(
    {
        "clock_three.png": partial(clock, 3, 0, "#fffbe6"),
        "clock_half_past_seven.png": partial(clock, 7, 30, "#e3f2fd"),
        "clock_quarter_to_ten.png": partial(clock, 9, 45, "#e8f5e9"),
        "calendar_february_2024.png": calendar,
        "thermometer_celsius.png": partial(thermometer, -20, 60, 20, 20, "#e53935"),
        "thermometer_fahrenheit.jpg": partial(thermometer, 0, 120, 20, 68, "#1e88e5"),
        "vernier_caliper.png": vernier,
        "balance_level.png": partial(balance, 0),
        "balance_tilted.jpg": partial(balance, 18),
    }
)


MEASURING_RED, MEASURING_BLUE, MEASURING_INK, WOOD = "#d63031", "#1f6fd0", "#202428", "#a9713c"


def protractor() -> Board:
    """Draw a half-disc protractor with a red line at 60 degrees."""
    b = Board(280, 170)
    b.poly(ring(140, 145, 125, 125, 180, 360), "#d9f0f7", MEASURING_INK, 2)
    for degrees in range(0, 181, 10):
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        inner = 108 if degrees % 30 == 0 else 115
        b.line([(140 + 125 * c, 145 - 125 * s), (140 + inner * c, 145 - inner * s)], MEASURING_INK, 1.5)
        if degrees % 30 == 0 and 0 < degrees < 180:
            b.text(140 + 94 * c, 145 - 94 * s, str(degrees), 13)
    b.line([(140, 145), (140 + 80 * math.cos(math.pi / 3), 145 - 80 * math.sin(math.pi / 3))], MEASURING_RED, 4)
    b.line([(140, 145), (262, 145)], MEASURING_RED, 4)
    return b


def cylinder() -> Board:
    """Draw a measuring cylinder with blue liquid up to 70."""
    b = Board(170, 240)
    b.rect(55, 82, 105, 215, "#4aa3df")
    b.rect(55, 15, 105, 215, None, MEASURING_INK, 3)
    b.rect(38, 215, 122, 226, "#7f8c8d", MEASURING_INK, 2)
    for value in range(10, 101, 10):
        y = 215 - value * 1.9
        b.line([(90, y), (105, y)], MEASURING_INK, 1.5)
        if value % 20 == 0:
            b.text(112, y, str(value), 13, anchor="lm")
    return b


def hourglass() -> Board:
    """Draw a wooden-framed hourglass with orange sand."""
    b = Board(180, 230, "#f3f6fa")
    b.poly([(45, 25), (135, 25), (95, 113), (135, 205), (45, 205), (85, 113)], "#dff1f8", MEASURING_INK, 2)
    b.poly([(65, 72), (115, 72), (94, 112), (86, 112)], "#f39c12")
    b.poly([(50, 203), (130, 203), (90, 160)], "#f39c12")
    b.line([(90, 112), (90, 165)], "#f39c12", 2)
    for y in (12, 203):
        b.rect(30, y, 150, y + 14, WOOD, "#5b3a1a", 2)
    return b


def spring_scale() -> Board:
    """Draw a spring scale that holds a purple weight."""
    b = Board(170, 250)
    b.circle(85, 18, 9, None, MEASURING_INK, 3)
    b.rect(60, 28, 110, 150, "#ffe9a8", MEASURING_INK, 2)
    coil = [(85 + 8 * math.sin(i * math.pi / 2), 30 + i * 1.7) for i in range(41)]
    b.line(coil, "#555555", 2)
    for value in range(6):
        b.line([(98, 48 + value * 18), (110, 48 + value * 18)], MEASURING_INK, 1.5)
        b.text(116, 48 + value * 18, str(value), 13, anchor="lm")
    b.line([(72, 102), (98, 102)], MEASURING_RED, 4)
    b.line([(85, 102), (85, 180)], MEASURING_INK, 2)
    b.poly([(70, 180), (100, 180), (112, 235), (58, 235)], "#8e44ad", "#4a1c63", 2)
    return b


def ruler() -> Board:
    """Draw a yellow ruler of 10 cm under a red pencil of 7 cm."""
    b = Board(300, 150)
    b.rect(12, 75, 288, 130, "#f7d154", MEASURING_INK, 2)
    for mm in range(0, 101, 5):
        b.line([(25 + mm * 2.5, 75), (25 + mm * 2.5, 92 if mm % 10 == 0 else 84)], MEASURING_INK, 1.5)
        if mm % 10 == 0:
            b.text(25 + mm * 2.5, 106, str(mm // 10), 14)
    b.rect(25, 45, 178, 63, MEASURING_RED, "#6d1010", 1.5)
    b.poly([(178, 45), (178, 63), (200, 54)], "#e8c48a", "#6d1010", 1.5)
    return b


DRAWINGS |= pictures(
    {
        "protractor_sixty.png": protractor,
        "measuring_cylinder.png": cylinder,
        "hourglass.jpg": hourglass,
        "spring_scale.png": spring_scale,
        "ruler_pencil.png": ruler,
    }
)
