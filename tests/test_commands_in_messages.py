"""Every command that a message names is one that the command line takes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import typer
from typer.exceptions import TyperException

from nyxqa.cli import app
from nyxqa.schemas.errors import install_line

ROOT = Path(__file__).parents[1]
COMMANDS = typer.main.get_command(app)
NAMES = "|".join(sorted(COMMANDS.commands))  # type: ignore[attr-defined]
COMMAND = re.compile(rf"(?:\bpython -m nyxqa\.(build)|\bnyxqa ({NAMES}))((?: (?!(?:and|or|again)\b)[^\s;,)`]+)+)")
# What stands for a value of an option that has only some.
VALUES = {"--split": "train", "--to": "shards"}


def messages(file: Path) -> list[tuple[int, str]]:
    """Line and text of each string of a module but its docstrings, with ``x`` for each value that is put in."""
    source = file.read_text()
    if "nyxqa " not in source and "nyxqa.build" not in source:
        return []
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else "x" for one in node.values)
            found.append((node.lineno, "".join(map(str, parts))))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | docs:
            found.append((node.lineno, node.value))
    return found


def commands() -> list[tuple[str, str, list[str]]]:
    """Place, name and arguments of each command in the strings of the product."""
    found = []
    for folder in ("builders", "retriever", "schemas", "nyxqa"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if folder == "nyxqa" and file.parent != ROOT / "nyxqa":
                continue  # the same files behind a link
            for line, text in messages(file):
                for match in COMMAND.finditer(text):
                    place = f"{file.relative_to(ROOT)}:{line}"
                    found.append((place, match[1] or match[2], _arguments(match[3])))
    return found


def _arguments(text: str) -> list[str]:
    """The words behind a command, up to where the sentence goes on."""
    taken: list[str] = []
    for word in text.split():
        if word in (">", "|"):  # the shell's
            break
        if re.fullmatch(r"[a-z]{2,}", word) and not (taken and taken[-1].startswith("--")):
            break
        taken.append(word)
    return taken


def test_the_command_line_takes_every_command() -> None:
    found = commands()
    assert len(found) >= 15
    assert {"build", "check", "export", "feedback", "train"} <= {name for _, name, _ in found}
    refused = [f"{place}: {error}" for place, name, given in found if (error := _refusal(name, given)) is not None]
    assert refused == []


def _refusal(name: str, arguments: list[str]) -> str | None:
    """What the command line says against a command; None if it takes it."""
    given = [
        VALUES.get(before, "x") if one in ("...", "x") else one.rstrip(".")
        for before, one in zip(["", *arguments], arguments, strict=False)
    ]
    if arguments[-1:] == ["..."] and not arguments[-2:-1][0].startswith("--"):
        given.pop()
    try:
        COMMANDS.commands[name].make_context(name, given)  # type: ignore[attr-defined]
    except TyperException as error:
        return str(error)
    return None


def test_an_extra_is_one_that_is_declared() -> None:
    declared = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    named = {
        match[1]
        for folder in ("builders", "retriever", "schemas")
        for file in (ROOT / folder).rglob("*.py")
        for match in re.finditer(r"(?:missing_extra\([^,]+, |install_line\()\"(\w+)\"", file.read_text())
    }
    assert named and named <= declared
    assert install_line("train") == "pip install '.[train]'"
