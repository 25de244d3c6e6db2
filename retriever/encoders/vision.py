"""``nyx:`` and ``hf:`` as encoders: vectors of text and images together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from nyxqa.retriever.encoders.dense import (
    COMMON,
    NO_OPTIONS,
    Options,
    VectorEncoder,
    split_options,
    text_with_captions,
    torch_dtype,
)
from nyxqa.retriever.models.batching import devices
from nyxqa.retriever.models.checkpoints import ModelName, checkpoint_fingerprint, checkpoint_folder, parse_model
from nyxqa.retriever.models.loading import settings_of
from nyxqa.retriever.models.settings import EmbedderSettings, known_settings
from nyxqa.retriever.models.vision_model import DeviceEncoder, VisionTextModel
from nyxqa.retriever.protocols import ModelInput, Role, SearchEntry

# Entries with their images are in memory a shard at a time: about 100 MB at 200 kB an image and two images an entry.
_SHARD_ROWS = 256
_VERSION = 2
Load = Callable[[ModelName, str], VisionTextModel]


def vision_encoder(kind: str, text: str, load: Load, on: Sequence[str] = ()) -> VisionEncoder:
    """The encoder ``kind:text``; weights are loaded on first use.

    :param load: Loads a model by name on a device.
    :param on: Devices to encode on, by their torch names; all available ones if empty.
    :raises UsageError: If the name is malformed or a setting is not valid.
    :raises WorldError: If the folder does not exist.
    """
    name, options = split_options(kind, text, COMMON)
    model = parse_model(name, kind)
    known = model.model if kind == "hf" else ""
    if known:
        known_settings(known)  # refuses what cannot be read, before anything is fetched
    return VisionEncoder(kind, model, settings_of(checkpoint_folder(model), name=known), load, on, options)


class VisionEncoder(VectorEncoder[ModelInput]):
    """Encoder over a vision-language model; with ``images = false`` in its settings it reads captions instead.

    :param kind: ``nyx`` or ``hf``.
    :param model: The checkpoint.
    :param settings: Its settings.
    :param load: As ``vision_encoder`` takes it.
    :param on: As ``vision_encoder`` takes it.
    :param options: Precision and type of the stored vectors.
    """

    def __init__(
        self,
        kind: str,
        model: ModelName,
        settings: EmbedderSettings,
        load: Load,
        on: Sequence[str],
        options: Options = NO_OPTIONS,
    ) -> None:
        super().__init__(f"{kind}:{model.label}{options.label}")
        self.store = options.store
        self._options = options
        self.needs_images = settings.images
        self._kind = kind
        self._model = model
        self._settings = settings
        self._load = load
        self._on = tuple(on)

    @property
    def shard_rows(self) -> int:
        """Entries encoded together."""
        return _SHARD_ROWS

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the files of the checkpoint and of its base, and with the settings."""
        settings = self._settings
        weights = [checkpoint_fingerprint(self._model.model, self._model.revision)]
        if settings.base:
            weights.append(checkpoint_fingerprint(settings.base, settings.base_revision or None))
        # The path of the base says nothing about its weights.
        known = settings.model_dump(exclude={"base", "base_revision"})
        if not settings.document_instruction:  # a later setting changes nothing where it is not given
            del known["document_instruction"]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]
        return f"{self._kind}/{_VERSION}/{'+'.join(weights)}/settings={digest}{self._options.fingerprint}"

    def item(self, entry: SearchEntry, role: Role) -> ModelInput:
        """The entry as an input of a row."""
        if self._settings.images:
            return ModelInput(entry.text, entry.images, role, entry.instruction)
        return ModelInput(text_with_captions(entry), (), role, entry.instruction)

    def parts(self, item: ModelInput) -> Iterable[bytes]:
        """Role, text and images' bytes; the number of images follows from the placeholders."""
        return (item.role.encode(), item.text.encode(), *item.images)

    def load(self) -> Sequence[DeviceEncoder]:
        """The model on each device."""
        return [self._on_device(device) for device in self._on or devices()]

    def _on_device(self, device: str) -> DeviceEncoder:
        model = self._load(self._model, device)
        if self._options.precision:
            model.module.to(torch_dtype(self._options.precision, ""))
        return DeviceEncoder(model, device)
