"""A model's server is asked once before anything is read, and what batches of earlier runs answered is taken in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from nyxqa.builders.engine.part_files import is_done
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.schemas.errors import NyxqaError


def ask_first(handle: VlmHandle, steps: Iterable[Path], sends_pictures: Callable[[], bool], progress: Progress) -> None:
    """Send a tiny request, with a picture too where pictures will be sent, unless every step that asks is finished.

    :param steps: Folders of the steps that ask the model.
    :raises WorldError: If the server does not answer, refuses the key or the model, or takes no pictures.
    :raises BudgetError: If the budget is spent.
    :raises PendingError: If requests are asked in batches and one has not ended.
    """
    if handle.info.is_local or all(is_done(step) for step in steps):
        return
    try:
        handle.collect()
        handle.probe(pictures=sends_pictures())
    except NyxqaError:
        handle.close()
        raise
    finally:
        say_agreed(handle, progress)


def say_agreed(handle: VlmHandle, progress: Progress) -> None:
    """Say what was agreed with the model's server, and what happened to batches, since the last time."""
    for line in handle.notes():
        progress.say(line)
