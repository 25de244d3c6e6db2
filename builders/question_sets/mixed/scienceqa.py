"""``scienceqa:DIR``: ScienceQA's questions, and its lectures and the examples of its train split."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.images import ImageFolder, ImageRef
from nyxqa.builders.question_sets.importers.repair import BadCellError
from nyxqa.builders.question_sets.mixed.cells import options_of, split_named, text_cell
from nyxqa.builders.question_sets.mixed.model import Picture, Relevant, SourceDocument, SourceQuestion
from nyxqa.builders.question_sets.mixed.references import archived, need_folder, stem_of
from nyxqa.builders.question_sets.row_source import file_state
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.recipe_types import Split

_PROBLEMS = "problems.json"
_SPLIT_FILE = "pid_splits.json"
_OWN_NAMES: dict[Split, str] = {"train": "train", "validation": "val", "test": "test"}
_LETTERS = "ABCDEFGHIJ"

Problem = tuple[Row, str | int, Split]  # row, its own id, its split


@dataclass(frozen=True)
class ScienceQa:
    """A folder with ``problems.json``, ``pid_splits.json`` and ``SPLIT/ID/image.png``, or the Hub's Parquet files."""

    folder: Path
    kind: str = "scienceqa"

    def state(self) -> Any:
        """Names, sizes and times of the files."""
        need_folder(self.kind, self.folder)
        files = [file for name in (_PROBLEMS, _SPLIT_FILE) if (file := self.folder / name).is_file()]
        return [file_state(file) for file in files or self._parquet()]

    def splits(self) -> set[Split]:
        """Splits that have problems."""
        need_folder(self.kind, self.folder)
        if not (self.folder / _PROBLEMS).is_file():
            return {split for file in self._parquet() if (split := _split_of_file(file)) is not None}
        return {split for _, _, split in self._problems()}

    def questions(self, split: Split) -> Iterator[SourceQuestion | Drop]:
        """Questions of one split: the picture in front, then the hint, then the question.

        :raises WorldError: If there is neither ``problems.json`` nor a Parquet file.
        """
        for row, own, named in self._problems():
            if named == split:
                try:
                    yield self._question(row, own, split)
                except BadCellError as error:
                    yield row.drop(error.reason, error.detail)

    def documents(self) -> Iterator[SourceDocument | Drop]:
        """The distinct lectures, then the examples of the train split with their answers."""
        seen: set[str] = set()
        for row, _, _ in self._problems():
            lecture = row.values.get("lecture")
            if isinstance(lecture, str) and lecture.strip() and (name := _lecture_id(lecture)) not in seen:
                seen.add(name)
                try:
                    yield SourceDocument(f"{row.name}:lecture", name, _clean("lecture", lecture))
                except BadCellError as error:
                    yield Drop("row", f"{row.name}:lecture", "", error.reason, error.detail)
        for row, own, split in self._problems():
            if split == "train":
                try:
                    yield self._example(row, own)
                except BadCellError as error:
                    yield row.drop(error.reason, error.detail)

    def _question(self, row: Row, own: str | int, split: Split) -> SourceQuestion:
        images = self._pictures(row, own, split)
        answers, choices, label, wrong = _key(row)
        lecture = row.values.get("lecture")
        has_lecture = isinstance(lecture, str) and bool(lecture.strip())
        return SourceQuestion(
            row=row.name,
            own_id=own,
            text="\n".join([PLACEHOLDER] * len(images) + _asked(row)),
            images=images,
            answers=answers,
            answer_long=text_cell("solution", row.values.get("solution"), empty=True).strip(),
            choices=choices,
            label=label,
            relevant=(Relevant(_lecture_id(str(lecture))),) if has_lecture else (),
            notes=(Drop("question", f"{row.name}:choices", row.name, "bad_choices", wrong),) if wrong else (),
        )

    def _example(self, row: Row, own: str | int) -> SourceDocument:
        images = self._pictures(row, own, "train")
        answers, choices, label, wrong = _key(row)
        if label < 0:
            raise BadCellError("bad_choices", wrong or "no right option")
        listed = " ".join(f"({letter}) {option}" for letter, option in zip(_LETTERS, choices, strict=False))
        lines = [*_asked(row), f"Options: {listed}", f"Answer: ({_LETTERS[label]}) {answers[0]}"]
        return SourceDocument(
            row.name,
            example_id(own),
            "\n".join([PLACEHOLDER] * len(images) + lines),
            images,
            ("",) * len(images),
        )

    def _pictures(self, row: Row, own: str | int, split: Split) -> tuple[Picture, ...]:
        cell = row.values.get("image")
        if not cell or cell == "None":
            return ()
        if isinstance(cell, Mapping):
            data = cell.get("bytes")
            return (ImageRef(str(cell.get("path") or ""), data=data),) if data else ()
        name = _OWN_NAMES[split]
        places = [f"{name}/{own}/{cell}", f"{name}/{name}/{own}/{cell}", f"{own}/{cell}"]
        return (archived(places, self._images),)

    @cached_property
    def _images(self) -> ImageFolder:
        return ImageFolder(self.folder)

    def _problems(self) -> Iterator[Problem]:
        """All problems with their ids and splits, in the order of the files.

        :raises WorldError: If there is no file of problems, or one cannot be read.
        """
        if not (self.folder / _PROBLEMS).is_file():
            yield from self._hub_problems()
            return
        problems = _json_object(self.folder / _PROBLEMS)
        splits = _splits_by_id(self.folder / _SPLIT_FILE)
        for number, (own, values) in enumerate(problems.items()):
            if not isinstance(values, Mapping):
                raise WorldError(f"{_PROBLEMS}: problem {own!r} is no object")
            split = splits.get(own) or split_named(values.get("split", ""))
            if split is not None:
                yield Row(_PROBLEMS, number, values), str(own), split

    def _hub_problems(self) -> Iterator[Problem]:
        numbers: dict[Split, int] = {}
        for file in self._parquet():
            split = _split_of_file(file)
            if split is None:
                continue
            for row in file_rows(file):
                if isinstance(row, Row):
                    number = numbers.get(split, 0)
                    numbers[split] = number + 1
                    yield row, number, split

    def _parquet(self) -> list[Path]:
        files = sorted([*self.folder.glob("*.parquet"), *self.folder.glob("data/*.parquet")])
        if not files:
            raise WorldError(
                f"scienceqa: {self.folder} has neither {_PROBLEMS} nor Parquet files; download ScienceQA there"
            )
        return files


