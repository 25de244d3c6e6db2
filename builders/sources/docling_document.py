"""The parts of a DoclingDocument in reading order, each with heading, sheet and box."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.base import Item, Page, checked_page, image_part, text_part
from nyxqa.builders.sources.cleaning import TextCleaner, table_row
from nyxqa.builders.sources.folder import WholeFileSource
from nyxqa.schemas.ids import page_id_of_path
from nyxqa.schemas.locator import Place, write_locator

_COLLECTIONS = ("texts", "tables", "pictures", "groups", "key_value_items", "form_items")
_FURNITURE = ("page_header", "page_footer")
_HEADINGS = ("title", "section_header")
_MOST_CELLS = 1_000_000
Reference = Callable[[str], str]


class BadDocumentError(ValueError):
    """The JSON is no DoclingDocument; the message says what is missing."""


@dataclass(slots=True)
class Content:
    """What a document holds.

    :param without_pixels: Number of pictures that were stored without their image.
    """

    title: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list)
    without_pixels: int = 0


class DoclingDocument:
    """One document.

    :param data: The parsed JSON.
    :param clean: Cleans its texts.
    :param reference: Turns the address of an image into a reference relative to the file.
    :raises BadDocumentError: If the JSON has another shape.
    """

    def __init__(self, data: Any, clean: TextCleaner, reference: Reference) -> None:
        if not isinstance(data, dict) or data.get("schema_name") != "DoclingDocument":
            raise BadDocumentError("schema_name is not DoclingDocument")
        if not isinstance(data.get("body"), dict):
            raise BadDocumentError("it has no body")
        self._data, self._clean, self._reference = data, clean, reference
        self._items = {
            item["self_ref"]: item
            for name in _COLLECTIONS
            for item in data.get(name) or ()
            if isinstance(item, dict) and isinstance(item.get("self_ref"), str)
        }
        self._captions = {
            one for name in ("pictures", "tables") for item in data.get(name) or () for one in _refs(item, "captions")
        }

    def content(self, unit: str) -> Content:
        """Title and parts.

        :param unit: ``tokens``, or ``page``: the picture of each sheet with its text as caption.
        :raises BadDocumentError: If pictures of the sheets are asked for and there are none.
        """
        content = Content()
        heading = ""
        for item in self._in_order():
            text, label = self._clean(str(item.get("text") or "")), item.get("label")
            if label in _HEADINGS and text:
                heading = " ".join(text.split())
                if not content.title or (label == "title" and content.title != heading):
                    content.title = heading if label == "title" or not content.title else content.title
            self._add(content, item, text, heading)
        if unit == "page":
            content.parts = self._sheets(content.parts)
        return content

    def _in_order(self) -> Iterator[dict[str, Any]]:
        """The items of the body, depth first; an item that names itself below is taken once."""
        seen = set[str]()
        pending = _refs(self._data["body"], "children")[::-1]
        while pending:
            name = pending.pop()
            item = self._items.get(name)
            if item is None or name in seen:
                continue
            seen.add(name)
            if item.get("content_layer", "body") != "body" or item.get("label") in _FURNITURE:
                continue
            if name not in self._captions:
                yield item
            if not name.startswith(("#/pictures/", "#/tables/")):  # whose children are captions and labels
                pending += _refs(item, "children")[::-1]

    def _add(self, content: Content, item: dict[str, Any], text: str, heading: str) -> None:
        places = self._places(item)
        page = f"p. {places[0][0]}" if places else ""
        section, locator = ", ".join(filter(None, (heading, page))), write_locator(places)
        if item.get("label") in ("picture", "chart") or item["self_ref"].startswith("#/pictures/"):
            caption, address = self._caption(item), _address(item)
            if address:
                origin = "figure" if caption else ""
                content.parts.append(image_part(self._reference(address), caption, origin, section, locator))
                return
            content.without_pixels += 1
            text = caption
        elif isinstance(item.get("data"), dict) and "table_cells" in item["data"]:
            text = "\n".join(filter(None, (self._caption(item), *map(table_row, self._grid(item["data"])))))
            text = self._clean(text, preformatted=True)
        elif item.get("label") == "list_item":
            text = f"{item.get('marker') or ''} {text}".strip()
        elif item.get("label") == "code":
            text = self._clean(str(item.get("text") or ""), preformatted=True)
        if text:
            content.parts.append(text_part(text, section, locator))

    def _caption(self, item: dict[str, Any]) -> str:
        found = (self._items.get(one, {}).get("text") for one in _refs(item, "captions"))
        return self._clean.line(" ".join(str(text) for text in found if text))

    def _grid(self, data: dict[str, Any]) -> list[list[str]]:
        """The cells of a table by row and column; a cell that spans several has its text in the first."""
        cells = [cell for cell in data.get("table_cells") or () if isinstance(cell, dict)]
        try:
            places = [(int(c["start_row_offset_idx"]), int(c["start_col_offset_idx"])) for c in cells]
            rows, columns = int(data.get("num_rows") or 0), int(data.get("num_cols") or 0)
        except (KeyError, TypeError, ValueError) as error:
            raise BadDocumentError(f"a cell of a table has no row or column: {error}") from error
        if rows < 0 or columns < 0 or rows * columns > _MOST_CELLS:
            raise BadDocumentError(f"a table of {rows} by {columns} cells")
        grid = [[""] * columns for _ in range(rows)]
        for (row, column), cell in zip(places, cells, strict=True):
            if 0 <= row < rows and 0 <= column < columns:
                grid[row][column] = str(cell.get("text") or "")
        return grid

    def _places(self, item: dict[str, Any]) -> list[Place]:
        """Sheets and boxes, in points from the top left corner."""
        places: list[Place] = []
        for prov in item.get("prov") or ():
            try:
                number, box = int(prov["page_no"]), prov["bbox"]
                left, top, right, bottom = (float(box[side]) for side in "ltrb")
                if box.get("coord_origin", "TOPLEFT") == "BOTTOMLEFT":
                    height = float(self._data["pages"][str(number)]["size"]["height"])
                    top, bottom = height - top, height - bottom
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # a place that is not stated as the format has it
            places.append((number, (left, min(top, bottom), right, max(top, bottom))))
        return places

    def _sheets(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The picture of each sheet, with the text of the parts that begin on it as caption."""
        sheets = []
        for name, page in sorted((self._data.get("pages") or {}).items(), key=lambda pair: int(pair[0])):
            address = _address(page)
            if not address:
                continue
            own = [one for one in parts if one.get("locator", "").startswith(f"{name}:")]
            caption = "\n".join(filter(None, (one["text"] or one["caption"] for one in own)))
            section = own[0]["section"] if own else f"p. {name}"
            size = page.get("size") or {}
            whole = (0.0, 0.0, float(size.get("width") or 0), float(size.get("height") or 0))
            reference = self._reference(address)
            origin = "alt" if caption else ""
            sheets.append(image_part(reference, caption, origin, section, write_locator([(int(name), whole)])))
        if not sheets:
            raise BadDocumentError("chunk.unit = page takes pictures of the sheets, and it has none")
        return sheets


