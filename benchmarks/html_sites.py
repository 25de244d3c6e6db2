"""Sites that documentation generators make of text written here, so that the text of each page is known."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SPHINX = ("alabaster", "sphinx_rtd_theme", "furo", "pydata_sphinx_theme")
MKDOCS = ("mkdocs", "readthedocs", "material", "windmill")
_WORDS = """
    valve pump wheel gate keeper basin harbour signal lantern copper timber engine boiler gauge needle lever handle
    pipe joint seal spring bearing shaft belt filter tank level pressure water steam oil dust frost winter morning
    evening worker station village river bridge canal boat cargo ledger record number reading value limit alarm bell
    opens closes turns lifts holds drains fills measures counts shows rings moves stops starts cools heats carries
    slow quick narrow wide upper lower left right old new empty full cold warm heavy light before after below above
    each every second third last only often never again twice under between through along without until because
"""


@dataclass
class Page:
    """One page of a made site: what its generator is given, and what a reader should return."""

    name: str
    title: str
    blocks: list[tuple[str, object]] = field(default_factory=list)

    def text(self) -> str:
        """Return the text that the page has been given."""
        lines = [self.title]
        for kind, value in self.blocks:
            if kind == "table":
                lines += [" ".join(row) for row in value]  # type: ignore[attr-defined]
            elif kind == "list":
                lines += value  # type: ignore[arg-type]
            elif kind != "image":
                lines.append(str(value))
        return "\n".join(lines)

    def images(self) -> list[str]:
        """Return the names of the page's images in order."""
        return [str(value) for kind, value in self.blocks if kind == "image"]


def make_pages(count: int) -> list[Page]:
    """Write pages of headings, paragraphs, lists, tables, code, notes and images, the same ones each time."""
    rng = random.Random(15)  # noqa: S311
    words = _WORDS.split()

    def sentence() -> str:
        return " ".join(rng.choices(words, k=rng.randint(7, 18))).capitalize() + f" {rng.randint(2, 9999)}."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(rng.randint(2, 5)))

    pages = []
    for number in range(count):
        page = Page(f"page{number:03d}", " ".join(rng.sample(words, 3)).capitalize())
        for section in range(rng.randint(2, 5)):
            if section:
                page.blocks.append(("heading", " ".join(rng.sample(words, 4)).capitalize()))
            for _ in range(rng.randint(2, 6)):
                kind = rng.choice(("text", "text", "text", "list", "table", "code", "note", "image"))
                page.blocks.append((kind, _value(kind, rng, sentence, paragraph, page)))
        pages.append(page)
    return pages


def _value(
    kind: str, rng: random.Random, sentence: Callable[[], str], paragraph: Callable[[], str], page: Page
) -> object:
    if kind == "list":
        return [sentence() for _ in range(rng.randint(2, 6))]
    if kind == "table":
        return [[f"c{row}{column}x{rng.randint(10, 99)}" for column in range(3)] for row in range(4)]
    if kind == "code":
        return f"level = read_gauge({rng.randint(1, 99)})\nif level > {rng.randint(100, 999)}:\n    open_valve(level)"
    if kind == "image":
        return f"{page.name}_{len(page.images())}.png"
    return paragraph()


def _rst(page: Page) -> str:
    out = [page.title, "=" * 60, ""]
    for kind, value in page.blocks:
        if kind == "heading":
            out += [str(value), "-" * 60, ""]
        elif kind == "list":
            out += [*(f"* {item}" for item in value), ""]  # type: ignore[attr-defined]
        elif kind == "table":
            out += [".. list-table::", "   :header-rows: 1", ""]
            for row in value:  # type: ignore[attr-defined]
                out += [f"   {'*' if cell is row[0] else ' '} - {cell}" for cell in row]
            out.append("")
        elif kind == "code":
            out += [".. code-block:: python", "", *(f"   {line}" for line in str(value).split("\n")), ""]
        elif kind == "note":
            out += [".. note::", "", f"   {value}", ""]
        elif kind == "image":
            out += [f".. image:: {value}", ""]
        else:
            out += [str(value), ""]
    return "\n".join(out)


def _markdown(page: Page, doxygen: bool = False) -> str:
    out = [f"# {page.title}" + (f" {{#{page.name}}}" if doxygen else ""), ""]
    for kind, value in page.blocks:
        if kind == "heading":
            out += [f"## {value}", ""]
        elif kind == "list":
            out += [*(f"* {item}" for item in value), ""]  # type: ignore[attr-defined]
        elif kind == "table":
            rows = [f"| {' | '.join(row)} |" for row in value]  # type: ignore[attr-defined]
            out += [rows[0], "| --- | --- | --- |", *rows[1:], ""]
        elif kind == "code":
            out += ["```", str(value), "```", ""]
        elif kind == "note":
            out += [f"@note {value}" if doxygen else f"> {value}", ""]
        elif kind == "image":
            out += [f"![]({value})", ""]
        else:
            out += [str(value), ""]
    return "\n".join(out)


