"""``hf:MODEL``: other embedders of transformers, described by ``embedder.toml`` in their folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.models.checkpoints import ModelName, checkpoint_folder, load_errors
from nyxqa.retriever.models.loading import base_settings, load_module, recompute_activations, settings_of
from nyxqa.retriever.models.lora import Lora, add_lora
from nyxqa.retriever.models.model_input import InputTextWriter, pil_image, rgb_image, shrink
from nyxqa.retriever.models.settings import SETTINGS_FILE, TOKEN_PIXELS, EmbedderSettings
from nyxqa.retriever.models.vision_model import CUT, VisionTextModel
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.errors import UsageError, one_line

if TYPE_CHECKING:
    import torch


class ProcessorPreparer:
    """Inputs made by the checkpoint's own processor.

    :param processor: Of the checkpoint; its tokenizer for a model without images.
    :param tokenizer: Of the checkpoint.
    :param settings: Of the embedder.
    """

    def __init__(self, processor: Any, tokenizer: Any, settings: EmbedderSettings) -> None:
        self._processor = processor
        self._tokenizer = tokenizer
        self._settings = settings
        self._writer = InputTextWriter(tokenizer, settings)

    def prepare(self, contents: Sequence[ModelInput]) -> dict[str, torch.Tensor]:
        """What the processor makes of ``contents``; images with too many pixels are shrunk first."""
        import torch

        written = [self._writer.write(content) for content in contents]
        options: dict[str, Any] = {"padding": True, "padding_side": self._settings.padding, "return_tensors": "pt"}
        if self._settings.images and any(content.images for content in contents):
            options["images"] = [
                [shrink(rgb_image(image), self._settings.max_pixels) for image in content.images]
                for content in contents
            ]
        # Some tokenizers turn an empty text into a row without tokens.
        try:
            made = self._processor(text=[content.text or " " for content in written], **options)
        except (ValueError, TypeError, IndexError, KeyError) as error:
            if "images" not in options:
                raise
            raise UsageError(
                f"the model's processor does not take image_token = {self._settings.image_token!r} for an image: "
                f"{one_line(error, 200)}; set image_token in {SETTINGS_FILE}"
            ) from error
        tensors = {name: value for name, value in made.items() if isinstance(value, torch.Tensor)}
        return {**tensors, CUT: torch.tensor([content.cut for content in written], dtype=torch.int64)}

    def length(self, content: ModelInput) -> int:
        """About the tokens of an input, one for 28 x 28 pixels; of images only the headers are read."""
        text = self._writer.write(content).text
        total = len(self._tokenizer(text, verbose=False)["input_ids"])
        for image in content.images if self._settings.images else ():
            width, height = pil_image(image).size
            total += min(width * height, self._settings.max_pixels) // TOKEN_PIXELS
        return total

    def save(self, folder: Path) -> None:
        """Write the tokenizer and, for a model with images, the image processor."""
        self._processor.save_pretrained(folder)


def load_hf(
    model: ModelName,
    device: str = "cpu",
    *,
    lora: Lora | None = None,
    trainable: bool = False,
    checkpointing: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> VisionTextModel:
    """The model in a folder or on the Hub.

    :param lora: Adapters to add where the checkpoint has none; None trains all weights.
    :param trainable: Whether existing adapters are trained further.
    :param checkpointing: Whether activations are recomputed in the backward pass to save memory.
    :param overrides: Settings instead of those of the folder.
    :raises WorldError: If it cannot be loaded.
    :raises UsageError: If a setting is not valid, or peft is needed and not installed.
    """
    folder = checkpoint_folder(model)
    settings = settings_of(folder, overrides, model.model)
    network, module = load_module(folder, settings, device, trainable, whole=trainable and lora is None)
    if checkpointing:
        recompute_activations(network)
    if lora is not None and module is network:
        module = add_lora(network, lora)
        settings = settings.model_copy(update=base_settings(model))
    if getattr(network.config.get_text_config(), "hidden_size", None) is None:
        raise UsageError(
            f"hf:{model.label}: {type(network).__name__} has no hidden_size, so hf: cannot read its vectors"
        )
    return VisionTextModel(f"hf:{model.label}", module, _preparer(folder, settings, network), settings)


def _preparer(folder: Path, settings: EmbedderSettings, network: Any) -> ProcessorPreparer:
    import transformers

    library: Any = transformers
    with load_errors(folder.name):
        if not settings.images:
            tokenizer = library.AutoTokenizer.from_pretrained(folder)
            return ProcessorPreparer(tokenizer, tokenizer, _fitting(settings, tokenizer, network))
        processor = library.AutoProcessor.from_pretrained(folder)
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise UsageError(
            f"hf:{folder.name}: its processor takes no images; set images = false in {SETTINGS_FILE} beside its weights"
        )
    return ProcessorPreparer(processor, processor.tokenizer, settings)


def _fitting(settings: EmbedderSettings, tokenizer: Any, network: Any) -> EmbedderSettings:
    """The settings with a limit of text tokens that the network has positions for, beside prefix and special tokens."""
    positions = getattr(network.config, "max_position_embeddings", None) or settings.max_text_tokens
    most = min(int(positions), int(tokenizer.model_max_length))
    around = settings.template.replace("{text}", "").replace("{instruction}", "")
    query = settings.query_prefix.replace("{instruction}", "") + settings.query_instruction + "\n"
    before = max(query, settings.document_prefix + settings.document_instruction + "\n", key=len)
    # A prefix may be split into one more token where the text begins, and positions of some networks start at 2.
    used = len(tokenizer(before + around, verbose=False)["input_ids"]) + 4
    return settings.model_copy(update={"max_text_tokens": min(settings.max_text_tokens, max(1, most - used))})
