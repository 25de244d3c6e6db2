"""Steps ``assemble/corpus``: the files of ``corpus`` that workers write, each by itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.assembly.corpus_files import CorpusFile, plan_files, write_corpus_file
from nyxqa.builders.assembly.inputs import Assembly, WebInputs
from nyxqa.builders.assembly.passages import PassageFile, passage_row, plan_passages
from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.part_files import was_changed
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.question_sets.outputs import PoolParts
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.files import replacing
from nyxqa.schemas.manifest import FileEntry
from nyxqa.schemas.tables import CORPUS, WEB
from nyxqa.schemas.writing import file_hash, place_file, write_file

_VERSION = 1
_PASSAGES_VERSION = 1
_FILES = pa.schema([("rows", pa.int64()), ("sha256", pa.string())])


def corpus_steps(run: Run, assembly: Assembly) -> dict[str, StepOutput]:
    """The files of pool ``web`` and of pools that are published whole, by pool; the others depend on the triplets."""
    steps = {} if assembly.web is None else {WEB: _web(run, assembly.web)}
    return steps | {pool.name: _passages(run, pool) for pool in assembly.sets.pools if pool.whole}


def _web(run: Run, web: WebInputs) -> StepOutput:
    """One file for each shard: ``corpus-N.parquet`` beside the part file with its hash."""
    step = Step("assemble/corpus", _VERSION, {}, (web.documents.fingerprint,))
    write = partial(corpus_shard, web.packs, run.folder(step))
    return run.map(step, write, lambda: plan_files(web.documents.files()), _FILES)


def _passages(run: Run, pool: PoolParts) -> StepOutput:
    """Likewise, the files of a pool of passages or documents."""
    params = {"pool": pool.name, "source": pool.source, "license": pool.license}
    step = Step(f"assemble/corpus.{pool.name}", _PASSAGES_VERSION, params, (pool.fingerprint,))
    write = partial(passages_shard, pool, run.folder(step))
    return run.map(step, write, lambda: plan_passages(PassagePool(pool.folder)), _FILES)


def corpus_shard(packs: Path, folder: Path, planned: CorpusFile) -> ShardOutput:
    """Write one file of pool ``web`` into ``folder``."""
    file = corpus_file(folder, planned.number)
    with PackReader(packs) as reader, replacing(file) as temporary:
        rows = write_corpus_file(planned, reader, temporary)
        digest = file_hash(temporary)
    return ShardOutput(pa.table([[rows], [digest]], schema=_FILES), Account())


def passages_shard(pool: PoolParts, folder: Path, planned: PassageFile) -> ShardOutput:
    """Write one file of a pool of passages into ``folder``."""
    stored = PassagePool(pool.folder)
    with replacing(corpus_file(folder, planned.number)) as temporary:
        rows = (passage_row(stored, row, pool) for row in range(planned.start, planned.end))
        count = write_file(CORPUS, rows, temporary)
        digest = file_hash(temporary)
    return ShardOutput(pa.table([[count], [digest]], schema=_FILES), Account())


def corpus_file(folder: Path, number: int) -> Path:
    """A file of a pool in the folder of its step."""
    return folder / f"corpus-{number:06d}.parquet"


def written_files(corpus: StepOutput) -> list[Path]:
    """The files of a pool in their order."""
    return [corpus_file(corpus.folder, number) for number in range(len(corpus.files()))]


def linked(pool: str, corpus: StepOutput, folder: Path) -> dict[str, FileEntry]:
    """The files of a pool at their places.

    :raises LawError: If one was changed since it was written.
    """
    parts = [pq.read_table(part).to_pylist()[0] for part in corpus.files()]
    files: dict[str, FileEntry] = {}
    for number, part in enumerate(parts):
        file = corpus_file(corpus.folder, number)
        if not file.is_file() or (was_changed(file, corpus.folder) and file_hash(file) != part["sha256"]):
            raise LawError(f"{file} is missing or was changed; remove {corpus.folder} and run again")
        files[place_file(CORPUS, pool, file, number, len(parts), folder)] = FileEntry(part["sha256"], part["rows"])
    return files
