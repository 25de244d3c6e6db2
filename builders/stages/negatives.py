"""Stage ``negatives``: mine hard negatives among the high-ranked documents of a question's split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.engine.part_files import file_groups
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.mining.indexed_documents import IndexedDocuments, documents_file, write_documents
from nyxqa.builders.mining.negative_selection import mine_page_question, search_depth
from nyxqa.builders.qa.answer_match import answer_rule
from nyxqa.builders.rows import QUESTIONS
from nyxqa.builders.stages.common_words import read_common_words
from nyxqa.builders.update.carry import CARRIED
from nyxqa.builders.update.parent import PublishedDocuments, UpdateInputs
from nyxqa.retriever.encoders.bm25 import Bm25Encoder, Bm25Index
from nyxqa.retriever.encoders.factory import is_dense, make_encoder, open_index
from nyxqa.retriever.protocols import Encoder, Index, SearchEntry
from nyxqa.schemas.recipe import Negatives

VERSION = 4
_INDEX_VERSION = 4
_RENEWED_VERSION = 1
_INDEX = "index"  # folder of an index that is built as one
_KEYS = ("encoder", "ranks", "count", "exclude", "margin")  # data keys of recipe section ``[negatives]``
_ADDED = ("per_query", "instruction")
_COLUMNS = ["doc_id", "text", "images", "page_id", "cluster", "split"]
_SHARD_ROWS = 4096  # of documents, of all splits: a shard of the index ends with the file that brings it to so many
_SHARD = pa.schema([("entries", pa.int64())])


@dataclass(frozen=True)
class Mining:
    """What a worker needs to mine a shard.

    :param packs: Folder of the image packs.
    :param index: Folder of the split's index; ``Path()`` while it is built.
    :param words: Folder of the common words of the pool; None without rule ``answer``.
    """

    settings: Negatives
    packs: Path
    index: Path
    words: Path | None = None

    def encoder(self) -> Encoder:
        """The encoder of ``settings``."""
        return make_encoder(self.settings.encoder)


def index_documents(run: Run, documents: StepOutput, packs: Path, settings: Negatives, split: str) -> StepOutput:
    """Index the documents of a split, among which negatives are sought.

    :param documents: Rows of SPLIT_DOCUMENTS, of all splits.
    :param packs: Folder of the image packs.
    """
    mining = Mining(settings, packs, Path())
    encoder = {"encoder": mining.encoder().fingerprint}  # changes when a model at the same path is trained again
    build = Step("negatives/index", _INDEX_VERSION, encoder, (documents.fingerprint,), split)
    if is_dense(settings.encoder):
        return run.run_once(build, partial(write_index, mining, documents, split), encoder=True)
    return run.map(build, partial(index_shard, split, run.folder(build)), partial(_index_tasks, documents), _SHARD)


def negatives(
    run: Run,
    questions: StepOutput,
    index: StepOutput,
    packs: Path,
    settings: Negatives,
    split: str,
    words: StepOutput | None = None,
    schema: pa.Schema = QUESTIONS,
) -> StepOutput:
    """Search each question among the documents of its split and choose ``count`` negatives from the given ranks.

    :param questions: Rows of QUESTIONS.
    :param index: The index of the documents of the split.
    :param packs: Folder of the image packs.
    :param words: The common words of all documents, for rule ``answer``.
    :param schema: Schema of the questions.
    :returns: The questions with their mining columns.
    """
    inputs = (questions.fingerprint, index.fingerprint, *([words.fingerprint] if words is not None else []))
    params = {"negatives": section_params(settings, _KEYS, _ADDED)}
    step = Step("negatives", VERSION, params, inputs, split, "question", "question")
    where: Where = "encoder" if is_dense(settings.encoder) else "workers"  # one copy of the model in memory
    mining = Mining(settings, packs, index.folder, words.folder if words is not None else None)
    return run.map(step, partial(mine_shard, mining), partial(_mining_tasks, questions, index), schema, where)


def renew_negatives(
    run: Run,
    carried: StepOutput,
    index: StepOutput,
    packs: Path,
    settings: Negatives,
    split: str,
    words: StepOutput | None,
    update: UpdateInputs,
) -> StepOutput:
    """Mine again for published questions: those that ``mine`` marks, and what ``update.negatives`` adds to them.

    :param carried: Rows of CARRIED.
    :param index: The index of the documents of the split.
    :returns: All of them; ``mine`` says whose negatives are new.
    """
    inputs = (carried.fingerprint, index.fingerprint, *([words.fingerprint] if words is not None else []))
    params = {"negatives": section_params(settings, _KEYS, _ADDED), **update.params("negatives"), "version": VERSION}
    step = Step("update/negatives", _RENEWED_VERSION, params, inputs, split, "question", "question")
    where: Where = "encoder" if is_dense(settings.encoder) else "workers"  # one copy of the model in memory
    mining = Mining(settings, packs, index.folder, words.folder if words is not None else None)
    renew = partial(renew_shard, mining, update)
    return run.map(step, renew, partial(_mining_tasks, carried, index), CARRIED, where)


def _index_tasks(documents: StepOutput) -> Iterator[tuple[int, list[Path]]]:
    """Files of documents for each shard of an index, with its number."""
    yield from enumerate(file_groups(documents.files(), _SHARD_ROWS))


def index_shard(split: str, folder: Path, task: tuple[int, list[Path]]) -> ShardOutput:
    """Write a shard of the index of the words of one split's documents into ``folder``, in page order."""
    shard, files = task
    rows = [row for file in files for row in _documents(file, split)]
    write_documents(documents_file(folder, shard), [rows])
    Bm25Encoder().build_shard([_entry(row["doc_id"], row["text"], row["images"], None) for row in rows], folder, shard)
    return ShardOutput(pa.table({"entries": [len(rows)]}, schema=_SHARD), Account())


