"""Errors that a user can act on, each with the exit code of the command line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from nyxqa.schemas.credentials import redacted


class NyxqaError(Exception):
    """Base of every error nyxqa raises on purpose; the message is one line that says what to do."""

    exit_code = 1

    def __init__(self, *arguments: object) -> None:
        """Take the message; credentials are cut from the URLs in it."""
        super().__init__(*(redacted(one) if isinstance(one, str) else one for one in arguments))


class WorldError(NyxqaError):
    """A failure outside the program: a missing source, an unwritable folder, a full disk, a dead endpoint."""


class UsageError(NyxqaError):
    """Something knowable from the command line and the recipe alone."""

    exit_code = 2


class LawError(NyxqaError):
    """A law of the dataset is violated: the ledger does not add up, a leak, a dangling id."""

    exit_code = 3


class BudgetError(NyxqaError):
    """The run's budget is spent; nothing was published and the run can be continued."""

    exit_code = 4


class PendingError(NyxqaError):
    """Answers that were asked for in batches are not there yet; nothing was published and the run can be continued."""

    exit_code = 4


class ContentError(NyxqaError, ValueError):
    """Content whose numbers of placeholders and images differ."""

    exit_code = 3


class FormatError(NyxqaError):
    """A dataset folder that this version cannot read: missing, half published, changed, or of a newer format."""


class MissingExtraError(UsageError):
    """A package that only an extra brings is not installed."""


def one_line(error: BaseException, limit: int | None = None) -> str:
    """The message of ``error`` on one line; the name of its class if it has none.

    :param limit: Most characters; None for no limit.
    """
    return " ".join(str(error).split())[:limit] or type(error).__name__


def first_line(error: BaseException) -> str:
    """The first line of the message of ``error``; the name of its class if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def missing_extra(package: str, extra: str) -> MissingExtraError:
    """The error for a package that only an extra brings, with the line that installs it."""
    return MissingExtraError(f"{package} is not installed; install it in a checkout with: {install_line(extra)}")


def install_line(extra: str) -> str:
    """What installs ``extra`` where README installs nyxqa: in a checkout."""
    return f"pip install '.[{extra}]'"


def nearest(name: str, valid: Sequence[str]) -> str:
    """A hint with the valid name most similar to ``name``, else all of them."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; valid names: {', '.join(sorted(valid))}"
