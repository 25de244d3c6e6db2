"""Stage ``split``: whole groups of pages go to train, validation or test."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.dedup.groups import Groups, find_groups
from nyxqa.builders.dedup.word_hashes import I64
from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.database import clear_scratch
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import part_file, write_table
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import Recipe, SplitSection
from nyxqa.schemas.tables import QA_SPLITS

VERSION = 3
SEEDS_PER_QUESTION = 2
# A split may hold this many times its share of the documents: pages differ in length.
_MOST_DOCUMENTS = 2
_TRAIN, _VALIDATION, _TEST = range(3)
_DIGITS = 32  # of an id

Places = npt.NDArray[np.int8]


def split(run: Run, documents: StepOutput, recipe: Recipe) -> StepOutput:
    """Give every document a group and a split, before any model is asked."""
    alike = recipe.dedup.model_dump(include={"threshold", "shingle", "image_distance"})
    params = {"split": recipe.split, "min_tokens": recipe.sample.min_tokens, "seed": recipe.seed, "alike": alike}
    return decide_then_apply(
        run,
        documents,
        Step("split/place", VERSION, params),
        partial(write_places, documents, recipe),
        Step("split", VERSION, unit_in="document", unit_out="document"),
        paired_files,
        split_shard,
        SPLIT_DOCUMENTS,
        resume=True,
    )


def write_places(documents: StepOutput, recipe: Recipe, folder: Path) -> None:
    """Write the group and split of every document: a file for each shard, a row for each of its documents.

    What the search for likeness between groups has done stays in ``folder`` if it stops, and is not done again.
    """
    clear_scratch(folder)
    groups = find_groups(documents, recipe.dedup, recipe.sample.min_tokens, folder)
    place = by_questions if recipe.split.by_questions else by_pages
    places = place(groups, recipe.split, recipe.seed)
    names = pa.array(QA_SPLITS).take(pa.array(places))
    placed = pa.table({"group": groups.names, "split": names})
    pages = groups.pages.join(placed, "group").sort_by("page_id")
    ids = _bytes(pages["page_id"])
    for shard, file in enumerate(documents.files()):
        own = _bytes(pq.read_table(file, columns=["page_id"])["page_id"])
        write_table(part_file(folder, shard), pages.take(pa.array(np.searchsorted(ids, own))).drop_columns(["page_id"]))


def _bytes(ids: pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """Ids as an array of 32 bytes each, which sorts as they do."""
    padded = pc.ascii_rpad(ids, _DIGITS, padding="\0")
    fixed = padded.cast(pa.binary()).cast(pa.binary(_DIGITS)).combine_chunks()
    return np.frombuffer(fixed.buffers()[1], f"S{_DIGITS}", len(fixed), fixed.offset * _DIGITS)


def _drawn(groups: Groups, seed: int) -> I64:
    """Numbers of the groups in the order of their lots."""
    lots = np.fromiter((keyed_hash(seed, "split", name.as_py()) for name in groups.names), np.uint64, len(groups.names))
    return np.argsort(lots, kind="stable").astype(np.int64)


def by_pages(groups: Groups, settings: SplitSection, seed: int) -> Places:
    """Split of each group so that validation and test hold their fractions of the pages.

    A group too large for what is left of them, or of more documents than twice their share, is train.
    """
    total = groups.sizes.sum(axis=0)
    shares = {_TEST: settings.test, _VALIDATION: settings.validation}
    room = {code: [round(share * total[0]), _MOST_DOCUMENTS * share * total[1]] for code, share in shares.items()}
    places = np.zeros(len(groups.names), np.int8)
    for group in _drawn(groups, seed).tolist():
        pages, documents = groups.sizes[group].tolist()
        for code, left in room.items():
            if pages <= left[0] and documents <= left[1]:
                room[code] = [left[0] - pages, left[1] - documents]
                places[group] = code
                break
    return places


def by_questions(groups: Groups, settings: SplitSection, seed: int) -> Places:
    """Split of each group so that each kind has seeds for the wanted number of questions.

    A group is taken if it holds a kind that is still wanted, whatever it brings of others: pages hold far more
    documents of text than of several images. One that alone holds more than ``sample`` may use is train.
    """
    wanted = {_TEST: int(settings.test), _VALIDATION: int(settings.validation)}
    have = {code: np.zeros(groups.seeds.shape[1], np.int64) for code in wanted}
    places = np.zeros(len(groups.names), np.int8)
    for group in _drawn(groups, seed).tolist():
        own = groups.seeds[group]
        for code, count in wanted.items():
            lacks = ((own > 0) & (have[code] < count)).any()
            if lacks and (own <= SEEDS_PER_QUESTION * count).all():
                have[code] += own
                places[group] = code
                break
    return places


def split_shard(task: tuple[Path, Path]) -> ShardOutput:
    """Documents of one shard with their group and split."""
    documents, places = (pq.read_table(file) for file in task)
    for name in ("group", "split"):
        documents = documents.append_column(name, places[name])
    ids = documents["doc_id"].to_pylist()
    return ShardOutput(documents.select(SPLIT_DOCUMENTS.names).cast(SPLIT_DOCUMENTS), Account(ids, ids))
