"""The dataset card."""

from __future__ import annotations

from pathlib import Path

from nyxqa.schemas.manifest import Manifest


def write_card(out: Path, manifest: Manifest) -> None:
    """Write ``README.md``."""
    (out / "README.md").write_text("# card\n")
