"""Stage ``split``: whole groups of pages are assigned to train, validation or test."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.dedup.groups import Groups, find_groups
from nyxqa.builders.dedup.settings import similarity_params
from nyxqa.builders.dedup.word_hashes import I64
from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.database import clear_scratch
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import Dedup, SplitSection
from nyxqa.schemas.tables import QA_SPLITS

VERSION = 3
SEEDS_PER_QUESTION = 2
# A split may hold up to this many times its share of the documents, because pages differ in length.
_MOST_DOCUMENTS = 2
_TRAIN, _VALIDATION, _TEST = range(3)
_DIGITS = 32  # of an id

Assignment = npt.NDArray[np.int8]


def split(
    run: Run, documents: StepOutput, settings: SplitSection, similarity: Dedup, min_tokens: int, seed: int
) -> StepOutput:
    """Assign every document to a group and a split, before any model is asked.

    :param documents: Rows of DOCUMENTS.
    :param similarity: Thresholds at which pages are near-duplicates and must share a split.
    :param min_tokens: Tokens of the shortest document that questions are asked about (``sample.min_tokens``).
    :returns: Rows of SPLIT_DOCUMENTS.
    """
    params = {
        "split": section_params(settings, ("validation", "test")),
        "min_tokens": min_tokens,
        "seed": seed,
        "alike": similarity_params(similarity),
    }
    return decide_then_apply(
        run,
        documents,
        Step("split/place", VERSION, params),
        partial(write_assignment, documents, settings, similarity, min_tokens, seed),
        Step("split", VERSION, unit_in="document", unit_out="document"),
        paired_files,
        split_shard,
        SPLIT_DOCUMENTS,
        resume=True,
    )


def write_assignment(
    documents: StepOutput, settings: SplitSection, similarity: Dedup, min_tokens: int, seed: int, folder: Path
) -> None:
    """Write the group and split of every document: one file per shard, one row per document.

    If the search for near-duplicates across groups is stopped, its progress stays in ``folder`` and it resumes.
    """
    clear_scratch(folder)
    groups = find_groups(documents, similarity, min_tokens, folder)
    assign = assign_by_questions if settings.by_questions else assign_by_pages
    splits = pa.array(QA_SPLITS).take(pa.array(assign(groups, settings, seed)))
    assigned = pa.table({"group": groups.names, "split": splits})
    pages = groups.pages.join(assigned, "group").sort_by("page_id")
    ids = _fixed_width(pages["page_id"])
    for shard, file in enumerate(documents.files()):
        own = _fixed_width(pq.read_table(file, columns=["page_id"])["page_id"])
        write_table(part_file(folder, shard), pages.take(pa.array(np.searchsorted(ids, own))).drop_columns(["page_id"]))


def _fixed_width(ids: pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """Ids as an array of 32 bytes each, in the same sort order."""
    padded = pc.ascii_rpad(ids, _DIGITS, padding="\0")
    fixed = padded.cast(pa.binary()).cast(pa.binary(_DIGITS)).combine_chunks()
    return np.frombuffer(fixed.buffers()[1], f"S{_DIGITS}", len(fixed), fixed.offset * _DIGITS)


def _shuffled(groups: Groups, seed: int) -> I64:
    """Indices of the groups, int64 [groups], in the order of their keyed hashes."""
    names = groups.names
    hashes = np.fromiter((keyed_hash(seed, "split", name.as_py()) for name in names), np.uint64, len(names))
    return np.argsort(hashes, kind="stable").astype(np.int64)


def assign_by_pages(groups: Groups, settings: SplitSection, seed: int) -> Assignment:
    """Assign groups so that validation and test hold their fractions of the pages.

    A group goes to train if it has more pages than the others have left, or if it would take a split beyond twice its
    share of the documents.

    :returns: Index into ``QA_SPLITS`` of each group, int8 [groups].
    """
    total = groups.sizes.sum(axis=0)
    shares = {_TEST: settings.test, _VALIDATION: settings.validation}
    room = {code: [round(share * total[0]), _MOST_DOCUMENTS * share * total[1]] for code, share in shares.items()}
    assignment = np.zeros(len(groups.names), np.int8)
    for group in _shuffled(groups, seed).tolist():
        pages, documents = groups.sizes[group].tolist()
        for code, left in room.items():
            if pages <= left[0] and documents <= left[1]:
                room[code] = [left[0] - pages, left[1] - documents]
                assignment[group] = code
                break
    return assignment


def assign_by_questions(groups: Groups, settings: SplitSection, seed: int) -> Assignment:
    """Assign groups so that validation and test have seeds of each kind for the requested number of questions.

    A group is taken if it holds a kind that a split still lacks, whatever else it holds: pages have far more documents
    of text than of several images. A group that alone holds more seeds than ``sample`` may use goes to train.

    :returns: Index into ``QA_SPLITS`` of each group, int8 [groups].
    """
    wanted = {_TEST: int(settings.test), _VALIDATION: int(settings.validation)}
    have = {code: np.zeros(groups.seeds.shape[1], np.int64) for code in wanted}
    assignment = np.zeros(len(groups.names), np.int8)
    for group in _shuffled(groups, seed).tolist():
        own = groups.seeds[group]
        for code, count in wanted.items():
            lacks = ((own > 0) & (have[code] < count)).any()
            if lacks and (own <= SEEDS_PER_QUESTION * count).all():
                have[code] += own
                assignment[group] = code
                break
    return assignment


def split_shard(task: tuple[Path, Path]) -> ShardOutput:
    """Documents of one shard with their group and split.

    :param task: Part file of the documents and the file of their assignment.
    """
    documents, assignment = (pq.read_table(file) for file in task)
    for name in ("group", "split"):
        documents = documents.append_column(name, assignment[name])
    ids = documents["doc_id"].to_pylist()
    return ShardOutput(documents.select(SPLIT_DOCUMENTS.names).cast(SPLIT_DOCUMENTS), Account(ids, ids))
