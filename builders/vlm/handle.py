"""What the stages that ask a model share: opening it, and showing it documents and questions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.vlm.factory import make_vlm
from nyxqa.builders.vlm.protocol import Ask, Picture, Source, Vlm
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import VlmSection

_DATA_PARAMS = {"model", "max_pixels", "answer_tokens"}


@dataclass(frozen=True)
class VlmHandle:
    """A model to be opened in whatever process works on a shard.

    :param settings: Which model, and how it is asked.
    :param seed: Seed of its choices.
    :param answers: Folder where answers are stored.
    :param packs: Folder of the image packs.
    :param retry_failed: Whether what the model failed at in an earlier run is asked again.
    """

    settings: VlmSection
    seed: int
    answers: Path
    packs: Path
    retry_failed: bool = False

    @property
    def where(self) -> Where:
        """Where shards are asked about: an endpoint's answers have one owner, this process."""
        return "workers" if self.settings.is_extractive else "threads"

    def open(self) -> Vlm:
        """The model; one a process."""
        return _opened(self)

    def usage(self) -> dict[str, int]:
        """Requests and tokens of all answers that were kept, of earlier runs too."""
        return self.open().totals()

    def failures(self) -> int:
        """Number of questions that failed and can be asked again."""
        return self.open().failures()

    def close(self) -> None:
        """Give up what an endpoint needs: its thread, connections and stored answers; what was spent is forgotten."""
        self.open().close()
        _opened.cache_clear()

    def params(self) -> dict[str, Any]:
        """What decides the model's answers: not where it is reached nor how many are asked at once."""
        params = self.settings.model_dump(mode="json", include=_DATA_PARAMS)
        info = self.open().info
        return {
            **params,
            "model": info.generator,
            "prompts": dict(info.prompts),
            "version": info.version,
            "seed": self.seed,
        }


@lru_cache(maxsize=1)
def _opened(handle: VlmHandle) -> Vlm:
    return make_vlm(handle.settings, handle.seed, handle.answers, retry_failed=handle.retry_failed)


@lru_cache(maxsize=8)
def _reader(packs: Path, thread: int) -> PackReader:
    return PackReader(packs)


def pictures(images: Sequence[Mapping[str, Any]], handle: VlmHandle) -> tuple[Picture, ...]:
    """Images as the model sees them; bytes only where it looks at them."""
    if not handle.open().info.needs_images:
        return tuple(Picture(image["image_id"], image["caption"]) for image in images)
    reader = _reader(handle.packs, threading.get_ident())
    return tuple(Picture(image["image_id"], image["caption"], reader.read(image)) for image in images)


def source_of(document: Mapping[str, Any], handle: VlmHandle) -> Source:
    """A document row as the model reads it."""
    content = Content(document["text"], pictures(document["images"], handle))
    return Source(document["doc_id"], content, document["title"], document["language"])


def ask_of(row: Mapping[str, Any], handle: VlmHandle, answer: str = "", name: str = "draft") -> Ask:
    """A question row with its document as the model reads it, images in the order of their placeholders.

    :param name: Column that names the question.
    """
    question = Content(row["question"], pictures(row["images"], handle))
    return Ask(row[name], question, answer, (source_of(row["document"], handle),))
