"""PDF files as pages: order of the text, what is left out of it, figures, and files that are not read."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pypdfium2 import PdfDocument
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader

from nyxqa.builders.sources.base import Page
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.sources.pdf import source
from nyxqa.builders.sources.pdf.ocr import PACKAGE
from nyxqa.schemas.errors import MissingExtraError, UsageError, WorldError
from nyxqa.schemas.locator import read_locator, write_locator
from nyxqa.schemas.recipe import Pdf, Web
from tests.support.ingest import drops, make_run, source_pages
from tests.support.pdf import HEIGHT, WIDTH, canvas, draw_lines, manual, picture, read, sentence, texts, wrapped


def test_columns_are_read_one_after_the_other_without_headers_and_page_numbers(tmp_path: Path) -> None:
    said = manual(tmp_path / "a.pdf")
    found = texts(read(tmp_path / "a.pdf"))
    assert [text for text in found if not text.startswith("Chapter")] == said
    assert not [text for text in found if "Bridges of the valley" in text or text.isdigit()]


def test_a_section_is_the_heading_and_the_printed_page(tmp_path: Path) -> None:
    manual(tmp_path / "a.pdf")
    content = read(tmp_path / "a.pdf")
    assert content.title == "Bridges of the valley"
    assert [section for block, section in content.blocks if block.role == "heading"] == [
        "Chapter about piers, p. 1",
        "Chapter about decks, p. 2",
        "Chapter about tolls, p. 3",
        "Chapter about arches, p. 4",
    ]


def test_page_labels_of_the_file_name_the_sheets(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.addPageLabel(0, style="ROMAN_LOWER", start=5)
    page.addPageLabel(1, style="ARABIC", start=1)
    for number in range(3):
        draw_lines(page, 72, 700, wrapped(sentence("mill", number), 80))
        page.showPage()
    page.save()
    assert [section for _, section in read(tmp_path / "a.pdf").blocks] == ["p. v", "p. 1", "p. 2"]


def test_divided_words_are_joined_and_a_paragraph_goes_on_over_the_sheet(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(
        page, 72, 100, ["The old well-known mill was rebuilt with the help of the neigh-", "bouring town, a well-"]
    )
    page.showPage()
    draw_lines(page, 72, 700, ["known place which since then has paid for the repairs of the", "water wheel."])
    page.showPage()
    page.save()
    assert texts(read(tmp_path / "a.pdf")) == [
        "The old well-known mill was rebuilt with the help of the neighbouring town, a well-known place which since "
        "then has paid for the repairs of the water wheel."
    ]


def test_numbered_headings_at_the_top_of_sheets_are_no_running_heads(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for number in range(1, 9):
        draw_lines(page, 72, 740, [f"Version 4.{9 - number} of the {'mill' * number}"])
        draw_lines(page, 72, 700, wrapped(sentence("mill", number), 80))
        draw_lines(page, 280, 40, [f"{number} of 8"])
        page.showPage()
    page.save()
    found = texts(read(tmp_path / "a.pdf"))
    assert [text for text in found if text.startswith("Version")] == [
        f"Version 4.{9 - n} of the {'mill' * n}" for n in range(1, 9)
    ]
    assert not [text for text in found if text.endswith("of 8")]


def test_a_paragraph_goes_on_behind_the_footnotes_of_its_sheet(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 200, [*wrapped(sentence("mill", 1), 80)[:-1], "and it stood where since then the"])
    draw_lines(page, 72, 92, ["7"], size=5)
    draw_lines(page, 75, 90, ["Other sources name another year."], size=7)
    page.showPage()
    draw_lines(page, 72, 700, ["house of the miller stands."])
    page.save()
    first, note = texts(read(tmp_path / "a.pdf"))
    assert first.endswith("since then the house of the miller stands.")
    assert note == "7 Other sources name another year."


def test_compounds_keep_their_hyphen_at_a_line_end(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    lines = [
        "The water of the river and the driven wheel of the mill are long gone, but water-",
        "driven mills remain,",
    ]
    draw_lines(page, 72, 700, [*lines, "as do the foun-", "dations."])
    page.save()
    (found,) = texts(read(tmp_path / "a.pdf"))
    assert "water-driven mills" in found and "the foundations." in found


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_rotated_sheet_is_read_upright(tmp_path: Path, quarters: int) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.setPageRotation(90 * quarters)
    draw_lines(page, 72, 500, wrapped(sentence("dam", 1), 70))
    page.showPage()
    page.save()
    content = read(tmp_path / "a.pdf")
    assert texts(content) == [sentence("dam", 1)]
    ((_, box),) = content.blocks[0][0].places
    # The first line starts 72 from the left and 500 from the bottom of the sheet before it is turned; reportlab makes
    # sheets wide that lie on their side.
    corner, expected = {
        1: ((box.top, box.right), (72, 508)),
        2: ((box.right, box.bottom), (WIDTH - 72, 508)),
        3: ((box.bottom, box.left), (HEIGHT - 72, WIDTH - 508)),
    }[quarters]
    assert corner == pytest.approx(expected, abs=4)


def test_text_that_is_drawn_twice_is_read_once(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for shift in (0, 0.3):
        draw_lines(page, 72 + shift, 700, ["Bold by being drawn over itself, as off-line printers do."])
    page.save()
    assert texts(read(tmp_path / "a.pdf")) == ["Bold by being drawn over itself, as off-line printers do."]


def test_a_title_that_is_the_running_head_of_later_sheets_stays(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    for number in range(6):
        draw_lines(page, 200, 715, ["The mills of the valley"], size=18 if not number else 9)
        draw_lines(page, 72, 650, wrapped(sentence("mill", number), 80))
        draw_lines(page, 300, 130, [str(number + 1)])
        page.showPage()
    page.save()
    content = read(tmp_path / "a.pdf")
    assert content.title == "The mills of the valley"
    assert texts(content) == ["The mills of the valley", *(sentence("mill", number) for number in range(6))]


def test_values_of_forms_are_read_and_what_nobody_sees_is_counted(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf", encrypt=StandardEncryption("", ownerPassword="owner"))
    draw_lines(page, 72, 700, ["Name of the miller:"])
    page.acroForm.textfield(name="miller", value="Arden of Durham", x=160, y=692, width=200, height=20)
    unseen = page.beginText(72, 600)
    unseen.setFont("Times-Roman", 10)
    unseen.setTextRenderMode(3)
    unseen.textLine("Unseen")
    page.drawText(unseen)
    draw_lines(page, 72, 500, ["tiny"], size=0.1)
    page.save()
    content = read(tmp_path / "a.pdf")
    assert texts(content) == ["Name of the miller: Arden of Durham"]
    assert content.notes == [("hidden_text", "10 characters that are invisible or smaller than a point left out")]


def test_recognised_text_under_a_scan_is_read(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.drawImage(picture(size=(300, 400)), 0, 0, WIDTH, HEIGHT)
    layer = page.beginText(72, 700)
    layer.setFont("Times-Roman", 10)
    layer.setTextRenderMode(3)
    layer.textLines(wrapped(sentence("weir", 1), 80))
    page.drawText(layer)
    page.save()
    content = read(tmp_path / "a.pdf")
    assert (texts(content), content.notes) == ([sentence("weir", 1)], [])


def scan(file: Path) -> None:
    page = canvas(file)
    page.drawImage(picture(size=(300, 400)), 0, 0, WIDTH, HEIGHT)
    page.showPage()
    draw_lines(page, 72, 700, wrapped(sentence("weir", 1), 80))
    page.save()


def test_a_sheet_without_text_is_noted_and_rendered_if_asked(tmp_path: Path) -> None:
    scan(tmp_path / "a.pdf")
    left_out, rendered = read(tmp_path / "a.pdf"), read(tmp_path / "a.pdf", render=True)
    assert [block.role for block, _ in left_out.blocks] == ["text"]
    assert left_out.notes[0][0] == "no_text_layer"
    assert "pdf.render = true" in left_out.notes[0][1]
    assert [block.role for block, _ in rendered.blocks] == ["sheet", "text"]
    assert rendered.notes == [("no_text_layer", "sheets 1: pictures without text, rendered at 72 dpi")]


@pytest.mark.parametrize("unit", ["tokens", "page"])
@pytest.mark.slow
def test_text_of_scanned_sheets_is_read_into_captions(unit: str, tmp_path: Path) -> None:
    pytest.importorskip(PACKAGE, reason="rapidocr-onnxruntime of the extra ocr is not installed")
    said = canvas(tmp_path / "text.pdf")
    draw_lines(said, 72, 700, ["The weir was built in 1842"], size=24)
    said.save()
    with PdfDocument(tmp_path / "text.pdf") as pdf:
        scanned = ImageReader(pdf[0].render(scale=2).to_pil())
    page = canvas(tmp_path / "a.pdf")
    page.drawImage(scanned, 0, 0, WIDTH, HEIGHT)
    page.save()
    settings = Pdf(ocr=True)
    opened = open_source(Web(source=f"pdf:{tmp_path / 'a.pdf'}"), settings, unit)
    opened.fingerprint()
    ((item,),) = opened.tasks(lambda line: None)
    (found,) = opened.pages((item,))
    assert isinstance(found, Page)
    (part,) = found.parts
    assert part["image"].startswith("data:image/png")
    assert "".join(part["caption"].split()).casefold() == "theweirwasbuiltin1842"
    assert part["caption_origin"] == "model"


def test_a_missing_reader_of_pictures_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manual(tmp_path / "a.pdf", 1)
    monkeypatch.setattr(source, "PACKAGE", "rapidocr_that_is_not_installed")
    with pytest.raises(MissingExtraError, match=r"pip install '.\[ocr\]'"):
        open_source(Web(source=f"pdf:{tmp_path}"), Pdf(ocr=True)).fingerprint()


def test_unit_page_gives_a_picture_of_each_sheet_with_its_text(tmp_path: Path) -> None:
    said = manual(tmp_path / "a.pdf", 2)
    blocks = [block for block, _ in read(tmp_path / "a.pdf", "page").blocks]
    assert [block.role for block in blocks] == ["sheet", "sheet"]
    assert [text in blocks[0].caption for text in said] == [True] * 8 + [False] * 8


def test_what_is_kept_of_a_sheet_is_little_more_than_its_text(tmp_path: Path) -> None:
    """The words of a sheet with their boxes are 30 times as large as its text, and a file has thousands of sheets."""
    said = manual(tmp_path / "a.pdf", 4)
    assert len(pickle.dumps(read(tmp_path / "a.pdf").blocks)) < 3 * len("".join(said))


def test_a_folder_is_read_in_order_and_bad_files_are_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    manual(folder / "good.pdf", 2)
    (folder / "noise.pdf").write_bytes(b"no pdf at all")
    secret = canvas(folder / "secret.PDF", encrypt="password")
    draw_lines(secret, 72, 700, ["Nobody reads this."])
    secret.save()
    run = make_run(tmp_path / "w")
    pages = source_pages(run, Web(source=f"pdf:{folder}"))
    (row,) = [row for file in pages.files() for row in pq.read_table(file).to_pylist()]
    assert (row["row"], row["source"], row["title"]) == ("good.pdf", "pdf", "Bridges of the valley")
    assert row["parts"][1]["section"] == "Chapter about piers, p. 1"
    assert read_locator(row["parts"][1]["locator"])[0][0] == 1
    assert {drop["item_id"]: drop["reason"] for drop in drops(tmp_path / "w")} == {
        "noise.pdf": "bad_pdf",
        "secret.PDF": "encrypted",
    }


def test_one_file_is_a_source(tmp_path: Path) -> None:
    manual(tmp_path / "a.pdf", 1)
    manual(tmp_path / "b.pdf", 1)
    opened = open_source(Web(source=f"pdf:{tmp_path / 'b.pdf'}"))
    ((item,),) = opened.tasks(lambda line: None)
    page: Any = next(iter(opened.pages((item,))))
    assert isinstance(page, Page)
    assert page.path == "b.pdf"


def test_sources_that_hold_no_pdf(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place, message in ((tmp_path / "none", "does not exist"), (tmp_path / "empty", "has no page")):
        with pytest.raises(WorldError, match=message):
            open_source(Web(source=f"pdf:{place}")).fingerprint()
    with pytest.raises(UsageError, match="use pdf:DIR or pdf:FILE"):
        open_source(Web(source="pdf"))


def test_locators_are_read_as_written() -> None:
    places = [(3, (72.0, 90.5, 540.0, 712.25)), (4, (1.0, 2.0, 3.0, 4.0)), (3, (60.0, 100.0, 500.0, 720.0))]
    locator = write_locator(places)
    assert locator == "3:60.0,90.5,540.0,720.0;4:1.0,2.0,3.0,4.0"
    assert read_locator(locator) == [(3, (60.0, 90.5, 540.0, 720.0)), (4, (1.0, 2.0, 3.0, 4.0))]
    assert read_locator("") == []
