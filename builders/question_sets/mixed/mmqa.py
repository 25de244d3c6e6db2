"""``mmqa:DIR``: MultimodalQA's questions, and its texts, tables and images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.images import ImageFolder
from nyxqa.builders.question_sets.importers.repair import BadCellError
from nyxqa.builders.question_sets.mixed.cells import list_answer, scalar_forms, text_cell
from nyxqa.builders.question_sets.mixed.model import Relevant, SourceDocument, SourceQuestion
from nyxqa.builders.question_sets.mixed.references import archived, named_file, need_folder
from nyxqa.builders.question_sets.row_source import file_state
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe_types import Split

_FILES: dict[Split, str] = {"train": "train", "validation": "dev", "test": "test"}
_PARTS = ("texts", "tables", "images")
_IMAGE_FOLDER = "final_dataset_images"


@dataclass(frozen=True)
class Mmqa:
    """A folder with ``MMQA_{train,dev,test}.jsonl.gz``, ``MMQA_{texts,tables,images}.jsonl.gz`` and the images."""

    folder: Path
    kind: str = "mmqa"

    def state(self) -> Any:
        """Names, sizes and times of the files."""
        need_folder(self.kind, self.folder)
        names = (*_FILES.values(), *_PARTS)
        return [file_state(file) for name in names if (file := self._file(name)) is not None]

    def splits(self) -> set[Split]:
        """Splits whose file is there."""
        need_folder(self.kind, self.folder)
        return {split for split, name in _FILES.items() if self._file(name) is not None}

    def questions(self, split: Split) -> Iterator[SourceQuestion | Drop]:
        """Questions of one split.

        :raises WorldError: If its file is missing, or a row lacks a needed column.
        """
        for row in file_rows(self._need(_FILES[split])):
            yield row if isinstance(row, Drop) else _question(row)

    def documents(self) -> Iterator[SourceDocument | Drop]:
        """Texts, then tables, then images.

        :raises WorldError: If all three files are missing.
        """
        files = {part: self._file(part) for part in _PARTS}
        if not any(files.values()):
            self._need(_PARTS[0])
        images = ImageFolder(self.folder)
        read: dict[str, Callable[[Row], SourceDocument]] = {
            "texts": _text,
            "tables": _table,
            "images": partial(_image, folder=images),
        }
        for part, file in files.items():
            for row in file_rows(file) if file is not None else ():
                try:
                    yield row if isinstance(row, Drop) else read[part](row)
                except BadCellError as error:
                    yield row.drop(error.reason, error.detail)  # type: ignore[union-attr]

    def _file(self, name: str) -> Path | None:
        return named_file(self.folder, (f"MMQA_{name}", f"MultiModalQA_{name}", name))

    def _need(self, name: str) -> Path:
        file = self._file(name)
        if file is None:
            raise WorldError(f"mmqa: {self.folder} has no MMQA_{name}.jsonl.gz; download it from allenai/multimodalqa")
        return file


def _question(row: Row) -> SourceQuestion | Drop:
    try:
        text = text_cell("question", row.need("question")).strip()
        if PLACEHOLDER in text:
            raise BadCellError("image_count", "question: a placeholder but no image")
    except BadCellError as error:
        return row.drop(error.reason, error.detail)
    given = row.values.get("answers") or []
    items = [one for one in given if isinstance(one, Mapping) and scalar_forms(one.get("answer"))]
    relevant = dict.fromkeys(
        str(one["doc_id"])
        for one in row.values.get("supporting_context") or []
        if isinstance(one, Mapping) and one.get("doc_id")
    )
    return SourceQuestion(
        row=row.name,
        own_id=str(row.values["qid"]) if row.values.get("qid") else row.number,
        text=text,
        answers=_answers(items),
        relevant=tuple(map(Relevant, relevant)),
        needs="all" if len(relevant) > 1 else "any",
        type=_type(items, row.values.get("metadata")),
    )


def _answers(items: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The accepted forms: of one item its own, of several the list of them."""
    if len(items) > 1:
        return (list_answer([one["answer"] for one in items]),)
    return tuple(form for one in items for form in scalar_forms(one["answer"]))


def _type(items: Sequence[Mapping[str, Any]], metadata: Any) -> str:
    if len(items) > 1:
        return "list"
    if items and items[0].get("type") == "yesno":
        return "boolean"
    named = metadata.get("type") if isinstance(metadata, Mapping) else None
    return "compare" if isinstance(named, str) and named.startswith("Compare(") else ""


def _common(row: Row) -> dict[str, Any]:
    """What texts, tables and images have in common.

    :raises BadCellError: If the title or URL is not text, or the id is missing.
    """
    own = row.need("id")
    if not isinstance(own, str | int) or isinstance(own, bool) or own == "":
        raise BadCellError("bad_id", f"expected text or a number, found {own!r}")
    title = text_cell("title", row.values.get("title"), empty=True).replace(PLACEHOLDER, " ").strip()
    url = text_cell("url", row.values.get("url"), empty=True) or None
    return {"row": row.name, "id": str(own), "title": title, "url": url}


def _text(row: Row) -> SourceDocument:
    common = _common(row)
    text = text_cell("text", row.need("text")).replace(PLACEHOLDER, " ").strip()
    return SourceDocument(**common, text="\n".join(filter(None, (common["title"], text))))


def _table(row: Row) -> SourceDocument:
    common = _common(row)
    table = row.need("table")
    if not isinstance(table, Mapping) or not isinstance(table.get("table_rows"), list):
        raise BadCellError("bad_type", "table: expected an object with table_rows")
    header = [_column(one) for one in table.get("header") or []]
    rows = [[_cell(one) for one in cells] for cells in table["table_rows"] if isinstance(cells, list)]
    if not header and not any(rows):
        raise BadCellError("empty_text", "table: no cells")
    name = str(table.get("table_name") or "").replace(PLACEHOLDER, " ").strip()
    heading = [common["title"], name if name != common["title"] else ""]
    return SourceDocument(**common, text="\n".join(filter(None, (*heading, text_table(header, rows)))))


def _column(value: Any) -> str:
    return str((value.get("column_name") if isinstance(value, Mapping) else value) or "")


def _cell(value: Any) -> str:
    return str((value.get("text") if isinstance(value, Mapping) else value) or "")


def _image(row: Row, folder: ImageFolder) -> SourceDocument:
    common = _common(row)
    path = text_cell("path", row.need("path"))
    picture = archived([f"{_IMAGE_FOLDER}/{path}", path], folder)
    title = common["title"]
    return SourceDocument(
        **common,
        text=f"{PLACEHOLDER}\n{title}" if title else PLACEHOLDER,
        images=(picture,),
        captions=(title,),
        caption_origin="title",
        needs_images=True,
    )


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in the layout of Markdown; cells are kept as they are, on one line.

    Short rows are filled with empty cells, and columns without a header get an empty one.
    """
    from tabulate import tabulate

    width = max([len(header), *map(len, rows)], default=0)
    body = [[_table_cell(value) for value in row] + [""] * (width - len(row)) for row in rows]
    head = [_table_cell(value) for value in header] + [""] * (width - len(header))
    return str(tabulate(body, headers=head, tablefmt="pipe", disable_numparse=True, colalign=["left"] * width))


def _table_cell(value: str) -> str:
    return " ".join(value.replace(PLACEHOLDER, " ").split()).replace("|", "\\|")
