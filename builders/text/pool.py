"""A passage pool on disk: written once in the order of its source, then read by row number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

from nyxqa.builders.engine.account import Drop
from nyxqa.builders.text.readers.passages import Passage
from nyxqa.retriever.encoder import Entry
from nyxqa.retriever.stored_strings import StoredStrings, StringWriter
from nyxqa.schemas.ids import doc_id

_COLUMNS = ("names", "external_ids", "titles", "texts")


@dataclass(frozen=True)
class PooledPassage:
    """A passage of a pool; equal texts have equal ids.

    :param name: Its source row.
    :param external_id: The pool's own id.
    """

    name: str
    external_id: str
    title: str
    text: str

    @cached_property
    def id(self) -> str:
        """The ``doc_id`` of its text."""
        return doc_id(self.text, ())


def write_pool(passages: Iterable[Passage | Drop], folder: Path) -> list[Drop]:
    """Write the passages into ``folder`` and return what was dropped on the way."""
    dropped = []
    with ExitStack() as stack:
        writers = [stack.enter_context(StringWriter(folder, column)) for column in _COLUMNS]
        for passage in passages:
            if isinstance(passage, Drop):
                dropped.append(passage)
                continue
            values = (passage.name, passage.id, passage.title, passage.text)
            for writer, value in zip(writers, values, strict=True):
                writer.append(value)
    return dropped


class PassagePool(Sequence[PooledPassage]):
    """The passages in ``folder``, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        self._columns = [StoredStrings(folder, column) for column in _COLUMNS]

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, index: int) -> PooledPassage: ...

    @overload
    def __getitem__(self, index: slice) -> list[PooledPassage]: ...

    def __getitem__(self, index: int | slice) -> PooledPassage | list[PooledPassage]:
        """The passage of a row, or those of a range of rows."""
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        return PooledPassage(*(column[index] for column in self._columns))

    def entries(self) -> Iterator[Entry]:
        """The passages as an encoder wants them, by the ids ties are broken by."""
        for row in range(len(self)):
            passage = self[row]
            yield Entry(passage.id, passage.text)
