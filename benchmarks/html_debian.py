"""Pages of unpacked Debian packages that ship the sources of their HTML, and the words that stand in those.

Sphinx leaves ``_sources/NAME.rst.txt`` (or ``.md.txt``, ``.txt``) beside its pages, AsciiDoc manuals ship ``NAME.txt``.
The words of a source without its markup are what a reader should return. Names of directives, roles, labels, options
and comments are markup; what is generated, such as "New in version", counts as unwanted, for each reader alike. Pages
whose source takes text from elsewhere (``automodule``, ``include``, ``toctree`` ...) are left out, as are those of
fewer than 100 words.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

_ELSEWHERE = re.compile(
    r"^\s*\.\. (?:auto\w*|include|literalinclude|toctree|contents|plot|program-output|command-output|bb:|index|"
    r"only|ifconfig|jinja|glossary|csv-table|math|productionlist|raw|parsed-literal)\b|^(?:include|ifn?def|ifeval)::|"
    r"\{\{|^\s*:orphan:",
    re.MULTILINE,
)
_FEW = 100
_IMAGE = re.compile(r"^\s*(?:\.\. (?:\|[^|]+\| )?(?:image|figure):: |image::)(\S+?)(?:\[.*)?$", re.MULTILINE)
_RST = (
    (re.compile(r"^( *)\.\. (?!\S+::|\[|_\S*:|\|).*\n(?:(?:\1 +.*)?\n)*", re.MULTILINE), "\n"),  # comments
    (re.compile(r"^ *\.\. _.*$", re.MULTILINE), ""),
    (
        re.compile(r"^ *\.\. (?:image|figure|code-block|sourcecode|highlight|currentmodule|module)::.*$", re.MULTILINE),
        "",
    ),
    (re.compile(r"^ *\.\. (?:\[(\S+)\]|[\w:-]+::)", re.MULTILINE), r"\1"),
    (re.compile(r"^ +:[\w-]+:.*$", re.MULTILINE), ""),  # options of directives
    (re.compile(r":[\w:+-]+:(?=`)"), ""),
    (re.compile(r"`([^`<]*?)\s*<[^`>]*>`_{0,2}"), r"\1"),
    (re.compile(r"`[~!]([\w.]*\.)?"), "`"),
    (re.compile(r"^([=\-~^\"'`#*+.])\1{2,}\s*$", re.MULTILINE), ""),
)
_ASCIIDOC = (
    (re.compile(r"^(?://.*|\[.*\]|:[\w!-]+:.*|[-=.+*_]{2,}|ifdef::.*|endif::.*)$", re.MULTILINE), ""),
    (re.compile(r"linkgit:([\w-]+)\[(\d)\]"), r"\1(\2)"),
    (re.compile(r"(?:link|https?):\S*?\[(.+?)\]"), r"\1"),
    (re.compile(r"\{\w+\}"), " "),
)


@dataclass(frozen=True)
class SourcedPage:
    """A page of a package with what its source says; the names are those of ``benchmarks.html_sites.Page``."""

    words: str
    pictures: tuple[str, ...]

    def text(self) -> str:
        """Return the words of the source."""
        return self.words

    def images(self) -> list[str]:
        """Return the names of the images that the source names, in order."""
        return list(self.pictures)


def sourced_pages(package: Path, count: int) -> list[tuple[SourcedPage, bytes]]:
    """Return up to ``count`` pages of an unpacked package, drawn by a fixed seed, with the words of their sources."""
    found = []
    for file in sorted(package.rglob("*.html")):
        source = source_of(file)
        if source is None or file.is_symlink():
            continue
        text = source.read_text(encoding="utf-8", errors="replace")
        if _ELSEWHERE.search(text):
            continue
        words = without_markup(text, "_sources" in source.parts)
        if len(re.findall(r"\w+", words)) >= _FEW:
            pictures = tuple(Path(name).name for name in _IMAGE.findall(text))
            found.append((SourcedPage(words, pictures), file))
    chosen = random.Random(15).sample(found, min(count, len(found)))  # noqa: S311
    return [(page, file.read_bytes()) for page, file in chosen]


def source_of(page: Path) -> Path | None:
    """Return the source that lies beside a page or below ``_sources``, or None."""
    for root in page.parents[:6]:
        sources = root / "_sources"
        if sources.is_dir():
            name = sources / page.relative_to(root).with_suffix("")
            files = (name.with_name(name.name + suffix) for suffix in (".rst.txt", ".md.txt", ".txt"))
            return next((file for file in files if file.is_file()), None)
    beside = page.with_suffix(".txt")
    return beside if beside.is_file() else None


def without_markup(text: str, restructured: bool) -> str:
    """Return a source without the words of its markup."""
    for pattern, by in _RST if restructured else _ASCIIDOC:
        text = pattern.sub(by, text)
    return text
