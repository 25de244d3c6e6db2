"""What of a pool is at hand and published, by the manifest and the work folder of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nyxqa.builders.engine.part_files import is_done
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.workdir import step_folder
from nyxqa.builders.stages.names import pool_stage
from nyxqa.schemas.manifest import Manifest


def passages_of(manifest: Manifest, work: Path, pool: str) -> StepOutput | None:
    """The build's output with all passages of ``pool``, or None if it is missing."""
    stage = pool_stage(pool)
    entry = next((entry for entry in manifest.stages if entry.name == stage), None)
    if entry is None:
        return None
    folder = step_folder(work, stage, "", entry.fingerprint)
    return StepOutput(entry.fingerprint, folder) if is_done(folder) else None


def sections_of(manifest: Manifest, pool: str) -> list[dict[str, Any]]:
    """The sections of question sets whose documents are in ``pool``."""
    sections = [*manifest.recipe.get("text", []), *manifest.recipe.get("qa", [])]
    return [section for section in sections if (section["pool"] or section["name"]) == pool]


def publishes_all(manifest: Manifest, pool: str) -> bool:
    """Whether table ``corpus`` holds all passages of ``pool``."""
    return any(section["keep"] == "all" for section in sections_of(manifest, pool))


def publishes_retrieved(manifest: Manifest, pool: str) -> bool:
    """Whether ``pool`` is what was retrieved for all questions, which stage 2 then searches (Nyx paper)."""
    kept = {section["keep"] for section in sections_of(manifest, pool)}
    return "retrieved" in kept and "all" not in kept
