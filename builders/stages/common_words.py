"""Steps ``negatives/words`` and ``passages.POOL/words``: the common words of a pool, for exclusion rule ``answer``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.part_files import file_groups
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.qa.answer_match import CommonWords, common_bound, count_common_words, fold_document, sampled
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.stages.names import pool_stage
from nyxqa.schemas.files import read_json, write_json

VERSION = 3
_POOL_VERSION = 2
_FILE = "common.json"
_GROUP_ROWS = 4096  # of documents that are counted together
WORD_COUNTS = pa.schema([("word", pa.string()), ("documents", pa.int64())])


def web_common_words(run: Run, documents: StepOutput) -> StepOutput:
    """The common words of the documents of all splits."""
    counted = Step("negatives/counts", 1, {}, (documents.fingerprint,))
    counts = run.map(counted, count_shard, partial(_tasks, documents), WORD_COUNTS)
    step = Step("negatives/words", VERSION, {}, (counts.fingerprint,))
    return run.run_once(step, partial(_write_sum, counts))


def _tasks(documents: StepOutput) -> Iterator[tuple[int, list[Path]]]:
    """Groups of files, each with the number of all documents."""
    total = len(documents)
    for files in file_groups(documents.files(), _GROUP_ROWS):
        yield total, files


def count_shard(task: tuple[int, list[Path]]) -> ShardOutput:
    """In how many documents of some files each word is; the row of the empty word has the number of documents."""
    total, files = task
    counts: Counter[str] = Counter()
    for file in files:
        ids = pq.read_table(file, columns=["doc_id"])["doc_id"].to_pylist()
        if own := [row for row, one in enumerate(ids) if sampled(one, total)]:
            table = pq.read_table(file, columns=["text", "images"])
            for row in table.take(pa.array(own)).to_pylist():
                counts.update(set(fold_document(row["text"], [image["caption"] for image in row["images"]]).split()))
            counts[""] += len(own)
    return ShardOutput(pa.table([list(counts), list(counts.values())], schema=WORD_COUNTS), Account())


def _write_sum(counts: StepOutput, folder: Path) -> None:
    """Write the common words of all shards."""
    every = pa.concat_tables([WORD_COUNTS.empty_table(), *(pq.read_table(file) for file in counts.files())])
    summed = every.group_by("word").aggregate([("documents", "sum")])
    total = pc.sum(summed.filter(pc.equal(summed["word"], ""))["documents_sum"]).as_py() or 0
    common = summed.filter(pc.greater(summed["documents_sum"], common_bound(total)))
    words = dict(zip(common["word"].to_pylist(), common["documents_sum"].to_pylist(), strict=True))
    words.pop("", None)
    write_json(folder / _FILE, {"total": total, "counts": dict(sorted(words.items()))})


def pool_common_words(run: Run, pool: str, passages: StepOutput) -> StepOutput:
    """The common words of a passage pool."""
    step = Step(f"{pool_stage(pool)}/words", _POOL_VERSION, {}, (passages.fingerprint,))
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


def _passages(folder: Path) -> Iterator[str]:
    pool = PassagePool(folder)
    for passage in (pool[row] for row in range(len(pool))):
        if sampled(passage.id, len(pool)):
            yield fold_document(passage.text, [image["caption"] for image in passage.images])
