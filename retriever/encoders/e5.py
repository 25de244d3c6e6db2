"""``e5:MODEL``: dense vectors of text, as E5-v2 makes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nyxqa.retriever.encoders.dense import (
    COMMON,
    NO_OPTIONS,
    Options,
    VectorEncoder,
    split_options,
    text_with_captions,
    torch_dtype,
)
from nyxqa.retriever.index import embeddings
from nyxqa.retriever.index.embeddings import SEARCH_ROWS, text_parts
from nyxqa.retriever.models.batching import devices
from nyxqa.retriever.models.checkpoints import ModelName, checkpoint_fingerprint, parse_model
from nyxqa.retriever.models.settings import known_settings
from nyxqa.retriever.models.text_model import TextModel
from nyxqa.retriever.protocols import Role, SearchEntry
from nyxqa.schemas.errors import UsageError

# As E5-v2 was trained: one space after the colon, at most 512 tokens.
PREFIXES: dict[Role, str] = {"query": "query: ", "document": "passage: "}
MAX_TOKENS = 512
# 2: on a CPU texts are computed without padding and by oneDNN.
_VERSION = 2


@dataclass(frozen=True)
class E5Model:
    """Which checkpoint encodes, and whether texts get E5's prefixes.

    :param model: Name on the Hub or path of a folder.
    :param revision: Commit, tag or branch on the Hub; None for a folder.
    :param options: Precision and type of the stored vectors.
    :param vectors: File or folder of vectors of the passages that were made elsewhere; "" if they are made here.
    """

    model: str
    revision: str | None = None
    prefixes: bool = True
    options: Options = NO_OPTIONS
    vectors: str = ""

    @property
    def label(self) -> str:
        """Name for tables."""
        shown = ([] if self.prefixes else ["prefixes=off"]) + self.options.label[1:].split("&")
        if self.vectors:
            shown.append(f"vectors={Path(self.vectors).name}")
        options = "&".join(one for one in shown if one)
        return f"e5:{ModelName(self.model, self.revision).label}{'?' if options else ''}{options}"


def parse_e5(text: str) -> E5Model:
    """``MODEL[@REVISION][?prefixes=on|off&precision=...&store=...&vectors=FILE]`` parsed.

    An existing path is never split at an @.

    :raises UsageError: If an option is unknown or a part is empty.
    """
    name, options = split_options("e5", text, {"prefixes": ("on", "off"), "vectors": (), **COMMON})
    found = parse_model(name, "e5")
    known = known_settings(found.model)
    if known is not None and (known.get("pooling") != "mean" or known.get("query_prefix") != PREFIXES["query"]):
        raise UsageError(
            f"encoder e5:{text}: {found.model} is not read as E5-v2 is (mean over the tokens, query: and passage:); "
            f"write hf:{name}, which has its own settings"
        )
    own = ("prefixes", "vectors")
    others = Options({key: value for key, value in options.given.items() if key not in own})
    prefixes, vectors = options.given.get("prefixes") != "off", options.given.get("vectors", "")
    return E5Model(found.model, found.revision, prefixes, others, vectors)


class E5Encoder(VectorEncoder[str]):
    """Encoder ``e5:MODEL``: mean pooling over the mask, unit length; it reads the captions of images.

    :param model: The checkpoint.
    :param on: Devices to encode on, by their torch names; all available ones if empty.
    """

    def __init__(self, model: E5Model, on: Sequence[str] = ()) -> None:
        super().__init__(model.label)
        self._model = model
        self._on = tuple(on)
        self.store = model.options.store

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the checkpoint's files and all preprocessing of texts."""
        checkpoint, options = checkpoint_fingerprint(self._model.model, self._model.revision), self._model.options
        return f"e5/{_VERSION}/{checkpoint}/prefixes={self._model.prefixes}/tokens={MAX_TOKENS}{options.fingerprint}"

    def item(self, entry: SearchEntry, role: Role) -> str:
        """The text with its prefix and captions."""
        return (PREFIXES[role] if self._model.prefixes else "") + text_with_captions(entry)

    def parts(self, item: str) -> Iterable[bytes]:
        """The text."""
        return text_parts(item)

    def load(self) -> Sequence[TextModel]:
        """The checkpoint on each device."""
        model, dtype = self._model, torch_dtype(self._model.options.precision, "fp32")
        places = self._on or devices()
        return [TextModel(model.model, model.revision, device, MAX_TOKENS, dtype) for device in places]

    @property
    def shard_rows(self) -> int:
        """Entries encoded together, sorted by length: what a GPU does in seconds, and a processor core in a minute."""
        on_gpu = (self._on or devices())[0].startswith("cuda")
        return SEARCH_ROWS if on_gpu else embeddings.SHARD_ROWS
