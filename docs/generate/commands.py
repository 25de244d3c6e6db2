"""The page of commands, from the command line itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import typer

from docs.generate.markdown import code, prose, table
from nyxqa.cli import app

_HEAD = """# Commands

`nyxqa CMD` and `python -m nyxqa CMD` are the same. Exit codes: 0 done; 1 something of the world (a source, a disk, a
server); 2 what is knowable from the command line and recipe; 3 a law or check failed; 4 stopped by its budget, the same
command continues; 130 and 143 interrupted, the same command continues. `--debug` shows the trace of an error.
"""


def commands_page() -> str:
    """The page."""
    root: Any = typer.main.get_command(app)
    parts = [_HEAD]
    for name, command in root.commands.items():
        if command.hidden:
            continue
        shown = [one for one in command.params if not getattr(one, "hidden", False)]
        usage = " ".join([f"nyxqa {name}", *(_usage(one) for one in shown if one.required), "[OPTIONS]"])
        rows = [_row(one) for one in shown]
        parts.append(
            f"## {name}\n\n{prose(_paragraphs(command.help))}\n\n```text\n{usage}\n```\n\n"
            + table(("option", "value", "default", "meaning"), rows)
            + "\n"
        )
    return "\n".join(parts)


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").replace("\b", "").split("\n\n"))


def _is_argument(parameter: Any) -> bool:
    return not parameter.opts[0].startswith("-")


def _usage(parameter: Any) -> str:
    """A needed parameter, as it is typed."""
    if _is_argument(parameter):
        return str(parameter.name).upper()
    return f"{parameter.opts[0]} {_value(parameter)}"


def _value(parameter: Any) -> str:
    """What stands behind an option: its choices, or the kind of value; "" for a switch."""
    if getattr(parameter, "is_flag", False):
        return ""
    if getattr(parameter, "metavar", None):
        return str(parameter.metavar)
    annotation = parameter.type_descriptor.annotation
    if choices := [one for one in get_args(annotation) if isinstance(one, str)]:
        return "|".join(choices)
    kind = {str: "TEXT", int: "INTEGER", float: "NUMBER"}.get(annotation, "")
    return kind or ("PATH" if annotation is Path else "VALUE")


def _row(parameter: Any) -> tuple[str, str, str, str]:
    argument = _is_argument(parameter)
    names = (
        code(str(parameter.name).upper())
        if argument
        else ", ".join(map(code, [*parameter.opts, *parameter.secondary_opts]))
    )
    default = parameter.default
    shown = "" if default in (None, False, (), []) or callable(default) else code(str(default))
    return (
        names,
        code("" if argument else _value(parameter)),
        "needed" if parameter.required else shown,
        prose(parameter.help or ""),
    )