def _mdx(page: Page) -> str:
    """Markdown of Docusaurus, code in tabs: the first line is shown, the others are in a panel that is hidden."""
    text = re.sub(r"^> (.*)$", r":::note\n\n\1\n\n:::", _markdown(page), flags=re.MULTILINE)
    text = re.sub(r"!\[\]\((.*?)\)", r"![](pathname:///img/\1)", text)
    text = re.sub(r"```\n(.*?)\n(.*?)\n```", _tabs, text, flags=re.DOTALL)
    title, _, rest = text.partition("\n")
    imports = "import Tabs from '@theme/Tabs';\nimport TabItem from '@theme/TabItem';"
    return f"{title}\n\n{imports}\n{rest}"


def _tabs(code: re.Match[str]) -> str:
    first, rest = (f"```python\n{part}\n```" for part in code.groups())
    item = '<TabItem value="{0}" label="{0}">\n\n{1}\n\n</TabItem>'
    return f"<Tabs>\n{item.format('One', first)}\n{item.format('Two', rest)}\n</Tabs>"


def _asciidoc(page: Page) -> str:
    out = [f"= {page.title}", ":toc: left", ":icons: font", ""]
    for kind, value in page.blocks:
        if kind == "heading":
            out += [f"== {value}", ""]
        elif kind == "list":
            out += [*(f"* {item}" for item in value), ""]  # type: ignore[attr-defined]
        elif kind == "table":
            rows = ["|" + " |".join(row) for row in value]  # type: ignore[attr-defined]
            out += ["[options=header]", "|===", *rows, "|===", ""]
        elif kind == "code":
            out += ["----", str(value), "----", ""]
        elif kind == "note":
            out += [f"NOTE: {value}", ""]
        elif kind == "image":
            out += [f"image::{value}[]", ""]
        else:
            out += [str(value), ""]
    return "\n".join(out)


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    alone = {"DOCUSAURUS_NO_PERSISTENT_CACHE": "true"}  # which all sites of one folder of packages would share
    words = [str(part) for part in command]
    subprocess.run(words, check=True, capture_output=True, cwd=cwd, env={**os.environ, **alone})


def _write(folder: Path, pages: list[Page], suffix: str, write: Callable[[Page], str]) -> None:
    _write_images(folder, pages)
    for page in pages:
        (folder / f"{page.name}{suffix}").write_text(write(page))


def _write_images(folder: Path, pages: list[Page]) -> None:
    from PIL import Image

    folder.mkdir(parents=True)
    for page in pages:
        for image in page.images():
            Image.new("RGB", (8, 8)).save(folder / image)


def build_sphinx(folder: Path, pages: list[Page], theme: str) -> Path:
    """Build a site with Sphinx and return its folder."""
    source = folder / "source"
    _write(source, pages, ".rst", _rst)
    names = "\n".join(f"   {page.name}" for page in pages)
    (source / "index.rst").write_text(f"Manual\n======\n\n.. toctree::\n   :maxdepth: 2\n\n{names}\n")
    (source / "conf.py").write_text(f"project = 'The pump manual'\nauthor = 'Works'\nhtml_theme = {theme!r}\n")
    _run(sys.executable, "-m", "sphinx", "-q", "-b", "html", source, folder / "out")
    return folder / "out"


def build_mkdocs(folder: Path, pages: list[Page], theme: str) -> Path:
    """Build a site with MkDocs and return its folder."""
    _write(folder / "docs", pages, ".md", _markdown)
    (folder / "docs/index.md").write_text("# Manual\n\nAll about pumps.\n")
    settings = (
        f"site_name: The pump manual\nsite_url: https://example.org/\nuse_directory_urls: false\ntheme: {theme}\n"
    )
    (folder / "mkdocs.yml").write_text(settings)
    _run(sys.executable, "-m", "mkdocs", "-q", "build", "-f", folder / "mkdocs.yml", "-d", folder / "out")
    return folder / "out"


def build_doxygen(folder: Path, pages: list[Page], theme: str) -> Path:
    """Build a site with Doxygen and return its folder."""
    _write(folder / "docs", pages, ".md", lambda page: _markdown(page, doxygen=True))
    settings = f"""PROJECT_NAME="The pump manual"\nINPUT={folder}/docs\nIMAGE_PATH={folder}/docs
    OUTPUT_DIRECTORY={folder}\nGENERATE_LATEX=NO\nGENERATE_TREEVIEW={theme}\nQUIET=YES\nWARNINGS=NO\nMARKDOWN_ID_STYLE=GITHUB\n"""
    (folder / "Doxyfile").write_text(settings)
    _run("doxygen", folder / "Doxyfile")
    return folder / "html"


def build_asciidoctor(folder: Path, pages: list[Page], theme: str) -> Path:
    """Build pages with Asciidoctor and return their folder."""
    _write(folder / "docs", pages, ".adoc", _asciidoc)
    files = sorted((folder / "docs").glob("*.adoc"))
    _run("asciidoctor", "-D", folder / "out", "-a", "linkcss!", *files)
    return folder / "out"


