"""How fast ``nyxqa review`` and ``nyxqa browse`` are over many triplets, and how much memory they take.

A dataset of made triplets over made documents is written, the app is started on it, and a real Chromium opens the first
page and presses j and a a few hundred times::

    python benchmarks/browse.py --rows 1000000 --folder browsed --keys 300

The figures are the time from the request of the first page until it is drawn, the 50th and 95th percentile of the time
from a key until the next row is drawn, and the memory of the server after each hundred keys.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from nyxqa.schemas.card_configs import dataset_configs
from nyxqa.schemas.columns import Table
from nyxqa.schemas.ids import row_hash
from nyxqa.schemas.manifest import FileEntry, Manifest, StageEntry, write_manifest
from nyxqa.schemas.tables import CORPUS, LEDGER, TRIPLETS, published_schema
from nyxqa.schemas.writing import IMAGE_GROUP_ROWS
from tests.support.chromium import chromium_path, running_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WORDS = ("harbour", "mill", "bridge", "orchard", "tower", "river", "market", "school", "garden", "station")
_BATCH = 20_000


def _id(*key: object) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:32]


def _text(seed: int, words: int) -> str:
    chosen = random.Random(seed)  # noqa: S311 - made text
    return " ".join(chosen.choice(_WORDS) for _ in range(words)).capitalize() + f" {seed}."


def _document(number: int, ids: list[str]) -> dict[str, object]:
    lists = ("images", "image_ids", "image_phashes", "captions", "caption_origins", "image_urls", "also_at")
    return {
        **dict.fromkeys(CORPUS.schema.names, ""),
        **{name: [] for name in lists},
        **{"doc_id": ids[number], "text": _text(number, 60), "kind": "text", "n_tokens": 61, "chunk": 0},
        **{"start": 0, "end": 0, "page_id": ids[number], "group": ids[number], "cluster": ids[number]},
        **{"split": "train", "source": "made", "license": "CC0-1.0", "title": _text(number, 3)},
    }


def _triplet(number: int, query: str, ids: list[str]) -> dict[str, object]:
    place = number % (len(ids) - 8)
    positive, negatives = ids[place], ids[place + 1 : place + 6]
    return {
        **{"query_id": query, "dataset": "nyxqa", "pool": "web", "instruction": "", "query": _text(number, 12)},
        **{"query_images": [], "query_image_ids": [], "answers": [_WORDS[number % len(_WORDS)]]},
        "positive_id": positive,
        "positives": [{"doc_id": positive, "rank": 1 + number % 3, "score": 20.0, "origin": "source"}],
        **{"negative_ids": negatives, "negative_ranks": [11, 12, 13, 14, 15]},
        "negative_scores": [19.0 - number % 7, 9.0, 8.0, 7.0, 6.0],
        **{"miner": "bm25", "kind": ("text", "single", "multi")[number % 3], "reviews": 0},
        **{"row_hash": row_hash(query, positive, negatives), "needs": "any"},
    }


def _write(root: Path, table: Table, split: str, rows: Iterator[dict[str, object]]) -> dict[str, FileEntry]:
    path = f"data/{table.name}/{split}-00000-of-00001.parquet"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with pq.ParquetWriter(root / path, published_schema(table.schema), compression="zstd") as writer:
        batch = [row for row, _ in zip(rows, range(_BATCH), strict=False)]
        while batch:
            made = pa.Table.from_pylist(batch, schema=table.schema)
            writer.write_table(made, row_group_size=IMAGE_GROUP_ROWS if table.has_images else _BATCH)
            count += len(batch)
            batch = [row for row, _ in zip(rows, range(_BATCH), strict=False)]
    return {path: FileEntry("0" * 64, count)} if count else {}


def write_dataset(root: Path, rows: int) -> None:
    """Write ``rows`` triplets over a tenth as many documents."""
    documents = max(100, rows // 10)
    ids = [_id("document", number) for number in range(documents)]
    queries = sorted(_id("query", number) for number in range(rows))
    files = _write(root, CORPUS, "web", (_document(number, ids) for number in range(documents)))
    files |= _write(root, TRIPLETS, "train", (_triplet(n, query, ids) for n, query in enumerate(queries)))
    files |= _write(root, LEDGER, "rows", iter([dict.fromkeys(LEDGER.schema.names, "x")]))
    stage = StageEntry("assemble", "train", "0" * 12, "question", "question", rows, rows, 0, 0, rows, 0.0)
    summary = {"licenses": {}, "drops": {}, "evidence": {}, "languages": {}}
    manifest = Manifest({"seed": 42}, 42, {}, {}, [], [stage], files, {"equal_documents": 0}, {"requests": 0}, summary)
    head = yaml.safe_dump({"configs": dataset_configs(manifest)}, sort_keys=False)
    (root / "README.md").write_text(f"---\n{head}---\n# Made\n", encoding="utf-8")
    write_manifest(root, manifest)


def _first_pages(page: Page, origin: str) -> None:
    """The time until each first page is drawn, and until the one behind it."""
    for path in ("/", "/rows", "/rows?sort=gap", "/rows?where=small_gap"):
        started = time.perf_counter()
        page.goto(origin + path)
        page.wait_for_selector("main .card")
        print(f"{path}: {time.perf_counter() - started:.2f} s")
    page.goto(f"{origin}/rows")
    started = time.perf_counter()
    page.click("#next")
    page.wait_for_selector(".line")
    print(f"next rows: {time.perf_counter() - started:.2f} s")


def _keys(page: Page, keys: int, server: psutil.Process) -> None:
    """The time from a key until the next row is drawn, and the memory of the server."""
    seconds = []
    for place in range(keys):
        started = time.perf_counter()
        page.keyboard.press("a" if place % 3 else "j")
        page.wait_for_selector(f"#row[data-place='{place + 1}'] .doc")
        seconds.append(time.perf_counter() - started)
        if place % 50 == 0:
            print(f"after {place} keys: {server.memory_info().rss >> 20} MiB")
    cuts = quantiles(seconds, n=100)
    print(f"key to next row: median {1000 * cuts[49]:.0f} ms, 95th percentile {1000 * cuts[94]:.0f} ms")


def main() -> None:
    """Write the dataset if it is not there, start the app on it, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--keys", type=int, default=300)
    given = parser.parse_args()
    if not (given.folder / "manifest.json").exists():
        write_dataset(given.folder, given.rows)
    path = chromium_path()
    if path is None:
        sys.exit("there is no Chromium")
    arguments = ("review", given.folder, "--as", "bench", "--sample", given.keys + 1, "--no-open")
    command = [sys.executable, "-m", "nyxqa", *map(str, arguments)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = (process.stdout.readline() if process.stdout else "").strip()
            print(f"start: {time.perf_counter() - started:.1f} s")
            server = psutil.Process(process.pid)
            with running_chromium(path) as browser, browser.visit(url) as visit:
                visit.page.wait_for_selector("#row[data-place='0'] .doc")
                _keys(visit.page, given.keys, server)
                _first_pages(visit.page, url.partition("/review")[0])
                print(f"at the end: {server.memory_info().rss >> 20} MiB")
        finally:
            process.kill()
            (given.folder / "review" / "bench.jsonl").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
