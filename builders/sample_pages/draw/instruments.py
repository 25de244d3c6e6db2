"""Drawings of clocks, a calendar, thermometers, a caliper and balances."""

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
