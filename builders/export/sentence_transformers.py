"""Export for sentence-transformers: columns ``anchor``, ``positive``, ``negative_1`` to ``negative_N``.

Its datasets are rectangular, so every row has equally many negatives and all sides are of one kind: strings where no
row has an image, chat messages otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.export.dataset import LeftOut, Row, Source, note_further_positives, positive_ids
from nyxqa.builders.export.files import ParquetPart, data_uri, write_readme
from nyxqa.schemas.content import Content
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.id_index import IdTable

_ROWS = 4096
_HOW = """```python
from datasets import load_dataset

SNIPPET
```

NOTE Messages have their images as data URIs at their places in the text. Rows that took the negatives of another row
are listed below as `no_negatives`."""

# All parts of a message have the same fields, so that every version of datasets reads them. An image is in "url": chat
# templates take any part that has a field "image" for an image.
_PART = pa.struct([("type", pa.string()), ("text", pa.string()), ("url", pa.string())])
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(_PART))]))


def write_sentence_transformers(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.parquet``."""
    shape = shape_of(source)
    names = ["anchor", "positive", *(f"negative_{n}" for n in range(1, shape.negatives + 1))]
    schema = pa.schema([(name, _MESSAGES if shape.has_images else pa.string()) for name in names])
    equal = EqualNegatives(source, shape)
    files = {}
    for split in source.splits:
        with ParquetPart(folder / f"{split}.parquet", schema) as part:
            for row in source.triplets(split):
                note_further_positives(row, split, left_out)
                if row["instruction"]:
                    left_out.add(split, "query", row["query_id"], "no_column_for_instruction", row["instruction"])
                sides = _sides(split, row, equal, shape, left_out)
                if sides:
                    part.add(dict(zip(names, sides, strict=True)))
        if part.rows:
            files[split] = f"{split}.parquet"
    source.notes.append(shape.note())
    write_readme(folder, "sentence-transformers", {"default": files}, _how(list(files), shape), left_out)


def _how(splits: Sequence[str], shape: Shape) -> str:
    lines = [f'{split} = load_dataset("FOLDER", split="{split}")' for split in splits]
    return _HOW.replace("SNIPPET", "\n".join(lines)).replace("NOTE", shape.note())


def _sides(split: str, row: Row, equal: EqualNegatives, shape: Shape, left_out: LeftOut) -> list[Any]:
    """Query, positive and negatives as the columns have them; empty for a row without any usable negative."""
    negatives, donor = equal.negatives(row)
    if donor:
        taken = f"with the negatives of query {donor}" if negatives else "not written: no negative to fill it up with"
        left_out.add(split, "query", row["query_id"], "no_negatives", taken)
    if len(negatives) < shape.negatives:
        return []
    sides = [row["query"], row["positive"], *negatives]
    return [messages(side) if shape.has_images else side["text"] for side in sides]


def messages(side: Row) -> list[dict[str, Any]]:
    """One side as a conversation of one message, with images at the places of their placeholders."""
    parts = [_part(part) for part in Content(side["text"], tuple(side["images"])).parts()]
    return [{"role": "user", "content": parts or [_part("")]}]


def _part(part: str | bytes) -> dict[str, str | None]:
    if isinstance(part, str):
        return {"type": "text", "text": part, "url": None}
    return {"type": "image", "text": "", "url": data_uri(part)}


@dataclass(frozen=True)
class Shape:
    """What all rows of an export have in common.

    :param has_images: Whether a query or document of some row has an image that is kept.
    :param negatives: Negatives of each row.
    :param found: Number of rows by the number of negatives that they have in the dataset.
    :param first: Split and number of the first row with negatives; None if no row has any.
    """

    has_images: bool
    negatives: int
    found: Counter[int]
    first: tuple[str, int] | None

    def note(self) -> str:
        """What was repeated, taken from another row and cut, in one line."""
        own = sum(rows for count, rows in self.found.items() if 0 < count < self.negatives)
        none = self.found[0] if self.negatives else 0
        cut = sum(rows for count, rows in self.found.items() if count > self.negatives)
        changed = [
            f"{own:,} with fewer repeat their own" if own else "",
            f"{none:,} with none take those of another row" if none else "",
            f"{cut:,} with more keep the first by rank" if cut else "",
        ]
        rows = "; ".join([f"one config, every row with {self.negatives} negatives", *filter(None, changed)])
        form = "chat messages, as some have images (for a model of text: --images captions)"
        return f"Rows: {rows}. Columns: {form if self.has_images else 'strings'}."