def example_id(own: str | int) -> str:
    """Id of the document that is the example of a problem; its question must not find it."""
    return f"example:{own}"


def _lecture_id(lecture: str) -> str:
    return f"lecture:{short_hash(lecture.strip())}"


def _clean(column: str, value: Any) -> str:
    """Text without placeholders, which it must not bring along.

    :raises BadCellError: If it is blank or no text.
    """
    return text_cell(column, value).replace(PLACEHOLDER, " ").strip()


def _asked(row: Row) -> list[str]:
    """The hint, if there is one, and the question.

    :raises BadCellError: If the question is blank or no text.
    """
    hint = text_cell("hint", row.values.get("hint"), empty=True).replace(PLACEHOLDER, " ").strip()
    return [*([hint] if hint else []), _clean("question", row.need("question"))]


def _key(row: Row) -> tuple[tuple[str, ...], tuple[str, ...], int, str]:
    """Accepted answers, options, number of the right one, and what is wrong with them."""
    choices, label, wrong = options_of(row.need("choices"), row.values.get("answer"), ())
    return ((choices[label],) if label >= 0 else ()), choices, label, wrong


def _json_object(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WorldError(f"{file} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise WorldError(f"{file}: expected an object, found {type(value).__name__}")
    return value


def _splits_by_id(file: Path) -> dict[str, Split]:
    """The split of each problem, by ``pid_splits.json``; empty if there is none."""
    if not file.is_file():
        return {}
    listed = _json_object(file)
    return {str(own): split for split, name in _OWN_NAMES.items() for own in listed.get(name) or []}


def _split_of_file(file: Path) -> Split | None:
    return split_named((stem_of(file) or "").partition("-")[0])
