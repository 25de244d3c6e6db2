"""Markdown that marker and MinerU write of PDF files."""

from __future__ import annotations

from typing import Any

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import read_markdown

RULE = "-" * 48
MARKER = f"""
{{0}}{RULE}

# Weirs of the valley

The upper weir was built in 1842.

![](_page_0_Picture_3.jpeg)

Figure 1: The upper weir.

The lower one is younger.

{{1}}{RULE}

It was repaired twice.

| Weir | Year | Length |
|------|------|--------|
| lower |     | 12 |

{{2}}{RULE}

## Mills

![](_page_2_Figure_0.jpeg)
"""
NAME = "images/" + "0a" * 32 + ".jpg"
MINERU = f"""# Weirs of the valley

The upper weir was built in 1842.

![]({NAME})
Figure 2. The upper weir.

<html><body><table><tr><td>lower</td><td></td><td>12</td></tr></table></body></html>

The lower one is younger.
"""


def parts(text: str) -> list[dict[str, Any]]:
    return read_markdown(text.encode(), TextCleaner(), lambda reference: True).parts


def test_page_markers_of_marker_become_sections() -> None:
    found = parts(MARKER)
    assert [(part["text"] or part["image"], part["section"]) for part in found] == [
        ("Weirs of the valley\n\nThe upper weir was built in 1842.", "Weirs of the valley, p. 1"),
        ("_page_0_Picture_3.jpeg", "Weirs of the valley, p. 1"),
        ("The lower one is younger.", "Weirs of the valley, p. 1"),
        ("It was repaired twice.\nWeir | Year | Length\nlower |  | 12", "Weirs of the valley, p. 2"),
        ("Mills", "Mills, p. 3"),
        ("_page_2_Figure_0.jpeg", "Mills, p. 3"),
    ]
    assert (found[1]["caption"], found[1]["caption_origin"]) == ("Figure 1: The upper weir.", "figure")
    assert found[5]["caption"] == ""


def test_captions_of_mineru_go_to_their_pictures() -> None:
    first, image, rest = parts(MINERU)
    assert first["section"] == "Weirs of the valley"
    assert (image["image"], image["caption"]) == (NAME, "Figure 2. The upper weir.")
    assert rest["text"].split("\n\n") == ["lower |  | 12", "The lower one is younger."]


def test_other_markdown_stays_as_it_is() -> None:
    first, image, below = parts("Text.\n\n![](weir.png)\n\nFigure 1: The weir.\n\n{1} and ----\n")
    assert (first["text"], image["caption"]) == ("Text.", "")
    assert below["text"] == "Figure 1: The weir.\n\n{1} and ----"
