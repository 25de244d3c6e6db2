"""``endpoint:MODEL@URL``: vectors of a model behind an OpenAI-compatible embeddings server."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex, text_with_captions
from nyxqa.retriever.encoders.e5 import PREFIXES
from nyxqa.retriever.encoders.embeddings_server import EmbeddingsServer, Vectors
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.protocols import Hits, ModelInput, Role, SearchEntry
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.files import read_json, write_json

_VERSION = 1
_FORM = "endpoint:MODEL@URL[?prefixes=e5][&images=on]"
_PROBE = "probe.json"
_PROBE_TEXT = "The mill of Tollamere was built in 1911."
# A server that rounds otherwise keeps this cosine; another model, pooling or prefix does not.
SAME_MODEL = 0.999
# Entries asked for together: the most that a kill loses.
_SHARD_ROWS = 256

Item = TypeVar("Item")
_FILE = "observed.sqlite"
# Seconds that a process waits while another writes.
_WAIT = 120


@dataclass(frozen=True)
class EndpointModel:
    """A model behind a server.

    :param prefixes: Whether texts get E5's prefixes here; servers pass them to the model as they come.
    :param images: Whether images are sent, in the form of chat messages as vLLM takes them; otherwise their captions.
    """

    model: str
    url: str
    prefixes: bool = False
    images: bool = False


def parse_endpoint(text: str) -> EndpointModel:
    """``MODEL@URL`` with options parsed; the URL begins at the first ``@http``.

    :raises UsageError: If a part is missing or an option is unknown.
    """
    model, at, rest = text.partition("@http")
    url, _, query = f"http{rest}".partition("?")
    if not at or not model or not urlsplit(url).hostname:
        raise UsageError(f"encoder endpoint:{text}: expected {_FORM}")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [f"{name}={value}" for name, value in options.items() if value not in _VALUES.get(name, ())]
    if unknown:
        raise UsageError(f"encoder endpoint:{text}: unknown option {unknown[0]!r}; expected {_FORM}")
    return EndpointModel(model, url, options.get("prefixes") == "e5", options.get("images") == "on")


_VALUES = {"prefixes": ("e5", "off"), "images": ("on", "off")}


class EndpointEncoder(VectorEncoder[ModelInput]):
    """Encoder ``endpoint:``; its vectors are observations, stored beside the index and tied to the model by a probe.

    :param model: The model and its server.
    """

    def __init__(self, model: EndpointModel) -> None:
        super().__init__(f"endpoint:{model.model}")
        self.needs_images = model.images
        self._model = model

    @property
    def fingerprint(self) -> str:
        """The model's name and what is sent; neither the URL nor the server's rounding."""
        model = self._model
        return f"endpoint/{_VERSION}/{model.model}/prefixes={model.prefixes}/images={model.images}"

    @property
    def shard_rows(self) -> int:
        """Entries asked for together."""
        return _SHARD_ROWS

    def item(self, entry: SearchEntry, role: Role) -> ModelInput:
        """The text with its prefix, and images or captions."""
        before = PREFIXES[role] if self._model.prefixes else ""
        instruction = f"{entry.instruction}\n" if entry.instruction and role == "query" else ""
        if self._model.images and entry.images:
            return ModelInput(before + instruction + entry.text, entry.images, role)
        return ModelInput(before + instruction + text_with_captions(entry), (), role)

    def parts(self, item: ModelInput) -> Iterable[bytes]:
        """Text and images' bytes; the number of images follows from the placeholders."""
        return (item.text.encode(), *item.images)

    def load(self) -> Sequence[EmbeddingsServer]:
        """The server."""
        return [self.server]

    @cached_property
    def server(self) -> EmbeddingsServer:
        """The server."""
        return EmbeddingsServer(self._model.model, self._model.url)

    def build(self, entries: Iterable[SearchEntry], folder: Path) -> None:
        """Write the vectors of ``entries`` into ``folder``, shard by shard.

        :raises FormatError: If vectors there are of another model than the server's.
        """
        if (folder / _PROBE).exists():
            self.check(folder)
        super().build(entries, folder)
        if not (folder / _PROBE).exists():
            probe = self.server.encode([ModelInput(_PROBE_TEXT)])[0]
            write_json(folder / _PROBE, {"model": self._model.model, "text": _PROBE_TEXT, "vector": probe.tolist()})

    def check(self, folder: Path) -> None:
        """Whether the server still gives the vectors of ``folder``.

        :raises FormatError: If it does not, naming the cosine.
        """
        stored = np.array(read_json(folder / _PROBE)["vector"], dtype=np.float32)
        found = self.server.encode([ModelInput(_PROBE_TEXT)])[0]
        cosine = float(stored @ found) if stored.shape == found.shape else 0.0
        if cosine < SAME_MODEL:
            raise FormatError(
                f"{self._model.url} gives other vectors under the name {self._model.model} than those in {folder} "
                f"(cosine {cosine:.4f}, needed {SAME_MODEL}): serve that model, or build in another folder"
            )

    def open(self, folder: Path) -> EndpointIndex:
        """The index in ``folder``."""
        return EndpointIndex(folder, self)


