"""Vision-language models of transformers as embedders, for training and for search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.models.attention import batch_windows
from nyxqa.retriever.models.batching import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS, batches
from nyxqa.retriever.models.sentence_transformers_layout import write_text_layout
from nyxqa.retriever.models.settings import EmbedderSettings, write_settings
from nyxqa.retriever.protocols import ModelInput, Tensors
from nyxqa.schemas.errors import UsageError, WorldError

if TYPE_CHECKING:
    import torch

    from nyxqa.retriever.models.settings import Pooling

CUT = "cut_tokens"


class Preparer(Protocol):
    """Turns sides into a network's inputs."""

    def prepare(self, contents: Sequence[ModelInput]) -> dict[str, torch.Tensor]:
        """CPU tensors by the network's argument names, ``attention_mask`` among them, and ``cut_tokens`` [inputs]."""
        ...

    def length(self, content: ModelInput) -> int:
        """Tokens of an input, images included."""
        ...

    def save(self, folder: Path) -> None:
        """Write tokenizer and image settings."""
        ...


class VisionTextModel:
    """An ``EmbeddingModel`` over a network of transformers, with or without adapters of peft.

    ``prepare`` also gives ``cut_tokens``, int64 [inputs]: number of text tokens truncated from each input.

    :param name: For tables and cards.
    :param module: The network, or peft's around it.
    :param preparer: Makes its input tensors.
    :param settings: How states become vectors.
    """

    def __init__(self, name: str, module: Any, preparer: Preparer, settings: EmbedderSettings) -> None:
        self.name = name
        self.settings = settings
        self._module = module
        self._preparer = preparer
        self.dim: int = self.network.config.get_text_config().hidden_size
        batch_windows(self.network)

    @property
    def module(self) -> torch.nn.Module:
        """The network; with adapters, only they are trained."""
        module: torch.nn.Module = self._module
        return module

    @property
    def network(self) -> Any:
        """The network of transformers itself."""
        return self._module.get_base_model() if self.adapted else self._module

    @property
    def adapted(self) -> bool:
        """Whether there are adapters."""
        return hasattr(self._module, "peft_config")

    def prepare(self, contents: Sequence[ModelInput]) -> Tensors:
        """CPU tensors for ``embed``, and ``cut_tokens``.

        :raises ContentError: If placeholders and images of an input differ in number.
        :raises WorldError: If an image cannot be decoded.
        """
        return self._preparer.prepare(contents)

    def length(self, content: ModelInput) -> int:
        """Tokens of an input, images included, after truncation."""
        return self._preparer.length(content)

    def embed(self, inputs: Tensors) -> torch.Tensor:
        """Vectors [inputs, dim], float32, not normalised, on the module's device."""
        device = next(self.module.parameters()).device
        arguments = {name: value.to(device) for name, value in self._arguments(inputs).items() if name != CUT}
        states = self._module(**arguments).last_hidden_state
        return pool(states, arguments["attention_mask"], self.settings.pooling)

    def save(self, folder: Path, merged: bool = False) -> None:
        """Write a folder that can be loaded: adapters with the name of their base, or the whole network.

        :param merged: Whether adapters are merged into the weights, which removes them from the model.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if merged and self.adapted:
            self._module = self._module.merge_and_unload()
        settings = self.settings if self.adapted else self.settings.model_copy(update={"base": "", "base_revision": ""})
        card = folder / "README.md"
        had_card = card.exists()
        if self.adapted:
            self._name_base()
        self._module.save_pretrained(folder)
        if not had_card:
            card.unlink(missing_ok=True)  # peft's card is an unfilled template
        self._preparer.save(folder)
        write_settings(settings, folder)
        if not settings.images:
            write_text_layout(folder, settings, self.dim)

    def _name_base(self) -> None:
        """Let peft write the base as the settings name it: a name on the Hub, or a folder's whole path.

        It would write where the weights were read from: a path relative to this process, or one inside the Hub's cache.
        """
        for config in self._module.peft_config.values():
            config.base_model_name_or_path = self.settings.base
            config.revision = self.settings.base_revision or None

    def _arguments(self, inputs: Tensors) -> Tensors:
        """Keyword arguments of the network."""
        return inputs


class DeviceEncoder:
    """A model on one device, as search uses it.

    :param model: The model.
    :param device: Torch name of the device.
    """

    def __init__(self, model: VisionTextModel, device: str) -> None:
        settings = model.settings
        if settings.dimensions > model.dim:
            raise UsageError(f"{model.name}: dimensions = {settings.dimensions}, but its vectors have {model.dim}")
        self._model = model
        self._budget = CPU_BATCH_TOKENS if device == "cpu" else GPU_BATCH_TOKENS
        self.dimensions = settings.dimensions or model.dim
        model.module.to(device).eval()

    def encode(self, contents: Sequence[ModelInput]) -> npt.NDArray[np.float32]:
        """Vectors, float32 [inputs, dimensions], cut and of unit length as the settings say.

        :raises WorldError: If the model returns numbers that are not finite.
        """
        import torch

        vectors = np.empty((len(contents), self.dimensions), dtype=np.float32)
        with torch.inference_mode():
            for rows in batches([self._model.length(content) for content in contents], self._budget):
                found = self._model.embed(self._model.prepare([contents[row] for row in rows]))[:, : self.dimensions]
                if self._model.settings.normalise:
                    found = torch.nn.functional.normalize(found, dim=-1)
                vectors[rows] = found.cpu().numpy()
        if not np.isfinite(vectors).all():
            raise WorldError(f"{self._model.name} returned vectors that are not finite; its weights may be damaged")
        return vectors


def pool(states: torch.Tensor, mask: torch.Tensor, how: Pooling) -> torch.Tensor:
    """Vectors [rows, dim], float32, of states [rows, tokens, dim], whichever side is padded.

    :param mask: [rows, tokens], 1 for tokens, 0 for padding; at least one 1 per row.
    """
    import torch

    if how == "mean":
        weights = mask.unsqueeze(-1).float()
        return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    chosen = (mask * places).argmax(dim=1) if how == "last" else mask.argmax(dim=1)
    return states[torch.arange(len(states), device=states.device), chosen].float()
