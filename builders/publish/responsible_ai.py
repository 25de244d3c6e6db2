"""Responsible-AI fields of ``croissant.json``: where data comes from, what is synthetic, its biases and limits."""

from __future__ import annotations

from typing import Any

from nyxqa.builders.formatting import counted
from nyxqa.builders.report.lines import has_negatives, judge_lines, shortfall_lines
from nyxqa.builders.report.review_figures import review_lines
from nyxqa.schemas.manifest import Manifest

_EXTRACTIVE = "extractive"
_CRAWLED = ("obelics",)


def responsible_ai(manifest: Manifest) -> dict[str, Any]:
    """Fields of Croissant's responsible-AI vocabulary 1.0, each from what the manifest says; none that it does not."""
    fields: dict[str, Any] = {
        "rai:dataCollection": _collection(manifest),
        "rai:dataCollectionType": _collection_types(manifest),
        "rai:dataCollectionMissingData": _missing(manifest),
        "rai:dataImputationProtocol": "Nothing missing is filled in: it is null, empty, or dropped with a reason.",
        "rai:dataPreprocessingProtocol": _preprocessing(manifest),
        "rai:dataAnnotationProtocol": _annotation(manifest),
        "rai:machineAnnotationTools": _tools(manifest),
        "rai:dataBiases": _biases(manifest),
        "rai:dataLimitations": _limitations(manifest),
        "rai:dataUseCases": _use_cases(manifest),
        "rai:personalSensitiveInformation": [
            "Names and contact data that stand in published pages are not removed.",
            "Metadata inside image files (EXIF, XMP, IPTC, comments) is removed.",
        ],
    }
    analysis = [
        f"{split}: {line}"
        for split, figures in manifest.summary.get("reviews", {}).items()
        for line in review_lines(figures)
    ]
    return {**fields, **({"rai:dataAnnotationAnalysis": analysis} if analysis else {})}


def _sources(manifest: Manifest) -> list[str]:
    recipe = manifest.recipe
    web = [recipe["web"]["source"]] if recipe.get("web") else []
    sets = [text["questions"] for section in ("text", "qa") for text in recipe.get(section) or []]
    return [*web, *sets, *(f"{one['kind']} {one['path']}" for one in recipe.get("import") or [])]


def _collection(manifest: Manifest) -> str:
    read = [stage for stage in manifest.stages if stage.name == "source"]
    pages = f"; {counted(read[0].rows_out, 'page')} read" if read else ""
    return f"Read from {', '.join(_sources(manifest)) or 'no source that the manifest names'}{pages}."


def _collection_types(manifest: Manifest) -> list[str]:
    """The vocabulary's own words."""
    recipe, found = manifest.recipe, []
    if recipe.get("web"):
        crawled = str(recipe["web"]["source"]).startswith(_CRAWLED)
        found.append("Web Scraping" if crawled else "Document analysis")
    if any(recipe.get(section) for section in ("text", "qa", "import")):
        found.append("Secondary Data Analysis")
    return found or ["Others"]


def _missing(manifest: Manifest) -> str:
    drops = manifest.summary.get("drops", {})
    listed = "; ".join(f"{reason} {count}" for reason, count in drops.items())
    return f"Dropped, each item with its reason in table ledger: {listed or 'nothing'}."


def _preprocessing(manifest: Manifest) -> list[str]:
    return [
        f"{stage.name}{f' ({stage.split})' if stage.split else ''}: {counted(stage.rows_in, stage.unit_in)} in, "
        f"{counted(stage.rows_out, stage.unit_out)} out, {stage.dropped} dropped"
        for stage in manifest.stages
    ]


def _generators(manifest: Manifest) -> dict[str, int]:
    generators: dict[str, int] = manifest.summary.get("generators", {})
    return generators


def _annotation(manifest: Manifest) -> list[str]:
    lines = [
        f"{count} questions and answers are synthetic, written by {name}"
        for name, count in _generators(manifest).items()
    ]
    evidence = manifest.summary.get("evidence", {})
    verified = evidence.get("verified", 0)
    if evidence:
        lines.append(
            f"{verified} of {sum(evidence.values())} questions were verified by a model against their evidence"
        )
    if has_negatives(manifest):
        lines.append(
            f"hard negatives are documents that a retriever ranks high, not judged unless said: {_miner(manifest)}"
        )
    return [*lines, *judge_lines(manifest)]


def _miner(manifest: Manifest) -> str:
    return str(manifest.recipe.get("negatives", {}).get("encoder", "unknown"))


def _tools(manifest: Manifest) -> list[str]:
    own = [f"{name} {version}" for name, version in manifest.versions.items() if name == "nyxqa"]
    miner = [_miner(manifest)] if has_negatives(manifest) else []
    return [*own, *_generators(manifest), *miner]


def _biases(manifest: Manifest) -> list[str]:
    lines = []
    for name, about in (("languages", "documents by language"), ("documents", "documents by kind")):
        if counts := manifest.summary.get(name):
            lines.append(f"{about}: {', '.join(f'{key} {count}' for key, count in counts.items())}")
    if _EXTRACTIVE in _generators(manifest):
        lines.append(
            "questions of generator extractive repeat the words of their document, which favours search by words, and "
            "take what a picture shows from its caption"
        )
    lines.append("documents speak as their sources do; no balance of topics, regions or people was sought")
    return lines


def _limitations(manifest: Manifest) -> list[str]:
    lines = [*shortfall_lines(manifest)]
    if _EXTRACTIVE in _generators(manifest):
        lines.append("not for comparing retrievers or reporting figures: questions without a model, no answer verified")
    if has_negatives(manifest) and not manifest.summary.get("judge"):
        lines.append("negatives were not judged: some may answer their question")
    lines += [f"differs from the paper: {line}" for line in manifest.deviations]
    return lines or ["none that the manifest names"]


def _use_cases(manifest: Manifest) -> list[str]:
    splits = manifest.splits("triplets")
    cases = ["training of mixed-modal retrievers"] if "train" in splits else []
    if {"validation", "test"} & set(splits) and set(_generators(manifest)) != {_EXTRACTIVE}:
        cases.append("comparing retrievers and retrieval-augmented generation on held-out pages")
    return cases or ["trying a pipeline"]
