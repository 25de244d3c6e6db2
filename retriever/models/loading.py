"""Loading a checkpoint of transformers, with or without adapters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.models.checkpoints import ModelName, checkpoint_folder, load_errors
from nyxqa.retriever.models.lora import open_lora
from nyxqa.retriever.models.settings import SETTINGS_FILE, EmbedderSettings, known_settings, read_settings
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import read_json

if TYPE_CHECKING:
    import torch

ADAPTER_FILE = "adapter_config.json"


def settings_of(folder: Path, overrides: Mapping[str, Any] | None = None, name: str = "") -> EmbedderSettings:
    """Settings in ``folder``; for adapters without settings, the base is the one that peft recorded.

    :param name: Name of the model on the Hub, whose known settings hold where the folder has none.
    :raises UsageError: If a setting is not valid, or the model is known not to be readable.
    """
    given = dict(overrides or {})
    if name and not (folder / SETTINGS_FILE).is_file():
        given = {**(known_settings(name) or {}), **given}
    adapter = folder / ADAPTER_FILE
    if adapter.is_file() and not (folder / SETTINGS_FILE).is_file():
        given.setdefault("base", read_json(adapter).get("base_model_name_or_path") or "")
    return read_settings(folder, given)


def base_settings(model: ModelName) -> dict[str, str]:
    """The settings by which new adapters on ``model`` name it: a folder by its whole path."""
    folder = Path(model.model)
    return {
        "base": str(folder.resolve()) if folder.is_dir() else model.model,
        "base_revision": model.revision or "",
    }


def recompute_activations(network: Any) -> None:
    """Recompute the activations of each layer in the backward pass (gradient checkpointing)."""
    options = {"use_reentrant": False}
    if hasattr(network, "activation_checkpointing_enable"):  # its name in later versions of transformers 5
        network.activation_checkpointing_enable(options)
    else:
        network.gradient_checkpointing_enable(options)


def network_dtype(device: str) -> torch.dtype:
    """bfloat16 on a GPU, as the reference trains; float32 elsewhere."""
    import torch

    return torch.bfloat16 if device.startswith("cuda") else torch.float32


def load_module(
    folder: Path, settings: EmbedderSettings, device: str, trainable: bool, whole: bool = False
) -> tuple[Any, Any]:
    """The network without a head, in eval mode on ``device``, and the same within the adapters of ``folder``, if any.

    :param trainable: Whether existing adapters are trained further.
    :param whole: Whether all weights are trained: then they are float32, in which small steps do not round to none.
    :raises WorldError: If it cannot be loaded.
    :raises UsageError: If there are adapters and peft is not installed.
    """
    from transformers import AutoModel

    adapters = (folder / ADAPTER_FILE).is_file()
    if adapters and not settings.base:
        raise WorldError(f"{folder.name} holds adapters but names no base model; set base in {SETTINGS_FILE}")
    source = checkpoint_folder(ModelName(settings.base, settings.base_revision or None)) if adapters else folder
    dtype = network_dtype("cpu" if whole and not adapters else device)
    with load_errors(source.name):
        network, report = AutoModel.from_pretrained(source, dtype=dtype, output_loading_info=True)
    # Some checkpoints omit the pooler, which no vector here is computed from.
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        raise WorldError(f"{source.name} lacks {len(missing)} weights of its own network, first {missing[0]}")
    network.config.get_text_config().use_cache = False
    network.to(device).eval()
    if not adapters:
        return network, network
    with load_errors(folder.name):
        return network, open_lora(network, folder, trainable)
