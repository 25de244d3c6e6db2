"""Other amounts: dates, measures, years and numbers changed within their own format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from nyxqa.schemas.chance import lot

AMOUNTS = frozenset({"date", "measure", "ratio", "year", "rank", "number"})

_DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_FACTORS = [Decimal(f) for f in ("0.4", "0.5", "0.6", "0.7", "0.8", "1.2", "1.3", "1.4", "1.5", "1.8", "2", "2.5")]
_ROUNDS = 40  # changes tried before an amount is given up: small ones have few neighbours
_RECENT = 1990  # a year from here on is only moved back


def same_format(option: str, key: str, kind: str) -> bool:
    """Whether two amounts differ in nothing but their digits, bare numbers not by more than one digit."""
    if _DIGITS.sub("#", option) != _DIGITS.sub("#", key):
        return False
    return kind != "number" or (abs(len(option) - len(key)) < 2 and ("." in option) == ("." in key))


def perturbed(key: str, kind: str, item: str, seed: int) -> Iterator[str]:
    """``key`` with another number in it, again and again.

    :param item: Id the lots are drawn for.
    """
    numbers = list(_DIGITS.finditer(key))
    share = "percent" in key or "per cent" in key or "%" in key
    for turn in range(_ROUNDS if numbers else 0):
        draw = lot(seed, "choices", f"{item}\x1f{key}\x1f{turn}")
        target = numbers[draw % len(numbers)]
        changed = _changed(target.group(), kind, draw // len(numbers))
        if share and Decimal(changed.replace(",", "")) >= 100:
            continue
        option = key[: target.start()] + changed + key[target.end() :]
        yield changed + _ending(changed) if kind == "rank" else option


def _changed(number: str, kind: str, draw: int) -> str:
    """Another number of the same format: separators, decimals and trailing zeros are kept."""
    value = Decimal(number.replace(",", ""))
    if kind == "date" and len(number) < 3:
        return str(draw % 28 + 1)
    if kind in ("year", "date"):
        later = draw // 30 % 2 == 1 and value < _RECENT
        return str(int(value) + (draw % 30 + 1) * (1 if later else -1))
    if value == value.to_integral_value() and value <= 20:
        return str(max(1, int(value) + (draw % 6 + 1) * (1 if draw // 6 % 3 else -1)))
    scaled = value * _FACTORS[draw % len(_FACTORS)]
    plain = number.replace(",", "")
    decimals = len(plain.partition(".")[2])
    step = 1 if decimals else 10 ** (len(plain) - len(plain.rstrip("0")))
    rounded = round(scaled, decimals) if decimals else Decimal(round(scaled / step) * step)
    return f"{rounded:,f}" if "," in number else f"{rounded:f}"


def _ending(number: str) -> str:
    """The letters behind an ordinal number."""
    if number[-2:] in ("11", "12", "13"):
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
