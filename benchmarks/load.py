"""Reading rows with images against plain ``datasets``.

    python -m benchmarks.load [--rows 1000] [--side 320] [--runs 5] [--out FILE]

- ``decoded`` and ``undecoded``: joined triplets as Python rows, against self-contained rows with the same images that
  ``datasets`` wrote, undecoded as a stream. Both are read row by row and in batches; the better way of each counts.
- ``arrow``: the stored documents as Arrow batches, against a stream of the same Parquet files. This is what the floor
  was set from: reading Parquet with images, no Python object for any of them.

Every measurement is a process of its own; the two sides take turns and the median of the runs counts, by the clock and
by processor time. The Arrow copies that both make on first use are made before. Both sides touch every pixel where
images are decoded, every byte string where they are not, and every page of memory of Arrow batches; memory is the
process's greatest resident size.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.memory import peak_kib

ROOT = Path(__file__).parents[1]
FLOORS = {"decoded": 1.3, "undecoded": 8.0, "arrow": 8.0}
SIDES = ("nyxqa", "datasets")
HOWS = {"decoded": ("rows", "batches"), "undecoded": ("rows", "batches"), "arrow": ("batches",)}
_BATCH = 32
_ARROW_BATCH = 100
_PAGE = 4_096
_NEGATIVES = 2
_IMAGES = 2  # of each document; a row has two an image for positive and each negative, six in all


def main() -> None:
    """Make both forms of the rows, take turns, print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--side", type=int, default=320, help="pixels of an image's longer side")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.measure[0], Path(asked.measure[1]))), flush=True)
        os._exit(0)  # a stream of ``datasets`` now and then aborts while the interpreter is taken down
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["HF_DATASETS_CACHE"] = str(folder / "cache")
        make(folder, asked.rows, asked.side)
        kinds = [f"{mode}-{who}-{how}" for mode in FLOORS for how in HOWS[mode] for who in SIDES]
        for kind in kinds:
            child(kind, folder)
        turns = [{kind: child(kind, folder) for kind in kinds} for _ in range(asked.runs)]
    print(f"{asked.rows} rows of {(1 + _NEGATIVES) * _IMAGES} JPEGs of {asked.side} pixels, {asked.runs} runs")
    found = {mode: tell(mode, floor, turns) for mode, floor in FLOORS.items()}
    if asked.out is not None:
        shape = {
            "rows": asked.rows,
            "pixels": asked.side,
            "images_a_row": (1 + _NEGATIVES) * _IMAGES,
            "runs": asked.runs,
        }
        result = {"machine": machine("datasets", "pyarrow", "pillow"), **shape, **found}
        asked.out.write_text(json.dumps(result, indent=1) + "\n")


