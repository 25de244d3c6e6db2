"""The published training sets that can be imported: one reader for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.images import ImageFolder
from nyxqa.builders.question_sets.importers.repair import BadCellError, ImportedRow, Repairs, text_answers
from nyxqa.builders.question_sets.importers.triplets import Source, find_sources
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe_types import Split

# Nyx's code: 20 passages were retrieved; the first is the positive, those from rank 11 on are negatives.
_T2T_NEGATIVES = slice(10, 20)
_CHOICES = 4
_LETTERS = "ABCD"
_UPWARDS = re.compile(r"\A(?:\.\.?/+)+")


@dataclass(frozen=True)
class _Place:
    """Position of a row in its dataset."""

    dataset: str
    split: Split
    number: int

    @property
    def own_id(self) -> int | str:
        """The row number; each split counts from 0, so splits other than train are part of the id."""
        return self.number if self.split == "train" else f"{self.split}:{self.number}"


def import_rows(
    kind: str, path: Path, images: Path | None = None, split: Split | None = None
) -> Iterator[ImportedRow | Drop]:
    """Yield an imported row or a drop for each row of a published set, ordered by subset, split and file.

    :param images: Folder or zip archive of the images; ``path``, or its folder, if None.
    :param split: The only split to read; all if None.
    :raises UsageError: If the kind is unknown or ``path`` does not exist.
    :raises WorldError: If files are missing, or a row lacks a needed column.
    """
    if kind not in IMPORT_READERS:
        raise UsageError(f"unknown kind of import {kind!r}{nearest(kind, list(IMPORT_READERS))}")
    if not path.exists():
        raise UsageError(f"import {kind}: file or folder {path} does not exist")
    folder = ImageFolder(images if images is not None else path if path.is_dir() else path.parent)
    for source in find_sources(path):
        if split is not None and source.split != split:
            continue
        yield from _source_rows(kind, source, folder)


def dataset_name(kind: str, subset: str) -> str:
    """Return the value of column ``dataset``: ``KIND/SUBSET``, or the kind alone for a set without subsets."""
    return kind if kind == "nyxqa_published" or (kind == "nyx_feedback" and not subset) else f"{kind}/{subset}"


def _source_rows(kind: str, source: Source, images: ImageFolder) -> Iterator[ImportedRow | Drop]:
    dataset = dataset_name(kind, source.subset)
    number = 0
    for file in source.files:
        for row in file_rows(file):
            if isinstance(row, Drop):
                yield row
            else:
                # Subsets have files of the same name in folders of their own.
                name = f"{source.subset}/{row.source}" if source.subset else row.source
                qualified = Row(name, row.number, row.values)
                yield _imported(IMPORT_READERS[kind], qualified, _Place(dataset, source.split, number), images)
            number += 1


def _imported(
    read: Callable[[Repairs, _Place], ImportedRow], row: Row, place: _Place, images: ImageFolder
) -> ImportedRow | Drop:
    try:
        return read(Repairs(row, images), place)
    except BadCellError as error:
        return row.drop(error.reason, error.detail)


def _read_six_columns(repairs: Repairs, place: _Place, **more: Any) -> ImportedRow:
    """Read the six columns that all of these sets have; those of negatives may be missing."""
    row = repairs.row
    query = repairs.side("qry", row.need("qry"), "qry_image_path", row.need("qry_image_path"))
    positive = repairs.side("pos_text", row.need("pos_text"), "pos_image_path", row.need("pos_image_path"))
    negatives = repairs.negatives(positive)
    return ImportedRow(
        name=row.name,
        own_id=place.own_id,
        dataset=place.dataset,
        split=place.split,
        query=query,
        positive=positive,
        negatives=negatives,
        repairs=tuple(repairs.repairs),
        notes=tuple(repairs.notes),
        **more,
    )


def _read_nyxqa(repairs: Repairs, place: _Place) -> ImportedRow:
    """Read a row of NyxQA: four choices and the number of the right one; unreadable choices are left out of the row."""
    row = repairs.row
    cell = row.need("ans")
    answers = text_answers(cell if isinstance(cell, list) else [cell])
    choices = text_answers(repairs.items("choices", row.values.get("choices")))
    label = _label(row.values.get("right_choice"))
    if len(choices) != _CHOICES or label is None:
        if row.values.get("choices") is not None:
            repairs.repairs.append(("choices", "unreadable"))
        choices, label = (), None
    elif choices[label] not in answers:  # the option nearest to the answer is the key (Nyx step 9)
        answers = (*answers, choices[label])
    imported = _read_six_columns(repairs, place, answers=answers, choices=choices, label=label)
    count = _integer(row.values.get("img_num"))
    if isinstance(count, int) and count != len(imported.positive.images):
        raise BadCellError("image_count", f"img_num is {count}, pos_image_path has {len(imported.positive.images)}")
    return imported


def _label(value: Any) -> int | None:
    """Return the label, 0 to 3; intermediate files have a letter instead."""
    if isinstance(value, str) and len(value.strip()) == 1:
        position = _LETTERS.find(value.strip().upper())
        value = position if position >= 0 else int(value) if value.strip().isdecimal() else None
    value = _integer(value)
    return value if isinstance(value, int) and 0 <= value < _CHOICES else None


def _integer(value: Any) -> Any:
    """Return an integer that a table with nulls stores as a float as an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_t2t(repairs: Repairs, place: _Place) -> ImportedRow:
    """Read a row of Nyx's text triplets, as published or as written by the retrieval step."""
    row = repairs.row
    if "retrieved_docs" not in row.values:
        return _read_six_columns(repairs, place, answers=text_answers(repairs.items("ans", row.values.get("ans"))))
    retrieved = repairs.items("retrieved_docs", row.values["retrieved_docs"])
    if not retrieved:
        raise BadCellError("nothing_retrieved")
    values = {
        "qry": row.need("question"),
        "qry_image_path": [],
        "pos_text": retrieved[0],
        "pos_image_path": [],
        "neg_text": retrieved[_T2T_NEGATIVES],
        "neg_image_path": [],
    }
    repairs.row = Row(row.source, row.number, values)
    return _read_six_columns(repairs, place, answers=text_answers(repairs.items("ans", row.need("golden_answers"))))


def _read_feedback(repairs: Repairs, place: _Place) -> ImportedRow:
    """Read a row of Nyx's feedback: the positive and three negatives that a model's answers chose."""
    row = repairs.row
    paths = {name: _inside(row.values.get(name)) for name in ("qry_image_path", "pos_image_path", "neg_image_path")}
    repairs.row = Row(row.source, row.number, {**row.values, **paths})
    return _read_six_columns(repairs, place, answers=text_answers(repairs.items("ans", row.values.get("ans"))))


def _inside(cell: Any) -> Any:
    """Paths without the steps upwards that they start with: they are relative to a sibling of the sets' folders."""
    if isinstance(cell, list | tuple):
        return [_inside(one) for one in cell]
    return _UPWARDS.sub("", cell) if isinstance(cell, str) else cell


IMPORT_READERS: dict[str, Callable[[Repairs, _Place], ImportedRow]] = {
    "mmeb": _read_six_columns,
    "mme5_hardneg": _read_six_columns,
    "mme5_synthetic": _read_six_columns,
    "nyxqa_published": _read_nyxqa,
    "nyx_t2t": _read_t2t,
    "nyx_feedback": _read_feedback,
}
