"""Blocks of code in Markdown, and a folder in which they run."""

from __future__ import annotations

import ast
import contextlib
import gzip
import io
import json
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from nyxqa.cli import main
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.writing import file_hash
from tests.support.batch_server import BatchServer
from tests.support.hub_client import Client
from tests.support.page_model import PageModel
from tests.support.published import table
from tests.support.running import environment
from tests.support.vlm_server import VlmServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARK = re.compile(r"\*Not run by the tests: (.+)\.\*\Z")
_SERVER = re.compile(r"https?://(?:127\.0\.0\.1:8000|localhost:8000|api\.openai\.com)/v1")
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")
# What stands for something of the reader's.
_STANDS_FOR = {"DATA": "nyxqa_data", "user/name": "ann/reader"}
_TRAIN = ["nyxqa", "train", "nyxqa_data", "--model", "tiny", "--out"]
# What a command needs that another page makes.
_NEEDS = {
    "tiny:stage1": [*_TRAIN, "stage1"],
}
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
    """The folder in which blocks run: a dataset, sources, a server, a Hub; commands that ran well are not repeated.

    :param printed: What each command printed.
    """

    folder: Path
    server: VlmServer
    client: Client
    printed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("examples", "constraints.txt", "pyproject.toml"):
            (self.folder / name).symlink_to(ROOT / name)
        pages = ROOT / "examples" / "own_pages" / "pages"
        shutil.copytree(pages, self.folder / "manual")
        sample = ROOT / "builders" / "sample_pages"
        own = (pages.parent / "recipe.toml").read_text()
        (self.folder / "my.toml").write_text(own.replace("html:pages", "html:manual"))
        with gzip.open(self.folder / "pages.jsonl.gz", "wt") as file:
            file.writelines((sample / "pages.jsonl").read_text().splitlines(keepends=True)[:12])
        (self.folder / "images").symlink_to(sample / "images")
        shutil.copy(pages / "img" / "mast.png", self.folder / "bridge.png")
        for split in ("train", "all"):
            self.command(["nyxqa", "build", "--split", split])

    def command(self, words: list[str]) -> str:
        """Run a command, or recall what it printed."""
        if words[0].endswith("/pip") or words[0] == "pip" or words[:3] == ["python3", "-m", "venv"]:
            return _check_install(words)
        words = [Path(words[0]).name, *words[1:]]  # of an environment
        if words[:3] == ["python", "-m", "pytest"]:
            return ""  # which this is
        if words[:3] == ["python", "-m", "nyxqa.build"]:
            words = ["nyxqa", "build", *words[3:]]
        shown = " ".join(words)
        if shown not in self.printed:
            for need, how in _NEEDS.items():
                if need in shown and not (self.folder / how[-1]).exists() and words != how:
                    self.command(how)
            self.printed[shown] = self._run(words)
        return self.printed[shown]

    def _run(self, words: list[str]) -> str:
        if words[0] == "python" and words[1] != "-m":
            return self._program(words[1:])
        assert words[0] == "nyxqa", f"no way to run {words[0]}"
        given = [self._argument(word) for word in words[1:]] + _quicker(words)
        if given[0] in ("browse", "review") and "--status" not in given:
            return self._served(given)
        if given[0] == "push" and "--dry-run" not in given:
            write_report(self.folder / given[1])  # of so few pages the check does not train
            return self.client.push(str(self.folder / given[1]), *given[2:]).stdout
        if given[0] == "diff" and not (self.folder / "nyxqa_data.old").exists():
            shutil.copytree(self.folder / "nyxqa_data", self.folder / "nyxqa_data.old")
        if "--update" in given:
            given = ["updated_data" if word == "nyxqa_data" else word for word in given]
            self._run(["nyxqa", "build", "--split", "all", "--recipe", "my.toml", "--out", "updated_data"])
        if given[0] == "remove":
            given = self._removal(given)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), working_in(self.folder):
            try:
                main(given)
            except SystemExit as left:
                fine = (0, None, 4) if "vlm.batch=true" in given else (0, None)
                assert left.code in fine, f"{' '.join(words)}: exit code {left.code}: {said.getvalue()[-2000:]}"
        return said.getvalue()

    def _removal(self, given: list[str]) -> list[str]:
        """The command on a copy of the dataset, with names that it has."""
        copy = self.folder / "removal_data"
        if not copy.exists():
            shutil.copytree(self.folder / "nyxqa_data", copy)
        rows = [row for row in table(copy, "corpus") if row["split"] == "train"]
        last, pictured = rows[-1], next(row for row in rows if row["image_ids"])
        names = {"PAGE_ID": last["page_id"], "IMAGE_ID": pictured["image_ids"][0], "nyxqa_data": copy.name}
        names["https://example.org/page"] = last["url"]
        (self.folder / "list.txt").write_text("host example.net\n")
        return [names.get(word, word) for word in given]

    def _served(self, given: list[str]) -> str:
        """Start a command that serves pages, wait for its address, and end it as a reader does."""
        command = [sys.executable, "-m", "nyxqa", *given, "--no-open"]
        with subprocess.Popen(
            command, cwd=self.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "http://127.0.0.1" in line:
                    break
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert any("http://127.0.0.1" in line for line in lines), "".join(lines)
        return "".join(lines)

    def _program(self, words: list[str]) -> str:
        out, kept = io.StringIO(), sys.argv
        sys.argv = words
        try:
            with contextlib.redirect_stdout(out), working_in(self.folder):
                runpy.run_path(words[0], run_name="__main__")
        finally:
            sys.argv = kept
        return out.getvalue()

    def _argument(self, word: str) -> str:
        """A word with what the tests have in place of the reader's."""
        word = _SERVER.sub(self.server.url, word)
        return _STANDS_FOR.get(word, word)


def _quicker(words: list[str]) -> list[str]:
    """Options that shorten a command; what it does is the same."""
    added = []
    if words[1] == "build" and "--workers" not in words:
        added += ["--workers", "1"]  # no process for a few pages
    if words[1] == "build" and not {"--source", "--recipe"} & set(words):
        added += ["--limit", "14", "--set", "text=[]"]
    if words[1] in ("train", "improve"):
        added += ["--max-steps", "2"]
    return added


@dataclass
class PageRun:
    """The state between the blocks of a page: names of Python, and what was printed last."""

    world: World
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})
    printed: str | None = None
    of_command: bool = False

    def run(self, block: Block) -> None:
        """Run a block, or compare it with what the one above it printed."""
        self.of_command = block.language == "bash" or (self.of_command and block.language == "text")
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
        expected, printed = block.code.rstrip("\n"), self.printed.rstrip("\n")
        if self.of_command:  # a page shows the figures of the whole sample
            expected, printed = (_NUMBER.sub("N", text) for text in (expected, printed))
        pattern = ".*".join(map(re.escape, expected.split("...")))
        assert re.fullmatch(pattern, printed, re.DOTALL), f"printed:\n{self.printed}"

    @staticmethod
    def _toml(block: Block) -> None:
        value = tomllib.loads("\n".join(line.removeprefix("# ") for line in block.code.splitlines()))
        assert value
        if not _EMBEDDER_KEYS & set(value):
            Recipe.model_validate({"web": {"source": "sample"}, **value})

    def _shell(self, line: str) -> str:
        """Run one command; what it printed."""
        words, target = shlex.split(line, comments=True), None
        if ">" in words:
            target = self.world.folder / words[words.index(">") + 1]
            words = words[: words.index(">")]
        said = self.world.command(words)
        if target is not None:
            target.write_text(said)
        return said


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
    return BatchServer(reply=PageModel())


def write_report(out: Path) -> None:
    """Let ``report.json`` say that the checks of the dataset in ``out`` passed."""
    (out / "report.json").write_text(json.dumps({"passed": True, "manifest_sha256": file_hash(out / "manifest.json")}))
