"""Mining and repair reports, computed from the outputs of the stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.mining.report import MiningReport, mining_report
from nyxqa.builders.mining.text_rules import Choice, Ranked
from nyxqa.builders.question_sets.importers.images import ImageRef
from nyxqa.builders.question_sets.importers.repair import ImportedRow, Side
from nyxqa.builders.question_sets.importers.report import RepairReport, repair_report
from nyxqa.builders.question_sets.outputs import PoolParts, SetParts
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import QaSet
from nyxqa.schemas.recipe_types import Split

_LEDGER = ["item_type", "item_id", "parent_id", "reason", "detail"]


def set_reports(sets: Sequence[SetParts], pools: Sequence[PoolParts] = ()) -> dict[str, dict[str, Any]]:
    """``mining`` of each question set and ``repairs`` of each import, by name and split, as JSON types.

    Of a ``[[qa]]`` set the questions have a repair report too, and so has its pool: ``NAME SPLIT questions`` and
    ``POOL documents``.
    """
    reports: dict[str, dict[str, Any]] = {"mining": {}, "repairs": {}}
    for part in sets:
        name = f"{part.stage.partition('.')[2]} {part.split}"
        if part.text is None:
            reports["repairs"][name] = asdict(repair_report(_imported(part)))
        else:
            first, last = part.text.negatives
            reports["mining"][name] = asdict(mining_report(_mined(part), last - first + 1))
            if isinstance(part.text, QaSet):
                reports["repairs"][f"{name} questions"] = asdict(repair_report(_repaired_questions(part)))
    for pool in pools:
        if pool.read is not None:
            reports["repairs"][f"{pool.name} documents"] = asdict(repair_report(_repaired_documents(pool.read)))
    return {kind: own for kind, own in reports.items() if own}


def report_texts(summary: Mapping[str, Any]) -> dict[str, str]:
    """The reports in a manifest's summary as text, by name and split."""
    mined = {name: MiningReport(**value).text() for name, value in summary.get("mining", {}).items()}
    return {**mined, **{name: RepairReport(**value).text() for name, value in summary.get("repairs", {}).items()}}


def _mined(part: SetParts) -> Iterator[Choice | Drop]:
    yield from _drops([*part.questions, part.triplets])
    columns = ["name", "positives", "negative_ids", "negative_ranks", "negative_scores", "holds", "excluded"]
    for row in part.triplets.rows(columns):
        if not row["positives"]:
            yield Drop("row", row["name"], "", "no_document")
            continue
        yield Choice(
            row["name"],
            tuple(Ranked(p["doc_id"], p["rank"], p["score"], p["origin"]) for p in row["positives"]),
            tuple(map(Ranked, row["negative_ids"], row["negative_ranks"], row["negative_scores"])),
            row["holds"],
            {one["rule"]: one["count"] for one in row["excluded"]},
        )


def _imported(part: SetParts) -> Iterator[ImportedRow | Drop]:
    yield from _drops([part.triplets])
    columns = ["name", "dataset", "query", "answers", "documents", "repairs", "lost"]
    for row in part.triplets.rows(columns):
        positive, *negatives = map(_side, row["documents"])
        yield ImportedRow(
            name=row["name"],
            own_id="",
            dataset=row["dataset"],
            split=cast(Split, part.split),
            query=Content(""),
            positive=positive,
            negatives=tuple(negatives),
            answers=tuple(row["answers"]),
            repairs=tuple((one["column"], one["repair"]) for one in row["repairs"]),
            notes=tuple(Drop("document", "", row["name"], reason) for reason in row["lost"]),
        )


def _repaired_questions(part: SetParts) -> Iterator[ImportedRow | Drop]:
    yield from _drops([*part.questions, part.triplets])
    for row in part.triplets.rows(["name", "dataset", "positive_id", "negative_ids", "repairs"]):
        content: Side = Content("")
        yield ImportedRow(
            name=row["name"],
            own_id="",
            dataset=row["dataset"],
            split=cast(Split, part.split),
            query=content,
            positive=content,
            negatives=(content,) * len(row["negative_ids"]),
            repairs=tuple((one["column"], one["repair"]) for one in row["repairs"]),
        )


def _repaired_documents(read: StepOutput) -> Iterator[ImportedRow | Drop]:
    yield from _drops([read])
    for row in read.rows(["name", "source", "repairs"]):
        content: Side = Content("")
        repairs = tuple((one["column"], one["repair"]) for one in row["repairs"])
        yield ImportedRow(row["name"], "", row["source"], "train", content, content, (content,), repairs=repairs)


def _side(document: Mapping[str, Any]) -> Side:
    return Content(document["text"], tuple(ImageRef(image["image_id"]) for image in document["images"]))


def _drops(steps: Sequence[StepOutput]) -> Iterator[Drop]:
    """Rows that the steps dropped, without the ledger's notes on parts of kept rows."""
    for step in steps:
        for file in step.ledgers():
            for row in pq.read_table(file, columns=_LEDGER).to_pylist():
                if row["item_type"] == "row":
                    yield Drop(**row)
