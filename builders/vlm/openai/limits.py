"""Limits of a run: retries and timeouts of a request, the budget of requests and tokens."""

from __future__ import annotations

from dataclasses import dataclass

from nyxqa.schemas.errors import BudgetError
from nyxqa.schemas.web.retry_policy import RetryPolicy


@dataclass(frozen=True, slots=True)
class EndpointPolicy(RetryPolicy):
    """When to retry and when to give up on an endpoint.

    :param connect: Seconds to reach the server.
    :param read: Seconds between two pieces of its response.
    :param total: Seconds until a response is complete, however often a piece of it comes.
    :param streak: Consecutive failed requests after which the endpoint counts as dead.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    jitter: float = 0.5
    connect: float = 10.0
    read: float = 600.0
    total: float = 1800.0
    streak: int = 16


@dataclass(slots=True)
class Usage:
    """Requests and tokens of this run; models that share a budget share one instance.

    :param requests: Requests sent, retries included.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def check(self, max_requests: int | None, max_tokens: int | None) -> None:
        """Raise if another request would exceed the budget; requests in flight may exceed ``max_tokens``.

        :raises BudgetError: With what was spent and how to continue.
        """
        spent = f"{self.requests} requests, {self.tokens} tokens"
        if max_requests is not None and self.requests >= max_requests:
            raise BudgetError(f"budget vlm.max_requests = {max_requests} is spent ({spent}); run again to continue")
        if max_tokens is not None and self.tokens >= max_tokens:
            raise BudgetError(f"budget vlm.max_tokens = {max_tokens} is spent ({spent}); run again to continue")
