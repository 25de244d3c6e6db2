"""Small sources of invented pages: no two alike by chance, oddities planted where a test needs them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nyxqa.schemas.chance import keyed_hash

_START = ("B", "D", "F", "G", "K", "L", "M", "N", "P", "R", "S", "T", "V", "Z", "Br", "Dr", "Kl", "Tr")
_MIDDLE = ("a", "e", "i", "o", "u", "ai", "ou")
_END = ("l", "n", "r", "s", "t", "m", "ld", "nd", "st", "rk")


def name(*key: object) -> str:
    """An invented word, capitalised; the same for the same key."""
    number = keyed_hash(0, "name", repr(key))
    word = ""
    for _ in range(3):
        for choice in (_START, _MIDDLE, _END):
            word += choice[number % len(choice)]
            number //= len(choice)
    return word.capitalize()


def sentences(page: int, count: int = 4) -> list[str]:
    """Statements about an invented place that share next to no words with those of another page."""
    words = [name(page, index).lower() for index in range(12 * count)]
    found = []
    for index in range(count):
        own = words[12 * index : 12 * index + 12]
        year = 1200 + keyed_hash(1, "year", f"{page}:{index}") % 800
        found.append(
            f"The {own[0]} {own[1]} of {name(page, 'city', index)} {own[2]} its {own[3]} {own[4]} "
            f"in {year} and {own[5]} the {own[6]} {own[7]} of {name(page, 'town', index)} by {own[8]} {own[9]}."
        )
    return found


def picture(key: object, size: int = 48) -> bytes:
    """A PNG of smooth noise, unlike that of any other key."""
    grid = np.array([[keyed_hash(2, "pixel", f"{key}:{x}:{y}") % 256 for x in range(8)] for y in range(8)], np.uint8)
    out = io.BytesIO()
    Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def page(number: int, images: int = 0) -> dict[str, Any]:
    """A row of the ``jsonl`` source; its images are ``images/NUMBER_ORDINAL.png``."""
    texts: list[str | None] = [*sentences(number)]
    places: list[str | None] = [None] * len(texts)
    alts: list[dict[str, str] | None] = [None] * len(texts)
    for ordinal in range(images):
        file = f"images/{number}_{ordinal}.png"
        texts.insert(1 + 2 * ordinal, None)
        places.insert(1 + 2 * ordinal, file)
        caption = f"A drawing of {3 + number % 7} towers at {name(number, 'image', ordinal)} in {1300 + number}."
        alts.insert(1 + 2 * ordinal, {"src": f"https://example.org/{file}", "alt_text": caption})
    return row(f"https://example.org/{number:04d}", texts, places, alts, name(number, "title"))


def row(
    url: str,
    texts: list[str | None],
    images: list[str | None],
    alts: list[dict[str, str] | None] | None = None,
    title: str = "Title",
) -> dict[str, Any]:
    """An OBELICS-shaped row."""
    return {
        "texts": texts,
        "images": images,
        "metadata": json.dumps(alts if alts is not None else [None] * len(texts)),
        "general_metadata": json.dumps({"url": url}),
        "title": title,
    }


def write_source(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write ``pages.jsonl`` and the images its rows name; returns the file."""
    for row_ in rows:
        for file in filter(None, row_["images"]):
            path = folder / file
            if "missing" not in file and not file.startswith(("data:", "http:")) and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(path.stem))
    file = folder / "pages.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row_) + "\n" for row_ in rows), encoding="utf-8")
    return file


def many_pages(count: int) -> list[dict[str, Any]]:
    """``count`` pages, every third with an image, every ninth with two, and what each stage has to find."""
    rows = [page(number, 2 if number % 9 == 0 else 1 if number % 3 == 0 else 0) for number in range(count)]
    rows[5]["texts"], rows[5]["images"] = rows[4]["texts"], rows[4]["images"]  # prefilter: same_page_content
    rows[7]["texts"], rows[7]["images"], rows[7]["metadata"] = ["Too short."], [None], "[null]"
    rows[12]["images"] = ["images/missing.png" if image else None for image in rows[12]["images"]]
    rows[15]["images"] = rows[3]["images"]  # one image on two pages: one group
    rows[20]["texts"] = [*rows[19]["texts"], None]  # equal text, one with an image more: one cluster
    rows[20]["images"], rows[20]["metadata"] = [None] * 4 + ["images/20_0.png"], json.dumps([None] * 5)
    rows.append(dict(rows[2]))  # source: same_page
    return rows


RECIPE = """
[web]
source = "jsonl:pages.jsonl"
[split]
validation = 0.15
test = 0.1
[sample]
count = 40
min_tokens = 30
[synthesize]
max_questions = 2
[negatives]
ranks = [2, 10]
margin = 0.95
"""


def write_recipe(folder: Path, rows: list[dict[str, Any]], recipe: str = RECIPE) -> Path:
    """Write a source and a recipe that reads it; returns the recipe."""
    write_source(folder, rows)
    file = folder / "recipe.toml"
    file.write_text(recipe, encoding="utf-8")
    return file
