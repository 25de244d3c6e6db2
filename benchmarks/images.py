"""Checking and hashing images, against Pillow's verify, reopen, load and hash, one after another in one process.

``python benchmarks/images.py`` makes JPEG and PNG files of the sizes of pictures on web pages, cuts some of them short,
and has both sides say for each file whether it is whole, and its perceptual hash. Ours runs as stage ``images`` does:
shards of files on ``--workers`` processes, which are started before the clock; it also computes ids and strips
metadata. Results go to ``benchmarks/results/images.json``.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from machine import command, machine
from PIL import Image

_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT))
_SHARD = 64  # files
_MOST_PIXELS = 50_000_000


def main() -> None:
    """Run the rounds and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    result: dict[str, object] = {
        "command": command("images.py"),
        "machine": machine("pillow", "imagehash", "numpy"),
        "files": options.files,
        "workers": options.workers,
    }
    for kind in ("JPEG", "PNG"):
        with tempfile.TemporaryDirectory() as folder:
            files = made_files(kind, options.files, Path(folder))
            result[kind] = measured(files, options.rounds, options.workers)
        print(kind, json.dumps(result[kind]), flush=True)
    (_ROOT / "benchmarks" / "results" / "images.json").write_text(json.dumps(result, indent=1) + "\n")


def measured(files: list[Path], rounds: int, workers: int) -> dict[str, object]:
    """Rates of both sides over interleaved rounds, and what each held to be broken."""
    from nyxqa.builders.engine.executors.local import LocalExecutor

    shards = [files[start : start + _SHARD] for start in range(0, len(files), _SHARD)]
    seconds: dict[str, list[float]] = {"nyxqa": [], "pillow": []}
    cpu: dict[str, list[float]] = {"nyxqa": [], "pillow": []}  # of one process, whatever else the machine does
    with LocalExecutor(workers) as executor:
        list(executor.map(partial(ours), [shard[:2] for shard in shards]))
        for _ in range(rounds):
            started = time.perf_counter()
            found = [one for shard in executor.map(ours, shards) for one in shard]
            seconds["nyxqa"].append(time.perf_counter() - started)
            started = time.perf_counter()
            expected = [plain(file) for file in files]
            seconds["pillow"].append(time.perf_counter() - started)
            for name, side in (("nyxqa", ours), ("pillow", lambda some: [plain(file) for file in some])):
                worked = time.process_time()
                side(files[:_SHARD])
                cpu[name].append(time.process_time() - worked)
    rates = {name: round(len(files) / statistics.median(values)) for name, values in seconds.items()}
    missed = sum(ours_ is not None and theirs is None for ours_, theirs in zip(found, expected, strict=True))
    near = [
        ((ours_ ^ theirs) & (2**64 - 1)).bit_count()
        for ours_, theirs in zip(found, expected, strict=True)
        if ours_ is not None and theirs is not None
    ]
    return {
        "images_per_second": rates,
        "times_faster": round(rates["nyxqa"] / rates["pillow"], 2),
        "times_less_cpu": round(statistics.median(cpu["pillow"]) / statistics.median(cpu["nyxqa"]), 2),
        "seconds": {name: [round(value, 3) for value in values] for name, values in seconds.items()},
        "broken_by_load": expected.count(None),
        "of_these_missed": missed,
        "broken_by_nyxqa": found.count(None),
        "hash_bits_apart": {"most": max(near), "mean": round(statistics.mean(near), 2)},
    }


def made_files(kind: str, count: int, folder: Path) -> list[Path]:
    """Grainy pictures of 300 to 1,300 by 250 to 1,000 pixels; every tenth file is cut short, to 10 ... 99 %."""
    random = np.random.default_rng(0)
    files = []
    for index in range(count):
        width, height = int(random.integers(300, 1300)), int(random.integers(250, 1000))
        drawn = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8))
        smooth = np.asarray(drawn.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
        grainy = (smooth + random.integers(-12, 13, (height, width, 3))).clip(0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(grainy).save(out, kind, **({"quality": 85} if kind == "JPEG" else {"compress_level": 3}))
        data = out.getvalue()
        file = folder / f"{index}.bin"
        file.write_bytes(data[: int(len(data) * random.uniform(0.1, 0.99))] if index % 10 == 0 else data)
        files.append(file)
    return files


def ours(files: list[Path]) -> list[int | None]:
    """Hash of each file, or nothing if it is broken."""
    from nyxqa.builders.images.decode import stored_image
    from nyxqa.builders.images.errors import DeadImageError

    found: list[int | None] = []
    for file in files:
        try:
            found.append(stored_image(file.read_bytes(), _MOST_PIXELS).phash)
        except DeadImageError:
            found.append(None)
    return found


def plain(file: Path) -> int | None:
    """The same by Pillow and imagehash."""
    import imagehash

    data = file.read_bytes()
    try:
        Image.open(io.BytesIO(data)).verify()
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except (OSError, SyntaxError, ValueError):
        return None
    return int(str(imagehash.phash(picture)), 16)


if __name__ == "__main__":
    main()
