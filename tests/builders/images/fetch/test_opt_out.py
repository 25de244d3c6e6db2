"""Headers that forbid training."""

from __future__ import annotations

import pytest

from nyxqa.builders.images.fetch.request import opt_out


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["noindex, nofollow"], None),
        (["noai"], "noai"),
        (["NoImageAI , noindex"], "noimageai"),
        (["noindex", "noai"], "noai"),
        (["otherbot: noindex, noai"], None),
        (["otherbot: noindex, nyxqa: noai"], "noai"),
        (["*: noai"], "noai"),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"], "noai"),
        (["max-image-preview: large, noimageai"], "noimageai"),
        (["noaiss, xnoai"], None),
    ],
)
def test_directives_for_this_crawler_count(values: list[str], expected: str | None) -> None:
    assert opt_out(values) == expected
