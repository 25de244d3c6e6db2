"""Reading joined rows against plain ``datasets`` on self-contained rows with the same images.

    python -m benchmarks.load [--rows 300] [--side 320] [--runs 3]

Every measurement is a process of its own; the two sides take turns and the median of the runs counts, by the clock and
by processor time. Both are read row by row and in batches, and the better way of each counts. The Arrow copies that
both make on first use are made before. Both sides touch every pixel where images are decoded and every byte string
where they are not; memory is the process's greatest resident size.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
FLOORS = {"decoded": 1.3, "undecoded": 8.0}
SIDES = ("nyxqa", "datasets")
HOWS = ("rows", "batches")
_BATCH = 32
_NEGATIVES = 2
_IMAGES = 2  # of each document; a row has two an image for positive and each negative, six in all


def main() -> None:
    """Make both forms of the rows, take turns, print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--side", type=int, default=320, help="pixels of an image's longer side")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.measure[0], Path(asked.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["HF_DATASETS_CACHE"] = str(folder / "cache")
        make(folder, asked.rows, asked.side)
        kinds = [f"{mode}-{who}-{how}" for mode in FLOORS for how in HOWS for who in SIDES]
        for kind in kinds:
            child(kind, folder)
        turns = [{kind: child(kind, folder) for kind in kinds} for _ in range(asked.runs)]
    print(f"{asked.rows} rows of {(1 + _NEGATIVES) * _IMAGES} JPEGs of {asked.side} pixels, {asked.runs} runs")
    for mode, floor in FLOORS.items():
        tell(mode, floor, turns)


def tell(mode: str, floor: float, turns: list[dict[str, dict[str, float]]]) -> None:
    """Print one comparison, each side at the better of its two ways of reading."""

    def median(who: str, how: str, what: str) -> float:
        return statistics.median(turn[f"{mode}-{who}-{how}"][what] for turn in turns)

    read = {one["pixels"] for turn in turns for kind, one in turn.items() if kind.startswith(f"{mode}-")}
    if len(read) != 1:
        raise SystemExit(f"{mode}: the two sides did not read the same: {sorted(read)}")
    for clock in ("seconds", "cpu"):
        best = {who: min(median(who, how, clock) for how in HOWS) for who in SIDES}
        ratio = best["datasets"] / best["nyxqa"]
        verdict = "met" if ratio >= floor else "MISSED"
        print(f"{mode}, {clock}: {ratio:.2f}x, floor {floor}x: {verdict}")
    for who in SIDES:
        for how in HOWS:
            rows = median(who, how, "rows")
            told = ", ".join(f"{rows / median(who, how, clock):.0f} rows per {clock}" for clock in ("seconds", "cpu"))
            print(f"    {who} by {how}: {told}, {median(who, how, 'mib'):.0f} MiB")


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
    begun, busy = time.perf_counter(), time.process_time()
    count, pixels = 0, 0
    for query, positive, negatives in _sides(rows, how):
        count += 1
        for side in (query, positive, *negatives):
            for image in side["images"]:
                pixels += _touch(image)
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu": busy, "rows": count, "mib": peak, "pixels": pixels}


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


def _open(mode: str, who: str, folder: Path) -> Any:
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
