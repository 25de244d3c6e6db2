"""Tables of PDF files: rows with their empty cells, in their place; and text that is no table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reportlab.lib import colors
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from nyxqa.builders.sources.pdf.document import read_pdf
from tests.support.pdf import canvas, draw_lines, sentence, wrapped

BODY = getSampleStyleSheet()["BodyText"]
ROWS = [["Quarter", "Revenue", "Cost"], ["Q1", "10", "8"], ["Q2", "", "9"], ["Q3", "14", ""], ["", "", "30"]]
LINES = ["Quarter | Revenue | Cost", "Q1 | 10 | 8", "Q2 |  | 9", "Q3 | 14 | ", " |  | 30"]
STYLES: dict[str, list[Any]] = {
    "grid": [("GRID", (0, 0), (-1, -1), 0.5, colors.black)],
    "open at the sides": [("INNERGRID", (0, 0), (-1, -1), 0.5, colors.black)],
    "box around each row": [("BOX", (0, row), (-1, row), 0.5, colors.black) for row in range(5)],
    "rules of a book": [
        (kind, (0, row), (-1, row), 1, colors.black)
        for kind, row in (("LINEABOVE", 0), ("LINEBELOW", 0), ("LINEBELOW", -1))
    ],
    "no rule": [],
}


def read(file: Path, *flow: Any) -> list[tuple[str, str]]:
    SimpleDocTemplate(str(file), invariant=1).build(list(flow))
    return [(block.role, block.text) for block, _ in read_pdf(str(file), 72, False, "tokens").blocks]


@pytest.mark.parametrize("style", list(STYLES))
def test_a_table_is_its_rows_with_empty_cells(style: str, tmp_path: Path) -> None:
    around = [Paragraph(text, BODY) for text in ("Figures of the year.", sentence("mill", 1))]
    table = Table(ROWS, colWidths=[90, 90, 90], style=STYLES[style])
    assert read(tmp_path / "a.pdf", around[0], table, around[1]) == [
        ("text", "Figures of the year."),
        ("table", "\n".join(LINES)),
        ("text", sentence("mill", 1)),
    ]


def test_cells_that_span_others_have_their_text_once(tmp_path: Path) -> None:
    rows = [["Mills of both valleys", "", "Total"], ["old", "new", ""], ["3", "4", "7"]]
    style = [*STYLES["grid"], ("SPAN", (0, 0), (1, 0)), ("SPAN", (2, 0), (2, 1))]
    ((role, text),) = read(tmp_path / "a.pdf", Table(rows, style=style))
    assert (role, text.split("\n")) == ("table", ["Mills of both valleys |  | Total", "old | new | ", "3 | 4 | 7"])


def test_cells_of_several_lines_are_one_cell(tmp_path: Path) -> None:
    first, second = (
        "The water wheel was repaired by the guild of millers",
        "It was taken away by the flood of that year",
    )
    rows = [[Paragraph(first, BODY), "1842", ""], ["", Paragraph(second, BODY), "1871"]]
    ((role, text),) = read(tmp_path / "a.pdf", Table(rows, colWidths=[100, 100, 60], style=STYLES["grid"]))
    assert (role, text.split("\n")) == ("table", [f"{first} | 1842 | ", f" | {second} | 1871"])


def test_what_is_no_table_stays_text(tmp_path: Path) -> None:
    """A framed paragraph, a list, a list of contents and a program."""
    page = canvas(tmp_path / "a.pdf")
    page.rect(60, 600, 420, 130)
    draw_lines(page, 72, 700, wrapped(sentence("mill", 1), 70))
    for number in range(4):
        draw_lines(page, 72, 500 - 12 * number, [f"({number + 1})"])
        draw_lines(page, 100, 500 - 12 * number, [f"the mill of number {number + 5}"])
        draw_lines(page, 72, 400 - 12 * number, [f"Chapter of the mills {'. ' * 40}"])
        draw_lines(page, 400, 400 - 12 * number, [str(number + 7)])
        page.setFont("Courier", 10)
        page.drawString(72, 300 - 12 * number, f"open_{number}(gate)        # the gate of mill {number + 2}")
    page.save()
    blocks = [block for block, _ in read_pdf(str(tmp_path / "a.pdf"), 72, False, "tokens").blocks]
    assert [block.role for block in blocks if block.role != "text"] == ["contents", "listing"]
    assert blocks[-2].text == "\n".join(f"Chapter of the mills {number}" for number in range(7, 11))
    assert blocks[-1].text.startswith("open_0(gate)        # the gate of mill 2\nopen_1(gate)        # the gate")


def test_programs_with_numbered_lines_are_no_tables(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for step in range(6):
        draw_lines(page, 72, 300 - 12 * step, [str(step + 3)])
        draw_lines(page, 100, 300 - 12 * step, [f"weir = gate + {step * 7}"])
    page.save()
    assert {block.role for block, _ in read_pdf(str(tmp_path / "a.pdf"), 72, False, "tokens").blocks} == {"text"}


def test_a_table_of_a_turned_sheet_is_read_upright(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.translate(500, 100)
    page.rotate(90)
    table = Table(ROWS, colWidths=[90, 90, 90], style=STYLES["grid"])
    table.wrapOn(page, 400, 300)
    table.drawOn(page, 50, 50)
    page.save()
    (block,) = [block for block, _ in read_pdf(str(tmp_path / "a.pdf"), 72, False, "tokens").blocks]
    assert (block.role, block.text.split("\n")) == ("table", LINES)
    ((sheet, box),) = block.places
    assert sheet == 1 and box.height == pytest.approx(270, abs=2)
