"""Stage ``negatives``: high-ranked documents of the same split that do not answer the question."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.run import Run, Where
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.mining.margin import ceiling
from nyxqa.builders.qa.keys import words_key
from nyxqa.builders.rows import QUESTIONS
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.retriever.protocols import Encoder, Entry, Index
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.recipe import Negatives
from nyxqa.schemas.words import words

VERSION = 2
_INDEX_VERSION = 2
_KNOWN_FILE = "known.arrow"

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


def negatives(run: Run, questions: Parts, documents: Parts, packs: Path, settings: Negatives, split: str) -> Parts:
    """Search each question among the documents of its split and keep the first ``count`` of the wanted ranks."""
    mining = Mining(settings, packs, Path())
    params = {"encoder": mining.encoder().fingerprint}  # a model retrained at the same path mines anew
    build = Step("negatives/index", _INDEX_VERSION, params, (documents.fingerprint,), split)
    index = run.whole(build, partial(write_index, mining, documents, split))
    inputs = (questions.fingerprint, index.fingerprint)
    step = Step("negatives", VERSION, {"negatives": settings}, inputs, split, "question", "question")
    where: Where = "driver" if is_dense(settings.encoder) else "workers"  # a model is not copied into every worker
    mine = partial(mine_shard, Mining(settings, packs, index.folder))
    return run.map(step, mine, questions.files, QUESTIONS, where)


def write_index(mining: Mining, documents: Parts, split: str, folder: Path) -> None:
    """Index the documents of one split, in page order; of what the rules need a batch is in memory."""
    encoder = mining.encoder()
    reader = PackReader(mining.packs) if encoder.needs_images else None
    (folder / "index").mkdir()
    with pa.OSFile(str(folder / _KNOWN_FILE), "wb") as file, pa.ipc.new_file(file, _KNOWN) as known:
        entries = _indexed(documents, split, reader, known)
        encoder.build(entries, folder / "index")


def _indexed(
    documents: Parts, split: str, reader: PackReader | None, known: pa.ipc.RecordBatchWriter
) -> Iterator[Entry]:
    """Entries of the documents of one split; what the rules need of them goes to ``known``."""
    columns = ["doc_id", "text", "images", "page_id", "cluster", "split"]
    for file in documents.files():
        rows = [row for row in pq.read_table(file, columns=columns).to_pylist() if row["split"] == split]
        kept = [{**{name: row[name] for name in _KNOWN.names[:-1]}, "key": text_key(row["text"])} for row in rows]
        known.write_batch(pa.RecordBatch.from_pylist(kept, schema=_KNOWN))
        for row in rows:
            yield _entry(row["doc_id"], row["text"], row["images"], reader)


def _entry(key: str, text: str, images: Sequence[Mapping[str, Any]], reader: PackReader | None) -> Entry:
    captions = tuple(image["caption"] for image in images)
    return Entry(key, text, captions, tuple(reader.read(image) for image in images) if reader else ())


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
            rows.append({**row, **choose(row["document"], ranked, mining.settings), "miner": encoder.name})
    ids = [row["qa_id"] for row in questions]
    return ShardOutput(pa.Table.from_pylist(rows, schema=QUESTIONS), Account(ids, ids))


def choose(
    document: Mapping[str, Any], ranked: Sequence[tuple[Mapping[str, Any], float]], settings: Negatives
) -> dict[str, Any]:
    """The positive with its rank and the negatives of one question.

    Ranks count from 1 over the raw list. With a margin a question whose positive was not retrieved has no negatives.

    :param ranked: What the search found, best first: rows of the index's table and scores.
    """
    own = next(((rank, known, score) for rank, (known, score) in enumerate(ranked, 1) if _is(known, document)), None)
    score_of_own = None if own is None else own[2]
    highest = math.inf if settings.margin is None else ceiling(score_of_own, settings.margin)
    first, last = settings.ranks
    key = text_key(document["text"]) if "equal" in settings.exclude else ""
    kept = [
        (rank, known["doc_id"], score)
        for rank, (known, score) in enumerate(ranked[:last], 1)
        if rank >= first and not _excluded(known, document, key, settings) and score <= highest
    ][: settings.count]
    positive = {
        "doc_id": document["doc_id"],
        "rank": None if own is None else own[0],
        "score": score_of_own,
        "origin": "source",
    }
    return {
        "positives": [positive],
        "negative_ids": [doc for _, doc, _ in kept],
        "negative_ranks": [rank for rank, _, _ in kept],
        "negative_scores": [score for _, _, score in kept],
    }


def text_key(text: str) -> str:
    """Equal for texts of the same words, wherever their images stand; empty for a text without words."""
    found = words(plain_text(text))
    return words_key(found, []) if found else ""


def _is(known: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    return bool(known["doc_id"] == document["doc_id"])


def _excluded(known: Mapping[str, Any], document: Mapping[str, Any], key: str, settings: Negatives) -> bool:
    rules = {
        "page": known["page_id"] == document["page_id"],
        "cluster": known["cluster"] == document["cluster"],
        "equal": known["key"] == key != "",
    }
    return _is(known, document) or any(rules[name] for name in settings.exclude)
