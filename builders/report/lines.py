"""Lines about a dataset for the end of a build, report and card: what there is, shortfalls, feedback, probe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.formatting import counted, listed
from nyxqa.schemas.loading.published import DEFAULT_FOLDER
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import DATASET, QA_SPLITS

ANY = "any"  # kind of a quota that is not limited to one kind


def shortfall_lines(manifest: Manifest) -> list[str]:
    """A line for each count that falls short of the recipe."""
    summary = manifest.summary
    lines = []
    if lack := summary.get("sample_shortfall"):
        lines.append(f"split train has fewer seed documents than sample.count: {_missing(lack)}")
    for name, lack in summary.get("shortfall", {}).items():
        lines.append(f"split {name} has fewer questions than its quota: {_missing(lack)}")
    for dataset, (without, triplets) in summary.get("without_negatives", {}).items():
        lines.append(f"{without} of {triplets} triplets of {dataset} have no hard negative{_key(manifest, dataset)}")
    for name, report in summary.get("repairs", {}).items():
        for archive, count in report.get("archives", {}).items():
            lines.append(f"import {name}: archive {archive}, {counted(count, 'row')} dropped")
    return lines


def has_negatives(manifest: Manifest) -> bool:
    """Whether any triplet has a negative."""
    triplets: Mapping[str, Any] = manifest.summary.get("negatives", {})
    return any(name != "0 a triplet" for name in triplets)


def _missing(lack: Mapping[str, int]) -> str:
    counts = (str(count) if kind == ANY else f"{count} of kind {kind}" for kind, count in lack.items())
    return f"{', '.join(counts)} are missing"


def _key(manifest: Manifest, dataset: str) -> str:
    """The setting that limits the ranks of negatives of ``dataset``; "" for an import, which has none."""
    # Cards are also rewritten for datasets of earlier versions, whose recipes may lack keys.
    own = {"negatives.ranks": manifest.recipe.get("negatives", {}).get("ranks")} if dataset == DATASET else {}
    texts = [text for text in manifest.recipe.get("text", []) if text["name"] == dataset]
    keys = own | {f"negatives of [[text]] {dataset}": text.get("negatives") for text in texts[:1]}
    for key, ranks in keys.items():
        if ranks is not None:
            return f": no usable document at ranks {ranks[0]} to {ranks[1]} ({key})"
    return ""


def feedback_lines(outcome: Mapping[str, Any]) -> list[str]:
    """Labels, drops and model calls in a few lines.

    :param outcome: Part ``feedback`` of the summary.
    """
    settings = outcome["settings"]
    prompts, questions = outcome["asked"], outcome["questions"]
    dropped = listed(outcome["dropped"])
    pools = ", ".join(f"{pool} ({searched})" for pool, searched in outcome["pools"].items())
    rule = "of every right window" if settings["positives"] == "all" else "of the first right window"
    return [
        f"{outcome['labelled']} of {questions} questions labelled: {outcome['positives']} positives {rule}, "
        f"{outcome['negatives']} negatives; {outcome['without_negatives']} questions without negatives",
        f"correct: closed-book {outcome['right_closed_book']}, at rank 1 {outcome['right_at_rank_1']}, "
        f"with any candidate {outcome['right_with_any']}; F1 threshold {settings['threshold']}",
        f"dropped: {dropped}",
        f"{prompts} prompts, {outcome['shared']} of them equal to another; {outcome['saved']} calls saved by early "
        f"stops, {outcome['failed']} without a usable answer",
        f"{outcome['generator']} answered with up to {settings['top_k']} candidates of {outcome['retriever']} in "
        f"windows of {settings['window']}; searched: {pools}",
    ]


def judge_lines(manifest: Manifest) -> list[str]:
    """How many negatives answered their question, dataset by dataset; one line where none was judged."""
    judged = manifest.summary.get("judge", {})
    if not judged:
        return ["not judged: no model was asked whether a negative answers its question"]
    return [f"{name}: {_judge_line(counts)}" for name, counts in judged.items()]


def _judge_line(counts: Mapping[str, Any]) -> str:
    failed = f"; {counts['failed']} got no usable answer" if counts["failed"] else ""
    if not counts["judged"]:
        return f"none of the negatives of {counted(counts['questions'], 'question')} was judged{failed}"
    share = {name: f"{100 * counts[name]:.1f}" for name in ("rate", "low", "high")}
    if mended := counts.get("corrected"):
        rate, low, high = (f"{100 * mended[name]:.1f}" for name in ("rate", "low", "high"))
        errors = f"the judge's errors on {counted(mended['reviewed'], 'reviewed document')}"
        failed += f"; corrected by {errors}: {rate} % ({low} to {high})"
    return (
        f"{counts['found']} of {counts['judged']} judged negatives answer their question, so were false: "
        f"{share['rate']} % (95 % interval {share['low']} to {share['high']}); {counts['positives']} became positives"
        f"{failed}"
    )


def probe_line(probe: Mapping[str, Any]) -> str:
    """The result of the options-only probe as text."""
    if "accuracy" not in probe:
        return str(probe.get("result", "not run"))
    share = {name: f"{100 * probe[name]:.1f}" for name in ("accuracy", "low", "high", "chance")}
    return (
        f"{share['accuracy']} % of {probe['questions']} questions (95 % interval {share['low']} to {share['high']}), "
        f"chance {share['chance']} %"
    )


# Details that are too short to be understood beside their reason.
_IN_WORDS = {"too_few_distractors": "{} wrong options found"}


def explained(reason: str, detail: str) -> str:
    """The detail of a ledger row in words: ``2 of 3 wrong options found``."""
    return _IN_WORDS.get(reason, "{}").format(detail) if detail else ""


def ending_lines(out: Path, manifest: Manifest) -> list[str]:
    """What is there and what to do next.

    For example ``nyxqa_data is ready: 703 train triplets (587 web, 116 wiki), 306 documents, 245 images.``
    """
    splits = [split for split in QA_SPLITS if split in manifest.splits("triplets")]
    rows = {split: _rows(manifest, "triplets", split) for split in splits}
    parts = []
    for split in splits[:1]:
        pools = _pools(out, manifest, split)
        named = ", ".join(f"{count:,} {pool}" for pool, count in pools.items())
        parts.append(f"{counted(rows[split], f'{split} triplet')}{f' ({named})' if len(pools) > 1 else ''}")
    parts += [f"{rows[split]:,} {split}" for split in splits[1:]]
    documents = sum(_rows(manifest, "corpus", pool) for pool in manifest.splits("corpus"))
    parts.append(counted(documents, "document"))
    images = manifest.summary.get("images", {}).get("distinct")
    if images is not None:
        parts.append(counted(images, "image"))
    where = "" if str(out) == DEFAULT_FOLDER else f'"{out}", '
    load = f'nyxqa.load("triplets", {where}split="{splits[0]}")' if splits else f"nyxqa sql {out} ..."
    return [
        f"{out} is ready: {', '.join(parts)}.",
        f"look: nyxqa browse {out}   why dropped: nyxqa report {out}   use: {load}",
    ]


def _rows(manifest: Manifest, table: str, split: str) -> int:
    return sum(manifest.files[path].rows for path in manifest.paths(table, split))


def _pools(out: Path, manifest: Manifest, split: str) -> dict[str, int]:
    """Triplets of a split by pool, most first; one file in memory at a time."""
    pools: dict[str, int] = {}
    for path in manifest.paths("triplets", split):
        for one in pc.value_counts(pq.read_table(out / path, columns=["pool"])["pool"]).to_pylist():
            pools[one["values"]] = pools.get(one["values"], 0) + one["counts"]
    return dict(sorted(pools.items(), key=lambda item: (-item[1], item[0])))
