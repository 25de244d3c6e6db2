"""The page of measured numbers, from ``benchmarks/results``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.generate.markdown import code, table

_MOST = 60  # figures of a file; the file itself has all
_ABOUT = ("command", "machine", "versions", "date", "commit", "cpu", "cores", "load", "python")

_HEAD = """# Numbers

Each figure was measured by a program in `benchmarks/`, on the machine that stands beside it. `load` is its load when
the program ran (1, 5 and 15 minutes): figures taken under load are slower than the code is, so compare within one
table. Seconds are of the wall unless they say processor.
"""


def numbers_page(results: Path) -> str:
    """The page.

    :param results: Folder of the programs' results.
    """
    parts = [_HEAD]
    for file in sorted(results.glob("*.json")):
        value = json.loads(file.read_text(encoding="utf-8"))
        rows = list(figures(value, ""))
        more = f"\n\n{len(rows) - _MOST} more in [the file](results/{file.name})." if len(rows) > _MOST else ""
        parts.append(f"## {file.stem}\n\n{_origin(value, file)}\n\n{table(('figure', 'value'), rows[:_MOST])}{more}\n")
    return "\n".join(parts)


def _origin(value: dict[str, Any], file: Path) -> str:
    """Program, machine and versions of a result."""
    machine = value.get("machine")
    stated = {**(machine if isinstance(machine, dict) else {"machine": machine} if machine else {}), **value}
    program = file.stem.partition("-")[0]
    parts = [code(str(value.get("command", f"python -m benchmarks.{program}")))]
    parts += [f"{name}: {_text(stated[name])}" for name in _ABOUT[1:] if name in stated and name != "machine"]
    if isinstance(machine, str):
        parts.append(machine)
    return "; ".join([*parts, f"[all figures](results/{file.name})."])


def figures(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Name and value of each number or short text, by its path."""
    if isinstance(value, dict):
        for name, one in value.items():
            if path or name not in _ABOUT:
                yield from figures(one, f"{path} / {name}" if path else str(name))
    elif isinstance(value, list):
        if all(isinstance(one, int | float | str | None) for one in value):
            if len(value) <= 12:
                yield path, ", ".join(map(_text, value))
        else:
            for number, one in enumerate(value, 1):
                yield from figures(one, f"{path} / {_name(one, number)}")
    elif isinstance(value, int | float | str) and len(str(value)) <= 80:
        yield path, _text(value)


def _name(value: Any, number: int) -> str:
    named = value.get("name") if isinstance(value, dict) else None
    return f"{named} {value.get('split', '')}".strip() if named else str(number)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
