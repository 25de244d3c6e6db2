"""``e5:MODEL``: dense vectors of text, as E5-v2 makes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.embeddings import SHARD_ROWS, Embeddings, write_embeddings
from nyxqa.retriever.encoder import Entry, Hits
from nyxqa.retriever.search import search_vectors
from nyxqa.retriever.stored_ids import StoredIds
from nyxqa.retriever.text_model import TextModel, checkpoint_fingerprint, devices
from nyxqa.schemas.content import PLACEHOLDER, plain_text
from nyxqa.schemas.errors import UsageError

# FORMATS.md, E5-v2: one space behind the colon, at most 512 tokens.
PREFIXES = {"query": "query: ", "passage": "passage: "}
MAX_TOKENS = 512
_VERSION = 1

Side = Literal["query", "passage"]


@dataclass(frozen=True)
class E5Model:
    """Which checkpoint encodes, and whether texts get E5's prefixes.

    :param model: Name on the Hub or path of a folder.
    :param revision: Commit, tag or branch on the Hub; none for a folder.
    """

    model: str
    revision: str | None = None
    prefixes: bool = True

    @property
    def label(self) -> str:
        """Name for tables: of a folder only its last part, so that no machine's paths are published."""
        path = Path(self.model)
        name = path.resolve().name if path.is_dir() else self.model
        revision = f"@{self.revision}" if self.revision else ""
        return f"e5:{name}{revision}{'' if self.prefixes else '?prefixes=off'}"


def parse_e5(text: str) -> E5Model:
    """``MODEL[@REVISION][?prefixes=on|off]`` in parts; a path that exists is never cut at an @.

    :raises UsageError: If an option is unknown or a part is empty.
    """
    name, mark, option = text.partition("?")
    if mark and option not in ("prefixes=on", "prefixes=off"):
        raise UsageError(f"encoder e5:{text}: unknown option {option!r}; the one there is: ?prefixes=off")
    model, at, revision = name.rpartition("@")
    if not at or Path(name).exists():
        model, revision = name, ""
    if not model or (at and not revision and model != name):
        raise UsageError(f"encoder e5:{text}: expected e5:MODEL[@REVISION][?prefixes=off]")
    return E5Model(model, revision or None, option != "prefixes=off")


class E5Encoder:
    """Encoder ``e5:MODEL``: mean pooling over the mask, unit length; of images it reads the captions.

    ``build`` may be called again on a folder where it was killed: shards that are whole are kept.

    :param model: The checkpoint.
    :param on: Devices to encode on, by their torch names; all there are if empty.
    """

    needs_images = False

    def __init__(self, model: E5Model, on: Sequence[str] = ()) -> None:
        self.name = model.label
        self._model = model
        self._on = tuple(on)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the checkpoint's files and everything done to texts before them."""
        checkpoint = checkpoint_fingerprint(self._model.model, self._model.revision)
        return f"e5/{_VERSION}/{checkpoint}/prefixes={self._model.prefixes}/tokens={MAX_TOKENS}"

    def build(self, entries: Iterable[Entry], folder: Path) -> None:
        """Write the vectors of ``entries`` into ``folder``, shard by shard."""
        texts = ((entry.id, self._text(entry, "passage")) for entry in entries)
        write_embeddings(texts, folder, self.fingerprint, lambda: self._replicas)

    def open(self, folder: Path) -> E5Index:
        """The index in ``folder``.

        :raises FormatError: If it is unfinished or another encoder made it.
        """
        return E5Index(folder, self)

    def encode(self, entries: Sequence[Entry], side: Side) -> npt.NDArray[np.float32]:
        """Unit vectors of ``entries``, float32 [entries, dimensions], in blocks fixed by row number."""
        texts = [self._text(entry, side) for entry in entries]
        model = self._replicas[0]
        blocks = [model.encode(texts[start : start + SHARD_ROWS]) for start in range(0, len(texts), SHARD_ROWS)]
        return np.concatenate([np.empty((0, model.dimensions), dtype=np.float32), *blocks])

    def _text(self, entry: Entry, side: Side) -> str:
        prefix = PREFIXES[side] if self._model.prefixes else ""
        text = plain_text(entry.text) if PLACEHOLDER in entry.text else entry.text
        return prefix + "\n".join([text, *(caption for caption in entry.captions if caption)])

    @cached_property
    def _replicas(self) -> list[TextModel]:
        model = self._model
        return [TextModel(model.model, model.revision, device, MAX_TOKENS) for device in self._on or devices()]


class E5Index:
    """Vectors on disk, searched exactly.

    :param folder: Where ``E5Encoder.build`` put them.
    :param encoder: What turns queries into vectors.
    """

    def __init__(self, folder: Path, encoder: E5Encoder) -> None:
        self.vectors = Embeddings(folder, encoder.fingerprint)
        self.ids = StoredIds(folder)
        self._encoder = encoder

    def search(self, queries: Sequence[Entry], k: int) -> Hits:
        """The ``k`` best entries of each query by inner product; equal scores stand in the order of their ids."""
        if not queries or not len(self.ids):
            shape = (len(queries), k)
            return Hits(np.full(shape, -1, dtype=np.int64), np.full(shape, -np.inf))
        return search_vectors(self._encoder.encode(queries, "query"), self.vectors, k, self.ids.order)
