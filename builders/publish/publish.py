"""Publishing an assembled dataset: files are linked into place, the manifest is written last."""

from __future__ import annotations

import shutil
from pathlib import Path

from nyxqa.builders.assembly.inputs import RESULT
from nyxqa.builders.publish.card import write_card
from nyxqa.builders.publish.croissant import write_croissant
from nyxqa.builders.report.page import refresh_page
from nyxqa.schemas.files import flush_folder, read_json, write_json
from nyxqa.schemas.manifest import MANIFEST, WORK, Manifest, read_manifest, write_manifest

_STARTED = "publishing.json"


def drop_edited(assembled: Path) -> str | None:
    """Remove assembled tables if one of their files was changed after they were complete; returns that file's path.

    Published files are hard links to them, so a write into a published file changes these too.
    """
    result = assembled / RESULT
    if not result.exists():
        return None
    completed = result.stat().st_mtime_ns
    for file in sorted((assembled / "data").rglob("*.parquet")):
        if file.stat().st_mtime_ns > completed:
            shutil.rmtree(assembled)
            shutil.rmtree(assembled.parent.with_name("assemble.corpus"), ignore_errors=True)  # linked, too
            return file.relative_to(assembled).as_posix()
    return None


def publish(assembled: Path, out: Path, manifest: Manifest) -> str:
    """Replace the dataset in ``out`` by the tables below ``assembled``; returns what went wrong with its report, or "".

    A publication that is stopped is completed by the next run: only the manifest says which splits are published, and
    during the replacement there is no manifest.
    """
    write_manifest(assembled, manifest)
    write_json(out / WORK / _STARTED, {"assembled": assembled.relative_to(out).as_posix()})
    return complete_publishing(out)


def complete_publishing(out: Path) -> str:
    """Finish a publication that was started, if there is one; returns what went wrong with its report, or "".

    The old manifest is removed first: a reader in between finds no dataset rather than a mixed one. Files are linked,
    not moved, so that a run that is stopped here can repeat it.
    """
    started = out / WORK / _STARTED
    if not started.exists():
        return ""
    failure = ""
    assembled = out / read_json(started)["assembled"]
    if assembled.exists():  # else the work folder was cleared, and the build assembles them again
        _replace(assembled, out, read_manifest(assembled))
        failure = refresh_page(out)
    started.unlink()
    return failure


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
    write_croissant(out, manifest)
    flush_folder(out)
    write_manifest(out, manifest)
