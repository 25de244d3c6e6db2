"""Making an assembled dataset visible: files move into place, the manifest comes last."""

from __future__ import annotations

import shutil
from pathlib import Path

from nyxqa.builders.assembly.inputs import RESULT
from nyxqa.builders.publish.card import write_card
from nyxqa.schemas.files import flush_folder, read_json, write_json
from nyxqa.schemas.manifest import MANIFEST, WORK, Manifest, read_manifest, write_manifest

_BEGUN = "publishing.json"


def drop_edited(assembled: Path) -> str | None:
    """Forget assembled tables if one of their files was written to after they were whole; gives that file's path.

    What is published are links to them, so whoever writes into a published file writes into these.
    """
    result = assembled / RESULT
    if not result.exists():
        return None
    whole = result.stat().st_mtime_ns
    for file in sorted((assembled / "data").rglob("*.parquet")):
        if file.stat().st_mtime_ns > whole:
            shutil.rmtree(assembled)
            return file.relative_to(assembled).as_posix()
    return None


def publish(assembled: Path, out: Path, manifest: Manifest) -> None:
    """Replace what ``out`` shows by the tables below ``assembled``.

    Once begun it is completed, by the next run if this one is stopped: which splits are published is known from the
    manifest alone, and for a moment there is none.
    """
    write_manifest(assembled, manifest)
    write_json(out / WORK / _BEGUN, {"assembled": assembled.relative_to(out).as_posix()})
    complete_publishing(out)


def complete_publishing(out: Path) -> None:
    """Do what is left of a publication that was begun.

    The old manifest goes first: whoever looks in between finds no dataset rather than a mixed one. Files are linked,
    not moved, so that a run stopped here finds everything again.
    """
    begun = out / WORK / _BEGUN
    if not begun.exists():
        return
    assembled = out / read_json(begun)["assembled"]
    if assembled.exists():  # else someone cleared the work folder, and the build makes it again
        _replace(assembled, out, read_manifest(assembled))
    begun.unlink()


def _replace(assembled: Path, out: Path, manifest: Manifest) -> None:
    (out / MANIFEST).unlink(missing_ok=True)
    fresh = out / WORK / "data"
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
