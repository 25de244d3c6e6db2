"""Why an image is dead."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "bad_encoding",
    "bad_reference",
    "connect",
    "dns",
    "host_down",
    "http_403",
    "http_404",
    "http_410",
    "http_429",
    "http_4xx",
    "http_5xx",
    "http_other",
    "missing_file",
    "no_response",
    "noai",
    "not_fetched",
    "outside_source",
    "private_address",
    "timeout",
    "tls",
    "too_many_bytes",
    "too_many_pixels",
    "too_many_redirects",
    "too_small",
    "truncated",
    "truncated_body",
    "unreadable",
    "unsupported_format",
]


class DeadImageError(Exception):
    """An image that cannot be stored.

    :param reason: Ledger reason.
    :param detail: One line without absolute paths.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
