"""Pages of the sample as they are written by hand, and as rows of the ``jsonl`` source."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

SITE = "https://sample.nyxqa.org"
PICTURE = re.compile(r"!\[(.*)\]\(([\w.-]+)\)")


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
