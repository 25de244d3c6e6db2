"""Steps ``negatives/words`` and ``passages.POOL/words``: the common words of a pool, for exclusion rule ``answer``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import pyarrow.parquet as pq

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.qa.answer_match import fold_document
from nyxqa.builders.qa.common_words import CommonWords, count_common_words, sampled
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.stages.names import pool_stage
from nyxqa.schemas.files import read_json, write_json

VERSION = 2
_FILE = "common.json"


def web_common_words(run: Run, documents: StepOutput) -> StepOutput:
    """The common words of the documents of all splits."""
    step = Step("negatives/words", VERSION, {}, (documents.fingerprint,))
    return run.run_once(step, partial(_write, partial(_web_documents, documents)))


def pool_common_words(run: Run, pool: str, passages: StepOutput) -> StepOutput:
    """The common words of a passage pool."""
    step = Step(f"{pool_stage(pool)}/words", VERSION, {}, (passages.fingerprint,))
    return run.run_once(step, partial(_write, partial(_passages, passages.folder)))


@lru_cache(maxsize=8)
def read_common_words(folder: Path | None) -> CommonWords:
    """The common words that a step wrote into ``folder``; none without a folder."""
    if folder is None:
        return CommonWords()
    return CommonWords(**read_json(folder / _FILE))


def _write(documents: Callable[[], Iterator[str]], folder: Path) -> None:
    common = count_common_words(documents())
    write_json(folder / _FILE, {"total": common.total, "counts": dict(common.counts)})


def _web_documents(documents: StepOutput) -> Iterator[str]:
    total = len(documents)
    for file in documents.files():
        for row in pq.read_table(file, columns=["doc_id", "text", "images"]).to_pylist():
            if sampled(row["doc_id"], total):
                yield fold_document(row["text"], [image["caption"] for image in row["images"]])


def _passages(folder: Path) -> Iterator[str]:
    pool = PassagePool(folder)
    for passage in (pool[row] for row in range(len(pool))):
        if sampled(passage.id, len(pool)):
            yield fold_document(passage.text, [image["caption"] for image in passage.images])
