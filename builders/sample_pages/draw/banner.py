"""Saving the sample's pictures, and the banner that many pages carry."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont


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
