"""``nyx:MODEL``: Qwen2.5-VL as an embedder, the backbone of the Nyx paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.models.checkpoints import ModelName, checkpoint_folder, load_errors
from nyxqa.retriever.models.loading import base_settings, load_module, recompute_activations, settings_of
from nyxqa.retriever.models.lora import Lora, add_lora
from nyxqa.retriever.models.model_input import InputTextWriter, bounded_shape, pil_image, rgb_image
from nyxqa.retriever.models.sentence_transformers_layout import write_layout
from nyxqa.retriever.models.settings import EmbedderSettings
from nyxqa.retriever.models.vision_model import CUT, VisionTextModel
from nyxqa.retriever.protocols import ModelInput, Tensors
from nyxqa.schemas.errors import WorldError

if TYPE_CHECKING:
    import torch


class QwenPreparer:
    """Inputs of Qwen2.5-VL, made by its tokenizer and by its image processor over pillow; no torchvision is needed.

    :param tokenizer: Of the checkpoint.
    :param images: Image processor of the checkpoint.
    :param image_id: Id of the token that represents a patch of an image.
    :param settings: Of the embedder.
    """

    def __init__(self, tokenizer: Any, images: Any, image_id: int, settings: EmbedderSettings) -> None:
        self._tokenizer = tokenizer
        self._images = images
        self._image_id = image_id
        self._settings = settings
        self._writer = InputTextWriter(tokenizer, settings)

    def prepare(self, contents: Sequence[ModelInput]) -> dict[str, torch.Tensor]:
        """Token numbers, masks and patches of ``contents``."""
        import torch

        written = [self._writer.write(content) for content in contents]
        pictures = [rgb_image(image) for content in contents for image in self._seen(content)]
        seen = {}
        if pictures:
            made = self._images(images=pictures, size=self._size, return_tensors="pt")
            seen = {name: made[name] for name in ("pixel_values", "image_grid_thw")}
        counts = iter(self._tokens(grid) for grid in seen.get("image_grid_thw", torch.empty(0, 3)).tolist())
        rows = []
        for numbers in self._tokenizer([content.text for content in written], verbose=False)["input_ids"]:
            repeats = [next(counts) if number == self._image_id else 1 for number in numbers]
            rows.append([n for n, repeat in zip(numbers, repeats, strict=True) for _ in range(repeat)])
        return {
            **self._padded(rows),
            **seen,
            CUT: torch.tensor([content.cut for content in written], dtype=torch.int64),
        }

    def length(self, content: ModelInput) -> int:
        """Tokens of an input; of images only the headers are read."""
        text = self._writer.write(content).text
        total: int = len(self._tokenizer(text, verbose=False)["input_ids"])
        for image in self._seen(content):
            width, height = bounded_shape(*pil_image(image).size)
            patches = self._images.get_number_of_image_patches(height, width, {"size": self._size})
            total += int(patches) // int(self._images.merge_size) ** 2 - 1
        return total

    def save(self, folder: Path) -> None:
        """Write tokenizer and image settings."""
        self._tokenizer.save_pretrained(folder)
        self._images.save_pretrained(folder)

    @property
    def _size(self) -> dict[str, int]:
        return {"shortest_edge": self._settings.min_pixels, "longest_edge": self._settings.max_pixels}

    def _seen(self, content: ModelInput) -> tuple[Any, ...]:
        return content.images if self._settings.images else ()

    def _tokens(self, grid: Sequence[int]) -> int:
        return int(grid[0] * grid[1] * grid[2]) // int(self._images.merge_size) ** 2

    def _padded(self, rows: list[list[int]]) -> dict[str, torch.Tensor]:
        """Rows padded on the side that the settings name; an empty row becomes one end token."""
        import torch

        pad_id = self._tokenizer.pad_token_id
        rows = [row or [self._tokenizer.eos_token_id] for row in rows]
        longest = max(map(len, rows), default=0)
        ids = torch.full((len(rows), longest), pad_id, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            place = slice(0, len(row)) if self._settings.padding == "right" else slice(longest - len(row), longest)
            ids[number, place] = torch.tensor(row, dtype=torch.int64)
            mask[number, place] = 1
        kinds = ((ids == self._image_id) & (mask == 1)).long()
        return {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": kinds}


class NyxModel(VisionTextModel):
    """Qwen2.5-VL, last state after the last norm."""

    def save(self, folder: Path, merged: bool = False) -> None:
        """Write a folder that both nyxqa and sentence-transformers load; as ``VisionTextModel.save`` otherwise."""
        super().save(folder, merged)
        write_layout(folder, self.settings, self.dim)

    def _arguments(self, inputs: Tensors) -> Tensors:
        """Inputs with positions counted from each row's first token, so that padding changes nothing."""
        positions, _ = self.network.get_rope_index(
            inputs["input_ids"],
            mm_token_type_ids=inputs["mm_token_type_ids"],
            image_grid_thw=inputs.get("image_grid_thw"),
            attention_mask=inputs["attention_mask"],
        )
        return {**inputs, "position_ids": positions}


def load_nyx(
    model: ModelName,
    device: str = "cpu",
    *,
    lora: Lora | None = None,
    trainable: bool = False,
    checkpointing: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> NyxModel:
    """The model in a folder or on the Hub: a checkpoint of Qwen2.5-VL, or adapters that ``save`` wrote.

    :param lora: Adapters to add where the checkpoint has none; None trains all weights.
    :param trainable: Whether existing adapters are trained further.
    :param checkpointing: Whether activations are recomputed in the backward pass to save memory.
    :param overrides: Settings instead of those of the folder.
    :raises WorldError: If it cannot be loaded or is not a Qwen2.5-VL.
    :raises UsageError: If a setting is not valid, or peft is needed and not installed.
    """
    folder = checkpoint_folder(model)
    settings = settings_of(folder, overrides)
    network, module = load_module(folder, settings, device, trainable, whole=trainable and lora is None)
    if network.config.model_type != "qwen2_5_vl":
        raise WorldError(f"nyx:{model.label} is a {network.config.model_type}, not a qwen2_5_vl; use hf:PATH")
    if checkpointing:
        recompute_activations(network)
    if lora is not None and module is network:
        module = add_lora(network, lora)
        settings = settings.model_copy(update=base_settings(model))
    return NyxModel(f"nyx:{model.label}", module, _preparer(folder, network, settings), settings)


def _preparer(folder: Path, network: Any, settings: EmbedderSettings) -> QwenPreparer:
    import transformers

    library: Any = transformers
    with load_errors(folder.name):
        tokenizer = library.AutoTokenizer.from_pretrained(folder)
        images = library.AutoImageProcessor.from_pretrained(folder, backend="pil")
    image_id: int = network.config.image_token_id
    if tokenizer.encode(settings.image_token, add_special_tokens=False).count(image_id) != 1:
        raise WorldError(f"{folder.name}: image_token {settings.image_token!r} must hold one token {image_id}")
    return QwenPreparer(tokenizer, images, image_id, settings)
