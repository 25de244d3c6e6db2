"""Low-rank adapters on a network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import UsageError, missing_extra


@dataclass(frozen=True)
class Lora:
    """Shape of the adapters.

    :param rank: Rank of each.
    :param alpha: The adapters are scaled by ``alpha / rank``.
    :param dropout: Share of inputs dropped in training.
    :param dora: Whether magnitude and direction are decomposed (DoRA).
    :param targets: Suffixes of the names of the adapted layers; ``("all-linear",)`` for every linear layer.
    """

    rank: int = 8
    alpha: int = 64
    dropout: float = 0.1
    dora: bool = False
    # The names of the Nyx code's list that exist in Qwen2.5-VL; down_proj also occurs in each vision block.
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "down_proj")


# The Nyx paper names the rank alone; the rest is the Nyx code's.
LORA = {"paper": Lora(), "code": Lora(rank=16, dora=True)}


def add_lora(network: Any, lora: Lora) -> Any:
    """``network`` with fresh adapters, which alone are trained.

    :raises UsageError: If peft is not installed, or the network has none of the layers.
    """
    _need_peft()
    from peft import LoraConfig, get_peft_model

    layers = sorted({name.rpartition(".")[2] for name, one in network.named_modules() if _is_linear(one)})
    everything = lora.targets == ("all-linear",)
    if not everything and not any(_has(network, one) for one in lora.targets):
        raise UsageError(
            f"no layer of {type(network).__name__} is called {', '.join(lora.targets)}, so there is nothing to adapt; "
            f"its linear layers: {', '.join(layers)}; or all-linear"
        )
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_dora=lora.dora,
        target_modules="all-linear" if everything else list(lora.targets),
        init_lora_weights="gaussian",  # as the Nyx code does
    )
    return get_peft_model(network, config)


def _is_linear(layer: Any) -> bool:
    import torch

    return isinstance(layer, torch.nn.Linear)


def _has(network: Any, suffix: str) -> bool:
    return any(name == suffix or name.endswith(f".{suffix}") for name, _ in network.named_modules())


def open_lora(network: Any, folder: Path, trainable: bool) -> Any:
    """``network`` with the adapters in ``folder``.

    :raises UsageError: If peft is not installed.
    """
    _need_peft()
    from peft import PeftModel

    return PeftModel.from_pretrained(network, str(folder), is_trainable=trainable)


def _need_peft() -> None:
    if find_spec("peft") is None:
        raise missing_extra("peft", "train")
