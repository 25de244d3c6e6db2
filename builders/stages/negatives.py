"""Stage ``negatives``: high-ranked documents of the same split that do not answer the question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.mining.web_rules import mine_page_question
from nyxqa.builders.qa.keys import text_key
from nyxqa.builders.rows import QUESTIONS
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.retriever.protocols import Encoder, Index, SearchEntry
from nyxqa.schemas.recipe import Negatives

VERSION = 2
_INDEX_VERSION = 2
_KNOWN_FILE = "known.arrow"
_KEYS = ("encoder", "ranks", "count", "exclude", "margin")  # data keys of recipe section ``[negatives]``

# What the exclusion rules know of each indexed document, in index order.
_KNOWN = pa.schema([("doc_id", pa.string()), ("page_id", pa.string()), ("cluster", pa.string()), ("key", pa.string())])


@dataclass(frozen=True)
class Mining:
    """What a worker needs to mine.

    :param settings: Ranks, count, margin, exclusions and encoder.
    :param packs: Folder of the image packs.
    :param index: Folder of the split's index; empty while it is built.
    """

    settings: Negatives
    packs: Path
    index: Path

    def encoder(self) -> Encoder:
        """The encoder of the recipe."""
        return make_encoder(self.settings.encoder)


def negatives(
    run: Run, questions: StepOutput, documents: StepOutput, packs: Path, settings: Negatives, split: str
) -> StepOutput:
    """Search each question among the documents of its split and keep the first ``count`` of the wanted ranks."""
    mining = Mining(settings, packs, Path())
    encoder = {"encoder": mining.encoder().fingerprint}  # changes when a model at the same path is trained again
    build = Step("negatives/index", _INDEX_VERSION, encoder, (documents.fingerprint,), split)
    index = run.run_once(build, partial(write_index, mining, documents, split))
    inputs = (questions.fingerprint, index.fingerprint)
    params = {"negatives": section_params(settings, _KEYS)}
    step = Step("negatives", VERSION, params, inputs, split, "question", "question")
    where: Where = "driver" if is_dense(settings.encoder) else "workers"  # a model is not copied into every worker
    mine = partial(mine_shard, Mining(settings, packs, index.folder))
    return run.map(step, mine, questions.files, QUESTIONS, where)


def write_index(mining: Mining, documents: StepOutput, split: str, folder: Path) -> None:
    """Index the documents of one split, in page order; of what the rules need a batch is in memory."""
    encoder = mining.encoder()
    reader = PackReader(mining.packs) if encoder.needs_images else None
    (folder / "index").mkdir()
    with pa.OSFile(str(folder / _KNOWN_FILE), "wb") as file, pa.ipc.new_file(file, _KNOWN) as known:
        entries = _indexed(documents, split, reader, known)
        encoder.build(entries, folder / "index")


def _indexed(
    documents: StepOutput, split: str, reader: PackReader | None, known: pa.ipc.RecordBatchWriter
) -> Iterator[SearchEntry]:
    """Entries of the documents of one split; what the rules need of them goes to ``known``."""
    columns = ["doc_id", "text", "images", "page_id", "cluster", "split"]
    for file in documents.files():
        rows = [row for row in pq.read_table(file, columns=columns).to_pylist() if row["split"] == split]
        kept = [{**{name: row[name] for name in _KNOWN.names[:-1]}, "key": text_key(row["text"])} for row in rows]
        known.write_batch(pa.RecordBatch.from_pylist(kept, schema=_KNOWN))
        for row in rows:
            yield _entry(row["doc_id"], row["text"], row["images"], reader)


def _entry(key: str, text: str, images: Sequence[Mapping[str, Any]], reader: PackReader | None) -> SearchEntry:
    captions = tuple(image["caption"] for image in images)
    return SearchEntry(key, text, captions, tuple(reader.read(image) for image in images) if reader else ())


@lru_cache(maxsize=1)
def _opened(encoder: str, folder: Path, made: int) -> tuple[Index, pa.Table]:
    known = pa.ipc.open_file(pa.memory_map(str(folder / _KNOWN_FILE))).read_all()
    return make_encoder(encoder).open(folder / "index"), known


def mine_shard(mining: Mining, file: Path) -> ShardOutput:
    """Questions of one shard with their negatives, fewer than wanted where the rules leave fewer."""
    questions = pq.read_table(file).to_pylist()
    made = mining.index.stat().st_mtime_ns  # one process may see the same step made twice
    encoder = mining.encoder()
    rows = []
    if questions:
        index, known = _opened(mining.settings.encoder, mining.index, made)
        reader = PackReader(mining.packs) if encoder.needs_images else None
        queries = [_entry(row["qa_id"], row["question"], row["images"], reader) for row in questions]
        hits = index.search(queries, mining.settings.ranks[1])
        for row, found, scores in zip(questions, hits.rows, hits.scores.tolist(), strict=True):
            found = found[found >= 0]  # what is missing stands last
            ranked = list(zip(known.take(pa.array(found)).to_pylist(), scores[: len(found)], strict=True))
            rows.append({**row, **mine_page_question(row["document"], ranked, mining.settings), "miner": encoder.name})
    ids = [row["qa_id"] for row in questions]
    return ShardOutput(pa.Table.from_pylist(rows, schema=QUESTIONS), Account(ids, ids))