def write_index(mining: Mining, documents: StepOutput, split: str, folder: Path) -> None:
    """Index the documents of one split by vectors, in page order; one part file is in memory at a time."""
    encoder = mining.encoder()
    reader = PackReader(mining.packs) if encoder.needs_images else None
    (folder / _INDEX).mkdir()
    rows = (row for file in documents.files() for row in _documents(file, split))
    encoder.build((_entry(row["doc_id"], row["text"], row["images"], reader) for row in rows), folder / _INDEX)
    write_documents(documents_file(folder, 0), (_documents(file, split) for file in documents.files()))


def _documents(file: Path, split: str) -> list[dict[str, Any]]:
    """The documents of one split in a part file."""
    table = pq.read_table(file, columns=_COLUMNS)
    rows = table.filter(pc.equal(table["split"], split)).to_pylist()
    return [{**row, "captions": [image["caption"] for image in row["images"]]} for row in rows]


def _mining_tasks(questions: StepOutput, index: StepOutput) -> Iterator[tuple[Path, int]]:
    """Each file of questions with the number of the index's shards, 0 for one that is built as one."""
    shards = len(index.files())
    for file in questions.files():
        yield file, shards


def _open(encoder: str, folder: Path, shards: int) -> tuple[Index, IndexedDocuments]:
    """The index of a step's folder and its documents: open for one task, as a worker would hold all of their files."""
    index = Bm25Index(folder, shards) if shards else open_index(encoder, folder / _INDEX)
    return index, IndexedDocuments(folder, shards or 1)


def _entry(key: str, text: str, images: Sequence[Mapping[str, Any]], reader: PackReader | None) -> SearchEntry:
    captions = tuple(image["caption"] for image in images)
    return SearchEntry(key, text, captions, tuple(reader.read(image) for image in images) if reader else ())


def mine_shard(mining: Mining, task: tuple[Path, int]) -> ShardOutput:
    """Questions of one shard with their negatives, fewer than ``count`` if the rules exclude too many.

    :param task: File of the questions, and the number of the index's shards.
    """
    file, shards = task
    table = pq.read_table(file)
    rows = [{**row, **mined} for row, mined, _ in _mined(mining, table.to_pylist(), shards)]
    ids = [row["qa_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=table.schema), Account(ids, ids))


def renew_shard(mining: Mining, update: UpdateInputs, task: tuple[Path, int]) -> ShardOutput:
    """Published questions of one shard, with new negatives where they need some or better ones came.

    :param task: As in ``mine_shard``.
    """
    file, shards = task
    questions = pq.read_table(file).to_pylist()
    renew = update.settings.negatives
    asked = [row for row in questions if row["mine"] or renew != "changed"]
    known = PublishedDocuments(update.tables) if renew == "better" and asked else None
    mined = {}
    for row, found, ranked in _mined(mining, asked, shards):
        if row["mine"] or renew == "all" or (known is not None and _better(found, ranked, mining.settings, known)):
            mined[row["qa_id"]] = {**found, "mine": True}
    rows = [{**row, **mined.get(row["qa_id"], {})} for row in questions]
    ids = [row["qa_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=CARRIED), Account(ids, ids))


def _better(found: Mapping[str, Any], ranked: Sequence[str], settings: Negatives, known: PublishedDocuments) -> bool:
    """Whether a document that was not published is among the new negatives, or ranks above them."""
    last = max(found["negative_ranks"], default=search_depth(settings))
    return not known.holds(pa.chunked_array([pa.array(ranked[:last], pa.string())])).all()


def _mined(
    mining: Mining, questions: Sequence[dict[str, Any]], shards: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any], list[str]]]:
    """Each question with its mining columns and the ids of what was retrieved, best first.

    :param shards: Number of the index's shards.
    """
    if not questions:
        return
    index, documents = _open(mining.settings.encoder, mining.index, shards)
    hits = index.search(_queries(mining, questions), search_depth(mining.settings))
    known = documents.read(row for row in np.unique(hits.rows).tolist() if row >= 0)
    common, miner = read_common_words(mining.words), mining.encoder().name
    for row, found, scores in zip(questions, hits.rows.tolist(), hits.scores.tolist(), strict=True):
        # Padding with -1 comes last.
        ranked = [(known[one], score) for one, score in zip(found, scores, strict=True) if one >= 0]
        rule = answer_rule(row["question"], row["answers"], common)
        mined = mine_page_question(row["document"], ranked, mining.settings, rule, row.get("second"))
        yield row, {**mined, "miner": miner}, [document["doc_id"] for document, _ in ranked]


def _queries(mining: Mining, questions: Sequence[Mapping[str, Any]]) -> list[SearchEntry]:
    reader = PackReader(mining.packs) if mining.encoder().needs_images else None
    entries = (_entry(row["qa_id"], row["question"], row["images"], reader) for row in questions)
    return [replace(entry, instruction=mining.settings.instruction) for entry in entries]


def found_documents(mining: Mining, questions: Sequence[Mapping[str, Any]], depth: int, shards: int) -> list[list[str]]:
    """Ids of the first documents of each question, best first.

    :param questions: Rows with ``qa_id``, ``question`` and ``images``, at least one.
    :param shards: Number of the index's shards, 0 for one that is built as one.
    """
    index, documents = _open(mining.settings.encoder, mining.index, shards)
    hits = index.search(_queries(mining, questions), depth)
    known = documents.read(row for row in np.unique(hits.rows).tolist() if row >= 0)
    return [[known[one]["doc_id"] for one in found if one >= 0] for found in hits.rows.tolist()]
