"""Making an assembled dataset visible: files move into place, the manifest comes last."""

from __future__ import annotations

import shutil
from pathlib import Path

from nyxqa.builders.card import write_card
from nyxqa.schemas.files import flush_folder
from nyxqa.schemas.manifest import MANIFEST, Manifest, write_manifest


def publish(assembled: Path, out: Path, manifest: Manifest) -> None:
    """Replace what ``out`` shows by the tables below ``assembled``.

    The old manifest goes first: whoever looks in between finds no dataset rather than a mixed one. Files are linked,
    not moved, so that a run stopped here finds everything again.
    """
    (out / MANIFEST).unlink(missing_ok=True)
    fresh = out / ".work" / "data"
    shutil.rmtree(fresh, ignore_errors=True)
    for name in manifest.files:
        target = fresh / Path(name).relative_to("data")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(assembled / name)
    shutil.rmtree(out / "data", ignore_errors=True)
    fresh.rename(out / "data")
    write_card(out, manifest)
    flush_folder(out)
    write_manifest(out, manifest)
