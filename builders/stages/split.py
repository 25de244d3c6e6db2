"""Stage ``split``: whole groups of pages are assigned to train, validation or test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.dedup.across.pairs import near_pairs
from nyxqa.builders.dedup.across.sketches import Documents, document_groups, sketched
from nyxqa.builders.dedup.groups import Groups, Ints, NumberedGroups
from nyxqa.builders.dedup.homes import Pages, page_edges, write_pages
from nyxqa.builders.dedup.inputs import text_bytes
from nyxqa.builders.dedup.settings import similarity_params
from nyxqa.builders.dedup.word_hashes import I64
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.database import clear_scratch
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.builders.update.parent import UpdateInputs
from nyxqa.builders.update.placement import NOTHING, Assign, Taken, write_placement
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import Dedup, SplitSection
from nyxqa.schemas.tables import QA_SPLITS

VERSION = 3
SEEDS_PER_QUESTION = 2
# A split may hold up to this many times its share of the documents, because pages differ in length.
_MOST_DOCUMENTS = 2
_TRAIN, _VALIDATION, _TEST = range(3)
_GROUPS = 1 << 12  # numbers of groups in Python at a time
_GROUPS_VERSION = 1

_HELD_OUT = (_VALIDATION, _TEST)
_UPDATE_VERSION = 1

Assignment = npt.NDArray[np.int8]


def split(
    run: Run,
    documents: StepOutput,
    settings: SplitSection,
    similarity: Dedup,
    min_tokens: int,
    seed: int,
    update: UpdateInputs | None = None,
) -> StepOutput:
    """Assign every document to a group and a split, before any model is asked.

    :param documents: Rows of DOCUMENTS.
    :param similarity: Thresholds at which pages are near-duplicates and must share a split.
    :param min_tokens: Tokens of the shortest document that questions are asked about (``sample.min_tokens``).
    :param update: The published version whose pages keep their split, if there is one.
    :returns: Rows of SPLIT_DOCUMENTS.
    """
    params = {
        "split": section_params(settings, ("validation", "test")),
        "min_tokens": min_tokens,
        "seed": seed,
        "alike": similarity_params(similarity),
    }
    if update is not None:
        assign = partial(assign_added, settings, seed, tuple(update.settings.grow))
        return decide_then_apply(
            run,
            documents,
            Step("split/place", VERSION, {**params, **update.params("grow")}),
            partial(_place, documents, update.tables, similarity, min_tokens, assign),
            Step("split", VERSION, {"update": _UPDATE_VERSION}, unit_in="document", unit_out="document"),
            paired_files,
            place_shard,
            SPLIT_DOCUMENTS,
            resume=True,
        )
    pages, near = connect_pages(run, documents, similarity)
    return decide_then_apply(
        run,
        documents,
        Step("split/place", VERSION, params),
        partial(write_assignment, documents, pages, near, settings, min_tokens, seed),
        Step("split", VERSION, unit_in="document", unit_out="document"),
        paired_files,
        split_shard,
        SPLIT_DOCUMENTS,
    )


def connect_pages(run: Run, documents: StepOutput, similarity: Dedup) -> tuple[StepOutput, StepOutput]:
    """The pages, labelled by shared documents and clusters, and the near-duplicates across labels.

    Clusters come from MinHash, which may miss a pair. Groups are joined too if the exact search finds a pair between
    them, so that the certificate finds none between splits.
    """
    given = (documents.fingerprint,)
    edges = page_edges(run, Step("split/homes", _GROUPS_VERSION, {}, given), documents)
    pages = run.run_once(
        Step("split/pages", _GROUPS_VERSION, {}, (edges.fingerprint,)), partial(write_pages, documents, edges)
    )
    alike = similarity_params(similarity)
    step = Step("split/sketch", _GROUPS_VERSION, {"shingle": alike.pop("shingle")}, given)
    given_documents = Documents(
        lambda: document_groups(documents.files()), lambda: text_bytes(documents.files(), "text"), read_for_search
    )
    sketches = sketched(run, step, given_documents, similarity.shingle)
    step = Step("split/prefixes", _GROUPS_VERSION, alike, (sketches.counts.fingerprint, pages.fingerprint))
    return pages, near_pairs(run, step, sketches, pages.files, read_side, similarity, every=False)


def read_side(file: Path) -> I64:
    """The label of the page of each document."""
    labels: I64 = pq.read_table(file, columns=["side"])["side"].to_numpy()
    return labels


def read_for_search(files: Sequence[Path]) -> Iterator[pa.Table]:
    """Texts and perceptual hashes of part files of DOCUMENTS."""
    for file in files:
        table = pq.read_table(file, columns=["text", "images"])
        images = table["images"].combine_chunks()
        hashes = images.flatten().field("phash").cast(pa.int64())
        lengths = np.append(0, np.cumsum(images.value_lengths().to_numpy(zero_copy_only=False))).astype(np.int32)
        yield pa.table({"text": table["text"], "phashes": pa.ListArray.from_arrays(pa.array(lengths), hashes)})


def write_assignment(
    documents: StepOutput,
    pages: StepOutput,
    near: StepOutput,
    settings: SplitSection,
    min_tokens: int,
    seed: int,
    folder: Path,
) -> None:
    """Write the group and split of every document: one file per shard, one row per document.

    :param pages: What ``write_pages`` wrote.
    :param near: Rows of PAIRS.
    """
    groups = NumberedGroups(Pages(pages.folder), near)
    every = np.concatenate([np.zeros(0, np.int32), *(pq.read_table(file)["page"].to_numpy() for file in pages.files())])
    files = documents.files()
    numbers, start = [], 0
    for file in files:
        table = pq.read_table(file, columns=["kind", "n_tokens"])
        numbers.append(every[start : start + table.num_rows])
        groups.count(numbers[-1], table, min_tokens)
        start += table.num_rows
    assign = assign_by_questions if settings.by_questions else assign_by_pages
    codes = assign(groups, settings, seed)
    for shard, own in enumerate(numbers):
        splits = pa.array(QA_SPLITS).take(pa.array(codes[groups.of_page[own]]))
        write_table(part_file(folder, shard), pa.table({"group": groups.names_of(own), "split": splits}))


def _place(
    documents: StepOutput, tables: Path, similarity: Dedup, min_tokens: int, assign: Assign, folder: Path
) -> None:
    """Write the group and split of every document of an update."""
    clear_scratch(folder)
    write_placement(documents, tables, similarity, min_tokens, assign, folder)


class Counted(Protocol):
    """Groups as their assignment sees them."""

    @property
    def sizes(self) -> Ints:
        """Integers [groups, 2]: pages and documents."""

    @property
    def seeds(self) -> Ints:
        """Integers [groups, 3]: text, single and multi documents that can become seeds."""

    def all_names(self) -> Iterator[str]:
        """Name of each group."""


def _shuffled(groups: Counted, seed: int) -> Iterator[int]:
    """Indices of the groups in the order of their keyed hashes."""
    count = len(groups.sizes)
    hashes = np.fromiter((keyed_hash(seed, "split", name) for name in groups.all_names()), np.uint64, count)
    order = np.argsort(hashes, kind="stable")
    del hashes
    for start in range(0, count, _GROUPS):
        yield from order[start : start + _GROUPS].tolist()


def assign_added(settings: SplitSection, seed: int, grow: Sequence[str], groups: Groups, taken: Taken) -> Assignment:
    """Assign groups of added pages so that the splits that ``grow`` come to their sizes, the others as they are.

    :param groups: The groups without a published page.
    :param taken: What the published pages hold.
    """
    assign = assign_by_questions if settings.by_questions else assign_by_pages
    return assign(groups, settings, seed, taken, [QA_SPLITS.index(name) for name in grow])


def assign_by_pages(
    groups: Counted, settings: SplitSection, seed: int, taken: Taken = NOTHING, grow: Collection[int] = _HELD_OUT
) -> Assignment:
    """Assign groups so that validation and test hold their fractions of the pages.

    A group goes to train if it has more pages than the others have left, or if it would take a split beyond twice its
    share of the documents.

    :param taken: What is assigned already.
    :param grow: Splits that take in groups.
    :returns: Index into ``QA_SPLITS`` of each group, int8 [groups].
    """
    total = groups.sizes.sum(axis=0) + taken.sizes.sum(axis=0)
    shares = {_TEST: settings.test, _VALIDATION: settings.validation}
    room = {
        code: [
            round(share * total[0]) - taken.sizes[code][0],
            _MOST_DOCUMENTS * share * total[1] - taken.sizes[code][1],
        ]
        for code, share in shares.items()
        if code in grow
    }
    assignment = np.zeros(len(groups.sizes), np.int8)
    for group in _shuffled(groups, seed):
        if all(left[0] < 1 for left in room.values()):
            break
        pages, documents = groups.sizes[group].tolist()
        for code, left in room.items():
            if pages <= left[0] and documents <= left[1]:
                room[code] = [left[0] - pages, left[1] - documents]
                assignment[group] = code
                break
    return assignment


def assign_by_questions(
    groups: Counted, settings: SplitSection, seed: int, taken: Taken = NOTHING, grow: Collection[int] = _HELD_OUT
) -> Assignment:
    """Assign groups so that validation and test have seeds of each kind for the requested number of questions.

    A group is taken if it holds a kind that a split still lacks, whatever else it holds: pages have far more documents
    of text than of several images. A group that alone holds more seeds than ``sample`` may use goes to train.

    :param taken: What is assigned already.
    :param grow: Splits that take in groups.
    :returns: Index into ``QA_SPLITS`` of each group, int8 [groups].
    """
    sizes = {_TEST: int(settings.test), _VALIDATION: int(settings.validation)}
    wanted = {code: count for code, count in sizes.items() if code in grow}
    have = {code: taken.seeds[code].copy() for code in wanted}
    assignment = np.zeros(len(groups.sizes), np.int8)
    for group in _shuffled(groups, seed):
        if all((have[code] >= count).all() for code, count in wanted.items()):
            break
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


def place_shard(task: tuple[Path, Path]) -> ShardOutput:
    """Documents of one shard of an update with their group and split; those that retire are dropped.

    :param task: Part file of the documents and the file of their placement.
    """
    documents, placement = (pq.read_table(file) for file in task)
    for name in ("cluster", "also_at"):
        documents = documents.set_column(documents.schema.get_field_index(name), name, placement[name])
    for name in ("group", "split"):
        documents = documents.append_column(name, placement[name])
    stays = pc.is_null(placement["reason"])
    retired = placement.filter(pc.invert(stays)).to_pylist()
    leaving = documents.filter(pc.invert(stays)).select(["doc_id", "page_id"]).to_pylist()
    drops = [
        Drop("document", row["doc_id"], row["page_id"], why["reason"], why["detail"])
        for row, why in zip(leaving, retired, strict=True)
    ]
    rows = documents.filter(stays).select(SPLIT_DOCUMENTS.names).cast(SPLIT_DOCUMENTS).combine_chunks()
    return ShardOutput(rows, Account(documents["doc_id"].to_pylist(), rows["doc_id"].to_pylist(), drops))
