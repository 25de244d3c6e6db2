"""What a run spends on a model, and its budget."""

from __future__ import annotations

from dataclasses import dataclass

from nyxqa.schemas.errors import BudgetError


@dataclass(slots=True)
class Usage:
    """Requests and tokens of this run; share one among the models of a run to share the budget.

    :param requests: Requests sent, repeated ones included.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def check(self, max_requests: int | None, max_tokens: int | None) -> None:
        """Raise if another request would exceed the budget; answers under way may exceed ``max_tokens``.

        :raises BudgetError: With what was spent and how to go on.
        """
        spent = f"{self.requests} requests, {self.tokens} tokens"
        if max_requests is not None and self.requests >= max_requests:
            raise BudgetError(f"budget vlm.max_requests = {max_requests} is spent ({spent}); run again to go on")
        if max_tokens is not None and self.tokens >= max_tokens:
            raise BudgetError(f"budget vlm.max_tokens = {max_tokens} is spent ({spent}); run again to go on")
