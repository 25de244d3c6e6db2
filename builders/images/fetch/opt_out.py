"""Whether the owner of an image forbids its use for training models, by the response header ``X-Robots-Tag``."""

from __future__ import annotations

from collections.abc import Iterable

HEADER = "x-robots-tag"
_DIRECTIVES = frozenset(("noai", "noimageai"))
_AGENTS = frozenset(("*", "nyxqa"))
# Directives with a value after a colon, where other directives have the name of the crawler that the next ones are for.
_WITH_VALUE = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))


def opt_out(values: Iterable[str]) -> str | None:
    """The directive for every crawler, or for this one, that forbids training; None if there is none.

    :param values: The header's values.
    """
    for value in values:
        agent = "*"
        for entry in value.lower().split(","):
            name, colon, rest = (piece.strip() for piece in entry.partition(":"))
            if colon and name not in _WITH_VALUE:
                agent, name = name, rest
            if name in _DIRECTIVES and agent in _AGENTS:
                return name
    return None
