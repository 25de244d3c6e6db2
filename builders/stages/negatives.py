"""Stage ``negatives``: mine hard negatives among the high-ranked documents of a question's split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.mining.web_rules import mine_page_question, search_depth
from nyxqa.builders.qa.answer_match import answer_rule, fold_document
from nyxqa.builders.qa.keys import text_key
from nyxqa.builders.rows import QUESTIONS
from nyxqa.builders.stages.common_words import read_common_words
from nyxqa.retriever.encoders.factory import is_dense, make_encoder, open_index
from nyxqa.retriever.protocols import Encoder, SearchEntry
from nyxqa.schemas.recipe import Negatives

VERSION = 4
_INDEX_VERSION = 3
_INDEX = "index"
_RULE_FILE = "known.arrow"  # the columns that the exclusion rules read, beside the index
_KEYS = ("encoder", "ranks", "count", "exclude", "margin")  # data keys of recipe section ``[negatives]``
_ADDED = ("per_query", "instruction")

# One row per indexed document, in index order.
_RULE_COLUMNS = pa.schema([(name, pa.string()) for name in ("doc_id", "page_id", "cluster", "key", "folded")])


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


def negatives(
    run: Run,
    questions: StepOutput,
    documents: StepOutput,
    packs: Path,
    settings: Negatives,
    split: str,
    words: StepOutput | None = None,
) -> StepOutput:
    """Search each question among the documents of its split and choose ``count`` negatives from the given ranks.

    :param questions: Rows of QUESTIONS.
    :param documents: Rows of SPLIT_DOCUMENTS, of all splits.
    :param packs: Folder of the image packs.
    :param words: The common words of all documents, for rule ``answer``.
    :returns: The questions with their mining columns.
    """
    mining = Mining(settings, packs, Path())
    encoder = {"encoder": mining.encoder().fingerprint}  # changes when a model at the same path is trained again
    build = Step("negatives/index", _INDEX_VERSION, encoder, (documents.fingerprint,), split)
    index = run.run_once(build, partial(write_index, mining, documents, split))
    inputs = (questions.fingerprint, index.fingerprint, *([words.fingerprint] if words is not None else []))
    params = {"negatives": section_params(settings, _KEYS, _ADDED)}
    step = Step("negatives", VERSION, params, inputs, split, "question", "question")
    where: Where = "driver" if is_dense(settings.encoder) else "workers"  # one copy of the model in memory
    mine = partial(mine_shard, Mining(settings, packs, index.folder, words.folder if words is not None else None))
    return run.map(step, mine, questions.files, QUESTIONS, where)


def write_index(mining: Mining, documents: StepOutput, split: str, folder: Path) -> None:
    """Index the documents of one split, in page order; one part file is in memory at a time."""
    encoder = mining.encoder()
    reader = PackReader(mining.packs) if encoder.needs_images else None
    (folder / _INDEX).mkdir()
    with pa.OSFile(str(folder / _RULE_FILE), "wb") as file, pa.ipc.new_file(file, _RULE_COLUMNS) as rule_rows:
        entries = _indexed(documents, split, reader, rule_rows)
        encoder.build(entries, folder / _INDEX)


def _indexed(
    documents: StepOutput, split: str, reader: PackReader | None, rule_rows: pa.ipc.RecordBatchWriter
) -> Iterator[SearchEntry]:
    """Entries of the documents of one split; the columns of the exclusion rules are written to ``rule_rows``."""
    columns = ["doc_id", "text", "images", "page_id", "cluster", "split"]
    for file in documents.files():
        rows = [row for row in pq.read_table(file, columns=columns).to_pylist() if row["split"] == split]
        keyed = [{**row, "key": text_key(row["text"]), "folded": _folded(row)} for row in rows]
        batch = [{name: row[name] for name in _RULE_COLUMNS.names} for row in keyed]
        rule_rows.write_batch(pa.RecordBatch.from_pylist(batch, schema=_RULE_COLUMNS))
        for row in rows:
            yield _entry(row["doc_id"], row["text"], row["images"], reader)


def _folded(row: Mapping[str, Any]) -> str:
    return fold_document(row["text"], [image["caption"] for image in row["images"]])


def _entry(key: str, text: str, images: Sequence[Mapping[str, Any]], reader: PackReader | None) -> SearchEntry:
    captions = tuple(image["caption"] for image in images)
    return SearchEntry(key, text, captions, tuple(reader.read(image) for image in images) if reader else ())


def mine_shard(mining: Mining, file: Path) -> ShardOutput:
    """Questions of one shard with their negatives, fewer than ``count`` if the rules exclude too many."""
    questions = pq.read_table(file).to_pylist()
    encoder = mining.encoder()
    rows = []
    if questions:
        index = open_index(mining.settings.encoder, mining.index / _INDEX)
        rule_rows = pa.ipc.open_file(pa.memory_map(str(mining.index / _RULE_FILE))).read_all()
        reader = PackReader(mining.packs) if encoder.needs_images else None
        instruction = mining.settings.instruction
        queries = [
            replace(_entry(row["qa_id"], row["question"], row["images"], reader), instruction=instruction)
            for row in questions
        ]
        hits = index.search(queries, search_depth(mining.settings))
        common = read_common_words(mining.words)
        for row, padded, scores in zip(questions, hits.rows, hits.scores.tolist(), strict=True):
            retrieved = padded[padded >= 0]  # padding with -1 comes last
            ranked = list(zip(rule_rows.take(pa.array(retrieved)).to_pylist(), scores[: len(retrieved)], strict=True))
            rule = answer_rule(row["question"], row["answers"], common)
            mined = mine_page_question(row["document"], ranked, mining.settings, rule)
            rows.append({**row, **mined, "miner": encoder.name})
    ids = [row["qa_id"] for row in questions]
    return ShardOutput(pa.Table.from_pylist(rows, schema=QUESTIONS), Account(ids, ids))
