"""What the type of a PDF file says: listings, spread letters, drawn underscores, headings, titles, other scripts."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from nyxqa.builders.sources.pdf.document import Content, read_pdf
from tests.support.pdf import canvas, draw_lines, sentence, wrapped


def read(file: Path) -> Content:
    return read_pdf(str(file), 72, False, "tokens")


def blocks(file: Path) -> list[tuple[str, str]]:
    return [(block.role, block.text) for block, _ in read(file).blocks]


def typed(page: Canvas, x: float, y: float, lines: list[str]) -> None:
    page.setFont("Courier", 9)
    for number, line in enumerate(lines):
        page.drawString(x + 5.4 * (len(line) - len(line.lstrip())), y - 11 * number, line.lstrip())


def test_a_listing_keeps_its_lines_indents_and_columns(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 700, wrapped(sentence("mill", 1), 80))
    program = ["for gate in gates:", "    if gate.open:", "        close(gate)   # slowly", "", "return len(gates)"]
    typed(page, 90, 664, program)
    draw_lines(page, 72, 605, wrapped(sentence("mill", 2), 80))
    page.save()
    assert blocks(tmp_path / "a.pdf") == [
        ("text", sentence("mill", 1)),
        ("listing", "\n".join(program)),
        ("text", sentence("mill", 2)),
    ]


def test_a_word_of_a_typewriter_ends_a_paragraph(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    y = draw_lines(page, 72, 700, wrapped(f"{sentence('mill', 1)} It is stated by the option of the program named", 80))
    typed(page, 72, y, ["--open-gates"])
    page.save()
    assert blocks(tmp_path / "a.pdf") == [
        ("text", f"{sentence('mill', 1)} It is stated by the option of the program named --open-gates")
    ]


def test_spread_letters_are_words(tmp_path: Path) -> None:
    """As LaTeX's package for listings draws them: each word is spread to the width of its letters in a typewriter."""
    page = canvas(tmp_path / "a.pdf")
    page.setFont("Times-Roman", 10)
    lines = ["result = multiply(value)", "if result > last:", "return result"]
    for number, line in enumerate(lines):
        for place, letter in enumerate(line):
            width = stringWidth(letter, "Times-Roman", 10)
            page.drawString(72 + 7 * place + (7 - width) / 2, 700 - 12 * number, letter)
    page.save()
    ((_, text),) = blocks(tmp_path / "a.pdf")
    assert text.split() == " ".join(lines).split()


def test_underscores_that_are_drawn_as_lines(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.setFont("Times-Italic", 10)
    x = 72.0
    for piece in ("The file is named open", "_", "all", "_", "gates here, and below 3 _ 4."):
        if piece == "_":
            page.rect(x + 0.6, 699.6, 3, 0.4, stroke=0, fill=1)
            x += 3.8
        else:
            page.drawString(x, 700, piece)
            x += stringWidth(piece, "Times-Italic", 10)
    page.save()
    assert blocks(tmp_path / "a.pdf") == [("text", "The file is named open_all_gates here, and below 3 _ 4.")]


def test_bold_lines_of_the_text_size_are_headings_and_a_title_has_all_its_lines(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 740, ["What is known of mills but was"], size=20)
    draw_lines(page, 72, 705, ["never written down"], size=20)
    page.setFont("Times-Bold", 10)
    page.drawString(72, 660, "Water wheels")
    draw_lines(page, 72, 646, wrapped(sentence("mill", 1), 80))
    page.save()
    content = read(tmp_path / "a.pdf")
    assert content.title == "What is known of mills but was never written down"
    assert [section for block, section in content.blocks if block.text == sentence("mill", 1)] == ["Water wheels, p. 1"]


@pytest.mark.parametrize("name", ["Mills.dvi", "untitled"])
def test_the_name_of_a_source_file_is_no_title(name: str, tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.setTitle(name)
    draw_lines(page, 72, 740, ["The mills"], size=20)
    draw_lines(page, 72, 700, wrapped(sentence("mill", 1), 80))
    page.save()
    assert read(tmp_path / "a.pdf").title == "The mills"


def test_lists_of_contents_are_entries(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 740, ["1 Mills 3"])
    draw_lines(page, 72, 728, [f"1.{n} Mill of kind {n} {'. ' * 30} {n + 3}" for n in range(1, 5)])
    draw_lines(page, 72, 640, wrapped(sentence("mill", 1), 80))
    page.save()
    entries = ["1 Mills 3", *(f"1.{n} Mill of kind {n} {n + 3}" for n in range(1, 5))]
    assert blocks(tmp_path / "a.pdf") == [("contents", "\n".join(entries)), ("text", sentence("mill", 1))]


def test_lines_from_the_right_are_read_from_the_right(tmp_path: Path) -> None:
    registerFont(TTFont("DejaVu", Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"))
    page = canvas(tmp_path / "a.pdf")
    page.setFont("DejaVu", 11)
    said = "הטחנה הישנה נבנתה בשנת 1842 על ידי Arden Mill בכפר"
    seen = "בכפר Arden Mill ידי על 1842 בשנת נבנתה הישנה הטחנה"
    x = 100.0
    for word in seen.split():
        page.drawString(x, 700, word if word.isascii() else word[::-1])
        x += stringWidth(word + " ", "DejaVu", 11)
    page.save()
    assert blocks(tmp_path / "a.pdf") == [("text", said)]


def test_chinese_and_japanese_have_no_spaces_at_line_ends_and_vertical_lines_are_read_downwards(tmp_path: Path) -> None:
    registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    registerFont(UnicodeCIDFont("HeiseiKakuGo-W5", isVertical=True))
    page = canvas(tmp_path / "a.pdf")
    lines = ["水車小屋は川の左岸に建てられ、その後の洪水で", "失われたが、村の人々によって再建された。"]
    page.setFont("HeiseiMin-W3", 12)
    for number, line in enumerate(lines):
        page.drawString(72, 500 - 16 * number, line)
    page.showPage()
    page.setFont("HeiseiKakuGo-W5", 12)
    for number, line in enumerate(lines):
        page.drawString(400 - 18 * number, 600, line)
    page.save()
    assert blocks(tmp_path / "a.pdf") == [("text", "".join(lines))] * 2
