"""Options behind an encoder's name: ``e5:MODEL?precision=bf16&store=float16``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.retriever.index.embeddings import StoreType
from nyxqa.schemas.errors import UsageError

PRECISIONS = ("fp32", "bf16", "fp16")
STORES: tuple[StoreType, ...] = ("float32", "float16")
# Of every encoder that computes vectors here.
COMMON: Mapping[str, Sequence[str]] = {"precision": PRECISIONS, "store": STORES}


@dataclass(frozen=True)
class Options:
    """Options of an encoder by name, as they were given."""

    given: Mapping[str, str]

    @property
    def store(self) -> StoreType:
        """Type of the stored numbers."""
        return "float16" if self.given.get("store") == "float16" else "float32"

    @property
    def precision(self) -> str:
        """Arithmetic of the network; empty for the encoder's own."""
        return self.given.get("precision", "")

    @property
    def fingerprint(self) -> str:
        """What of them changes vectors; empty for the defaults, so that earlier indexes stay valid."""
        parts = [f"/precision={self.precision}"] if self.precision else []
        return "".join([*parts, *(["/store=float16"] if self.store == "float16" else [])])

    @property
    def label(self) -> str:
        """The options that vectors depend on, as a name shows them."""
        shown = [f"{name}={self.given[name]}" for name in ("precision", "store") if name in self.given]
        return f"?{'&'.join(shown)}" if shown else ""


NO_OPTIONS = Options({})


def split_options(kind: str, text: str, valid: Mapping[str, Sequence[str]]) -> tuple[str, Options]:
    """The name before ``?``, and the options behind it; an existing path is never split.

    :param valid: Values of each option; none for an option that takes any.
    :raises UsageError: If an option or a value is unknown.
    """
    name, mark, query = text.partition("?")
    if not mark or Path(text).exists():
        return text, Options({})
    # Nothing is decoded: a path stays as it is written.
    given = {key: value for key, _, value in (part.partition("=") for part in query.split("&") if part)}
    for key, value in given.items():
        if key not in valid or (valid[key] and value not in valid[key]) or not value:
            known = ", ".join(f"{one}={'|'.join(values) or 'FILE'}" for one, values in valid.items())
            raise UsageError(f"encoder {kind}:{text}: unknown option {key}={value}; valid options: {known}")
    if not given:
        raise UsageError(f"encoder {kind}:{text}: an option is missing behind the '?'")
    return name, Options(given)


def torch_dtype(precision: str, default: str) -> Any:
    """The torch type of ``precision``, or of ``default`` where none is given."""
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision or default]
