"""What an export reads: joined triplets and documents, a few rows in memory, images as bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.live import task
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.joined_content import ImagesMode
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import Published, find_published

ImagesAs = Literal["keep", "captions", "none"]
IMAGES_AS: tuple[ImagesAs, ...] = get_args(ImagesAs)
Row = dict[str, Any]
_ROWS = 16  # joined rows in memory at a time
_DOCUMENTS = 100

LEFT_OUT = "left_out.jsonl"


@dataclass(frozen=True)
class Source:
    """A dataset, in a folder or on the Hub, and the part of it to export.

    :param splits: Splits of triplets that have rows.
    :param max_negatives: Most negatives of a row; None keeps all.
    :param expand_negatives: Whether a target with one negative a row gets a row for each negative.
    :param images: What becomes of images: ``keep``, ``captions`` in their place, or ``none``.
    :param counts: Queries and documents handed out so far, each once.
    :param notes: What is reported at the end about the rows, a line each.
    """

    data: str | Path
    revision: str | None
    splits: tuple[str, ...]
    max_negatives: int | None
    expand_negatives: bool = False
    images: ImagesAs = "keep"
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def published(self) -> Published:
        """The dataset with tables ``triplets`` and ``corpus``."""
        return find_published(self.data, self.revision, ("triplets", "corpus"))

    def triplets(self, split: str, *, shuffled: bool = False) -> Iterator[Row]:
        """Joined rows of one split, each side ``{"text", "images"}`` with images as encoded bytes, or without any.

        :param shuffled: Order the rows by a keyed hash of their ids instead of as stored.
        """
        rows = self._joined(split)
        if shuffled:
            seed = self.published.manifest.seed
            ids = rows.data.column("query_id")
            keys = np.fromiter((keyed_hash(seed, "shards", one.as_py()) for one in ids), np.uint64, len(ids))
            rows = rows.select(np.argsort(keys, kind="stable"))
        with task("export", len(rows), "row") as bar:
            bar.note(split)
            for batch in rows.iter(batch_size=_ROWS):
                names = list(batch)
                for values in zip(*batch.values(), strict=True):
                    self.counts["query"] += 1
                    bar.advance()
                    row = dict(zip(names, values, strict=True))
                    yield row if self.images == "keep" else self._without_images(row)

    def _joined(self, split: str) -> Any:
        most = self.max_negatives
        return load("triplets", self.data, split=split, images=self._loaded, max_negatives=most, revision=self.revision)

    def triplet(self, split: str, number: int) -> Row:
        """One row as ``triplets`` yields it; it is not counted."""
        row: Row = self._joined(split)[number]
        return row if self.images == "keep" else self._without_images(row)

    def stored(self, split: str) -> pa.Table:
        """The rows of one split with ids in place of documents and images, mapped and not read."""
        rows: Any = load("triplets", self.data, split=split, join=False, images="none", revision=self.revision)
        table: pa.Table = rows.data.table
        return table

    def _without_images(self, row: Row) -> Row:
        """A triplet whose sides are text; the query's images are those of its documents, and have their captions."""
        ids = [row["positive_id"], *row["negative_ids"]]
        found = self._captions.of_documents(ids) if self.images == "captions" else [{} for _ in ids]
        own = {image: caption for captions in reversed(found) for image, caption in captions.items()}
        query = with_captions(row["query"]["text"], [own.get(image, "") for image in row["query_image_ids"]])
        sides = [
            {"text": with_captions(side["text"], _aligned(side, captions)), "images": []}
            for side, captions in zip([row["positive"], *row["negatives"]], found, strict=True)
        ]
        return {**row, "query": {"text": query, "images": []}, "positive": sides[0], "negatives": sides[1:]}

    @cached_property
    def _captions(self) -> CaptionLookup:
        return CaptionLookup(self.published)

    @property
    def _loaded(self) -> ImagesMode:
        return "bytes" if self.images == "keep" else "none"

    def documents(self) -> Iterator[Row]:
        """Every document once, pool by pool; equal ids mean equal content, so repeated ids are skipped."""
        earlier: list[str] = []
        for pool in self.published.splits("corpus"):
            stored: Any = load("corpus", self.data, split=pool, join=False, images=self._loaded, revision=self.revision)
            with task("export", len(stored), "document") as bar:
                bar.note(pool)
                for batch in stored.iter(batch_size=_DOCUMENTS):
                    known = self._known(earlier, batch["doc_id"])
                    names = list(batch)
                    for values, seen in zip(zip(*batch.values(), strict=True), known, strict=True):
                        bar.advance()
                        if not seen:
                            self.counts["document"] += 1
                            yield self._document(dict(zip(names, values, strict=True)))
            earlier.append(pool)

    def _document(self, row: Row) -> Row:
        if self.images == "keep":
            return row
        captions = row["captions"] if self.images == "captions" else [""] * len(row["image_ids"])
        return {**row, "text": with_captions(row["text"], captions), "images": []}

    def _known(self, pools: list[str], ids: list[str]) -> list[bool]:
        known = np.zeros(len(ids), bool)
        layout = Layout(joined=False, with_bytes=self.images == "keep")
        for pool in pools:
            table = id_table(self.published, "corpus", pool, layout, "doc_id")
            if table is not None:
                known |= table.rows(ids) >= 0
        return list(known)


