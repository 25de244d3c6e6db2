"""One batch over several devices: which device a process has, gathered vectors, summed gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from nyxqa.schemas.errors import missing_extra

if TYPE_CHECKING:
    import torch

Made = TypeVar("Made")
# One process may read a large dataset, or write a model, for long while the others wait for it.
_WAIT_HOURS = 24
# Numbers of an all-reduce: gradients of a whole network are summed piece by piece, not copied at once (64 MB).
_SUMMED = 16_777_216


def start_processes(precision: str = "no") -> Any:
    """The ``Accelerator`` of this process: alone, or one of those that torchrun or accelerate launched.

    :raises UsageError: If accelerate is not installed.
    """
    from datetime import timedelta

    try:
        from accelerate import Accelerator
        from accelerate.utils import InitProcessGroupKwargs
    except ImportError as error:
        raise missing_extra("accelerate", "train") from error
    waiting = InitProcessGroupKwargs(timeout=timedelta(hours=_WAIT_HOURS))
    return Accelerator(mixed_precision=precision, kwargs_handlers=[waiting])


def once(accelerator: Any, make: Callable[[], Made]) -> Made:
    """What the main process makes, in every process."""
    if accelerator.num_processes == 1:
        return make()
    from accelerate.utils import broadcast_object_list

    shared: list[Any] = [make() if accelerator.is_main_process else None]
    made: Made = broadcast_object_list(shared)[0]
    return made


def gather_vectors(accelerator: Any, vectors: torch.Tensor) -> torch.Tensor:
    """Vectors of all devices, concatenated in device order; those of this device keep their gradient.

    Each device computes the loss of the whole batch, so the sum of the gradients over the devices
    (``sum_gradients``) equals the gradient on one device with the whole batch.

    :param accelerator: The ``Accelerator`` of accelerate.
    :param vectors: Float [any number, dim].
    """
    import torch

    if accelerator.num_processes == 1:
        return vectors
    counts = accelerator.gather(torch.tensor([len(vectors)], device=vectors.device)).tolist()
    padded = torch.zeros((max(counts), vectors.shape[1]), dtype=vectors.dtype, device=vectors.device)
    padded[: len(vectors)] = vectors.detach()
    everyone = accelerator.gather(padded).split(max(counts))
    pieces = [piece[:count] for piece, count in zip(everyone, counts, strict=True)]
    pieces[accelerator.process_index] = vectors
    return torch.cat(pieces)


def gather_lists(accelerator: Any, items: Sequence[Any]) -> list[Any]:
    """Items of all devices, concatenated in device order."""
    if accelerator.num_processes == 1:
        return list(items)
    from accelerate.utils import gather_object

    gathered: list[Any] = gather_object(list(items))
    return gathered


def sum_gradients(accelerator: Any, parameters: Sequence[torch.nn.Parameter]) -> None:
    """Replace each gradient by its sum over the devices; called once a step, after its last chunk."""
    import torch

    if accelerator.num_processes == 1:
        return
    for one in parameters:
        if one.grad is None:  # unused by the inputs of this device
            one.grad = torch.zeros_like(one)
    together: list[torch.nn.Parameter] = []
    for one in parameters:
        together.append(one)
        if sum(each.numel() for each in together) >= _SUMMED:
            _sum(accelerator, together)
            together = []
    if together:
        _sum(accelerator, together)


def _sum(accelerator: Any, parameters: Sequence[torch.nn.Parameter]) -> None:
    import torch

    flat = accelerator.reduce(torch.cat([one.grad.reshape(-1) for one in parameters if one.grad is not None]), "sum")
    sizes = [one.numel() for one in parameters]
    for one, piece in zip(parameters, flat.split(sizes), strict=True):
        one.grad = piece.view_as(one).to(one.dtype)
