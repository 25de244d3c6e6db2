"""The bundled passages and questions: ``sample`` in place of ``KIND:FILE``."""

from __future__ import annotations

from pathlib import Path

SAMPLE = "sample"
PASSAGES = "passages"
_FOLDER = Path(__file__).parents[1] / "sample_pages" / "wiki"


def sample_file(name: str) -> Path:
    """FlashRAG file of the bundled ``passages``, or of the bundled questions of a split."""
    return _FOLDER / f"{name}.jsonl"
