"""Checkpoints: the state with which an interrupted run ends as if it had not been interrupted."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.files import replacing

if TYPE_CHECKING:
    import torch

_NAME = re.compile(r"step-(\d{8})\.pt\Z")


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a run, one atomically written file each.

    :param folder: Their folder.
    :param digest: Digest of what a run and its continuation must share.
    :param keep: Number of checkpoints to retain.
    """

    folder: Path
    digest: str
    keep: int

    def save(self, step: int, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Write the trained weights and the optimiser's state after ``step`` steps, then remove old checkpoints."""
        import torch

        weights = {name: one.detach().cpu() for name, one in module.named_parameters() if one.requires_grad}
        state = {"digest": self.digest, "step": step, "weights": weights, "optimizer": optimizer.state_dict()}
        with replacing(self.folder / f"step-{step:08d}.pt") as temporary:
            torch.save(state, temporary)
        for old in self._files()[: -self.keep]:
            old.unlink()

    def restore(self, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> int:
        """Restore the last checkpoint; return its number of steps, 0 if there is none.

        :raises UsageError: If it belongs to a run with other settings, rows or number of processes.
        :raises WorldError: If it cannot be read or fits another model.
        """
        files = self._files()
        if not files:
            return 0
        state = _read(files[-1])
        if state["digest"] != self.digest:
            raise UsageError(
                f"{files[-1]} belongs to a run with other settings, rows or processes; repeat that run's command to "
                "resume it, or train into another folder"
            )
        import torch

        trained = {name: one for name, one in module.named_parameters() if one.requires_grad}
        if trained.keys() != state["weights"].keys():
            raise WorldError(f"{files[-1]} holds the weights of another model; train into another folder")
        with torch.no_grad():
            for name, one in trained.items():
                one.copy_(state["weights"][name])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def any(self) -> bool:
        """Whether there is a checkpoint."""
        return bool(self._files())

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("step-*.pt") if _NAME.match(path.name))


def _read(path: Path) -> dict[str, Any]:
    import pickle

    import torch

    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise WorldError(f"{path} cannot be read: {error}; remove it to resume from the one before") from error
    return state