_DOCUSAURUS = """
module.exports = {
  title: 'The pump manual', url: 'https://example.org', baseUrl: '/', onBrokenLinks: 'ignore',
  presets: [['classic', {blog: false, theme: {}, docs: {
    routeBasePath: '/', editUrl: 'https://example.org/edit/',
    versions: {current: {label: '2.0', banner: 'unreleased', badge: true}}}}]],
  themeConfig: {
    navbar: {title: 'Pumps', items: [{to: '/page000', label: 'Docs'}, {href: 'https://example.org', label: 'Code'}]},
    footer: {style: 'dark', copyright: 'Copyright Works',
      links: [{title: 'Community', items: [{label: 'Forum', href: 'https://example.org/forum'}]}]}},
};
"""
_VITEPRESS = """
export default {
  title: 'The pump manual', ignoreDeadLinks: true,
  themeConfig: {
    nav: [{text: 'Guide', link: '/page000'}], editLink: {pattern: 'https://example.org/edit/:path'},
    sidebar: [{text: 'Manual', collapsed: false, items: ITEMS}],
    footer: {message: 'Released by the works', copyright: 'Copyright Works'}},
};
"""


def build_docusaurus(folder: Path, pages: list[Page], node: Path) -> Path:
    """Build a site with Docusaurus and return its folder; ``node`` has its packages."""
    _link_packages(folder, node)
    for number in range(0, len(pages), 5):  # categories of the sidebar
        part = folder / "docs" / f"part{number // 5}"
        part.mkdir(parents=True)
        (part / "_category_.json").write_text(json.dumps({"label": f"Part {number // 5}", "collapsed": True}))
        for page in pages[number : number + 5]:
            (part / f"{page.name}.mdx").write_text(f"---\nslug: /{page.name}\n---\n\n{_mdx(page)}")
    _write_images(folder / "static" / "img", pages)
    (folder / "docusaurus.config.js").write_text(_DOCUSAURUS)
    _run(folder / "node_modules/.bin/docusaurus", "build", cwd=folder)  # caches in the working folder
    return folder / "build"


def build_vitepress(folder: Path, pages: list[Page], node: Path) -> Path:
    """Build a site with VitePress and return its folder; ``node`` has its packages."""
    _link_packages(folder, node)
    for page in pages:
        text = re.sub(r"^> (.*)$", r"::: info\n\1\n:::", _markdown(page), flags=re.MULTILINE)
        (folder / f"{page.name}.md").write_text(re.sub(r"!\[\]\((.*?)\)", r"![](/img/\1)", text))
    _write_images(folder / "public" / "img", pages)
    items = json.dumps([{"text": page.title, "link": f"/{page.name}"} for page in pages])
    (folder / ".vitepress").mkdir()
    (folder / ".vitepress/config.mjs").write_text(_VITEPRESS.replace("ITEMS", items))
    _run(folder / "node_modules/.bin/vitepress", "build", "--outDir", folder / "out", cwd=folder)
    return folder / "out"


def _link_packages(folder: Path, node: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "pumps", "private": true}')
    (folder / "node_modules").symlink_to(node.resolve() / "node_modules")


def build_sites(folder: Path, pages: list[Page], node: Path | None) -> dict[str, Path]:
    """Build the site of each generator that is installed; returns the folder of each, by name."""
    sites = {}
    builders: list[tuple[str, tuple[str, ...], Callable[[Path, list[Page], str], Path], bool]] = [
        ("sphinx", SPHINX, build_sphinx, True),
        ("mkdocs", MKDOCS, build_mkdocs, True),
        ("doxygen", ("NO", "YES"), build_doxygen, shutil.which("doxygen") is not None),
        ("asciidoctor", ("",), build_asciidoctor, shutil.which("asciidoctor") is not None),
    ]
    for tool, themes, build, installed in builders:
        for theme in themes if installed else ():
            name = {"NO": "doxygen", "YES": "doxygen tree"}.get(theme, f"{tool} {theme}".strip())
            try:
                sites[name] = build(folder / name.replace(" ", "-"), pages, theme)
            except subprocess.CalledProcessError as error:
                raise SystemExit(f"{name}: {error.stderr.decode()[-500:]}") from error
    made = {"docusaurus": ("@docusaurus/core", build_docusaurus), "vitepress": ("vitepress", build_vitepress)}
    for name, (package, build_site) in made.items():
        if node is not None and (node / "node_modules" / package).exists():
            try:
                sites[name] = build_site(folder / name, pages, node)
            except subprocess.CalledProcessError as error:
                raise SystemExit(f"{name}: {(error.stderr + error.stdout).decode()[-900:]}") from error
        else:
            print(f"{name}: not built, --node names no folder with its packages")
    return sites


def file_of(site: Path, page: Page) -> Path:
    """The file of a page in a site."""
    found = sorted(path for path in site.rglob("*.html") if page.name in path.stem and "-source" not in path.stem)
    found = found or [site / page.name / "index.html"]  # Docusaurus
    return max(found, key=lambda path: path.stat().st_size)