def _aligned(side: Row, captions: dict[str, str]) -> list[str]:
    """Captions of a document's images in order; ``captions`` may lack them."""
    return [captions.get(image, "") for image in side["images"]]


def positive_ids(row: dict[str, Any]) -> list[str]:
    """Ids of all positives of a triplet, ``positive_id`` first."""
    return list(dict.fromkeys([row["positive_id"], *(one["doc_id"] for one in row["positives"])]))


def note_further_positives(row: dict[str, Any], split: str, left_out: LeftOut) -> None:
    """List the positives of a triplet behind the first, of a format whose rows have one."""
    for one in positive_ids(row)[1:]:
        detail = f"answers {row['query_id']} {'with the first' if row['needs'] == 'all' else 'too'}"
        left_out.add(split, "document", one, "further_positive", detail)


def with_captions(text: str, captions: Sequence[str]) -> str:
    """The text with a caption for each placeholder, white space around it folded to one space.

    :param captions: One for each placeholder; "" leaves the image out.
    """
    first, *rest = text.split(PLACEHOLDER)
    pieces = [first, *(piece for pair in zip(captions, rest, strict=True) for piece in pair)]
    return " ".join(piece.strip() for piece in pieces if piece.strip()) if rest else text


class CaptionLookup:
    """Captions of documents, looked up by id over all pools; nothing grows with the number of rows read."""

    def __init__(self, published: Published) -> None:
        self._published = published
        self._pools: dict[str, IdTable | None] = {}

    def of_documents(self, doc_ids: Sequence[str]) -> list[dict[str, str]]:
        """For each document, its captions by image id; empty for an id that no pool holds."""
        found: list[dict[str, str]] = [{} for _ in doc_ids]
        missing = list(range(len(doc_ids)))
        for name in self._published.splits("corpus"):
            documents = self._pool(name)
            if documents is None or not missing:
                continue
            rows = documents.rows([doc_ids[place] for place in missing]).tolist()
            for place, row in zip(missing, rows, strict=True):
                if row >= 0:
                    ids, captions = (documents.table.column(one)[row].as_py() for one in ("image_ids", "captions"))
                    found[place] = dict(zip(ids, captions, strict=True))
            missing = [place for place, row in zip(missing, rows, strict=True) if row < 0]
        return found

    def _pool(self, name: str) -> IdTable | None:
        if name not in self._pools:
            layout = Layout(joined=False, with_bytes=False)
            self._pools[name] = id_table(self._published, "corpus", name, layout, "doc_id")
        return self._pools[name]


class LeftOut:
    """Writes ``left_out.jsonl``, a row for each item that the format has no place for; no rows, no file.

    :param folder: Folder of the export.
    """

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._path = folder / LEFT_OUT
        self._stream = self._path.open("w", encoding="utf-8")

    def add(self, split: str, item_type: str, item_id: str, reason: str, detail: str) -> None:
        """Record one item."""
        self.counts[reason] += 1
        row = {"split": split, "item_type": item_type, "item_id": item_id, "reason": reason, "detail": detail}
        self._stream.write(json.dumps(row, ensure_ascii=False) + "\n")

    def __enter__(self) -> LeftOut:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if not self.counts:
            self._path.unlink()
