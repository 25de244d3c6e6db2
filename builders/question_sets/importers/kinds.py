"""The published sets that can be imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.files import Source, find_sources
from nyxqa.builders.question_sets.importers.images import ImageFolder
from nyxqa.builders.question_sets.importers.repair import ImportedRow, Repairs, UnusableError, text_answers
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe_types import Split

ImportKind = Literal["mmeb", "mme5_hardneg", "mme5_synthetic", "nyxqa_published", "nyx_t2t"]

# Nyx code: the first retrieved passage is the positive, those from rank 11 on are negatives, 20 were retrieved.
_T2T_NEGATIVES = slice(10, 20)
_CHOICES = 4
_LETTERS = "ABCD"


@dataclass(frozen=True)
class _Place:
    """Where a row stands in its dataset."""

    dataset: str
    split: Split
    number: int

    @property
    def own_id(self) -> int | str:
        """The row number; splits of one dataset count on their own, so those beside train are named."""
        return self.number if self.split == "train" else f"{self.split}:{self.number}"


def import_rows(
    kind: str, path: Path, images: Path | None = None, split: Split | None = None
) -> Iterator[ImportedRow | Drop]:
    """Rows of a published set, in the order of subset, split and file.

    :param split: The only split to read; all if None.
    :param images: Folder or zip archive of the images; ``path``, or its folder, if not given.
    :raises UsageError: If there is no such kind.
    :raises WorldError: If files are missing, or a row lacks a needed column.
    """
    if kind not in get_args(ImportKind):
        raise UsageError(f"no importer is named {kind!r}; valid are {', '.join(get_args(ImportKind))}")
    if not path.exists():
        raise UsageError(f"import {kind}: no file or folder {path}")
    folder = ImageFolder(images if images is not None else path if path.is_dir() else path.parent)
    for source in find_sources(path):
        if split is not None and source.split != split:
            continue
        yield from _source_rows(kind, source, folder)


def dataset_name(kind: str, subset: str) -> str:
    """What rows of a subset have in column ``dataset``: ``KIND/SUBSET``; NyxQA has no subsets."""
    return kind if kind == "nyxqa_published" else f"{kind}/{subset}"


def _source_rows(kind: str, source: Source, images: ImageFolder) -> Iterator[ImportedRow | Drop]:
    dataset = dataset_name(kind, source.subset)
    number = 0
    for file in source.files:
        for row in file_rows(file):
            if isinstance(row, Drop):
                yield row
            else:
                # Files of one name lie in the folders of many subsets.
                named = Row(f"{source.subset}/{row.source}", row.number, row.values)
                yield _imported(_READERS[kind], named, _Place(dataset, source.split, number), images)
            number += 1


def _imported(
    read: Callable[[Repairs, _Place], ImportedRow], row: Row, place: _Place, images: ImageFolder
) -> ImportedRow | Drop:
    try:
        return read(Repairs(row, images), place)
    except UnusableError as reason:
        return row.drop(reason.reason, reason.detail)


def _read_six_columns(repairs: Repairs, place: _Place, **more: Any) -> ImportedRow:
    """The six columns that all of these sets share; negatives may be absent."""
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
        repairs=tuple(repairs.made),
        notes=tuple(repairs.notes),
        **more,
    )


def _read_nyxqa(repairs: Repairs, place: _Place) -> ImportedRow:
    """NyxQA: four choices and the number of the right one; choices that could not be read cost only themselves."""
    row = repairs.row
    given = row.need("ans")
    answers = text_answers(given if isinstance(given, list) else [given])
    choices = text_answers(repairs.items("choices", row.values.get("choices")))
    label = _label(row.values.get("right_choice"))
    if len(choices) != _CHOICES or label is None:
        if row.values.get("choices") is not None:
            repairs.made.append(("choices", "unreadable"))
        choices, label = (), None
    imported = _read_six_columns(repairs, place, answers=answers, choices=choices, label=label)
    count = _whole(row.values.get("img_num"))
    if isinstance(count, int) and count != len(imported.positive.images):
        raise UnusableError("image_count", f"img_num is {count}, pos_image_path has {len(imported.positive.images)}")
    return imported


def _label(value: Any) -> int | None:
    """0 to 3; an intermediate file has a letter."""
    if isinstance(value, str) and len(value.strip()) == 1:
        position = _LETTERS.find(value.strip().upper())
        value = position if position >= 0 else int(value) if value.strip().isdecimal() else None
    value = _whole(value)
    return value if isinstance(value, int) and 0 <= value < _CHOICES else None


def _whole(value: Any) -> Any:
    """A whole number that a table with nulls stored as a float, as one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_t2t(repairs: Repairs, place: _Place) -> ImportedRow:
    """Nyx's text triplets, as published or as the retrieval left them."""
    row = repairs.row
    if "retrieved_docs" not in row.values:
        return _read_six_columns(repairs, place, answers=text_answers(repairs.items("ans", row.values.get("ans"))))
    retrieved = repairs.items("retrieved_docs", row.values["retrieved_docs"])
    if not retrieved:
        raise UnusableError("nothing_retrieved")
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


_READERS: dict[str, Callable[[Repairs, _Place], ImportedRow]] = {
    "mmeb": _read_six_columns,
    "mme5_hardneg": _read_six_columns,
    "mme5_synthetic": _read_six_columns,
    "nyxqa_published": _read_nyxqa,
    "nyx_t2t": _read_t2t,
}