class EndpointIndex(VectorIndex[ModelInput]):
    """Stored vectors, searched exactly; vectors of queries are stored, too.

    :param folder: Where ``EndpointEncoder.build`` put them.
    :param encoder: Asks the server for queries that are new.
    """

    def __init__(self, folder: Path, encoder: EndpointEncoder) -> None:
        super().__init__(folder, encoder)
        self._folder, self._endpoint = folder, encoder
        self._observed = ObservedVectors(folder, encoder.fingerprint)
        self._checked = False

    def search(self, queries: Sequence[SearchEntry], k: int) -> Hits:
        """The ``k`` best entries of each query by inner product; equal scores are ordered by id."""
        if not queries or not len(self.ids):
            return _nothing(len(queries), k)
        items = [self._endpoint.item(query, "query") for query in queries]
        vectors = self._observed.get_or_encode(items, self._endpoint.parts, self._encode, self.vectors.dimensions)
        return search_vectors(vectors, self.vectors, k, self.ids.order)

    def _encode(self, items: Sequence[ModelInput]) -> Vectors:
        if not self._checked:
            self._endpoint.check(self._folder)
            self._checked = True
        return self._endpoint.server.encode(items)


def _nothing(queries: int, k: int) -> Hits:
    return Hits(np.full((queries, k), -1, dtype=np.int64), np.full((queries, k), -np.inf))


class ObservedVectors:
    """Vectors by the hash of what they are of, in one file that several processes share.

    :param folder: Where the file lies.
    :param fingerprint: Fingerprint of the encoder; vectors of another one are not found.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._file = folder / _FILE
        self._fingerprint = fingerprint

    def get_or_encode(
        self,
        items: Sequence[Item],
        parts: Callable[[Item], Iterable[bytes]],
        encode: Callable[[Sequence[Item]], Vectors],
        dimensions: int,
    ) -> Vectors:
        """Vectors of ``items``, float32 [items, dimensions]; those that are not stored are encoded and stored."""
        keys = [self._key(parts(item)) for item in items]
        with closing(sqlite3.connect(self._file, timeout=_WAIT)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
            found = {}
            for key in set(keys):
                row = database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = row[0]
            lacking = {key: item for key, item in zip(keys, items, strict=True) if key not in found}
            if lacking:
                encoded = encode(list(lacking.values()))
                new = {key: vector.astype("<f4").tobytes() for key, vector in zip(lacking, encoded, strict=True)}
                with database:  # what another process stored meanwhile stays
                    database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", new.items())
                for key in new:
                    (found[key],) = database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        vectors = np.empty((len(items), dimensions), dtype=np.float32)
        for number, key in enumerate(keys):
            vectors[number] = np.frombuffer(found[key], dtype="<f4")
        return vectors

    def _key(self, parts: Iterable[bytes]) -> bytes:
        digest = hashlib.sha256(self._fingerprint.encode())
        for data in parts:
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.digest()