def _refs(item: Any, name: str) -> list[str]:
    listed = item.get(name) if isinstance(item, dict) else None
    return [str(one["$ref"]) for one in listed or () if isinstance(one, dict) and "$ref" in one]


def _address(item: dict[str, Any]) -> str:
    image = item.get("image")
    return str(image.get("uri") or "") if isinstance(image, dict) else ""


@dataclass(frozen=True)
class DoclingSource(WholeFileSource):
    """All JSON files below a folder, sorted by relative path; each is one DoclingDocument and one page.

    :param folder: The folder; images that a document names lie in it.
    :param unit: ``page``: every sheet is a picture with its text as caption.
    """

    kind: str = "docling"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """That of JSON."""
        return (".json",)

    def fingerprint(self) -> object:
        """Return a hash over path, size and time of every file, images included.

        :raises WorldError: If the folder is missing or unreadable, or has no JSON file.
        """
        return {"files": super().fingerprint(), "unit": self.unit}

    def page_of(self, item: Item, data: bytes) -> Page | Drop:
        """The page of a file, or a drop."""
        cleaner = TextCleaner()
        try:
            document = DoclingDocument(json.loads(data), cleaner, partial(self._reference, item.path))
            content = document.content(self.unit)
        except BadDocumentError as error:
            return item.drop("not_docling", str(error))
        except (ValueError, RecursionError) as error:
            return item.drop("bad_json", str(error))
        page_id = page_id_of_path(item.path)
        page = Page(item.name, item.path, page_id, content.parts, cleaner.line(content.title) or None)
        if content.without_pixels:
            detail = f"{content.without_pixels} pictures stored without their image; their captions are text"
            page.notes.append(Drop("page", page_id, item.name, "no_pixels", detail))
        return checked_page(page, item, cleaner)

    def _reference(self, page: str, address: str) -> str:
        """An image's address, made relative to the file that names it if it is a path of this machine."""
        path = unquote(urlsplit(address).path) if address.startswith("file:") else address
        if not path.startswith("/"):
            return path
        return os.path.relpath(path, (self.folder / page).parent.absolute())
