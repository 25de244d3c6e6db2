"""What a dataset has less of than its recipe asks for, told at the end of the build, in report and card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nyxqa.builders.formatting import listed
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import DATASET

ANY = "any"  # kind of a quota that is of no kind


def shortfall_lines(manifest: Manifest) -> list[str]:
    """A line for each thing of which there is less than the recipe asks for."""
    summary = manifest.summary
    lines = []
    if lack := summary.get("sample_shortfall"):
        lines.append(f"split train has fewer documents to ask about than sample.count wants: {_missing(lack)}")
    for name, lack in summary.get("shortfall", {}).items():
        lines.append(f"split {name} has fewer questions than its quota: {_missing(lack)}")
    for dataset, (without, triplets) in summary.get("without_negatives", {}).items():
        lines.append(f"{without} of {triplets} triplets of {dataset} have no hard negative{_key(manifest, dataset)}")
    return lines


def has_negatives(manifest: Manifest) -> bool:
    """Whether any triplet has a negative."""
    triplets: Mapping[str, Any] = manifest.summary.get("negatives", {})
    return any(name != "0 a triplet" for name in triplets)


def _missing(lack: Mapping[str, int]) -> str:
    counts = (str(count) if kind == ANY else f"{count} of kind {kind}" for kind, count in lack.items())
    return f"{', '.join(counts)} are missing"


def _key(manifest: Manifest, dataset: str) -> str:
    """The setting that decides from which ranks negatives of ``dataset`` come; an import has none."""
    # A card is also written anew for a dataset of an earlier version, whose recipe may say less.
    own = {"negatives.ranks": manifest.recipe.get("negatives", {}).get("ranks")} if dataset == DATASET else {}
    texts = [text for text in manifest.recipe.get("text", []) if text["name"] == dataset]
    keys = own | {f"negatives of [[text]] {dataset}": text.get("negatives") for text in texts[:1]}
    for key, ranks in keys.items():
        if ranks is not None:
            return f": nothing was left of the ranks {ranks[0]} to {ranks[1]} that {key} names"
    return ""


def told_lines(told: Mapping[str, Any]) -> list[str]:
    """Labels, drops and calls in a few lines.

    :param told: Part ``feedback`` of the summary.
    """
    settings = told["settings"]
    asked, questions = told["asked"], told["questions"]
    dropped = listed(told["dropped"])
    pools = ", ".join(f"{pool} ({searched})" for pool, searched in told["pools"].items())
    rule = "of every right window" if settings["positives"] == "all" else "of the first right window"
    return [
        f"{told['labelled']} of {questions} questions labelled: {told['positives']} positives {rule}, "
        f"{told['negatives']} negatives; without negatives {told['without_negatives']}",
        f"right: closed-book {told['right_closed_book']}, at rank 1 {told['right_at_rank_1']}, "
        f"with any candidate {told['right_with_any']}; from F1 {settings['threshold']} on",
        f"dropped: {dropped}",
        f"asked {asked} times, {told['shared']} of them like another; {told['saved']} calls saved by early stops, "
        f"{told['failed']} without a usable answer",
        f"{told['generator']} answered with up to {settings['top_k']} candidates of {told['retriever']} in windows of "
        f"{settings['window']}; searched: {pools}",
    ]


def probe_line(found: Mapping[str, Any]) -> str:
    """What the options-only probe found, for people."""
    if "accuracy" not in found:
        return str(found.get("result", "not run"))
    share = {name: f"{100 * found[name]:.1f}" for name in ("accuracy", "low", "high", "chance")}
    return (
        f"{share['accuracy']} % of {found['questions']} questions (95 % interval {share['low']} to {share['high']}), "
        f"chance {share['chance']} %"
    )