def tell(mode: str, floor: float, turns: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Print one comparison, each side at the better of its ways of reading, and give its figures."""

    def median(who: str, how: str, what: str) -> float:
        return statistics.median(turn[f"{mode}-{who}-{how}"][what] for turn in turns)

    read = {one["pixels"] for turn in turns for kind, one in turn.items() if kind.startswith(f"{mode}-")}
    if len(read) != 1:
        raise SystemExit(f"{mode}: the two sides did not read the same: {sorted(read)}")
    found: dict[str, Any] = {"floor": floor}
    for clock in ("seconds", "cpu"):
        best = {who: min(median(who, how, clock) for how in HOWS[mode]) for who in SIDES}
        ratio = best["datasets"] / best["nyxqa"]
        found[f"times_faster_by_{clock}"] = round(ratio, 2)
        print(f"{mode}, {clock}: {ratio:.2f}x, floor {floor}x: {'met' if ratio >= floor else 'MISSED'}")
    for who in SIDES:
        for how in HOWS[mode]:
            rows = median(who, how, "rows")
            rates = {clock: round(rows / median(who, how, clock)) for clock in ("seconds", "cpu")}
            found[f"{who} by {how}"] = {"rows_per": rates, "mib": round(median(who, how, "mib"))}
            rates_text = ", ".join(f"{rate} rows per {clock}" for clock, rate in rates.items())
            print(f"    {who} by {how}: {rates_text}, {median(who, how, 'mib'):.0f} MiB")
    return found


def child(kind: str, folder: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load", "--measure", kind, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(kind: str, folder: Path) -> dict[str, float]:
    """Read all rows once, in batches as a DataLoader asks for them or row by row; opening is not counted."""
    mode, who, how = kind.split("-")
    rows = _open(mode, who, folder)
    started, busy = time.perf_counter(), time.process_time()
    count, pixels = 0, 0
    for batch in rows.iter(batch_size=_ARROW_BATCH) if mode == "arrow" else ():
        count += batch.num_rows
        pixels += _touch_pages(batch)
    for query, positive, negatives in _sides(rows, how) if mode != "arrow" else ():
        count += 1
        for side in (query, positive, *negatives):
            for image in side["images"]:
                pixels += _touch(image)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    return {"seconds": seconds, "cpu": busy, "rows": count, "mib": peak_kib() / 1024, "pixels": pixels}


def _sides(rows: Any, how: str) -> Iterator[tuple[Any, Any, Any]]:
    names = ("query", "positive", "negatives")
    if how == "rows":
        for row in rows:
            yield row["query"], row["positive"], row["negatives"]
        return
    for batch in rows.iter(batch_size=_BATCH):
        yield from zip(*(batch[name] for name in names), strict=True)


def _touch(image: Any) -> int:
    if isinstance(image, bytes):
        return len(image)
    if isinstance(image, dict):
        return len(image["bytes"])
    image.load()
    return int(image.width * image.height)


def _touch_pages(batch: Any) -> int:
    """Bytes of the images of a batch, a byte of each page of which is read."""
    total = 0
    for chunk in batch.column("images").chunks:
        data = chunk.flatten().field("bytes")
        ends = np.frombuffer(data.buffers()[1], np.int32)[data.offset : data.offset + len(data) + 1]
        pages = np.frombuffer(data.buffers()[2], np.uint8)[ends[0] : ends[-1] : _PAGE]
        total += int(ends[-1] - ends[0]) + 0 * int(pages.sum())
    return total


def _open(mode: str, who: str, folder: Path) -> Any:
    if mode == "arrow":
        return _stored(who, folder).with_format("arrow")
    if who == "nyxqa":
        import nyxqa

        return nyxqa.load("triplets", folder / "out", split="train", images="decode" if mode == "decoded" else "bytes")
    from datasets import load_dataset

    files = {"train": str(folder / "plain.parquet")}
    if mode == "decoded":
        return load_dataset("parquet", data_files=files, split="train")
    from datasets import Dataset

    features = Dataset.from_parquet(str(folder / "plain.parquet")).features
    return load_dataset("parquet", data_files=files, split="train", streaming=True, features=_undecoded(features))


def _stored(who: str, folder: Path) -> Any:
    if who == "nyxqa":
        import nyxqa

        return nyxqa.load("corpus", folder / "out", split="web", join=False, images="bytes")
    from datasets import Features, load_dataset

    from nyxqa.schemas.loading.features import features_of
    from nyxqa.schemas.tables import TABLES

    files = sorted(str(file) for file in (folder / "out/data/corpus").glob("web-*.parquet"))
    features = Features(features_of(TABLES["corpus"].schema, decode=False))
    return load_dataset("parquet", data_files={"train": files}, split="train", streaming=True, features=features)


def _undecoded(feature: Any) -> Any:
    from datasets import Image, List

    if isinstance(feature, Image):
        return Image(decode=False)
    if isinstance(feature, List):
        return List(_undecoded(feature.feature))
    if isinstance(feature, dict):
        return type(feature)({name: _undecoded(item) for name, item in feature.items()})
    return feature


def make(folder: Path, rows: int, side: int) -> None:
    """A dataset of ``rows`` triplets, and the same rows as ``datasets`` itself writes them."""
    import nyxqa
    from nyxqa.schemas.ids import query_id
    from nyxqa.schemas.tables import TABLES
    from nyxqa.schemas.writing import write_split
    from tests.support.tiny_dataset import publish

    documents = list(_documents(rows, side))
    ids = [row["doc_id"] for row in documents]
    triplets = sorted((_triplet(query_id("bench", n), n, ids) for n in range(rows)), key=lambda row: row["query_id"])
    files = write_split(TABLES["corpus"], "web", documents, folder / "out")
    files.update(write_split(TABLES["triplets"], "train", triplets, folder / "out"))
    publish(folder / "out", files)
    from datasets import Dataset, Features

    stored = nyxqa.load("triplets", folder / "out", split="train", images="bytes")
    Dataset.from_generator(
        lambda: (_plain(row) for row in stored), features=Features(_features()), cache_dir=str(folder / "made")
    ).to_parquet(str(folder / "plain.parquet"))


def _features() -> dict[str, Any]:
    from datasets import Image, List, Value

    side = {"text": Value("string"), "images": List(Image())}
    return {"query_id": Value("string"), "query": side, "positive": side, "negatives": List(side)}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    def stored(side: dict[str, Any]) -> dict[str, Any]:
        return {"text": side["text"], "images": [{"bytes": one, "path": None} for one in side["images"]]}

    sides = {name: stored(row[name]) for name in ("query", "positive")}
    return {"query_id": row["query_id"], **sides, "negatives": [stored(one) for one in row["negatives"]]}


def _documents(count: int, side: int) -> Iterator[dict[str, Any]]:
    from PIL import Image

    from nyxqa.schemas.content import PLACEHOLDER
    from nyxqa.schemas.ids import doc_id, image_id
    from tests.support.tiny_dataset import document

    for number in range(count):
        pictures = []
        for ordinal in range(_IMAGES):
            # Noise of a few pixels enlarged: as many bytes and as much work as a photograph of that size.
            noise = np.random.default_rng([number, ordinal]).integers(0, 256, (side // 8, side // 6, 3), dtype=np.uint8)
            stream = io.BytesIO()
            Image.fromarray(noise).resize((side, side * 3 // 4), Image.Resampling.BICUBIC).save(stream, "JPEG")
            pictures.append(stream.getvalue())
        row = document(0, "train", number, images=0)
        text = row["text"] + f" {PLACEHOLDER} seen from afar." * _IMAGES
        own = [image_id(one) for one in pictures]
        yield {
            **row,
            "doc_id": doc_id(text, own),
            "text": text,
            "images": [{"bytes": one, "path": None} for one in pictures],
            "image_ids": own,
            "image_phashes": [0] * _IMAGES,
            "captions": [""] * _IMAGES,
            "image_urls": [""] * _IMAGES,
            "kind": "multi",
        }


def _triplet(own: str, number: int, ids: list[str]) -> dict[str, Any]:
    negatives = [ids[(number * 7 + step) % len(ids)] for step in range(1, 1 + _NEGATIVES)]
    return {
        "query_id": own,
        "dataset": "bench",
        "pool": "web",
        "instruction": "",
        "query": f"Which place is number {number}?",
        "query_images": [],
        "query_image_ids": [],
        "answers": [str(number)],
        "positive_id": ids[number],
        "positives": [{"doc_id": ids[number], "rank": 1, "score": 1.0, "origin": "source"}],
        "negative_ids": negatives,
        "negative_ranks": list(range(2, 2 + _NEGATIVES)),
        "negative_scores": [0.5] * _NEGATIVES,
        "miner": "bm25",
        "kind": "multi",
    }


if __name__ == "__main__":
    main()
