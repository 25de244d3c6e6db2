"""Draw the sample anew: ``python -m nyxqa.builders.sample_pages.make`` writes pages.jsonl and images/ beside it."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from nyxqa.builders.sample_pages import draw

HERE = Path(__file__).parent

BANNERS = 14
SYNONYMS = ((" because ", " since "), (" whereas ", " while "), (" called ", " named "), (" about ", " roughly "))

SITE = "https://sample.nyxqa.org"
PICTURE = re.compile(r"!\[(.*)\]\(([\w.-]+)\)")


def drawings() -> dict[str, Callable[[], Image.Image]]:
    """Every drawing by the name of its file."""
    found: dict[str, Callable[[], Image.Image]] = {}
    for module in pkgutil.iter_modules(draw.__path__):
        found.update(getattr(importlib.import_module(f"{draw.__name__}.{module.name}"), "DRAWINGS", {}))
    return found


def make(out: Path) -> None:
    """Draw all pictures, read all pages, plant the oddities and write ``out``/pages.jsonl and ``out``/images."""
    images = out / "images"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir(parents=True)
    for name, function in drawings().items():
        save(function(), images / name)
    pages = sorted(map(read_page, (HERE / "pages").glob("*.md")), key=lambda page: page.slug)
    step = len(pages) // BANNERS
    plant_banner(pages, step, images)
    plant_shared_images(pages, step)
    plant_broken_images(pages, step, images)
    pages += plant_exact_copies(pages, step) + plant_near_copies(pages, step)
    pages.sort(key=lambda page: (page.slug, page.url))
    with (out / "pages.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record(page), ensure_ascii=False) + "\n" for page in pages)


if __name__ == "__main__":
    make(HERE)


def plant_banner(pages: list[Page], step: int, images: Path) -> None:
    """Put the site banner before everything else on every step-th page."""
    save(draw_banner(), images / "site_banner.png")
    for page in pages[::step][:BANNERS]:
        page.items.insert(0, Item("Banner of the nyxqa sample site.", "site_banner.png"))


def plant_shared_images(pages: list[Page], step: int) -> None:
    """Use the last picture of two pages once more, at the end of the next page on the same topic."""
    for index in (3 * step + 1, 9 * step + 1):
        topic = pages[index].url.split("/")[3]
        others = [p for p in pages[index + 1 :] + pages[:index] if p.url.split("/")[3] == topic]
        others[0].items.append(next(item for item in reversed(pages[index].items) if item.image))


def plant_broken_images(pages: list[Page], step: int, images: Path) -> None:
    """Add a picture whose file is cut off to one page and a picture without a file to another."""
    whole = min(images.glob("*.png")).read_bytes()
    (images / "broken.png").write_bytes(whole[: len(whole) // 2])
    pages[6 * step + 1].items.append(Item("Picture that was cut off while it was uploaded.", "broken.png"))
    pages[7 * step + 1].items.append(Item("Picture that was lost when the site moved.", "missing.png"))


def moved(page: Page, folder: str, items: list[Item]) -> Page:
    """Return the page under another URL, with the given items."""
    return page._replace(url=page.url.replace(SITE, f"{SITE}/{folder}"), items=items)


def plant_exact_copies(pages: list[Page], step: int) -> list[Page]:
    """Return three pages again, word for word."""
    return [moved(pages[k * step + 1], "mirror", pages[k * step + 1].items) for k in (2, 5, 8)]


def reworded(items: list[Item]) -> list[Item]:
    """Swap a word of one or two paragraphs for a synonym."""
    result = list(items)
    hits = [(i, pair) for pair in SYNONYMS for i, item in enumerate(items) if not item.image and pair[0] in item.text]
    for i, pair in hits[:2]:
        result[i] = Item(result[i].text.replace(*pair, 1))
    return result


def plant_near_copies(pages: list[Page], step: int) -> list[Page]:
    """Return three pages again with one or two words changed."""
    return [moved(pages[k * step + 2], "archive", reworded(pages[k * step + 2].items)) for k in (1, 4, 10)]


class Item(NamedTuple):
    """One paragraph, or one picture with its caption as text."""

    text: str
    image: str | None = None


class Page(NamedTuple):
    """One page in reading order."""

    slug: str
    title: str
    url: str
    items: list[Item]


def read_page(path: Path) -> Page:
    """Read front matter, then the blocks between empty lines."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    blocks = (" ".join(block.split()) for block in body.strip().split("\n\n"))
    found = ((block, PICTURE.fullmatch(block)) for block in blocks)
    items = [Item(picture[1], picture[2]) if picture else Item(block) for block, picture in found]
    return Page(path.stem, fields["title"], fields["url"], items)


def record(page: Page) -> dict[str, object]:
    """Return the page in the shape of an OBELICS document."""
    alts = [{"src": f"{SITE}/images/{i.image}", "alt_text": i.text} if i.image else None for i in page.items]
    return {
        "texts": [None if i.image else i.text for i in page.items],
        "images": [f"images/{i.image}" if i.image else None for i in page.items],
        "metadata": json.dumps(alts, ensure_ascii=False),
        "general_metadata": json.dumps({"url": page.url}),
        "title": page.title,
    }


def save(image: Image.Image, path: Path) -> None:
    """Write a small PNG with a palette, or a JPEG or WebP of quality 85; never overwrite."""
    if path.exists():
        raise FileExistsError(path.name)
    if path.suffix != ".png":
        image.convert("RGB").save(path, quality=85)
    else:
        colours = image.convert("RGB").quantize(40, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
        colours.save(path, optimize=True)


def draw_banner() -> Image.Image:
    """Draw the teal site banner with three white squares and the name of the site."""
    image = Image.new("RGB", (320, 48), "#0E7C86")
    draw = ImageDraw.Draw(image)
    for x in (12, 30, 48):
        draw.rectangle((x, 18, x + 12, 30), fill="white")
    draw.text((80, 24), "nyxqa sample site", "white", ImageFont.load_default(size=22), anchor="lm")
    return image
