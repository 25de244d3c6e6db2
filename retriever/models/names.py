"""How a model is named: a folder, a Hub name, a revision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nyxqa.schemas.errors import UsageError


@dataclass(frozen=True)
class ModelName:
    """Which checkpoint is meant.

    :param model: Name on the Hub or path of a folder.
    :param revision: Commit, tag or branch on the Hub; none for a folder.
    """

    model: str
    revision: str | None = None

    @property
    def label(self) -> str:
        """Name for tables: of a folder only its last part, so that no machine's paths are published."""
        path = Path(self.model)
        name = path.resolve().name if path.is_dir() else self.model
        return f"{name}@{self.revision}" if self.revision else name


def parse_model(text: str, kind: str) -> ModelName:
    """``MODEL[@REVISION]`` in parts; a path that exists is never cut at an @.

    :param kind: The encoder's kind, for the message.
    :raises UsageError: If a part is empty.
    """
    model, at, revision = text.rpartition("@")
    if not at or Path(text).exists():
        model, at, revision = text, "", ""
    if not model or (at and not revision):
        raise UsageError(f"encoder {kind}:{text}: expected {kind}:MODEL[@REVISION]")
    return ModelName(model, revision or None)
