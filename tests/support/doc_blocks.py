"""Blocks of code in Markdown, and a folder in which they run."""

from __future__ import annotations

import ast
import contextlib
import gzip
import io
import json
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from nyxqa.cli import main
from nyxqa.schemas.recipe import Recipe
from tests.support.page_model import PageModel
from tests.support.vlm_server import VlmServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARK = re.compile(r"\*Not run by the tests: (.+)\.\*\Z")
_SERVER = re.compile(r"https?://(?:127\.0\.0\.1:8000|localhost:8000|api\.openai\.com)/v1")
# What stands for something of the reader's.
_STANDS_FOR = {"DATA": "nyxqa_data", "openai:MODEL@": "openai:some-model@"}
_EMBEDDER_KEYS = {"pooling", "template", "query_prefix", "document_instruction", "images", "max_text_tokens"}


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param line: Of its first line of code, from 1.
    :param reason: Why the tests do not run it, by the visible line below it; "" for one that runs.
    """

    file: Path
    line: int
    language: str
    code: str
    reason: str

    @property
    def place(self) -> str:
        """Page and line."""
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def blocks_of(file: Path) -> list[Block]:
    """The blocks of a page, in order."""
    tokens = MarkdownIt().parse(file.read_text(encoding="utf-8"))
    found = []
    for number, token in enumerate(tokens):
        if token.type == "code_block":
            raise AssertionError(f"{file}: an indented block; fence it and name its language")
        if token.type == "fence":
            below = next((one.content for one in tokens[number + 1 : number + 3] if one.type == "inline"), "")
            mark = MARK.fullmatch(below)
            line = (token.map or [0])[0] + 2
            found.append(Block(file, line, token.info.strip(), token.content, mark[1] if mark else ""))
    return found


@dataclass
class World:
    """The folder in which blocks run: a dataset, sources, a server; commands that ran well are not repeated.

    :param data: The built dataset, which is copied.
    """

    folder: Path
    data: Path
    server: VlmServer
    done: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(self.data, self.folder / "nyxqa_data")
        for name in ("examples", "constraints.txt", "pyproject.toml"):
            (self.folder / name).symlink_to(ROOT / name)
        pages = ROOT / "examples" / "own_pages" / "pages"
        shutil.copytree(pages, self.folder / "manual")
        rows = [
            {"texts": [f"{place.stem.replace('_', ' ')}: {' '.join(_text(place))}"], "images": [None]}
            for place in sorted(pages.glob("*.html"))
        ]
        with gzip.open(self.folder / "pages.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        (self.folder / "reports").mkdir()
        shutil.copy(pages / "img" / "mast.png", self.folder / "bridge.png")

    def page(self) -> PageRun:
        """A page to be run from its top."""
        return PageRun(self)


def _text(page: Path) -> list[str]:
    return re.findall(r"<p>(.*?)</p>", page.read_text())


@dataclass
class PageRun:
    """The state between the blocks of a page: names of Python, and what was printed last."""

    world: World
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})
    printed: str | None = None

    def run(self, block: Block) -> None:
        """Run a block, or compare it with what the one above it printed."""
        match block.language:
            case "python":
                self.printed = self._python(block)
            case "bash":
                self.printed = "".join(self._shell(line) for line in commands_of(block.code))
            case "text":
                self._compare(block)
            case "toml":
                self._toml(block)
            case "json":
                assert [json.loads(line) for line in block.code.splitlines()]
            case other:
                raise AssertionError(f"no way to run a block of language {other!r}")

    def _python(self, block: Block) -> str:
        out = io.StringIO()
        code = ast.parse(block.code)
        with contextlib.redirect_stdout(out), working_in(self.world.folder):
            exec(compile(code, block.place, "exec"), self.names)  # noqa: S102
        return out.getvalue()

    def _compare(self, block: Block) -> None:
        if block.code.startswith("nyxqa "):  # the synopsis of a command
            _check_synopsis(block.code)
            return
        assert self.printed is not None, "nothing was printed above"
        pattern = ".*".join(map(re.escape, block.code.rstrip("\n").split("...")))
        assert re.fullmatch(pattern, self.printed.rstrip("\n"), re.DOTALL), f"printed:\n{self.printed}"

    @staticmethod
    def _toml(block: Block) -> None:
        value = tomllib.loads("\n".join(line.removeprefix("# ") for line in block.code.splitlines()))
        assert value
        if not _EMBEDDER_KEYS & set(value):
            Recipe.model_validate({"web": {"source": "sample"}, **value})

    def _shell(self, line: str) -> str:
        """Run one command; its output."""
        words = shlex.split(line, comments=True)
        target = None
        if ">" in words:
            target = self.world.folder / words[words.index(">") + 1]
            words = words[: words.index(">")]
        shown = " ".join(words)
        if shown not in self.world.done:
            self.world.done[shown] = self._command(words)
        if target is not None:
            target.write_text(self.world.done[shown])
        return self.world.done[shown]

    def _command(self, words: list[str]) -> str:
        if words[0] == "pip" or words[:4] == ["python3", "-m", "venv", ".venv"]:
            return _check_install(words)
        if words[:3] == ["python", "-m", "nyxqa.build"]:
            words = ["nyxqa", "build", *words[3:]]
        if words[0] == "python":
            return self._program(words[1:])
        assert words[0] == "nyxqa", f"no way to run {words[0]}"
        given = [self._argument(word) for word in words[1:]]
        if given[0] == "build" and "--workers" not in given:
            given += ["--workers", "1"]  # no process for a few pages
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), working_in(self.world.folder):
            try:
                main(given)
            except SystemExit as left:
                assert left.code in (0, None), f"{' '.join(words)}: exit code {left.code}: {err.getvalue()[-2000:]}"
        return out.getvalue()

    def _program(self, words: list[str]) -> str:
        import runpy
        import sys

        out, kept = io.StringIO(), sys.argv
        sys.argv = words
        try:
            with contextlib.redirect_stdout(out), working_in(self.world.folder):
                runpy.run_path(words[0], run_name="__main__")
        finally:
            sys.argv = kept
        return out.getvalue()

    def _argument(self, word: str) -> str:
        word = _SERVER.sub(self.world.server.url, word)
        for name, value in _STANDS_FOR.items():
            word = value if word == name else word.replace(name, value) if name.endswith("@") else word
        return word


def commands_of(code: str) -> Iterator[str]:
    """The commands of a block: lines, with those that end in a backslash joined, and those beside ``&&``."""
    for line in re.sub(r"\\\n\s*", " ", code).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield from line.split(" && ")


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in a folder, as a reader would."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _check_install(words: list[str]) -> str:
    """What an installation names must be declared: nothing is installed in a test."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in words:
        for extra in re.findall(r"\.\[([\w,]+)\]", word):
            assert set(extra.split(",")) <= set(project["optional-dependencies"]), word
        if word.endswith(".txt"):
            assert (ROOT / word).is_file(), word
    return ""


def _check_synopsis(text: str) -> None:
    """Each option of a synopsis is one of its command."""
    import typer

    from nyxqa.cli import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in text.splitlines():
        known = {option for parameter in commands[line.split()[1]].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= known, line


def server() -> VlmServer:
    """A server with a model that reads the documents of its prompts."""
    return VlmServer(reply=PageModel())
