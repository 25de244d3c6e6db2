"""The page of the Python interface, from signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from itertools import zip_longest
from typing import Any

import nyxqa
from docs.generate.markdown import code, prose, table

# Beside the functions of ``nyxqa``: what they return, and the entry of a build.
OBJECTS = (
    "nyxqa.build.run",
    "nyxqa.builders.dedup.result.DedupResult",
    "nyxqa.builders.dedup.cross_split.CrossPairs",
    "nyxqa.retriever.encoders.public.PublicEncoder",
)
_FIELD = re.compile(r"^:(param|raises|returns)\s*([\w.]*):\s*", re.MULTILINE)

_HEAD = """# Python

`import nyxqa` is quick: each function loads what it needs when it is first used. Errors are of three kinds, all
`nyxqa.schemas.errors.NyxqaError`: `UsageError` (the call), `FormatError` and `LawError` (the data), `WorldError`
(files, servers, the Hub).
"""


def api_page() -> str:
    """The page."""
    parts = [_HEAD]
    parts += [_function(f"nyxqa.{name}", getattr(nyxqa, name)) for name in sorted(nyxqa.__all__)]
    for path in OBJECTS:
        module, _, name = path.rpartition(".")
        found = getattr(importlib.import_module(module), name)
        parts.append(_class(path, found) if inspect.isclass(found) else _function(path, found))
    return "\n".join(parts)


def _function(name: str, found: Any) -> str:
    return f"## {name}\n\n{_described(name.rpartition('.')[2], found)}"


def _class(path: str, found: type) -> str:
    parts = [f"## {path}\n\n{docstring(inspect.getdoc(found) or '')}"]
    for name, member in inspect.getmembers(found):
        if name.startswith("_") or not (callable(member) or isinstance(member, property)):
            continue
        if isinstance(member, property):
            parts.append(f"### {path.rpartition('.')[2]}.{name}\n\n{docstring(inspect.getdoc(member) or '')}")
        else:
            parts.append(f"### {path.rpartition('.')[2]}.{name}()\n\n{_described(name, member)}")
    return "\n".join(parts)


def _described(name: str, found: Any) -> str:
    return f"```python\n{_call(name, inspect.signature(found))}\n```\n\n{docstring(inspect.getdoc(found) or '')}"


def _call(name: str, signature: inspect.Signature) -> str:
    """The signature, one parameter a line where it is long."""
    text = f"{name}{signature}".replace("'", "").replace("(self, ", "(").replace("(self)", "()")
    if len(text) <= 100:
        return text
    inside, _, result = text[len(name) + 1 :].rpartition(") -> ")
    return "\n".join([f"{name}(", *(f"    {one}," for one in _split(inside)), f") -> {result}"])


def _split(parameters: str) -> list[str]:
    """The parameters, at commas outside brackets."""
    depth, parts, last = 0, [], 0
    for place, letter in enumerate(parameters):
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and depth == 0:
            parts.append(parameters[last:place].strip())
            last = place + 1
    return [*parts, parameters[last:].strip()]


def docstring(text: str) -> str:
    """A docstring as Markdown: prose, then parameters, results and errors as lists."""
    first = _FIELD.search(text)
    body, fields = (text, "") if first is None else (text[: first.start()], text[first.start() :])
    pieces = list(_FIELD.finditer(fields))
    found: dict[str, list[tuple[str, str]]] = {"param": [], "returns": [], "raises": []}
    for one, following in zip_longest(pieces, pieces[1:]):
        end = len(fields) if following is None else following.start()
        found[one[1]].append((one[2], prose(" ".join(fields[one.end() : end].split()))))
    parts = [_body(body)]
    if found["param"]:
        parts.append(table(("parameter", "meaning"), [(code(name), about) for name, about in found["param"]]))
    parts += [f"Returns: {about}" for _, about in found["returns"]]
    parts += [f"Raises {code(name)}: {about}" for name, about in found["raises"]]
    return "\n\n".join(part for part in parts if part) + "\n"


def _body(text: str) -> str:
    """Paragraphs; an indented one behind a colon is code."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith("    "):
            parts.append(f"```python\n{inspect.cleandoc(paragraph)}\n```")
        elif (
            cleaned := re.sub(r"\s*::$", "", paragraph.strip())
            .removeprefix("::")
            .strip(":" if paragraph == "::" else "")
        ):
            parts.append(prose(" ".join(cleaned.split())))
    return "\n\n".join(parts)
