"""Changes dates, measures, years and numbers within their own format, to serve as wrong options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from nyxqa.schemas.chance import keyed_hash

AMOUNTS = frozenset({"date", "measure", "ratio", "year", "rank", "number"})

_DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_FACTORS = [Decimal(f) for f in ("0.6", "0.7", "0.8", "0.9", "1", "1.1", "1.2", "1.4", "1.6", "1.8")]
_MAX_ATTEMPTS = 40  # changes tried per amount: small ones have few neighbours
_SMALL = 20  # counts up to this get close neighbours, larger ones multiples
_YEARS, _NEAR = 40, 9  # number of years, and of close neighbours, to draw from
_LATEST = 2025  # no later year is offered for an earlier key


def same_format(option: str, key: str, kind: str) -> bool:
    """Whether two amounts differ only in their digits; bare numbers may differ in length by one digit."""
    if _DIGITS.sub("#", option) != _DIGITS.sub("#", key):
        return False
    return kind != "number" or (abs(len(option) - len(key)) < 2 and ("." in option) == ("." in key))


def perturbed_amounts(key: str, kind: str, item: str, seed: int) -> Iterator[str]:
    """Up to 40 variants of ``key`` in which one number is replaced, the same one in each.

    The key is treated as a draw like the others, so its rank among the options is uniform rather than central.

    :param item: Id that the keyed hashes depend on.
    """
    numbers = list(_DIGITS.finditer(key))
    limit = 100 if "percent" in key or "per cent" in key or "%" in key else None
    own = keyed_hash(seed, "choices", f"{item}\x1f{key}")
    for turn in range(_MAX_ATTEMPTS if numbers else 0):
        draw = keyed_hash(seed, "choices", f"{item}\x1f{key}\x1f{turn}")
        target = numbers[own % len(numbers)]
        changed = _changed(target.group(), kind, own // len(numbers), draw, limit)
        if changed is None or (limit is not None and Decimal(changed.replace(",", "")) >= limit):
            continue
        option = key[: target.start()] + changed + key[target.end() :]
        yield changed + _ordinal_suffix(changed) if kind == "rank" else option


def _changed(number: str, kind: str, own: int, draw: int, limit: int | None) -> str | None:
    """Another number with the same separators, decimals and trailing zeros; None if it would be implausible.

    :param own: Keyed hash of the key, as if its number had been drawn with it.
    :param limit: Exclusive upper bound of the amount.
    """
    value = Decimal(number.replace(",", ""))
    if kind == "date" and len(number) < 3:
        return str(draw % 28 + 1)
    if kind in ("year", "date"):
        year = int(value) + draw % _YEARS - own % _YEARS
        return str(year) if year <= max(_LATEST, int(value)) else None
    plain = number.replace(",", "")
    decimals = len(plain.partition(".")[2])
    step = Decimal(10) ** (-decimals if decimals else len(plain) - len(plain.rstrip("0")))
    most = None if limit is None else int((limit - step) / step)
    units = _other(int(value / step), own, draw, most)
    return f"{units * step:,.{decimals}f}" if "," in number else f"{units * step:.{decimals}f}"


def _other(units: int, own: int, draw: int, most: int | None) -> int:
    """Another number of units: close to a small one, a multiple or fraction of a large one."""
    if units <= _SMALL:
        lowest = units - own % max(1, min(_NEAR, units))
        return (lowest if most is None else min(lowest, max(1, most + 1 - _NEAR))) + draw % _NEAR
    bases = [f for f in _FACTORS if most is None or units / f * _FACTORS[-1] <= most] or _FACTORS[-1:]
    return round(units / bases[own % len(bases)] * _FACTORS[draw % len(_FACTORS)])


def _ordinal_suffix(number: str) -> str:
    """The suffix of an ordinal number."""
    if number[-2:] in ("11", "12", "13"):
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
