"""Store the images of imported rows, and make triplets of the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.packs import PackWriter
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.question_sets.importers.images import image_bytes
from nyxqa.builders.question_sets.importers.repair import ImportedRow, Side, lost_negative
from nyxqa.schemas.content import kind_of
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.ids import doc_id, query_id
from nyxqa.schemas.recipe import Import
from nyxqa.schemas.recipe_types import Split

MINER = "imported"

_SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst")
# Names of splits on the Hub and in the converters' folders. MMEB has the same queries twice, once with rewritten
# instructions; "original" is read if it exists.
_SPLITS: dict[str, Split] = {
    "original": "train",
    "train": "train",
    "diverse_instruction": "train",
    "dev": "validation",
    "validation": "validation",
    "test": "test",
}
_FEEDBACK = "final_feedback"
_SPLIT_NAME = re.compile(rf"({'|'.join(_SPLITS)})(?:_hardneg|_with_retrieved_docs)?(?:-\d+-of-\d+)?\Z")


@dataclass(frozen=True)
class ImageStore:
    """Where images are stored, and their limits in bytes and pixels.

    :param folder: Folder of the image packs.
    """

    folder: Path
    max_bytes: int
    max_pixels: int


@dataclass(frozen=True)
class TripletWriter:
    """Stores the images of one row and makes it a triplet.

    :param pack: The open pack of the row's shard.
    :param name: Name of the row in the ledger.
    :param notes: Receives a ledger row for each dropped negative.
    """

    store: ImageStore
    pack: PackWriter
    name: str
    notes: list[Drop]

    def triplet(self, row: ImportedRow) -> dict[str, Any]:
        """The row as a triplet (a row of SET_TRIPLETS).

        :raises DeadImageError: If its query or positive has a dead image.
        """
        query = self._images(row.query)
        positive = self._document(row.positive)
        negatives = self._negatives(row, positive)
        documents = [positive, *negatives]
        return {
            "name": self.name,
            "key": question_key(row.query.text, [image["image_id"] for image in query]),
            "query_id": query_id(row.dataset, row.own_id),
            "dataset": row.dataset,
            "pool": row.dataset.partition("/")[0],
            "instruction": "",
            "query": row.query.text,
            "query_images": query,
            "answers": list(row.answers),
            "positive_id": positive["doc_id"],
            "positives": [{"doc_id": positive["doc_id"], "rank": None, "score": None, "origin": "imported"}],
            "negative_ids": [document["doc_id"] for document in negatives],
            "negative_ranks": [None] * len(negatives),
            "negative_scores": [None] * len(negatives),
            "miner": MINER,
            "kind": kind_of(len(positive["images"])),
            "documents": documents,
            "holds": None,
            "excluded": [],
            "repairs": [{"column": column, "repair": repair} for column, repair in row.repairs],
            "lost": [note.reason for note in self.notes],
            "answer_long": "",
            "choices": list(row.choices),
            "label": -1 if row.label is None else row.label,
            "type": "",
            "page_id": "",
            "source": "",
            "grades": [],
            "needs": "any",
        }

    def _negatives(self, row: ImportedRow, positive: dict[str, Any]) -> list[dict[str, Any]]:
        """Negatives whose images are readable and whose content differs from the positive and from earlier ones."""
        seen = {_content_key(positive)}
        documents = []
        for number, side in enumerate(row.negatives):
            try:
                document = self._document(side)
            except DeadImageError as error:
                self.notes.append(lost_negative(self.name, number, "dead_image", f"{error.reason}: {error.detail}"))
                continue
            if _content_key(document) in seen:
                same = "the words and images of the positive or an earlier negative"
                self.notes.append(lost_negative(self.name, number, "same_content", same))
            else:
                seen.add(_content_key(document))
                documents.append(document)
        return documents

    def _document(self, side: Side) -> dict[str, Any]:
        images = self._images(side)
        own = doc_id(side.text, (image["image_id"] for image in images))
        return {"doc_id": own, "row": None, "text": side.text, "images": images}

    def _images(self, side: Side) -> list[dict[str, Any]]:
        return [
            {
                **self.pack.add(stored_image(image_bytes(image, self.store.max_bytes), self.store.max_pixels)),
                "caption": "",
                "url": None,
            }
            for image in side.images
        ]


def _content_key(document: dict[str, Any]) -> str:
    return question_key(document["text"], [image["image_id"] for image in document["images"]])


@dataclass(frozen=True)
class Source:
    """The files of one split of one subset, in order."""

    subset: str
    split: Split
    files: tuple[Path, ...]


def find_sources(path: Path) -> Iterator[Source]:
    """Yield the subsets and splits below ``path``: a file, a folder of one subset, or a folder of subsets.

    A file named after a split belongs to the subset that its folder is named after, and all other files (a corpus,
    captions) are ignored. If no file is named after a split, each file is a subset of its own.

    :raises WorldError: If there is no file of a supported format.
    """
    files = [path] if path.is_file() else sorted(file for file in _below(path) if _stem(file) is not None)
    if not files:
        raise WorldError(f"{path} has no file of a format that can be imported: {', '.join(_SUFFIXES)}")
    groups: dict[tuple[str, str], list[Path]] = {}
    for file in files:
        stem = _stem(file) or file.name
        if stem == _FEEDBACK:  # of one set, or in a folder for each of several
            groups.setdefault(("" if file in (path, path / file.name) else file.parent.name, "train"), []).append(file)
            continue
        match = _SPLIT_NAME.match(stem)
        if match or not any(_SPLIT_NAME.match(_stem(other) or "") for other in files):
            key = (file.parent.name, match[1]) if match else (stem, "train")
            groups.setdefault(key, []).append(file)
    for (subset, name), members in sorted(groups.items()):
        if name == "original" or not any((subset, other) in groups for other in _preferred(name)):
            yield Source(subset, _SPLITS[name], tuple(_one_form(members)))


def _preferred(name: str) -> tuple[str, ...]:
    """Names of splits that have the same rows and are read instead of ``name``."""
    return {"train": ("original",), "diverse_instruction": ("original", "train")}.get(name, ())


def _one_form(files: list[Path]) -> list[Path]:
    """Return the files with mined negatives if a split exists both with and without them."""
    mined = [file for file in files if "_hardneg" in file.name or "_with_retrieved_docs" in file.name]
    return mined or files


def _below(path: Path) -> Iterator[Path]:
    yield from path.glob("*")
    yield from path.glob("*/*")


def _stem(file: Path) -> str | None:
    suffix = next((suffix for suffix in _SUFFIXES if file.name.lower().endswith(suffix)), None)
    return None if suffix is None else file.name[: -len(suffix)]


def sources_of(section: Import, split: Split | None = None) -> list[Source]:
    """Return the subsets and splits of an import.

    :param split: The only split to return; all if None.
    :raises UsageError: If the path does not exist.
    :raises WorldError: If there is no file of a supported format.
    """
    path = Path(section.path)
    if not path.exists():
        raise UsageError(f"import {section.kind}: file or folder {path} does not exist")
    return [source for source in find_sources(path) if split is None or source.split == split]
