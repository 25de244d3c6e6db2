"""What a text needs to become content."""

from __future__ import annotations

from typing import Any

from nyxqa.schemas.content import PLACEHOLDER


def fault(text: Any) -> tuple[str, str] | None:
    """Reason and detail if ``text`` cannot be a question or passage of its own; nothing if it can."""
    if not isinstance(text, str):
        return "bad_type", f"expected text, found {type(text).__name__}"
    if not text.strip():
        return "empty_text", ""
    if PLACEHOLDER in text:
        return "placeholder", "the text holds a placeholder and there is no image"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return "bad_unicode", str(error)
    return None
