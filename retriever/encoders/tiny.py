"""``tiny[:PATH]`` as an encoder: it reads images, not captions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoders.dense import VectorEncoder
from nyxqa.retriever.protocols import ModelInput, Role, SearchEntry

if TYPE_CHECKING:
    from nyxqa.retriever.models.tiny import TinyModel


class TinyEncoder(VectorEncoder[ModelInput]):
    """The bundled model's vectors; weights are loaded on first use.

    :param path: Folder of a trained model; untrained if empty.
    """

    needs_images = True

    def __init__(self, path: str) -> None:
        super().__init__(f"tiny:{Path(path).resolve().name}" if path else "tiny")
        self._path = path

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the files of the folder."""
        from nyxqa.retriever.models.checkpoints import checkpoint_fingerprint
        from nyxqa.retriever.models.tiny import VERSION

        made = f"tiny/{VERSION}"
        return f"{made}/{checkpoint_fingerprint(self._path, None)}" if self._path else made

    def item(self, entry: SearchEntry, role: Role) -> ModelInput:
        """The entry as an input of a row."""
        return ModelInput(entry.text, entry.images, role, entry.instruction)

    def parts(self, item: ModelInput) -> Iterable[bytes]:
        """Text and images' bytes; the number of images follows from the placeholders."""
        return (item.text.encode(), *item.images)

    def load(self) -> Sequence[_UnitVectors]:
        """The model."""
        from nyxqa.retriever.models.tiny import TinyModel

        return [_UnitVectors(TinyModel.load(Path(self._path)) if self._path else TinyModel())]


class _UnitVectors:
    """The model as an ``ItemEncoder``."""

    def __init__(self, model: TinyModel) -> None:
        self._model = model
        self.dimensions = model.dim

    def encode(self, items: Sequence[ModelInput], /) -> npt.NDArray[np.float32]:
        """Unit vectors, float32 [items, dimensions]."""
        from nyxqa.retriever.models.batching import encode_inputs, truncate_and_normalise

        return truncate_and_normalise(encode_inputs(self._model, items), self._model.dim)
