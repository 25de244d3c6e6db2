"""``nyxqa improve``: whether training on a dataset helps on its own held-out pages."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.evaluation.bootstrap import Interval, interval
from nyxqa.retriever.evaluation.evaluate import Question, pool_entries, question_entries
from nyxqa.retriever.evaluation.ranking import measures
from nyxqa.retriever.evaluation.test_set import Searched, read_test_set
from nyxqa.retriever.training.improvement_page import write_page
from nyxqa.retriever.training.train import train_on
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.files import write_json
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import find_published
from nyxqa.schemas.recipe_train import Train

RESULT, PAGE = "improvement.json", "improvement.html"
METRICS = ("recall@1", "recall@5", "mrr", "ndcg@10")
JUDGED = "mrr"
SYSTEMS = ("base", "tuned", "bm25", "hybrid")
# Which gains are reported, each paired by question.
PAIRS = (("tuned", "base"), ("tuned", "bm25"), ("hybrid", "tuned"), ("hybrid", "bm25"))
# Documents of a list; a positive below counts as not found.
DEPTH = 1_000
# Reciprocal rank fusion, constant of Cormack and others 2009.
_FUSION = 60

Lists = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Slice:
    """Questions that are reported together.

    :param by: ``all``, ``kind`` or ``type``.
    :param name: The kind or type.
    """

    by: str
    name: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Improvement:
    """Figures of four systems on held-out questions.

    :param figures: As in ``improvement.json``.
    """

    folder: Path
    figures: Mapping[str, Any]

    def text(self) -> str:
        """A few lines for a terminal."""
        found = self.figures
        lines = [f"{found['questions']} questions of {found['split']}, whose pages training did not see"]
        for one in found["systems"]:
            if one["by"] == "all":
                shown = ", ".join(f"{metric} {one[metric]['mean']:.3f}" for metric in METRICS)
                lines.append(f"{one['system']}: {shown}")
        lines += [verdict(one) for one in found["gains"] if one["by"] == "all" and one["metric"] == JUDGED]
        return "".join(f"{line}\n" for line in [*lines, f"written to {self.folder / PAGE}"])


def verdict(gain: Mapping[str, Any]) -> str:
    """What a gain says, in one line."""
    figures = f"{gain['metric']} {gain['mean']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})"
    pair = f"{gain['system']} over {gain['over']}"
    if gain["low"] <= 0 <= gain["high"]:
        return f"{pair}: no gain shown, {figures}"
    return f"{pair}: {'gain' if gain['low'] > 0 else 'loss'}, {figures}"


def improve(
    data: Path, base: str, out: Path, section: Train | None = None, *, resume: bool = False, merge: bool = False
) -> Improvement:
    """Train ``base`` on a dataset, and compare it with itself before, with bm25 and with a hybrid of both.

    :param base: ``hf:MODEL``, ``nyx:MODEL`` or ``tiny``.
    :param out: Folder of the trained model; ``improvement.json`` and ``improvement.html`` are written beside it.
    :param section: Settings of the training.
    :raises UsageError: If ``base`` is not a model that can be trained, or ``out`` holds something else.
    :raises FormatError: If the dataset has no held-out questions.
    """
    split = _held_out(data)
    kind = base.partition(":")[0]
    if kind not in ("tiny", "nyx", "hf"):
        raise UsageError(f"--base {base} cannot be trained; give nyx:MODEL, hf:MODEL or tiny")
    trained = train_on(data, base, out, 1, resume, section=section, merge=merge)
    if not trained.main:
        return Improvement(out, {})
    seed = (section.seed if section is not None else None) or 0
    rows: Any = load("triplets", data, split=split, images="bytes", max_negatives=0)
    parts = read_test_set(data, rows, seed).parts
    questions = [question for part in parts for question in part.questions]
    specs = {"base": base, "tuned": f"{kind}:{out}", "bm25": "bm25"}
    found = {name: [_lists(part, spec) for part in parts] for name, spec in specs.items()}
    found["hybrid"] = [_fused(one, other) for one, other in zip(found["tuned"], found["bm25"], strict=True)]
    scores = {name: _scores(parts, lists) for name, lists in found.items()}
    figures = {
        "data": data.resolve().name,
        "split": split,
        "questions": len(questions),
        "steps": trained.steps,
        **_figures(scores, questions, _slices(data, split, questions), seed),
    }
    write_json(out / RESULT, figures)
    write_page(out / PAGE, figures)
    return Improvement(out, figures)


def _held_out(data: Path) -> str:
    splits = find_published(data, None, ("triplets", "corpus")).manifest.splits("triplets")
    for split in ("test", "validation"):
        if split in splits:
            return split
    raise FormatError(
        f"{data} has neither test nor validation questions to compare on; build them: python -m nyxqa.build --split all"
    )


def _lists(part: Searched, spec: str) -> Lists:
    """The best documents of each question under an encoder, int64 [questions, at most DEPTH], -1 for none."""
    encoder = make_encoder(spec)
    queries = question_entries(part.questions, encoder.needs_images)
    with tempfile.TemporaryDirectory() as folder:
        encoder.build(pool_entries(part.pool, encoder.needs_images), Path(folder))
        return encoder.open(Path(folder)).search(queries, min(DEPTH, len(part.pool.ids))).rows


def _fused(one: Lists, other: Lists) -> Lists:
    """Reciprocal rank fusion of two lists of each question; ties by the order of the first."""
    fused = np.full_like(one, -1)
    for number in range(len(one)):
        totals: dict[int, float] = {}
        for listed in (one[number], other[number]):
            for rank, row in enumerate(listed[listed >= 0].tolist(), start=1):
                totals[row] = totals.get(row, 0.0) + 1 / (_FUSION + rank)
        best = sorted(totals, key=lambda row: -totals[row])[: one.shape[1]]
        fused[number, : len(best)] = best
    return fused


def _scores(parts: Sequence[Searched], lists: Sequence[Lists]) -> dict[str, npt.NDArray[np.float64]]:
    """Every metric of every question."""
    ranks = []
    for part, listed in zip(parts, lists, strict=True):
        row_of = {name: row for row, name in enumerate(part.pool.ids)}
        for question, rows in zip(part.questions, listed, strict=True):
            places = [np.flatnonzero(rows == row_of[one]) for one in question.positives]
            ranks.append(np.sort(np.array([place[0] + 1.0 if len(place) else np.inf for place in places])))
    return measures(ranks)


def _slices(data: Path, split: str, questions: Sequence[Question]) -> list[Slice]:
    """All questions, and those of each kind and type that differ from all."""
    qa: Any = load("qa", data, split=split, images="none", join=False)
    listed = qa.data.select(["qa_id", "type"]).to_pydict()
    type_of = dict(zip(listed["qa_id"], listed["type"], strict=True))
    slices = [Slice("all", "all", tuple(range(len(questions))))]
    for by, names in (
        ("kind", [one.kind for one in questions]),
        ("type", [type_of.get(one.id, "") for one in questions]),
    ):
        for name in sorted({one for one in names if one}):
            rows = tuple(row for row, own in enumerate(names) if own == name)
            if len(rows) < len(questions):
                slices.append(Slice(by, name, rows))
    return slices


def _figures(
    scores: Mapping[str, Mapping[str, npt.NDArray[np.float64]]],
    questions: Sequence[Question],
    slices: Sequence[Slice],
    seed: int,
) -> dict[str, Any]:
    groups = [one.group or one.id for one in questions]

    def measured(values: npt.NDArray[np.float64], name: str, part: Slice) -> Interval:
        rows = list(part.rows)
        return interval(values[rows], f"{name}/{part.by}/{part.name}", seed, [groups[row] for row in rows])

    systems = [
        {
            "system": system,
            "by": part.by,
            "name": part.name,
            **{metric: asdict(measured(scores[system][metric], metric, part)) for metric in METRICS},
        }
        for part in slices
        for system in SYSTEMS
    ]
    gains = [
        {
            "system": one,
            "over": other,
            "by": part.by,
            "name": part.name,
            "metric": metric,
            **asdict(measured(scores[one][metric] - scores[other][metric], f"gain/{metric}", part)),
        }
        for part in slices
        for one, other in PAIRS
        for metric in METRICS
    ]
    for gain in gains:
        gain["verdict"] = verdict(gain)
    return {"systems": systems, "gains": gains}
