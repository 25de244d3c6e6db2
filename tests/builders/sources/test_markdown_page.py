"""Markdown files as pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import HtmlPage, read_markdown
from nyxqa.schemas.recipe import Web
from tests.support.ingest import drops, encoded, ingest, make_run, picture, shown, source_pages

PAGE = """---
title: The mill
lang: en-GB
---

# Building

The mill *stands* by the [river](https://e.org), where $a_1 * b_2 * c$ litres flow. It costs $5 or $6.[^1]

![The wheel](img/wheel.png "Wheel"){ width=300 }

## Parts

- one
- two

| part | number |
|---|---|
| wheel | 1 |

```python
turn(1)
```

[^1]: In 1924.
"""


def read(text: str) -> HtmlPage:
    return read_markdown(text.encode(), TextCleaner())


def test_a_page_in_order() -> None:
    page = read(PAGE)
    assert (page.title, page.language) == ("The mill", "en-GB")
    lines = shown(page.parts)
    assert lines[1] == "<img/wheel.png>"
    assert page.parts[1]["caption"] == "The wheel"
    assert "a_1 * b_2 * c litres flow. It costs $5 or $6." in lines[0]
    text = "\n".join(lines)
    for piece in ("The mill stands by the river", "- one\n- two", "wheel | 1", "turn(1)", "In 1924."):
        assert piece in text
    assert not any(sign in text for sign in ("title:", "[river]", "**", "|---|", "```", "width"))
    assert [part["section"] for part in page.parts][-1] == "Parts"


def test_titles_come_from_the_heading_where_nothing_else_says_them() -> None:
    assert read("Mill\n====\n\nText").title == "Mill"
    assert read("Text").title is None
    assert read("---\ntitle: [a, b]\n---\n# H\n").title == "H"
    assert "x: [" in shown(read("---\nx: [\n---\nText").parts)[0]


def test_html_inside_is_read_and_lists_of_links_stay() -> None:
    page = read(
        '<p align="center"><img src="logo.png" alt="Logo"></p>\n\n- [a](a.md)\n- [b](b.md)\n\n<script>x()</script>'
    )
    assert shown(page.parts) == ["<logo.png>", "- a\n- b"]


def test_images_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "site/sub/img").mkdir(parents=True)
    (tmp_path / "site/sub/img/the wheel.png").write_bytes(encoded(picture(1)))
    (tmp_path / "site/top.png").write_bytes(encoded(picture(2)))
    text = "The mill.\n\n![Wheel](<img/the wheel.png>)\n\n![Top](/top.png)\n\n![Out](../../out.png)\n"
    (tmp_path / "site/sub/page.md").write_text(text)
    (tmp_path / "out.png").write_bytes(encoded(picture(3)))
    (page,) = ingest(make_run(tmp_path / "w"), Web(source=f"markdown:{tmp_path / 'site'}")).rows()
    assert (page["source"], page["row"]) == ("markdown", "sub/page.md")
    assert shown(page["parts"]) == ["The mill.", "<sub/img/the wheel.png>", "<top.png>"]
    assert [row["reason"] for row in drops(tmp_path / "w")] == ["outside_source"]


def test_html_folders_hold_both_and_markdown_folders_one(tmp_path: Path) -> None:
    for name in ("a.html", "b.md", "c.MARKDOWN", "d.txt"):
        (tmp_path / name).write_text("The mill stands by the river.")
    found = {
        kind: [
            row["row"]
            for row in source_pages(make_run(tmp_path / kind / ".work"), Web(source=f"{kind}:{tmp_path}")).rows()
        ]
        for kind in ("html", "markdown")
    }
    assert found == {"html": ["a.html", "b.md", "c.MARKDOWN"], "markdown": ["b.md", "c.MARKDOWN"]}


@pytest.mark.parametrize(
    "piece", ["[", "![", "*a ", "`", "> ", "[a](", "[a]: b\n", "$", "<", "~~", "a\n: b\n", "---\n"]
)
def test_hostile_text_takes_no_long_time(piece: str) -> None:
    """Some of these would take minutes if a rule of the parser were quadratic."""
    page = read(piece * (60_000 // len(piece)))
    assert isinstance(page.parts, list)
