"""What a training writes beside the weights: card, figures, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from nyxqa.retriever.evaluation.bootstrap import Interval
from nyxqa.retriever.evaluation.evaluate import Line
from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.vision_model import VisionTextModel
from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.evaluation import TRAINED, WATCHED
from nyxqa.retriever.training.metrics import METRICS, Panel, plot, read_metrics
from nyxqa.retriever.training.model_card import Card, Usage, write_card
from nyxqa.schemas.files import write_json
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import find_published

EVALUATION = "evaluation.json"
CURVES = "curves.png"


def save_model(model: EmbeddingModel, out: Path, merge: bool) -> None:
    """Write the folder of a model, its adapters merged into its weights if wanted."""
    if merge and isinstance(model, VisionTextModel):
        model.save(out, merged=True)
    else:
        model.save(out)


def adapter_settings(model: EmbeddingModel) -> dict[str, Any]:
    """The shape of a model's adapters, for its card."""
    if not isinstance(model, VisionTextModel) or not model.adapted:
        return {}
    config: Any = next(iter(model.module.peft_config.values()))  # type: ignore[operator]
    targets = config.target_modules
    return {
        "lora_rank": config.r,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": config.lora_dropout,
        "dora": config.use_dora,
        "lora_targets": targets if isinstance(targets, str) else sorted(targets),
    }


def model_card(
    model: EmbeddingModel,
    spec: str,
    data: Path,
    rows: str,
    steps: int,
    settings: Mapping[str, Any],
    lines: Sequence[Line],
) -> Card:
    """The card of a trained model.

    :param spec: Name of the model that training started from.
    :param rows: What it was trained on: table and number of rows.
    """
    kind, _, path = spec.partition(":")
    started = ModelName(path).label if path else ""
    adapted, base, embedder = False, started, None
    if isinstance(model, VisionTextModel):
        embedder, adapted = model.settings, model.adapted
        if embedder.base:
            base = ModelName(embedder.base, embedder.base_revision or None).label
    usage = Usage(kind, embedder, adapted, base)
    return Card(
        kind,
        base,
        data.resolve().name,
        _licenses(data),
        rows,
        steps,
        settings,
        lines,
        TRAINED,
        usage,
    )


def _licenses(data: Path) -> dict[str, int]:
    """Documents of the corpus by licence, most frequent first; the empty name counts those that state none."""
    found: dict[str, int] = {}
    for pool in find_published(data, None, ("corpus",)).manifest.splits("corpus"):
        corpus: Any = load("corpus", data, split=pool, images="none", join=False)
        for one in pc.value_counts(corpus.data.column("license")).to_pylist():
            name = one["values"] or ""
            found[name] = found.get(name, 0) + one["counts"]
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def write_results(out: Path, card: Card, gains: Mapping[str, Interval]) -> None:
    """Write card, figures and curves into the folder of a trained model."""
    write_card(out, card)
    figures = [line.as_dict() for line in card.lines]
    write_json(out / EVALUATION, {"gains": {metric: asdict(one) for metric, one in gains.items()}, "figures": figures})
    plot(out / CURVES, curves(read_metrics(out / METRICS), card.lines))


def curves(lines: Sequence[Mapping[str, Any]], figures: Sequence[Line]) -> list[Panel]:
    """Loss, and recall@1 and MRR on validation with BM25 and the untrained model as reference levels."""
    loss = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    panels = [Panel("loss", {"train": loss}, {})]
    whole = [one for one in figures if one.dataset == one.kind == "all"]
    longest = max((one.dim for one in whole), default=0)
    for metric in WATCHED if whole else ():
        points = [(line["step"], line["evaluation"][metric]) for line in lines if "evaluation" in line]
        levels = {
            one.system: one.value.mean
            for one in whole
            if one.metric == metric and one.system != TRAINED and one.dim in (0, longest)
        }
        panels.append(Panel(f"{metric} on validation", {TRAINED: points}, levels))
    return panels
