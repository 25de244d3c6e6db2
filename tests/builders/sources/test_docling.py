"""DoclingDocuments as pages: order, sections, tables, pictures and places."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import Page
from nyxqa.builders.sources.factory import open_source
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.locator import read_locator
from nyxqa.schemas.recipe import Web
from tests.support.tiny_dataset import png

PIXELS = "data:image/png;base64," + base64.b64encode(png(1)).decode()


def prov(page: int, left: float, top: float, right: float, bottom: float, origin: str = "BOTTOMLEFT") -> list[Any]:
    box = {"l": left, "t": top, "r": right, "b": bottom, "coord_origin": origin}
    return [{"page_no": page, "bbox": box, "charspan": [0, 10]}]


def text(number: int, label: str, said: str, place: list[Any], **more: Any) -> dict[str, Any]:
    return {"self_ref": f"#/texts/{number}", "label": label, "text": said, "orig": said, "prov": place, **more}


def cell(row: int, column: int, said: str) -> dict[str, Any]:
    return {
        "text": said,
        "start_row_offset_idx": row,
        "end_row_offset_idx": row + 1,
        "start_col_offset_idx": column,
        "end_col_offset_idx": column + 1,
        "row_span": 1,
        "col_span": 1,
    }


def report() -> dict[str, Any]:
    """Two sheets of 600 by 800 points: headings, a list, a table with an empty cell, a figure, a running head."""
    ref = lambda *names: [{"$ref": f"#/{name}"} for name in names]  # noqa: E731
    table = {
        "self_ref": "#/tables/0",
        "label": "table",
        "prov": prov(1, 50, 400, 500, 300),
        "captions": ref("texts/6"),
        "children": ref("texts/6"),
        "data": {
            "num_rows": 2,
            "num_cols": 3,
            "table_cells": [cell(0, 0, "Weir"), cell(0, 2, "Length\nin m"), cell(1, 1, "1842"), cell(1, 2, "12")],
        },
    }
    figure = {
        "self_ref": "#/pictures/0",
        "label": "picture",
        "prov": prov(2, 100, 60, 300, 200, "TOPLEFT"),
        "captions": ref("texts/7"),
        "children": ref("texts/7", "texts/8"),
        "image": {"mimetype": "image/png", "dpi": 144, "size": {"width": 8, "height": 8}, "uri": PIXELS},
    }
    listed = {"self_ref": "#/groups/0", "label": "list", "children": ref("texts/3", "texts/4")}
    return {
        "schema_name": "DoclingDocument",
        "version": "1.7.0",
        "name": "report",
        "body": {
            "self_ref": "#/body",
            "children": ref(
                "texts/0", "texts/1", "texts/2", "groups/0", "tables/0", "texts/5", "pictures/0", "texts/9"
            ),
        },
        "groups": [listed],
        "texts": [
            text(0, "page_header", "Weirs of the valley", prov(1, 50, 790, 300, 780), content_layer="furniture"),
            text(1, "title", "Weirs and mills", prov(1, 50, 760, 300, 740)),
            text(2, "text", "The weir was built in 1842.", prov(1, 50, 720, 500, 700)),
            text(3, "list_item", "The upper weir", prov(1, 60, 690, 500, 680), marker="1."),
            text(4, "list_item", "The lower weir", prov(1, 60, 670, 500, 660), marker="2."),
            text(5, "section_header", "How water comes in", prov(2, 50, 790, 300, 780), level=1),
            text(6, "caption", "Table 1: Weirs.", prov(1, 50, 420, 500, 405)),
            text(7, "caption", "Figure 1: The intake.", prov(2, 100, 590, 300, 580)),
            text(8, "text", "a label inside the figure", prov(2, 120, 640, 200, 630)),
            text(9, "text", "The intake is of oak.", [*prov(2, 50, 500, 500, 480), *prov(3, 50, 790, 500, 780)]),
        ],
        "tables": [table],
        "pictures": [figure],
        "pages": {
            str(number): {"page_no": number, "size": {"width": 600.0, "height": 800.0}, "image": {"uri": PIXELS}}
            for number in (1, 2, 3)
        },
    }


def read(folder: Path, unit: str = "tokens") -> Page | Drop:
    opened = open_source(Web(source=f"docling:{folder}"), unit=unit)
    opened.fingerprint()
    ((item,),) = opened.tasks(lambda line: None)
    return next(iter(opened.pages((item,))))


def write(folder: Path, document: Any) -> Path:
    (folder / "report.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_a_document_is_read_in_its_order_with_headings_and_places(tmp_path: Path) -> None:
    page = read(write(tmp_path, report()))
    assert isinstance(page, Page)
    assert page.title == "Weirs and mills"
    assert [part["text"] or part["caption"] for part in page.parts] == [
        "Weirs and mills",
        "The weir was built in 1842.",
        "1. The upper weir",
        "2. The lower weir",
        "Table 1: Weirs.\nWeir |  | Length in m\n | 1842 | 12",
        "How water comes in",
        "Figure 1: The intake.",
        "The intake is of oak.",
    ]
    assert page.parts[1]["section"] == "Weirs and mills, p. 1"
    assert page.parts[6] == {
        "text": None,
        "image": PIXELS,
        "caption": "Figure 1: The intake.",
        "caption_origin": "figure",
        "section": "How water comes in, p. 2",
        "locator": "2:100.0,60.0,300.0,200.0",
    }
    assert read_locator(page.parts[1]["locator"]) == [(1, (50.0, 80.0, 500.0, 100.0))]
    assert [sheet for sheet, _ in read_locator(page.parts[7]["locator"])] == [2, 3]


def test_unit_page_takes_the_pictures_of_the_sheets(tmp_path: Path) -> None:
    page = read(write(tmp_path, report()), "page")
    assert isinstance(page, Page)
    assert [part["locator"] for part in page.parts] == [f"{n}:0.0,0.0,600.0,800.0" for n in (1, 2, 3)]
    assert "Weir |  | Length in m" in page.parts[0]["caption"]
    document = report()
    del document["pages"]["1"]["image"], document["pages"]["2"]["image"], document["pages"]["3"]["image"]
    refused = read(write(tmp_path, document), "page")
    assert isinstance(refused, Drop)
    assert refused.reason == "not_docling"
    assert "pictures of the sheets" in refused.detail


def test_images_are_found_beside_the_file(tmp_path: Path) -> None:
    place = tmp_path / "report_artifacts" / "image 1.png"
    place.parent.mkdir()
    place.write_bytes(png(2))
    for address in ("report_artifacts/image 1.png", str(place), place.as_uri()):
        document = report()
        document["pictures"][0]["image"]["uri"] = address
        page = read(write(tmp_path, document))
        assert isinstance(page, Page)
        assert page.parts[6]["image"] == "report_artifacts/image 1.png"


def test_a_picture_without_its_pixels_is_noted_and_its_caption_kept(tmp_path: Path) -> None:
    document = report()
    document["pictures"][0]["image"] = None
    page = read(write(tmp_path, document))
    assert isinstance(page, Page)
    assert page.parts[6]["text"] == "Figure 1: The intake."
    assert [note.reason for note in page.notes] == ["no_pixels"]


def circular() -> dict[str, Any]:
    document = report()
    document["groups"][0]["children"] = [{"$ref": "#/groups/0"}, {"$ref": "#/texts/3"}, {"$ref": "#/nowhere/9"}]
    return document


def huge_table() -> dict[str, Any]:
    document = report()
    document["tables"][0]["data"]["num_rows"] = 10**9
    return document


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "not_docling"),
        ({"schema_name": "Other"}, "not_docling"),
        ({"schema_name": "DoclingDocument", "body": {"children": []}}, "empty"),
        (huge_table(), "not_docling"),
        (circular(), None),
    ],
)
def test_other_json_is_dropped(document: Any, reason: str | None, tmp_path: Path) -> None:
    page = read(write(tmp_path, document))
    if reason is None:
        assert isinstance(page, Page)
        assert "1. The upper weir" in [part["text"] for part in page.parts]
    else:
        assert isinstance(page, Drop)
        assert page.reason == reason


def test_broken_json_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{" + "[" * 100_000)
    page = read(tmp_path)
    assert isinstance(page, Drop)
    assert page.reason == "bad_json"
    (tmp_path / "none").mkdir()
    with pytest.raises(WorldError, match="has no page"):
        open_source(Web(source=f"docling:{tmp_path / 'none'}")).fingerprint()
    with pytest.raises(UsageError, match="use docling:DIR"):
        open_source(Web(source="docling"))
