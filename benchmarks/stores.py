"""What half-size stores and approximate indexes find of the nearest sentences: recall against exact float32 search.

``python -m benchmarks.stores --passages FILE --model MINILM --limit 20000 --out FILE.json``

Every sentence of the passages is encoded once in float32. Queries are every hundredth sentence; the nearest of each are
searched among all others' vectors by exact search, over a store of float16, and by IVF and HNSW at rising effort.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import command, machine
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.index.approximate import empty, recall_of, set_effort
from nyxqa.retriever.index.embeddings import Embeddings, write_embeddings
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.protocols import SearchEntry

AT = 10
EFFORTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=Path, required=True, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--model", required=True, help="folder of MiniLM or another sentence encoder")
    parser.add_argument("--limit", type=int, default=20_000, help="sentences")
    parser.add_argument("--folder", type=Path, help="where vectors are kept")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    texts = list(dict.fromkeys(sentences(options.passages)))
    step = max(1, len(texts) // options.limit)
    texts = texts[::step][: options.limit]
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(texts, options.model, options.folder or Path(temporary))
    used = {"command": command("stores.py"), "machine": machine("faiss-cpu", "torch", "transformers")}
    result = {**used, "sentences": len(texts), **found}
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def sentences(file: Path) -> Iterator[str]:
    """Sentences of five words or more."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)["contents"].partition("\n")[2]
            yield from (one for one in re.split(r"(?<=[.!?])\s+", text) if len(one.split()) >= 5)


def measure(texts: list[str], model: str, folder: Path) -> dict[str, Any]:
    """Recall at ten of each kind of store and index."""
    encoder: Any = make_encoder(f"e5:{model}?prefixes=off")
    started = time.perf_counter()
    encoder.build([SearchEntry(f"{number:08d}", text) for number, text in enumerate(texts)], folder / "float32")
    seconds = time.perf_counter() - started
    stored = Embeddings(folder / "float32", encoder.fingerprint)
    vectors = np.concatenate([np.asarray(shard) for _, shard in stored.shards()])
    queries = vectors[::100].copy()
    order = np.arange(len(vectors))
    exact = search_vectors(queries, stored, AT + 1, order).rows[:, 1:]  # without the query itself
    write_embeddings(
        ((f"{number:08d}", number) for number in range(len(vectors))),
        folder / "float16",
        "half",
        lambda: [_Known(vectors)],
        lambda number: (str(number).encode(),),
        kind="float16",
    )
    half = Embeddings(folder / "float16", "half", "float16")
    found: dict[str, Any] = {
        "queries": len(queries),
        "encoding_seconds": round(seconds, 1),
        "float16_store": round(recall_of(exact, search_vectors(queries, half, AT + 1, order).rows[:, 1:]), 5),
    }
    for kind in ("ivf", "hnsw"):
        started = time.perf_counter()
        index = empty(stored, kind)
        index.add(vectors)
        found[kind] = {"building_seconds": round(time.perf_counter() - started, 2), "efforts": []}
        for effort in EFFORTS:
            set_effort(index, kind, effort)
            started = time.perf_counter()
            rows = index.search(queries, AT + 1)[1]
            took = time.perf_counter() - started
            found[kind]["efforts"].append(
                {
                    "effort": effort,
                    "recall": round(recall_of(exact, rows), 4),
                    "ms_a_query": round(1e3 * took / len(rows), 3),
                }
            )
    return found


class _Known:
    """Vectors that are there already, as an encoder of their numbers."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        self.dimensions = int(vectors.shape[1])

    def encode(self, numbers: Any) -> Any:
        """The vectors of these numbers."""
        return self._vectors[list(numbers)]


if __name__ == "__main__":
    main()
