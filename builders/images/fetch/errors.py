"""Why a URL gave no bytes, and whether to try again."""

from __future__ import annotations

from nyxqa.builders.images.errors import Reason

_BY_STATUS: dict[int, Reason] = {403: "http_403", 404: "http_404", 410: "http_410", 429: "http_429"}
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))


class FetchError(Exception):
    """A request that gave no image file.

    :param reason: Ledger reason if no further try succeeds.
    :param detail: One line about it, without the URL.
    :param transient: Whether another try may succeed.
    :param retry_after: Seconds that the server asks to wait.
    """

    def __init__(self, reason: Reason, detail: str, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
        self.transient = transient
        self.retry_after = retry_after


def status_error(status: int, retry_after: float | None) -> FetchError:
    """The failure that an HTTP status means."""
    other: Reason = "http_5xx" if 500 <= status < 600 else "http_4xx" if 400 <= status < 500 else "http_other"
    return FetchError(_BY_STATUS.get(status, other), f"status {status}", status in _TRANSIENT, retry_after)
