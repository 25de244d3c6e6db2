"""Steps ``qa.NAME/questions``, ``/relevant`` and ``/contaminated``: questions of a set and what answers them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.base import apply_filters
from nyxqa.builders.filters.benchmark_filter import BenchmarkFilter
from nyxqa.builders.images.fetch.places import placed
from nyxqa.builders.images.references import Url
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.question_sets.mixed.model import SourceQuestion
from nyxqa.builders.question_sets.mixed.store import PictureStore, question_row
from nyxqa.builders.question_sets.outputs import QA_QUESTIONS, RELEVANT_ROWS
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.stages.fetch import fetch_urls, store_folder
from nyxqa.builders.stages.names import SOURCE, qa_stage
from nyxqa.builders.stages.pools import held_bytes
from nyxqa.builders.stages.text_questions import own_id
from nyxqa.schemas.recipe import Images, QaSet
from nyxqa.schemas.recipe_types import Split

VERSION = 1
# A shard ends at this many rows, or at this many bytes of images that the set's own files hold.
_SHARD_ROWS = 256
_SHARD_BYTES = 64 << 20


@dataclass(frozen=True)
class QuestionBatch:
    """Questions of one shard."""

    shard: int
    questions: list[SourceQuestion | Drop]


def read_qa_questions(run: Run, section: QaSet, split: Split, images: Images) -> StepOutput:
    """The questions of one split of a set (rows of QA_QUESTIONS), in the order of its source; images in its folder.

    :raises WorldError: If the source is missing.
    """
    stage = qa_stage(section.name)
    source = open_mixed(section.questions, split)
    identity = {"source": [source.kind, source.state()], "count": section.count}
    limits = section_params(images, ("max_bytes", "max_pixels"))
    own = section_params(section, ("instruction",))
    urls = partial(_urls, section, split)
    fetched = fetch_urls(run, f"{stage}/fetch", {**identity, "split": split}, urls, images)
    params = {**identity, **limits, **own, "generation": run.generation(SOURCE)}
    step = Step(f"{stage}/questions", VERSION, params, (fetched.fingerprint,), split, "row", "row")
    folder = store_folder(run, images) if images.fetch else None
    store = PictureStore(run.folder(step), images.max_bytes, images.max_pixels, folder)
    reader = QuestionReader(store, section, split)
    return run.map(step, reader.rows, placed(folder, partial(_batches, section, split)), QA_QUESTIONS)


def _questions(section: QaSet, split: Split) -> Iterator[SourceQuestion | Drop]:
    return islice(open_mixed(section.questions, section.split or "train").questions(split), section.count)


def _urls(section: QaSet, split: Split) -> Iterator[str]:
    for question in _questions(section, split):
        if isinstance(question, SourceQuestion):
            yield from (image.url for image in question.images if isinstance(image, Url))


def _batches(section: QaSet, split: Split) -> Iterator[QuestionBatch]:
    shard, size = 0, 0
    batch: list[SourceQuestion | Drop] = []
    for question in _questions(section, split):
        batch.append(question)
        if isinstance(question, SourceQuestion):
            size += held_bytes(question.images) + sum(held_bytes(one.images) for one in question.relevant)
        if len(batch) >= _SHARD_ROWS or size >= _SHARD_BYTES:
            yield QuestionBatch(shard, batch)
            shard, size, batch = shard + 1, 0, []
    if batch:
        yield QuestionBatch(shard, batch)


@dataclass(frozen=True)
class QuestionReader:
    """Makes rows of the questions of a batch."""

    store: PictureStore
    section: QaSet
    split: Split

    def rows(self, batch: QuestionBatch) -> ShardOutput:
        """Rows of QA_QUESTIONS; a question that has neither an answer nor a known document is dropped."""
        account = Account([one.item_id if isinstance(one, Drop) else one.row for one in batch.questions])
        rows: list[dict[str, Any]] = []
        with self.store.writing(batch.shard) as pictures:
            for question in batch.questions:
                if isinstance(question, Drop):
                    account.dropped.append(question)
                    continue
                if not question.answers and not question.relevant:
                    account.dropped.append(Drop("row", question.row, "", "no_answer", "neither answer nor document"))
                    continue
                own = own_id(question.own_id, self.split)
                row = question_row(question, self.section.name, own, self.section.instruction, pictures)
                if isinstance(row, Drop):
                    account.dropped.append(row)
                    continue
                rows.append(row)
                account.notes += question.notes
        account.parents = [row["name"] for row in rows]
        return ShardOutput(pa.Table.from_pylist(rows, schema=QA_QUESTIONS), account)


def clean_qa_questions(
    run: Run, section: QaSet, split: str, questions: StepOutput, benchmark: StepOutput
) -> StepOutput:
    """The questions of a set that overlap with no item of the benchmark."""
    inputs = (questions.fingerprint, benchmark.fingerprint)
    step = Step(f"{qa_stage(section.name)}/contaminated", VERSION, {}, inputs, split, "row", "row")
    return run.map(step, partial(_clean, BenchmarkFilter(benchmark.folder)), questions.files, QA_QUESTIONS)


def _clean(benchmark: BenchmarkFilter, file: Path) -> ShardOutput:
    table = pq.read_table(file)
    kept, rejected = apply_filters(table, [benchmark.set_questions])
    names = table["name"].to_pylist()
    drops = [Drop("row", names[row], "", why.reason, why.detail) for row, why in rejected.items()]
    return ShardOutput(kept.cast(QA_QUESTIONS), Account(names, kept["name"].to_pylist(), drops))


def find_relevant(
    run: Run, section: QaSet, split: str, questions: StepOutput, pool: StepOutput, origins: Sequence[int]
) -> StepOutput:
    """For each question the rows of the pool that its set says to answer it (rows of RELEVANT_ROWS).

    :param origins: Numbers of the pool's sources that are the set's own.
    """
    inputs = (questions.fingerprint, pool.fingerprint)
    step = Step(f"{qa_stage(section.name)}/relevant", VERSION, {"origins": list(origins)}, inputs, split)
    return run.run_once(step, partial(write_relevant, questions, pool.folder, frozenset(origins)))


def write_relevant(questions: StepOutput, pool: Path, origins: Collection[int], folder: Path) -> None:
    """Look up all known documents in one pass over the pool; writes one file for each file of questions."""
    found = _found_rows(questions, PassagePool(pool), origins)
    for file in questions.files():
        names = pq.read_table(file, columns=["name", "relevant"]).to_pylist()
        rows = [_relevant_row(row, found) for row in names]
        write_table(folder / file.name, pa.Table.from_pylist(rows, schema=RELEVANT_ROWS))


def _found_rows(questions: StepOutput, pool: PassagePool, origins: Collection[int]) -> dict[tuple[str, str], int]:
    """The first row of each document that a question names, by (id, key of its content)."""
    wanted = {(one["id"], one["key"]) for row in questions.rows(["relevant"]) for one in row["relevant"]} - {("", "")}
    by_content = any(key for _, key in wanted)
    found: dict[tuple[str, str], int] = {}
    for row, passage in pool.places():
        if passage.origin not in origins:
            continue
        names = [(passage.external_id, "")]
        if by_content:
            ids = [image["image_id"] for image in passage.images]
            names.append(("", question_key(passage.text, ids)))
        for name in names:
            if name in wanted:
                found.setdefault(name, row)
    return found


def _relevant_row(question: Mapping[str, Any], found: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    grades: dict[int, int] = defaultdict(int)
    missing = []
    for one in question["relevant"]:
        row = found.get((one["id"], one["key"]))
        if row is None:
            missing.append(one["id"] or "its document")
        else:
            grades[row] = max(grades[row], one["grade"])
    return {"name": question["name"], "rows": list(grades), "grades": list(grades.values()), "missing": missing}
