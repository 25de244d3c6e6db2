"""Sides without images: each image as its caption, in place, or left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.published import Published

ImagesAs = Literal["keep", "captions", "none"]
IMAGES_AS: tuple[ImagesAs, ...] = get_args(ImagesAs)


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
