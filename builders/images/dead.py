"""Why an image is dead."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "bad_reference",
    "missing_file",
    "not_fetched",
    "outside_source",
    "too_many_bytes",
    "too_many_pixels",
    "too_small",
    "truncated",
    "unreadable",
    "unsupported_format",
]


class DeadImageError(Exception):
    """An image that cannot be kept.

    :param reason: Ledger reason.
    :param detail: One line without absolute paths.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
