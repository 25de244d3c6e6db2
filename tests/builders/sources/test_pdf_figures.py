"""Figures of PDF files: where they stand, their captions, and which drawings are one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pdf import HEIGHT, canvas, draw_lines, picture, read, sentence, wrapped


def test_a_figure_stands_where_it_is_drawn_and_has_its_caption(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 700, wrapped(sentence("lock", 1), 80))
    page.drawImage(picture(), 72, 560, 120, 80)
    page.drawImage(picture((0, 120, 0)), 220, 560, 120, 80)
    draw_lines(page, 72, 540, ["Figure 3: The lock before and after the flood."])
    draw_lines(page, 72, 500, wrapped(sentence("lock", 2), 80))
    page.save()
    blocks = [block for block, _ in read(tmp_path / "a.pdf").blocks]
    assert [block.text or block.caption for block in blocks] == [
        sentence("lock", 1),
        "Figure 3: The lock before and after the flood.",
        "Figure 3: The lock before and after the flood.",
        sentence("lock", 2),
    ]
    assert [block.picture is not None for block in blocks] == [False, True, True, False]
    (_, box), *_ = blocks[1].places
    assert tuple(box) == pytest.approx((72, HEIGHT - 640, 192, HEIGHT - 560), abs=1)


def test_a_drawing_with_a_caption_is_a_figure_and_its_labels_are_no_text(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 700, wrapped(sentence("lock", 1), 80))
    page.circle(200, 560, 40)
    page.circle(260, 560, 40)
    for shift in range(4):
        page.line(170, 530 + 15 * shift, 290, 550 + 15 * shift)
    draw_lines(page, 190, 560, ["intake"])
    draw_lines(page, 72, 500, ["Figure 4. How the water comes in."])
    draw_lines(page, 72, 460, wrapped(sentence("lock", 2), 80))
    page.save()
    blocks = [block for block, _ in read(tmp_path / "a.pdf").blocks]
    assert [block.text for block in blocks] == [sentence("lock", 1), "", sentence("lock", 2)]
    assert blocks[1].caption == "Figure 4. How the water comes in."
    assert tuple(blocks[1].places[0][1]) == pytest.approx((160, HEIGHT - 600, 300, HEIGHT - 520), abs=8)


def test_a_drawing_of_curves_is_a_figure_without_a_caption_too_and_a_frame_around_text_is_not(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 740, wrapped(sentence("lock", 1), 80))
    for place, label in enumerate(("gate", "weir", "mill", "dam", "pond", "sluice")):
        page.ellipse(80 + 70 * place, 570, 130 + 70 * place, 630)
        draw_lines(page, 95 + 70 * place, 612, [label])
        page.line(130 + 70 * place, 615, 150 + 70 * place, 618)
    for place in range(6):
        page.roundRect(66, 380 + 24 * place, 420, 22, 6)
        draw_lines(page, 72, 388 + 24 * place, wrapped(sentence("weir", place), 80)[:1])
    page.save()
    found = [block for block, _ in read(tmp_path / "a.pdf").blocks]
    assert [block.picture is not None for block in found].count(True) == 1
    said = " ".join(block.text for block in found)
    assert "sluice" not in said and said.count("weir") == 6


def test_numbers_of_axes_go_with_their_figure(tmp_path: Path) -> None:
    """As plotting programs draw a picture with axes, ticks, numbers and names."""
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 740, wrapped(sentence("lock", 1), 80))
    page.drawImage(picture(), 120, 500, 240, 160)
    page.rect(120, 500, 240, 160)
    for step in range(5):
        page.line(120 + 60 * step, 500, 120 + 60 * step, 496)
        page.drawCentredString(120 + 60 * step, 486, str(50 * step))
        page.line(116, 500 + 40 * step, 120, 500 + 40 * step)
        page.drawRightString(113, 497 + 40 * step, f"0.{step}")
    page.saveState()
    page.rotate(90)
    page.drawString(540, -92, "level of the water")
    page.restoreState()
    draw_lines(page, 72, 440, wrapped(sentence("lock", 2), 80))
    page.save()
    found = [block for block, _ in read(tmp_path / "a.pdf").blocks]
    assert [block.text for block in found] == [sentence("lock", 1), "", sentence("lock", 2)]
    (_, box), *_ = found[1].places
    assert box.left < 93 and box.bottom > HEIGHT - 486


def test_a_chart_with_a_caption_is_no_table(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    draw_lines(page, 72, 740, wrapped(sentence("lock", 1), 80))
    for step in range(5):
        page.line(120, 520 + 30 * step, 380, 520 + 30 * step)
        page.rect(140 + 50 * step, 520, 20, 20 + 25 * step, fill=1)
        draw_lines(page, 100, 517 + 30 * step, [str(step * 10)])
        draw_lines(page, 140 + 50 * step, 506, [str(1990 + step)])
    page.line(120, 520, 120, 660)
    page.line(380, 520, 380, 660)
    draw_lines(page, 120, 480, ["Figure 2: Mills that were built in each year."])
    page.save()
    found = [block for block, _ in read(tmp_path / "a.pdf").blocks]
    assert [block.role for block in found] == ["text", "picture"]
    assert found[1].caption == "Figure 2: Mills that were built in each year."


def test_columns_end_above_a_figure_that_is_across_them(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.drawImage(picture(), 72, 480, 450, 120)
    draw_lines(page, 72, 465, ["Figure 1: The mill and the weir."])
    said = [" ".join(sentence(topic, number) for number in (1, 2)) for topic in ("mill", "dam", "weir", "lock")]
    for place, text in enumerate(said):
        draw_lines(page, 72 + 250 * (place % 2), 740 if place < 2 else 440, wrapped(text))
    page.save()
    found = [block for block, _ in read(tmp_path / "a.pdf").blocks]
    assert [block.text or block.caption for block in found] == [
        *said[:2],
        "Figure 1: The mill and the weir.",
        *said[2:],
    ]
