"""Stage ``review``: apply the verdicts that people gave on rows; there is none without verdicts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.assembly.inputs import ReviewOutput, WebInputs
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, section_params
from nyxqa.builders.formatting import counted
from nyxqa.builders.qa.verdict_rules import decide
from nyxqa.builders.question_sets.outputs import Sets
from nyxqa.builders.report.review_figures import ReviewableRow, counted_rows, review_figures
from nyxqa.builders.rows import REVIEWED
from nyxqa.builders.stages.names import REVIEW
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.ids import row_hash
from nyxqa.schemas.recipe import Recipe, Review
from nyxqa.schemas.tables import DATASET
from nyxqa.schemas.verdicts import Key, Reviews, Verdict, read_reviews, verdict_files

VERSION = 1
FIGURES = "figures.json"
_FIGURES_VERSION = 1
_KEYS = ("need", "conflict", "relevant")  # data keys of recipe section ``[review]``
REJECTED, ANSWERS_TOO = "reviewed_out", "reviewed_relevant"
_JUDGED = "judged"  # what the judge said of documents, where stage ``judge`` ran
_MINED = ["positives", "negative_ids", "negative_ranks", "negative_scores"]
_WEB = ["qa_id", "document.doc_id", "document.kind", *_MINED]
_SET = ["query_id", "dataset", "positive_id", "kind", *_MINED]


@dataclass(frozen=True)
class ReviewTask:
    """Rows of one part file.

    :param source: Number of the set among those of the split; -1 for the questions of pages.
    :param part: Number of the file among those of its source.
    :param repeated: Rows whose id an earlier row of the split has; no verdict applies to them, and none is published.
    """

    source: int
    part: int
    file: Path
    repeated: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Reviewer:
    """What a worker needs: the settings, and by row the verdicts of all reviewers."""

    settings: Review
    split: str
    verdicts: Mapping[Key, Sequence[Verdict]]


def review(
    run: Run, recipe: Recipe, out: Path, web: WebInputs | None, sets: Sets, splits: Sequence[str]
) -> dict[str, ReviewOutput]:
    """Apply the verdicts in the files of ``[review]``: rejected rows leave, marked negatives leave or become positives.

    A verdict applies to the row that was seen, with the positive and negatives that it has when it enters this stage.

    :param out: Folder of the dataset, from which relative files are sought.
    :returns: By split with verdicts, the rows that stay (of REVIEWED).
    """
    reviews = read_reviews(verdict_files(out, recipe.review.files))
    return {split: _split(run, recipe.review, reviews, web, sets, split) for split in splits if _has(reviews, split)}


def _has(reviews: Reviews, split: str) -> bool:
    return any(key[0] == split for own in reviews.values() for key in own)


def _split(run: Run, settings: Review, reviews: Reviews, web: WebInputs | None, sets: Sets, split: str) -> ReviewOutput:
    own = {name: {key: one for key, one in given.items() if key[0] == split} for name, given in reviews.items()}
    own = {name: given for name, given in own.items() if given}
    inputs = [part.triplets for part in sets.of_split(split)] + ([] if web is None else [web.questions[split]])
    fingerprints = tuple(output.fingerprint for output in inputs)
    params = {"review": section_params(settings, _KEYS), "verdicts": _digest(own)}
    by_row: dict[Key, list[Verdict]] = {}
    for given in own.values():
        for key, verdict in given.items():
            by_row.setdefault(key, []).append(verdict)
    step = Step(REVIEW, VERSION, params, fingerprints, split, "question", "question")
    tasks = partial(_tasks, web, sets, split, by_row)
    rows = run.map(step, partial(review_shard, Reviewer(settings, split, by_row)), tasks, REVIEWED)
    count = Step(f"{REVIEW}/figures", _FIGURES_VERSION, {}, (step.fingerprint,), split)
    figures = run.run_once(count, partial(_write_figures, own, by_row, tasks))
    file = figures.folder / FIGURES
    if file.exists() and (changed := read_json(file)["changed"]):
        run.say(
            f"review {split}: {counted(changed, 'verdict')} on rows that have changed since, or are gone, "
            "are not applied; nyxqa review shows the rows as they are"
        )
    return ReviewOutput(rows, figures.folder / FIGURES)


def _digest(reviews: Reviews) -> str:
    """SHA-256 over the verdicts, without names of reviewers and their order."""
    own = sorted([verdict.deciding() for _, verdict in sorted(given.items())] for given in reviews.values())
    return hashlib.sha256(json.dumps(own, ensure_ascii=False).encode()).hexdigest()


def _tasks(web: WebInputs | None, sets: Sets, split: str, named: Collection[Key]) -> Iterator[ReviewTask]:
    """The files of a split in their order.

    :param named: The rows that verdicts name.
    """
    seen: set[Key] = set()
    sources = [(number, part.triplets) for number, part in enumerate(sets.of_split(split))]
    for source, output in [*sources, *([] if web is None else [(-1, web.questions[split])])]:
        for number, file in enumerate(output.files()):
            ids = [(split, row["dataset"], row["query_id"]) for row in _ids(source, file)]
            repeated = set()
            for place, key in enumerate(ids):
                if key in named:
                    if key in seen:
                        repeated.add(place)
                    seen.add(key)
            yield ReviewTask(source, number, file, frozenset(repeated))


def _ids(source: int, file: Path) -> list[dict[str, str]]:
    """Dataset and id of each row of a file."""
    rows: list[dict[str, str]] = pq.read_table(file, columns=["qa_id"] if source < 0 else _SET[:2]).to_pylist()
    return rows if source >= 0 else [{"query_id": row["qa_id"], "dataset": DATASET} for row in rows]


def _rows(task: ReviewTask) -> list[dict[str, Any]]:
    """What decides about each row of a file, named as in SET_TRIPLETS."""
    with pq.ParquetFile(task.file) as parquet:
        columns = [*(_WEB if task.source < 0 else _SET)]
        columns += [_JUDGED] if _JUDGED in parquet.schema_arrow.names else []
        rows: list[dict[str, Any]] = parquet.read(columns).to_pylist()
    if task.source >= 0:
        return rows
    own = ((row, row.pop("document")) for row in rows)
    return [
        {**row, "query_id": row["qa_id"], "dataset": DATASET, "positive_id": one["doc_id"], "kind": one["kind"]}
        for row, one in own
    ]


def review_shard(reviewer: Reviewer, task: ReviewTask) -> ShardOutput:
    """The rows of one file that stay."""
    account = Account()
    names, rows, parents = [], [], []
    repeated: Counter[str] = Counter()
    for number, row in enumerate(_rows(task)):
        query = row["query_id"]
        repeated[query] += 1
        name = query if repeated[query] == 1 else f"{query}:{repeated[query] - 1}"
        names.append(name)
        hashed = row_hash(query, row["positive_id"], row["negative_ids"])
        key = (reviewer.split, row["dataset"], query)
        given = () if number in task.repeated else reviewer.verdicts.get(key, ())
        decision = decide([one for one in given if one.seen == hashed], reviewer.settings)
        if decision.rejected:
            account.dropped.append(Drop("question", name, row["positive_id"], REJECTED, decision.rejected))
            continue
        own, notes = _relabelled(row, decision.relevant, reviewer.settings)
        account.notes += notes
        place = (task.part << 24) + number
        rows.append({**own, "source": task.source, "place": place, "reviews": decision.reviews, "row_hash": hashed})
        parents.append(name)
    account.inputs, account.parents = names, parents
    return ShardOutput(pa.Table.from_pylist(rows, schema=REVIEWED), account)


def _relabelled(
    row: Mapping[str, Any], relevant: Collection[str], settings: Review
) -> tuple[dict[str, Any], list[Drop]]:
    """The row without the negatives that answer too, which become positives if ``settings`` say so."""
    columns = ("negative_ids", "negative_ranks", "negative_scores")
    negatives = list(zip(*(row[name] for name in columns), strict=True))
    stay = [one for one in negatives if one[0] not in relevant]
    known = {one["doc_id"] for one in row["positives"]}
    found = [
        {"doc_id": doc, "rank": rank, "score": score, "origin": "reviewed"}
        for doc, rank, score in negatives
        if doc in relevant and doc not in known
    ]
    notes = []
    if settings.relevant == "remove":
        query = row["query_id"]
        text = "a reviewer says that it answers as well"
        notes = [Drop("negative", f"{query}:{one['doc_id']}", query, ANSWERS_TOO, text) for one in found]
        found = []
    lists = {name: [one[place] for one in stay] for place, name in enumerate(columns)}
    return {**row, **lists, "positives": [*row["positives"], *found]}, notes


def _write_figures(
    reviews: Reviews, by_row: Mapping[Key, object], tasks: Callable[[], Iterator[ReviewTask]], folder: Path
) -> None:
    """Write the figures of a split; one file of rows is in memory."""
    write_json(folder / FIGURES, review_figures(reviews, *counted_rows(reviews, _reviewable(by_row, tasks))))


def _reviewable(named: Mapping[Key, object], tasks: Callable[[], Iterator[ReviewTask]]) -> Iterator[ReviewableRow]:
    split = next(iter(named))[0]
    for task in tasks():
        for row in _rows(task):
            key = (split, row["dataset"], row["query_id"])
            stratum = (row["dataset"], row["kind"])
            yield _named_row(key, stratum, row) if key in named else ReviewableRow(key, stratum, "")


def _named_row(key: Key, stratum: tuple[str, str], row: Mapping[str, Any]) -> ReviewableRow:
    """A row that verdicts name, with what the judge said of the documents that reviewers see."""
    found = {one["doc_id"] for one in row["positives"] if one["origin"] == "judged"}
    seen = {*row["negative_ids"], *found}
    said = [(one["doc_id"], one["answers"]) for one in row.get(_JUDGED) or () if one["doc_id"] in seen]
    judged = tuple((doc, answers) for doc, answers in said if answers is not None)
    hashed = row_hash(row["query_id"], row["positive_id"], row["negative_ids"])
    return ReviewableRow(key, stratum, hashed, judged, frozenset(found))
