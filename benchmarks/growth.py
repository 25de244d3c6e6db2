"""Seconds and peak memory of a whole build against its number of pages, and the slope of both.

``python benchmarks/growth.py --passages FILE.jsonl.gz --pages 2000 20000 200000`` makes short pages: three to nine
sentences of real passages, every third word of them drawn again so that pages share no more than pages of the web do. A
tenth of the pages are copies, one in twenty has a picture of its own. They lie as OBELICS Parquet in row groups of
100. Split ``train`` of each size is built with ``python -m nyxqa.build``; the number of documents that are asked about
is the same at every size. Results go to ``benchmarks/results/growth.json``: wall and processor seconds, the most memory
that all processes and that one of them had at a time, the seconds of every step.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from machine import command, machine

_ROOT = Path(__file__).resolve().parent.parent
_GROUP = 100
_SCHEMA = pa.schema(
    [
        ("images", pa.list_(pa.string())),
        ("metadata", pa.string()),
        ("general_metadata", pa.string()),
        ("texts", pa.list_(pa.string())),
    ]
)


def main() -> None:
    """Build each size and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=Path, required=True, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--pages", type=int, nargs="+", default=[2_000, 20_000, 200_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, default=300, help="documents asked about")
    options = parser.parse_args()
    sentences = list(read_sentences(options.passages))
    runs = []
    for pages in options.pages:
        with tempfile.TemporaryDirectory() as folder:
            write_pages(Path(folder) / "set", sentences, pages)
            runs.append(measured(Path(folder), pages, options.workers, options.sample))
        print(json.dumps(runs[-1]), flush=True)
        result = {
            "command": command("growth.py"),
            "machine": machine("pyarrow", "duckdb", "numpy"),
            "runs": runs,
            "slopes": {name: slope(runs, name) for name in ("seconds", "cpu_seconds", "peak_mb", "peak_mb_of_one")},
        }
        (_ROOT / "benchmarks" / "results" / "growth.json").write_text(json.dumps(result, indent=1) + "\n")
    print(result["slopes"])


def slope(runs: list[dict[str, Any]], name: str) -> float | None:
    """Slope of the logarithm of a figure over that of the pages."""
    if len(runs) < 2:
        return None
    pages, values = (np.log([run[key] for run in runs]) for key in ("pages", name))
    return round(float(np.polyfit(pages, values, 1)[0]), 3)


def read_sentences(file: Path) -> Iterator[list[str]]:
    """Words of the sentences of all passages."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)["contents"].partition("\n")[2]
            yield from (found.split() for found in re.split(r"(?<=[.!?])\s+", text) if 40 < len(found) < 400)


def write_pages(folder: Path, sentences: list[list[str]], pages: int) -> None:
    """Pages of 3 to 9 sentences; every tenth has the text of one before, every twentieth a picture."""
    folder.mkdir()
    random = np.random.default_rng(0)
    words = [word for sentence in sentences for word in sentence]
    with pq.ParquetWriter(folder / "train-00000.parquet", _SCHEMA) as writer:
        texts: list[str] = []
        for start in range(0, pages, 10 * _GROUP):
            rows = []
            for number in range(start, min(pages, start + 10 * _GROUP)):
                if number % 10 == 9:
                    text = texts[int(random.integers(len(texts)))]
                else:
                    text = made_text(random, sentences, words)
                    texts = [*texts[-99:], text]
                place = json.dumps({"url": f"https://example.org/{number}"})
                row = {"texts": [text], "images": [None], "metadata": "[null]", "general_metadata": place}
                if number % 20 == 0:
                    name = draw_picture(folder, random, number)
                    row |= {"texts": [text, None], "images": [None, name], "metadata": "[null, null]"}
                rows.append(row)
            writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), row_group_size=_GROUP)


def made_text(random: np.random.Generator, sentences: list[list[str]], words: list[str]) -> str:
    """Sentences drawn from ``sentences``, every third word from ``words``."""
    made = []
    for index in random.integers(len(sentences), size=random.integers(3, 10)).tolist():
        sentence = sentences[index].copy()
        inside = range(1, len(sentence) - 1, 3)  # the first word and the full stop stay
        for place, other in zip(inside, random.integers(len(words), size=len(inside)).tolist(), strict=True):
            sentence[place] = words[other]
        made.append(" ".join(sentence))
    return " ".join(made)


def draw_picture(folder: Path, random: np.random.Generator, number: int) -> str:
    """A small picture like no other, by its path relative to ``folder``."""
    from PIL import Image

    name = f"images/{number // 10_000}/{number}.png"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
    coarse.resize((64, 64), Image.Resampling.BILINEAR).save(folder / name)
    return name


def measured(folder: Path, pages: int, workers: int, sample: int) -> dict[str, Any]:
    """One build in processes of its own."""
    command = [sys.executable, "-m", "nyxqa.build", "--split", "train", "--json", "--out", str(folder / "out")]
    command += ["--recipe", "nyxqa", "--source", f"obelics:{folder / 'set'}", "--workers", str(workers)]
    command += ["--set", f"sample.count={sample}"]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    watch = Watch(process.pid)
    out, error = process.communicate()
    seconds = time.perf_counter() - started
    watch.stop()
    if process.returncode:
        raise SystemExit(f"the build of {pages} pages failed:\n{error[-2000:]}")
    steps = [json.loads(line) for line in out.splitlines() if line.startswith('{"step"')]
    return {
        "pages": pages,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(watch.cpu, 2),
        "peak_mb": round(watch.peak / 1e6),
        "peak_mb_of_one": round(watch.peak_of_one / 1e6),
        "steps": {step["step"]: step["seconds"] for step in steps},
    }


class Watch:
    """Memory and processor time of a process and its children, looked at ten times a second.

    ``peak`` is the greatest sum of their own memory in bytes, ``peak_of_one`` the greatest of one of them, ``cpu`` the
    sum of their seconds.
    """

    def __init__(self, pid: int) -> None:
        self.peak = self.peak_of_one = 0
        self._cpu: dict[int, float] = {}
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    @property
    def cpu(self) -> float:
        """Seconds of all processes."""
        return sum(self._cpu.values())

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            try:
                family = [self._root, *self._root.children(recursive=True)]
                held = [process.memory_info().rss for process in family]
                self.peak, self.peak_of_one = max(self.peak, sum(held)), max(self.peak_of_one, *held)
                for process in family:
                    times = process.cpu_times()
                    self._cpu[process.pid] = times.user + times.system
            except psutil.Error:
                continue


if __name__ == "__main__":
    main()
