"""A dataset with new feedback: new tables beside hard links to unchanged ones, ready to be published."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.assembly.passages import passage_row
from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.engine.shard import ledger_table
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.feedback.selection import passages_of, publishes_all, publishes_retrieved, sections_of
from nyxqa.builders.question_sets.outputs import PoolParts
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.row_source import kind_of_source
from nyxqa.builders.report.summary import summarise
from nyxqa.builders.stages.names import FEEDBACK as STAGE
from nyxqa.retriever.encoders.index_ids import rows_in
from nyxqa.schemas.manifest import FileEntry, Manifest, StageEntry
from nyxqa.schemas.tables import CORPUS, FEEDBACK, LEDGER
from nyxqa.schemas.writing import write_split

Files = dict[str, FileEntry]
_BATCH = 10_000
_NAMING = ["pool", "positive_id", "positives", "negative_ids"]


@dataclass(frozen=True)
class Added:
    """What feedback adds to a dataset.

    :param rows: Rows of table ``feedback``, in order; iterated once.
    :param drops: Its ledger rows, complete after ``rows`` is exhausted.
    :param named: Documents that the rows name, by pool, complete after ``rows`` is exhausted.
    :param indexes: Folder of the index of each pool, which maps ids to passages.
    """

    rows: Iterable[Mapping[str, Any]]
    drops: Sequence[Drop]
    named: Mapping[str, set[str]]
    indexes: Mapping[str, Path]


def compose(base: Path, manifest: Manifest, added: Added, work: Path, folder: Path) -> Files:
    """Write into ``folder`` the tables of ``base`` with the feedback of ``added`` instead of any earlier feedback.

    :param base: Folder with the files of ``manifest``.
    :returns: All files of the new dataset.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = write_split(FEEDBACK, "train", added.rows, folder)
    files |= write_split(LEDGER, "rows", _ledger(base, manifest, added.drops), folder)
    rewritten = {"feedback": {"train"}, "ledger": {"rows"}, "corpus": set[str]()}
    for pool in manifest.splits("corpus"):
        rows = _other_passages(base, manifest, work, pool, added)
        if rows is not None:
            files |= write_split(CORPUS, pool, rows, folder)
            rewritten["corpus"].add(pool)
    for table in {path.split("/")[1] for path in manifest.files}:
        for split in set(manifest.splits(table)) - rewritten.get(table, set()):
            for path in manifest.paths(table, split):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).hardlink_to(base / path)
                files[path] = manifest.files[path]
    return dict(sorted(files.items()))


def with_feedback(
    manifest: Manifest, folder: Path, files: Files, entry: StageEntry, outcome: Mapping[str, Any], lines: Sequence[str]
) -> Manifest:
    """The manifest of a composed dataset.

    :param outcome: Part ``feedback`` of the summary.
    :param lines: Deviations from the paper.
    """
    plain = without_feedback(manifest)
    part = {**outcome, "own": plain.recipe.get(STAGE, {})}
    summary = {**plain.summary, **summarise(folder, files), STAGE: part}
    return replace(
        plain,
        recipe={**plain.recipe, STAGE: outcome["settings"]},
        deviations=[*plain.deviations, *lines],
        stages=[*plain.stages, entry],
        files=files,
        summary=summary,
    )


def without_feedback(manifest: Manifest) -> Manifest:
    """The manifest as the build wrote it, without the parts that feedback added; ``files`` are unchanged."""
    outcome = manifest.summary.get(STAGE)
    return replace(
        manifest,
        recipe=manifest.recipe if outcome is None else {**manifest.recipe, STAGE: outcome["own"]},
        deviations=[line for line in manifest.deviations if not line.startswith(f"{STAGE}: ")],
        stages=[entry for entry in manifest.stages if entry.name != STAGE],
        summary={name: value for name, value in manifest.summary.items() if name != STAGE},
    )


def _ledger(base: Path, manifest: Manifest, drops: Sequence[Drop]) -> Iterator[dict[str, Any]]:
    """The ledger of the other stages, then the drops: feedback is the last stage."""
    for path in manifest.paths("ledger", "rows"):
        with pq.ParquetFile(base / path) as file:
            for batch in file.iter_batches(_BATCH):
                yield from (row for row in batch.to_pylist() if row["stage"] != STAGE)
    names = ("item_type", "item_id", "parent_id", "reason")
    rows = ledger_table(drops, STAGE, "train").to_pylist()
    yield from sorted(rows, key=lambda row: tuple(row[name] for name in names))


def _other_passages(
    base: Path, manifest: Manifest, work: Path, pool: str, added: Added
) -> Iterator[dict[str, Any]] | None:
    """The passages that triplets or feedback name, in the order of the pool; None if the table holds just these."""
    passages = passages_of(manifest, work, pool)
    if passages is None or publishes_all(manifest, pool) or publishes_retrieved(manifest, pool):
        return None
    published = {
        one
        for path in manifest.paths("corpus", pool)
        for one in pq.read_table(base / path, columns=["doc_id"])["doc_id"].to_pylist()
    }
    wanted = _named_by_others(base, manifest, pool) | added.named.get(pool, set())
    return None if wanted == published else _passages(_parts(manifest, passages, pool), wanted, added)


def _named_by_others(base: Path, manifest: Manifest, pool: str) -> set[str]:
    """Documents of a pool that triplets or judgements name."""
    found: set[str] = set()
    queries = _queries(base, manifest, pool)
    for split in manifest.splits("qrels"):
        for path in manifest.paths("qrels", split):
            judged = pq.read_table(base / path, columns=["query_id", "doc_id"])
            found.update(judged.filter(pc.is_in(judged["query_id"], queries))["doc_id"].to_pylist())
    for split in manifest.splits("triplets"):
        for path in manifest.paths("triplets", split):
            with pq.ParquetFile(base / path) as file:
                for batch in file.iter_batches(_BATCH, columns=_NAMING):
                    for row in batch.to_pylist():
                        if row["pool"] == pool:
                            found.update([row["positive_id"], *row["negative_ids"]])
                            found.update(one["doc_id"] for one in row["positives"])
    return found


def _queries(base: Path, manifest: Manifest, pool: str) -> pa.Array:
    """Questions of validation and test that are searched in a pool."""
    parts = [
        table.filter(pc.equal(table["pool"], pool))[key].combine_chunks()
        for name, key in (("triplets", "query_id"), ("qa", "qa_id"))
        for split in manifest.splits("qrels")
        for path in manifest.paths(name, split)
        for table in [pq.read_table(base / path, columns=[key, "pool"])]
    ]
    return pa.concat_arrays([pa.array([], pa.string()), *parts])


def _passages(parts: PoolParts, wanted: set[str], added: Added) -> Iterator[dict[str, Any]]:
    stored = PassagePool(parts.folder)
    index = added.indexes.get(parts.name)
    if index is not None and index.exists():
        rows = rows_in(index, wanted).tolist()
    else:
        rows = [row for row in range(len(stored)) if stored[row].id in wanted]
    for row in rows:
        yield passage_row(stored, row, parts)


def _parts(manifest: Manifest, passages: StepOutput, pool: str) -> PoolParts:
    section = sections_of(manifest, pool)[0]
    source = kind_of_source(section.get("passages", section["questions"]))
    return PoolParts(pool, passages.fingerprint, passages.folder, source, section["license"], whole=False)
