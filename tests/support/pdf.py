"""PDF files of known text."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from nyxqa.builders.sources.pdf.document import Content, read_pdf

WIDTH, HEIGHT = 612, 792
LEADING = 12.0


def picture(color: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (120, 80)) -> ImageReader:
    """A picture of two colours."""
    image = Image.new("RGB", size, color)
    image.paste((20, 20, 160), (10, 10, size[0] // 2, size[1] // 2))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return ImageReader(buffer)


def canvas(file: Path, **options: object) -> Canvas:
    """A file whose bytes depend on nothing but what is drawn."""
    return Canvas(str(file), pagesize=(WIDTH, HEIGHT), invariant=1, **options)


def draw_lines(page: Canvas, x: float, y: float, lines: Sequence[str], size: float = 10) -> float:
    """Draw lines downwards from ``y`` and return the place of the next one."""
    page.setFont("Times-Roman", size)
    for line in lines:
        page.drawString(x, y, line)
        y -= LEADING
    return y


def wrapped(text: str, width: int = 44) -> list[str]:
    """Lines of at most ``width`` characters."""
    return textwrap.wrap(text, width)


_NAMES = ("Arden", "Belmore", "Carrick", "Dunster", "Elgin", "Fowey", "Garvald", "Harlow", "Inver", "Jarrow", "Kelso")
_TOWNS = ("Bristol", "Carlisle", "Durham", "Exeter", "Lincoln", "Norwich", "Oxford", "Perth", "Ripon", "Truro", "York")


def sentence(topic: str, number: int) -> str:
    """A sentence that no other number has."""
    name, town = _NAMES[number % 11] + _NAMES[number // 11 % 11].lower(), _TOWNS[number * 7 % 11]
    return (
        f"The {topic} of {name} was built from local stone near {town} in {1500 + number} and was repaired after the "
        f"flood of {1620 + number}, when the river Tweed carried away the northern arch and the toll house."
    )


def manual(file: Path, sheets: int = 4, first: int = 0) -> list[str]:
    """Write a manual of two columns with running heads and page numbers; returns its paragraphs in reading order.

    :param first: Added to the numbers of the sentences, so that files differ.
    """
    page = canvas(file)
    page.setTitle("Bridges of the valley")
    said = []
    for number in range(1, sheets + 1):
        page.setFont("Times-Italic", 9)
        page.drawString(72, HEIGHT - 40, "Bridges of the valley")
        page.drawCentredString(WIDTH / 2, 36, str(number))
        page.setFont("Times-Bold", 16)
        page.drawString(72, HEIGHT - 90, f"Chapter about {('arches', 'piers', 'decks', 'tolls')[number % 4]}")
        columns = []
        for column in range(2):
            own = [
                sentence("bridge" if column else "tower", first + 10 * number + 5 * column + place)
                for place in range(4)
            ]
            said += own
            columns.append([line for text in own for line in [*wrapped(text), ""]])
        # The two columns are drawn line by line beside each other, as some writers do.
        page.setFont("Times-Roman", 10)
        for row, pair in enumerate(zip(*columns, strict=False)):
            for column, line in enumerate(pair):
                page.drawString(72 + 250 * column, HEIGHT - 130 - LEADING * row, line)
        page.showPage()
    page.save()
    return said


def read(file: Path, unit: str = "tokens", render: bool = False) -> Content:
    """What is read of a file, its figures at 72 dots an inch."""
    return read_pdf(str(file), 72, render, unit)


def texts(content: Content) -> list[str]:
    """The texts of a file in order, each on one line."""
    return [" ".join(block.text.split()) for block, _ in content.blocks if block.picture is None]
