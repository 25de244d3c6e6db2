"""``nyxqa.encoder``: vectors and search for one's own texts and images."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.index.approximate import ApproximateIndex
from nyxqa.retriever.protocols import Role, SearchEntry
from nyxqa.schemas.content import PLACEHOLDER, check_content
from nyxqa.schemas.errors import ContentError, UsageError, WorldError

# Inputs in memory at a time, images included.
_BLOCK = 2_048
_TAKEN = "a text, or a mapping with 'text' and 'images'"


def encoder(spec: str) -> PublicEncoder:
    """The encoder that ``spec`` names; its weights are loaded on first use.

    ::

        model = nyxqa.encoder("nyx:FOLDER")
        vectors = model.encode([{"text": "a boat: <|image|>", "images": ["boat.jpg"]}], kind="document")
        hits = model.search(documents, ["where is the boat?"], k=5)  # hits.rows[0]: the five best documents

    :param spec: ``bm25``, ``tiny[:PATH]``, ``e5:MODEL``, ``nyx:MODEL``, ``hf:MODEL``; docs/encoders.md.
    :raises UsageError: If the name is unknown; the message lists the valid ones.
    :raises WorldError: If the folder does not exist.
    """
    return PublicEncoder(spec)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    :param rows: int64 [queries, k], places in the corpus, best first; -1 where there are fewer than k.
    :param scores: float64 [queries, k], higher is better.
    :param recall: Share of the exact k best that an approximate index found; 1 for exact search.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    recall: float = 1.0


class PublicEncoder:
    """Encodes and searches queries and documents.

    Each is a text, or a mapping with ``text`` and ``images`` (and ``captions``, ``instruction``), as in joined rows.
    An image is a path, encoded bytes or a picture of Pillow. Each ``<|image|>`` in the text is the place of the next
    one; without any they precede the text.

    :param spec: As for ``nyxqa.encoder``.
    """

    def __init__(self, spec: str) -> None:
        self._encoder = make_encoder(spec)

    @property
    def name(self) -> str:
        """Name in tables."""
        return self._encoder.name

    def encode(self, inputs: Iterable[Any], kind: Role = "document") -> npt.NDArray[np.float32]:
        """Vectors of queries or documents, float32 [inputs, dim]; of unit length unless the model's settings say no.

        :param inputs: Read a block at a time, so a generator over millions of documents needs the room of its vectors.
        :param kind: ``query`` or ``document``, which differ in prefix and instruction.
        :raises UsageError: If the encoder has no vectors, or an input or ``kind`` is not valid.
        :raises ContentError: If an input has more or fewer images than placeholders.
        :raises WorldError: If an image cannot be read.
        """
        encoder = self._dense(inputs, kind)
        return np.concatenate([encoder.encode([], kind), *self.stream(inputs, kind)])

    def stream(self, inputs: Iterable[Any], kind: Role = "document") -> Iterator[npt.NDArray[np.float32]]:
        """Vectors of queries or documents block by block, float32 [at most 2,048, dim], as ``encode`` gives them.

        A block of inputs and its vectors are in memory, however many there are.

        :raises UsageError: As ``encode``, and likewise the other errors.
        """
        encoder = self._dense(inputs, kind)
        entries = self._entries(inputs)
        return (encoder.encode(block, kind) for block in iter(lambda: list(islice(entries, _BLOCK)), []))

    def _dense(self, inputs: Iterable[Any], kind: Role) -> VectorEncoder[Any]:
        """The encoder, if it can encode ``inputs``."""
        if not isinstance(self._encoder, VectorEncoder):
            raise UsageError(f"{self.name} has no vectors; use search, or a dense encoder")
        if kind not in get_args(Role):
            raise UsageError(f"kind={kind!r}; valid: {', '.join(get_args(Role))}")
        if isinstance(inputs, str | Mapping):
            raise UsageError("encode takes a list of inputs; put one input in a list")
        return self._encoder

    def search(
        self,
        corpus: Iterable[Any],
        queries: Iterable[Any],
        k: int = 10,
        folder: Path | str | None = None,
        index: Literal["exact", "ivf", "hnsw"] = "exact",
    ) -> Found:
        """The ``k`` best documents of each query; ``rows`` are places in ``corpus``.

        :param folder: Keeps the index, and reuses what of it still holds; a temporary folder if None.
        :param index: ``ivf`` and ``hnsw`` search approximately, with the recall that was measured on these queries.
        :raises UsageError: If an argument is not valid, or the encoder has no vectors for an approximate index.
        """
        if k < 1:
            raise UsageError(f"k is {k}; it must be at least 1")
        if index not in ("exact", "ivf", "hnsw"):
            raise UsageError(f"index={index!r}; valid: exact, ivf, hnsw")
        asked = list(self._entries(queries))
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(folder or temporary)
            place.mkdir(parents=True, exist_ok=True)
            self._encoder.build(self._entries(corpus), place)
            opened = self._encoder.open(place)
            if index == "exact" or not asked or not len(opened.ids):
                hits = opened.search(asked, k)
                return Found(hits.rows, hits.scores)
            if not isinstance(self._encoder, VectorEncoder) or not isinstance(opened, VectorIndex):
                raise UsageError(f"{self.name} has no vectors, so index={index!r} does not go with it")
            vectors = self._encoder.encode(asked, "query")
            built = ApproximateIndex(place, self._encoder.fingerprint, opened.vectors, opened.ids.order, index)
            tuned = built.tune(vectors, k, k)
            hits = built.search(vectors, k, tuned.effort)
            return Found(hits.rows, hits.scores, tuned.recall)

    def _entries(self, inputs: Iterable[Any]) -> Iterator[SearchEntry]:
        for number, one in enumerate(inputs):
            yield _entry(one, number, self._encoder.needs_images)


def _entry(given: Any, number: int, needs_images: bool) -> SearchEntry:
    """An input under its number, so that equal scores are in the order of the inputs."""
    name = f"{number:012d}"
    if isinstance(given, str):
        given = {"text": given}
    if not isinstance(given, Mapping) or not isinstance(given.get("text"), str):
        raise UsageError(f"input {number} is {type(given).__name__}; give {_TAKEN}")
    text, images = given["text"], list(given.get("images") or [])
    if images and PLACEHOLDER not in text:
        text = f"{PLACEHOLDER * len(images)}\n{text}"
    try:
        check_content(text, len(images))
    except ContentError as error:
        raise ContentError(f"input {number}: {error}") from error
    seen = tuple(_bytes(image, number) for image in images) if needs_images else ()
    captions: Sequence[str] = given.get("captions") or ()
    return SearchEntry(name, text, tuple(captions), seen, given.get("instruction") or "", number)


def _bytes(image: Any, number: int) -> bytes:
    """The encoded bytes of an image.

    :raises WorldError: If it is a path that cannot be read.
    """
    if isinstance(image, bytes):
        return image
    if isinstance(image, Mapping) and isinstance(image.get("bytes"), bytes):
        return bytes(image["bytes"])
    if isinstance(image, str | Path):
        try:
            return Path(image).read_bytes()
        except OSError as error:
            raise WorldError(f"input {number}: image {image} cannot be read: {error.strerror}") from error
    if hasattr(image, "save"):
        stream = io.BytesIO()
        image.save(stream, format="PNG")
        return stream.getvalue()
    raise UsageError(f"input {number}: an image is {type(image).__name__}; give a path, bytes or a picture of Pillow")
