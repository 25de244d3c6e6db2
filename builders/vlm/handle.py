"""A model that steps pass to their shards, and rows converted to what a model reads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.prompt import form_of
from nyxqa.builders.vlm.protocol import ServedVlm, Vlm, VlmDocument, VlmImage, VlmInfo, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import NyxqaError, PendingError
from nyxqa.schemas.recipe import VlmSection

_VERIFIER = "verify"  # folder of the answers of a model that verifies, below those of the one that writes
_DATA_PARAMS = {"model", "max_pixels", "answer_tokens"}


@dataclass(frozen=True)
class VlmHandle:
    """A picklable reference to a model, opened once in each process that works on a shard.

    :param settings: Model and limits.
    :param seed: Seed of the recipe.
    :param answers: Folder of stored answers.
    :param packs: Folder of the image packs.
    :param retry_failed: Whether requests that failed in an earlier run are sent again.
    """

    settings: VlmSection
    seed: int
    answers: Path
    packs: Path
    retry_failed: bool = False

    @property
    def info(self) -> VlmInfo:
        """Name, prompts and abilities of the model."""
        return self.open().info

    @property
    def where(self) -> Where:
        """Where shards of a step that uses the model run."""
        return self.info.where

    def open(self) -> Vlm:
        """The model of this process."""
        return _opened(self.settings, self.seed, self.answers, self.retry_failed)

    def usage(self) -> dict[str, int]:
        """Requests and tokens of all stored answers, earlier runs included."""
        return self.open().totals()

    def failures(self) -> int:
        """Number of stored failures, which can be retried."""
        return self.open().failures()

    def probe(self, pictures: bool) -> None:
        """Ask the model's server one tiny question, and one about a picture.

        :raises WorldError: If it does not answer, refuses the key or the model, or takes no pictures and should.
        :raises BudgetError: If the budget is spent.
        """
        model = self.open()
        if isinstance(model, ServedVlm):
            model.probe(pictures)

    def collect(self) -> None:
        """Take in the answers of batches that have ended.

        :raises PendingError: If requests are asked in batches and one has not ended.
        :raises WorldError: If the server does not answer or refused all batches.
        """
        model = self.open()
        if isinstance(model, ServedVlm):
            model.collect()

    def submit(self, waiting: PendingError) -> NyxqaError:
        """Submit the requests that wait for a batch; returns the error that ends the run.

        :param waiting: The error with which a step ended that waits for them.
        """
        model = self.open()
        try:
            return PendingError(model.submit()) if isinstance(model, ServedVlm) else waiting
        except NyxqaError as error:
            return error

    def notes(self) -> list[str]:
        """What was agreed with the model's server since the last call."""
        model = self.open()
        return model.notes() if isinstance(model, ServedVlm) else []

    def close(self) -> None:
        """Release the thread, connections and answers of the model, and of one that verifies for it.

        Their count of what they spent is lost.
        """
        for folder in (self.answers, self.answers / _VERIFIER):
            if folder in _MODELS:
                _MODELS.pop(folder)[1].close()

    def verifier(self, model: str) -> VlmHandle:
        """This handle, or one of another model that checks what this one wrote, with answers of its own.

        :param model: Name of the other model; "" for none.
        """
        if not model:
            return self
        settings = self.settings.model_copy(update={"model": model, "batch": False})
        return replace(self, settings=settings, answers=self.answers / _VERIFIER)

    def params(self) -> dict[str, Any]:
        """Step params: what decides the answers, so neither the URL nor the concurrency."""
        params = self.settings.model_dump(mode="json", include=_DATA_PARAMS)
        info = self.info
        return {
            **params,
            "model": info.generator,
            "prompts": dict(info.prompts),
            "version": info.version,
            "seed": self.seed,
        }


# The models that are open, by their folders of answers: the last that was asked for, and the one that belongs to it.
_MODELS: dict[Path, tuple[tuple[VlmSection, int, bool], Vlm]] = {}
_OPENING = threading.Lock()


def _opened(settings: VlmSection, seed: int, answers: Path, retry_failed: bool) -> Vlm:
    key = (settings, seed, retry_failed)
    with _OPENING:  # several threads may ask for it at once
        known = _MODELS.get(answers)
        if known is None or known[0] != key:
            beside = answers.parent if answers.name == _VERIFIER else answers / _VERIFIER
            for folder in set(_MODELS) - {beside}:  # others close, and one at a time owns the answers
                del _MODELS[folder]
            known = None
            known = (key, make_provider(settings.model).open(settings, seed, answers, retry_failed=retry_failed))
            _MODELS[answers] = known
        return known[1]


@lru_cache(maxsize=8)
def _pack_reader(packs: Path, thread: int) -> PackReader:
    return PackReader(packs)


def vlm_images(images: Sequence[Mapping[str, Any]], handle: VlmHandle) -> tuple[VlmImage, ...]:
    """Image locators as the model's images; bytes are read only for a model that needs them."""
    if not handle.info.needs_images:
        return tuple(VlmImage(image["image_id"], image["caption"]) for image in images)
    reader = _pack_reader(handle.packs, threading.get_ident())
    return tuple(VlmImage(image["image_id"], image["caption"], reader.read(image)) for image in images)


def vlm_document(document: Mapping[str, Any], handle: VlmHandle) -> VlmDocument:
    """A document row as the model reads it."""
    content = Content(document["text"], vlm_images(document["images"], handle))
    return VlmDocument(document["doc_id"], content, document["title"], document["language"])


def vlm_request(row: Mapping[str, Any], handle: VlmHandle, answer: str = "", id_column: str = "draft") -> VlmRequest:
    """A question row with its documents as the model reads them, images in the order of their placeholders."""
    question = Content(row["question"], vlm_images(row["images"], handle))
    shown = tuple(vlm_document(document, handle) for document in question_documents(row))
    return VlmRequest(row[id_column], question, answer, shown, form_of(row.get("type") or ""))


def question_documents(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The document that a question is about, and the second one of a question that needs two."""
    second = row.get("second")
    return [row["document"]] if second is None else [row["document"], second]
