"""What tokens cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nyxqa.schemas.errors import UsageError

_PRICED = 1_000_000  # tokens that a price is for


@dataclass(frozen=True)
class Price:
    """Prices of a million tokens, in whatever currency.

    :param prompt: Of prompts.
    :param completion: Of answers.
    """

    prompt: float
    completion: float

    @classmethod
    def parse(cls, text: str) -> Price:
        """The prices of ``IN,OUT``.

        :raises UsageError: If ``text`` is not two numbers of at least 0.
        """
        try:
            prompt, completion = map(float, text.split(","))
        except ValueError:
            prompt = completion = math.nan
        if not (0 <= prompt < math.inf and 0 <= completion < math.inf):
            raise UsageError(
                f"--price {text!r} is not IN,OUT; give prices of a million prompt and answer tokens, as in 0.4,1.6"
            )
        return cls(prompt, completion)

    @classmethod
    def given(cls, price: str | None, estimate: bool) -> Price | None:
        """The prices of ``--price``, if it was given.

        :raises UsageError: If it is given without ``--estimate``, or is not two numbers.
        """
        if price is None:
            return None
        if not estimate:
            raise UsageError("--price says what an estimate costs; give --estimate as well")
        return cls.parse(price)

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / _PRICED
