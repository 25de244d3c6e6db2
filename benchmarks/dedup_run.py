"""One contender of ``dedup.py``: reads the corpus, writes the ids it drops, prints its peak memory in KiB.

The peers run in an environment of their own, so nothing of nyxqa is imported for them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from benchmarks.memory import peak_kib

THRESHOLD = 0.8
SHINGLE = 3


def nyxqa(corpus: Path, memory: str, threads: int) -> list[str]:
    """``deduplicate`` at its defaults."""
    from nyxqa.builders.dedup.deduplicate import deduplicate
    from nyxqa.builders.engine.limits import Limits

    with deduplicate(corpus, phashes="phashes", limits=Limits(memory=memory, threads=threads)) as result:
        return list(result.dropped["id"].to_pylist())


def rensa(corpus: Path, memory: str, threads: int) -> list[str]:
    """Rensa's LSH deduplicator, 128 permutations, over the same shingles."""
    from rensa import RMinHash, RMinHashDeduplicator

    search = RMinHashDeduplicator(threshold=THRESHOLD, num_perm=128, use_lsh=True, num_bands=16)
    dropped = []
    for key, text in _rows(corpus):
        sketch = RMinHash(num_perm=128, seed=42)
        sketch.update(_shingles(text))
        if not search.add(key, sketch):
            dropped.append(key)
    return dropped


def datatrove(corpus: Path, memory: str, threads: int) -> list[str]:
    """The four steps of datatrove's MinHash pipeline at its defaults."""
    import tempfile

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import JsonlWriter

    with tempfile.TemporaryDirectory() as folder:
        config = MinhashConfig(n_grams=SHINGLE)
        reader = ParquetReader(str(corpus.parent), glob_pattern=corpus.name, text_key="text", id_key="doc_id")
        removed = JsonlWriter(f"{folder}/removed", compression=None)
        steps = [
            [reader, MinhashDedupSignature(f"{folder}/signatures", config)],
            [MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)],
            [MinhashDedupCluster(f"{folder}/buckets", f"{folder}/ids", config=config)],
            [reader, MinhashDedupFilter(f"{folder}/ids", exclusion_writer=removed)],
        ]
        for number, (step, tasks) in enumerate(zip(steps, (1, config.num_buckets, 1, 1), strict=True)):
            logs = f"{folder}/logs{number}"
            LocalPipelineExecutor(step, tasks=tasks, workers=min(tasks, threads), logging_dir=logs).run()
        lines = [line for file in Path(folder, "removed").glob("*.jsonl") for line in file.read_text().splitlines()]
        import json

        return [json.loads(line)["id"] for line in lines]


def _rows(corpus: Path) -> list[tuple[str, str]]:
    import pyarrow.parquet as pq

    table = pq.read_table(corpus)
    return list(zip(table["doc_id"].to_pylist(), table["text"].to_pylist(), strict=True))


def _shingles(text: str) -> list[str]:
    words = re.findall(r"\w+", text.lower())
    return [" ".join(words[first : first + SHINGLE]) for first in range(max(1, len(words) - SHINGLE + 1))]


if __name__ == "__main__":
    _, contender, corpus_file, out, limit, count = sys.argv
    chosen = {"nyxqa": nyxqa, "rensa": rensa, "datatrove": datatrove}[contender]
    Path(out).write_text("\n".join(chosen(Path(corpus_file), limit, int(count))) + "\n")
    print(peak_kib())
