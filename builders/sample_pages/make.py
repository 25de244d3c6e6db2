"""Draw the sample anew: ``python -m nyxqa.builders.sample_pages.make`` writes pages.jsonl and images/ beside it."""

from __future__ import annotations

import importlib
import json
import pkgutil
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from nyxqa.builders.sample_pages import draw
from nyxqa.builders.sample_pages.draw.banner import save
from nyxqa.builders.sample_pages.page import read_page, record
from nyxqa.builders.sample_pages.plant import (
    BANNERS,
    plant_banner,
    plant_broken_images,
    plant_exact_copies,
    plant_near_copies,
    plant_shared_images,
)

HERE = Path(__file__).parent


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
