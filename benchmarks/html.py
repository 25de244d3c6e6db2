"""Reading HTML pages whose text is known: nyxqa beside trafilatura and resiliparse, in one run.

The pages are made by documentation generators from text that ``html_sites.py`` writes: Sphinx, MkDocs, Doxygen and
Asciidoctor, each where it is installed, in several themes. ``HELD_OUT`` names the themes that nobody looked at while
the reading was tuned. Needs the extra ``bench``; Doxygen and Asciidoctor come from the system.

    python -m benchmarks.html [--pages 20] [--node FOLDER] [--debian FOLDER ...] [--out benchmarks/results/html.json]

``--node`` is a folder in which ``npm install @docusaurus/core @docusaurus/preset-classic react react-dom`` and
``npm install vitepress`` were run: their sites are built too. Docusaurus has a sidebar of categories, a banner of an
unreleased version, breadcrumbs, a table of contents, links to edit the page and to its neighbours, and tabs, of which
all but the first are hidden; their text counts as wanted.

``--debian`` names folders of unpacked Debian packages that ship the sources of their pages; ``benchmarks.html_debian``
says what is compared there.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.html_debian import SourcedPage, sourced_pages
from benchmarks.html_sites import Page, build_sites, file_of, make_pages
from benchmarks.machine import command

HELD_OUT = ("sphinx furo", "mkdocs material", "doxygen tree", "asciidoctor")


Reader = Callable[[bytes], tuple[str, list[str] | None]]


def read_nyxqa(data: bytes) -> tuple[str, list[str] | None]:
    """Return text and images as nyxqa reads them."""
    from nyxqa.builders.sources.cleaning import TextCleaner
    from nyxqa.builders.sources.html_page import read_html

    parts = read_html(data, TextCleaner()).parts
    images = [Path(part["image"]).name for part in parts if part["image"]]
    return "\n".join(part["text"] for part in parts if part["text"]), images


def read_trafilatura(data: bytes) -> tuple[str, list[str] | None]:
    """Return the text as trafilatura's defaults read it."""
    import trafilatura

    return trafilatura.extract(data) or "", None


def images_of_trafilatura(data: bytes) -> list[str]:
    """Return the images that trafilatura keeps, which takes another pass."""
    import trafilatura

    found = trafilatura.extract(data, output_format="xml", include_images=True) or ""
    return [Path(name).name for name in re.findall(r'<graphic[^>]*src="([^"]+)"', found)]


def read_resiliparse(data: bytes) -> tuple[str, list[str] | None]:
    """Return the main content as resiliparse reads it; it has no images."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse_from_bytes(data)
    return extract_plain_text(tree, main_content=True, alt_texts=False, links=False), None


READERS: dict[str, Reader] = {
    "nyxqa": read_nyxqa,
    "trafilatura": read_trafilatura,
    "resiliparse": read_resiliparse,
}


def _tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def _score(name: str, read: Reader, pages: Sequence[tuple[Page | SourcedPage, bytes]]) -> dict[str, float | None]:
    """Read pages and compare them with what their generator was given."""
    read(pages[0][1])  # imports
    start = time.process_time()
    found = [read(data) for _, data in pages]
    seconds = time.process_time() - start
    recall, unwanted, f1, images = 0.0, 0.0, 0.0, 0
    for (page, data), (text, names) in zip(pages, found, strict=True):
        wanted, got = _tokens(page.text()), _tokens(text)
        common = (wanted & got).total()
        one, other = common / wanted.total(), common / max(got.total(), 1)
        recall, unwanted = recall + one, unwanted + 1 - other
        f1 += 2 * one * other / max(one + other, 1e-9)
        kept = names if name != "trafilatura" else images_of_trafilatura(data)
        images += kept == page.images()
    count = len(pages)
    return {
        "token_f1": round(f1 / count, 4),
        "recall": round(recall / count, 4),
        "unwanted": round(unwanted / count, 4),
        "images_in_order": None if name == "resiliparse" else round(images / count, 4),
        "pages_per_second": round(count / seconds, 1),
    }


def _compared(site: str, pages: Sequence[tuple[Page | SourcedPage, bytes]]) -> dict[str, dict[str, float | None]]:
    found = {name: _score(name, reader, pages) for name, reader in READERS.items()}
    print(site, "(held out)" if site in HELD_OUT else "")
    for name, row in found.items():
        print("   ", f"{name:12}", row, flush=True)
    return found


def main() -> None:
    """Build the sites, read them with each reader, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--node", type=Path, help="folder with the packages of Docusaurus and VitePress")
    parser.add_argument("--debian", type=Path, nargs="+", default=[], help="unpacked packages")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    pages = make_pages(options.pages)
    results: dict[str, dict[str, dict[str, float | None]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for site, path in build_sites(Path(folder), pages, options.node).items():
            results[site] = _compared(site, [(page, file_of(path, page).read_bytes()) for page in pages])
    for package in options.debian:
        if drawn := sourced_pages(package, options.pages):
            name = f"debian {package.name.removeprefix('x_')} ({len(drawn)} pages)"
            results[name] = _compared(name, drawn)
        else:
            print(f"{package.name}: has no page with a source")
    tools = ("trafilatura", "resiliparse", "sphinx", "mkdocs", "turbohtml")
    if options.out:
        report = {
            "command": command("html.py"),
            "pages_per_site": options.pages,
            "held_out": [site for site in HELD_OUT if site in results],
            "versions": {name: version(name) for name in tools},
            "machine": f"{platform.machine()}, Python {platform.python_version()}, one process",
            "sites": results,
        }
        options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