def shape_of(source: Source) -> Shape:
    """Read the ids of all rows once; memory does not grow with them.

    A row has as many negatives as the row that has most, or ``source.max_negatives`` where it is given.
    """
    found = Counter[int]()
    first: tuple[str, int] | None = None
    has_images = False
    documents = _Documents(source)
    for split in source.splits:
        stored = source.stored(split)
        for start in range(0, len(stored), _ROWS):
            ids = stored.slice(start, _ROWS)
            counts = pc.list_value_length(ids.column("negative_ids")).to_pylist()
            found.update(counts)
            if first is None and any(counts):
                first = split, start + next(place for place, count in enumerate(counts) if count)
            if source.images == "keep" and not has_images:
                has_images = _any_filled(ids.column("query_image_ids")) or documents.have_images(
                    ids, source.max_negatives
                )
    negatives = max(found, default=0) if source.max_negatives is None else source.max_negatives
    return Shape(has_images, negatives if first else 0, found, first)


class EqualNegatives:
    """Gives every row as many negatives as the shape says.

    A row with fewer repeats its own, in order. A row with none takes those of the nearest earlier row that has some,
    or of the first such row, without its own positives; if nothing is left, the other row's positive.
    """

    def __init__(self, source: Source, shape: Shape) -> None:
        self._count = shape.negatives
        self._donor: Row | None = source.triplet(*shape.first) if shape.first and shape.found[0] else None

    def negatives(self, row: Row) -> tuple[list[Row], str]:
        """The negatives, and the query whose negatives they are if they are not the row's own.

        The list is empty if the shape has negatives and the other row has only positives of this one.
        """
        own, donor = row["negatives"][: self._count], ""
        if own:
            self._donor = row
        elif self._count and self._donor is not None:
            own, donor = _taken(self._donor, set(positive_ids(row))), self._donor["query_id"]
        return [own[place % len(own)] for place in range(self._count)] if own else [], donor


def _taken(donor: Row, positives: set[str]) -> list[Row]:
    """Negatives of another row for one with these positives."""
    pairs = zip(donor["negative_ids"], donor["negatives"], strict=True)
    found: list[Row] = [side for doc_id, side in pairs if doc_id not in positives]
    if not found and donor["positive_id"] not in positives:
        found = [donor["positive"]]
    return found


class _Documents:
    """Which documents have images, looked up by id over all pools."""

    def __init__(self, source: Source) -> None:
        layout = Layout(joined=False, with_bytes=False)
        pools = (source.published.splits("corpus")) if source.images == "keep" else ()
        tables = (id_table(source.published, "corpus", pool, layout, "doc_id") for pool in pools)
        self._tables: list[IdTable] = [
            one for one in tables if one is not None and _any_filled(one.table.column("image_ids"))
        ]

    def have_images(self, rows: pa.Table, max_negatives: int | None) -> bool:
        """Whether a positive or one of the first ``max_negatives`` negatives of a row has an image."""
        if not self._tables:
            return False
        ids: list[str] = rows.column("positive_id").to_pylist()
        ids += chain.from_iterable(one[:max_negatives] for one in rows.column("negative_ids").to_pylist())
        for documents in self._tables:
            found = documents.rows(ids)
            if _any_filled(documents.table.column("image_ids").take(pa.array(found[found >= 0]))):
                return True
        return False


def _any_filled(lists: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.greater(pc.list_value_length(lists), 0)).as_py())
