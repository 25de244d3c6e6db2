"""One batch over several devices: which device a process has, gathered vectors, summed gradients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nyxqa.schemas.errors import NyxqaError, missing_extra

if TYPE_CHECKING:
    import torch

Made = TypeVar("Made")
Precision = Literal["auto", "no", "bf16"]
# One process may read a large dataset, or write a model, for long while the others wait for it.
_WAIT_HOURS = 24
# Numbers of an all-reduce: gradients of a whole network are summed piece by piece, not copied at once (64 MB).
_SUMMED = 16_777_216


def start_processes(precision: Precision = "auto") -> Any:
    """The ``Accelerator`` of this process: alone, or one of those that torchrun or accelerate launched.

    Each process has a device of its own. Where the run asks for the processor (``ACCELERATE_USE_CPU``), no GPU is used.

    :raises UsageError: If accelerate is not installed.
    """
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import InitProcessGroupKwargs
    except ImportError as error:
        raise missing_extra("accelerate", "train") from error
    if precision == "auto":
        precision = "bf16" if _has_bf16() else "no"
    AcceleratorState._reset_state()  # of an earlier run in this process, which may have had another precision
    waiting = InitProcessGroupKwargs(timeout=timedelta(hours=_WAIT_HOURS))
    return Accelerator(mixed_precision=precision, kwargs_handlers=[waiting])


def _has_bf16() -> bool:
    import torch

    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    return not on_cpu and torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def once(accelerator: Any, make: Callable[[], Made]) -> Made:
    """What the main process makes, in every process; if it raises an error, the others end without a message."""
    if accelerator.num_processes == 1:
        return make()
    from accelerate.utils import broadcast_object_list

    made, error = None, None
    if accelerator.is_main_process:
        try:
            made = make()
        except NyxqaError as raised:
            error = raised
    shared: list[Any] = [made, None if error is None else error.exit_code]
    broadcast_object_list(shared)
    if error is not None:
        raise error
    if shared[1] is not None:
        raise SystemExit(shared[1])
    found: Made = shared[0]
    return found


@contextmanager
def quiet_but_main(accelerator: Any) -> Iterator[None]:
    """End a process beside the main one without a message where all raise the same error."""
    try:
        yield
    except NyxqaError as error:
        if accelerator.is_main_process:
            raise
        raise SystemExit(error.exit_code) from error


def same_weights(accelerator: Any, parameters: Sequence[torch.nn.Parameter]) -> None:
    """Let every process start from the main one's weights."""
    import torch

    if accelerator.num_processes == 1:
        return
    with torch.no_grad():
        for one in parameters:
            torch.distributed.broadcast(one.data, 0)


def end_processes() -> None:
    """Leave the group of processes, if there is one."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


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
