"""``nyxqa:DIR``: the published NyxQA as a whole: questions with options, and ``corpus.json``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.references import Rejected
from nyxqa.builders.question_sets.importers.images import ImageFolder
from nyxqa.builders.question_sets.importers.repair import BadCellError, parse_list
from nyxqa.builders.question_sets.mixed.cells import answer_forms, options_of, tokens_repaired
from nyxqa.builders.question_sets.mixed.model import Picture, Relevant, Repair, SourceDocument, SourceQuestion
from nyxqa.builders.question_sets.mixed.references import cells_of, named_file, need_folder
from nyxqa.builders.question_sets.row_source import file_state
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe_types import Split

_FILES: dict[Split, tuple[str, ...]] = {
    "train": ("train_hardneg", "train"),
    "validation": ("dev", "dev_hardneg", "validation", "val"),
    "test": ("test", "test_hardneg"),
}
_CORPUS = "corpus"


@dataclass(frozen=True)
class PublishedNyxQa:
    """A folder: ``train.json`` (or ``train_hardneg.json``), ``dev.json``, ``test.json``, ``corpus.json`` and images."""

    folder: Path
    kind: str = "nyxqa"

    def state(self) -> Any:
        """Names, sizes and times of the files."""
        need_folder(self.kind, self.folder)
        names = (*_FILES.values(), (_CORPUS,))
        return [file_state(file) for one in names if (file := named_file(self.folder, one)) is not None]

    def splits(self) -> set[Split]:
        """Splits whose file is there."""
        need_folder(self.kind, self.folder)
        return {split for split, names in _FILES.items() if named_file(self.folder, names) is not None}

    def questions(self, split: Split) -> Iterator[SourceQuestion | Drop]:
        """Questions of one split; the positive is known by its content, as documents have no ids.

        :raises WorldError: If the file is missing, or a row lacks a needed column.
        """
        file = named_file(self.folder, _FILES[split])
        if file is None:
            raise WorldError(f"nyxqa: {self.folder} has no {_FILES[split][-1]}.json")
        images = ImageFolder(self.folder)
        for row in file_rows(file):
            try:
                yield row if isinstance(row, Drop) else _question(row, images)
            except BadCellError as error:
                yield row.drop(error.reason, error.detail)  # type: ignore[union-attr]

    def documents(self) -> Iterator[SourceDocument | Drop]:
        """The documents of ``corpus.json``, named by their row.

        :raises WorldError: If it is missing.
        """
        file = named_file(self.folder, (_CORPUS,))
        if file is None:
            raise WorldError(
                f"nyxqa: {self.folder} has no corpus.json; without a corpus read the set as [[import]] nyxqa_published"
            )
        images = ImageFolder(self.folder)
        for row in file_rows(file):
            try:
                yield row if isinstance(row, Drop) else _document(row, images)
            except BadCellError as error:
                yield row.drop(error.reason, error.detail)  # type: ignore[union-attr]


def _question(row: Row, folder: ImageFolder) -> SourceQuestion:
    values = row.values
    text, images, repairs = _side("qry", row.need("qry"), values.get("qry_image_path"), folder)
    positive, positive_images, _ = _side("pos_text", row.need("pos_text"), values.get("pos_image_path"), folder)
    answers = answer_forms(row.need("ans"))
    choices, label, wrong = options_of(values.get("choices"), values.get("right_choice"), answers)
    if label >= 0 and choices[label] not in answers:
        answers = (*answers, choices[label])
    return SourceQuestion(
        row=row.name,
        own_id=row.number,
        text=text,
        images=images,
        answers=answers,
        choices=choices,
        label=label,
        relevant=(Relevant(text=positive, images=positive_images),),
        repairs=repairs,
        notes=(Drop("question", f"{row.name}:choices", row.name, "bad_choices", wrong),) if wrong else (),
    )


def _document(row: Row, folder: ImageFolder) -> SourceDocument:
    text, images, repairs = _side("text", row.need("text"), row.values.get("images"), folder)
    return SourceDocument(row.name, row.name, text, images, ("",) * len(images), repairs=repairs)


def _side(
    column: str, value: Any, cell: Any, folder: ImageFolder
) -> tuple[str, tuple[Picture, ...], tuple[Repair, ...]]:
    """Text with a placeholder for each image, the images, and what was repaired.

    :raises BadCellError: If neither text nor image is left.
    """
    names = cells_of(cell if isinstance(cell, list | tuple) else parse_list(cell)[0])
    images = tuple(_picture(name, folder) for name in names)
    text, repairs = tokens_repaired(column, value, len(images))
    return text, images, repairs


def _picture(name: Any, folder: ImageFolder) -> Picture:
    found = folder.find(name)
    if found is not None:
        return found
    if isinstance(name, str) and "/" in name:  # paths with or without the set's own folder
        found = folder.find(name.rpartition("/")[2])
    return found or Rejected("missing_file", name if isinstance(name, str) else type(name).__name__)
