"""HTML pages that were rendered elsewhere: their pictures become documents, their text captions."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from nyxqa.builders.sources.base import Page
from nyxqa.builders.sources.factory import open_source
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Web

HTML = "<html><head><title>The mill</title></head><body><p>The mill was built in 1842 by the guild.</p></body></html>"


def picture(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (200, 40, 40)).save(file)


def test_pictures_beside_a_page_are_its_sheets(tmp_path: Path) -> None:
    for name in ("whole", "many", "none"):
        (tmp_path / f"{name}.html").write_text(HTML)
    picture(tmp_path / "whole.html.png")
    for number in (1, 2, 10):
        picture(tmp_path / "many.html.sheets" / f"{number}.png")
    (tmp_path / "many.html.sheets" / "2.txt").write_text("The second screen.")
    opened = open_source(Web(source=f"html:{tmp_path}"), unit="page")
    assert opened.fingerprint() != open_source(Web(source=f"html:{tmp_path}")).fingerprint()
    (batch,) = opened.tasks(lambda line: None)
    many, none, whole = opened.pages(batch)
    assert isinstance(many, Page) and isinstance(whole, Page) and not isinstance(none, Page)
    assert none.reason == "no_sheet"
    assert [(part["image"], part["caption"]) for part in whole.parts] == [
        ("whole.html.png", "The mill was built in 1842 by the guild.")
    ]
    assert [(part["image"], part["caption"], part["section"]) for part in many.parts] == [
        ("many.html.sheets/1.png", "", "The mill, p. 1"),
        ("many.html.sheets/2.png", "The second screen.", "The mill, p. 2"),
        ("many.html.sheets/10.png", "", "The mill, p. 3"),
    ]


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_a_folder_without_pictures_of_pages_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# The mill\n\nIt was built in 1842.")
    with pytest.raises(WorldError, match="has no picture of a page, which chunk"):
        open_source(Web(source=f"{kind}:{tmp_path}"), unit="page").fingerprint()
