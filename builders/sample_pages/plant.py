"""Oddities planted in the sample, so that every stage has something to find."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.sample_pages.draw.banner import draw_banner, save
from nyxqa.builders.sample_pages.page import SITE, Item, Page

BANNERS = 14
SYNONYMS = ((" because ", " since "), (" whereas ", " while "), (" called ", " named "), (" about ", " roughly "))


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
