"""Search in the pool of a question set: what an encoder is given, and the first documents of each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.question_sets.own_documents import is_own_document
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.retriever.encoders.factory import open_index
from nyxqa.retriever.protocols import SearchEntry


def search_entry(
    key: str, text: str, images: Sequence[Mapping[str, Any]], reader: PackReader | None, instruction: str = ""
) -> SearchEntry:
    """A document or question as an encoder takes it.

    :param images: Images as rows hold them; their captions are always given.
    :param reader: Where their bytes are; None for an encoder that needs none.
    """
    captions = tuple(image["caption"] for image in images)
    found = tuple(reader.read(image) for image in images) if reader is not None else ()
    return SearchEntry(key, text, captions, found, instruction)


def search_pool(
    spec: str, index: Path, pool: PassagePool, dataset: str, entries: Sequence[SearchEntry], most: int
) -> list[list[tuple[int, float]]]:
    """Row in the pool and score of the first ``most`` documents of each question, best first.

    A document that was made of the question itself is left out.

    :param spec: The encoder that made the index.
    :param index: Folder of the index.
    :param dataset: Name of the set.
    :param entries: The questions, by their query ids.
    """
    if not entries:
        return []
    hits = open_index(spec, index).search(entries, most + 1)
    return [
        [
            (row, score)
            for row, score in zip(rows, scores, strict=True)
            if row >= 0 and not is_own_document(dataset, entry.id, pool[row])
        ][:most]
        for entry, rows, scores in zip(entries, hits.rows.tolist(), hits.scores.tolist(), strict=True)
    ]
