"""What a whole build costs by its number of pages: processor time of the driver and of the workers, bytes, memory.

``python -m benchmarks.growth --passages FILE.jsonl.gz --pages 2000 20000`` makes short pages of about 182 words:
sentences of real passages, every third word of them drawn again so that pages share no more than pages of the web do.
A tenth of the pages are copies, one in five has a picture of its own. They lie as JSON lines in the layout of OBELICS.
Split ``train`` of each size is built with ``python -m nyxqa.build``; the number of documents that are asked about is
the same at every size, so the cost of a page is the difference between two sizes (``marginal``).

``--before FOLDER`` is a working tree of an earlier version, which is measured in the same run, size by size;
``--workers 1 2`` measures both numbers of workers. With one worker the driver does all the work itself.

Results go to ``benchmarks/results/growth.json``. Of each build: wall and processor seconds, those of the driver and
those of the workers, the most memory that all processes and that one of them had at a time. Of each step the same, with
the bytes that it left. A step ends with its line of ``--json``; what runs at that moment is looked at then.
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

from benchmarks.machine import command, machine

_ROOT = Path(__file__).resolve().parent.parent
_WORDS = 182
_PICTURE = 160  # pixels, each way
_FIGURES = ("seconds", "cpu", "driver_cpu", "workers_cpu")


def main() -> None:
    """Build each size and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=Path, required=True, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--pages", type=int, nargs="+", default=[2_000, 20_000, 200_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--sample", type=int, default=300, help="documents asked about")
    parser.add_argument("--before", type=Path, help="working tree of an earlier version")
    parser.add_argument("--name", default="growth", help="of the file of results")
    parser.add_argument("--keep", type=Path, help="folder that keeps the made pages, and has them from a run before")
    options = parser.parse_args()
    trees = {"now": _ROOT} | ({"before": options.before.resolve()} if options.before else {})
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for pages in options.pages:
            made = (options.keep or Path(folder)).resolve() / str(pages) / "pages.jsonl"
            if not made.exists():
                write_pages(made.parent, list(read_sentences(options.passages)), pages)
            for workers in options.workers:
                for version, tree in trees.items():
                    run = measured(tree, made, workers, options.sample)
                    runs.append({"version": version, "pages": pages, "workers": workers, **run})
                    print(json.dumps({key: value for key, value in runs[-1].items() if key != "steps"}), flush=True)
            write_results(options.name, runs)


def write_results(name: str, runs: list[dict[str, Any]]) -> None:
    """Write all runs so far, and what they say together."""
    result = {
        "command": command("growth.py"),
        "machine": machine("pyarrow", "duckdb", "numpy"),
        "series": series(runs),
        "runs": runs,
    }
    (_ROOT / "benchmarks" / "results" / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def series(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By version and number of workers: slopes, and milliseconds and bytes of a page between the two largest sizes."""
    found = []
    for version, workers in dict.fromkeys((run["version"], run["workers"]) for run in runs):
        own = [run for run in runs if (run["version"], run["workers"]) == (version, workers)]
        one: dict[str, Any] = {"version": version, "workers": workers}
        if len(own) > 1:
            one["slopes"] = {name: slope(own, name) for name in (*_FIGURES, "peak_mb", "peak_mb_of_one")}
            one["marginal_ms"] = {name: marginal(own[-2], own[-1], name) for name in _FIGURES}
            one["marginal_steps_ms"] = {
                step: {name: marginal(own[-2], own[-1], name, step) for name in ("driver_cpu", "workers_cpu")}
                for step in own[-1]["steps"]
                if step in own[-2]["steps"]
            }
        found.append(one)
    return found


def marginal(small: dict[str, Any], large: dict[str, Any], name: str, step: str | None = None) -> float:
    """Milliseconds of a page between two sizes."""
    low, high = (run if step is None else run["steps"][step] for run in (small, large))
    return round(1e3 * float(high[name] - low[name]) / (large["pages"] - small["pages"]), 4)


def slope(runs: list[dict[str, Any]], name: str) -> float:
    """Slope of the logarithm of a figure over that of the pages."""
    pages, values = (np.log([max(run[key], 1e-9) for run in runs]) for key in ("pages", name))
    return round(float(np.polyfit(pages, values, 1)[0]), 3)


def read_sentences(file: Path) -> Iterator[list[str]]:
    """Words of the sentences of all passages."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)["contents"].partition("\n")[2]
            yield from (found.split() for found in re.split(r"(?<=[.!?])\s+", text) if 40 < len(found) < 400)


def write_pages(folder: Path, sentences: list[list[str]], pages: int) -> Path:
    """The file of made pages; every tenth has the text of one before, every fifth a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    words = [word for sentence in sentences for word in sentence]
    texts: list[str] = []
    with (folder / "pages.part").open("w", encoding="utf-8") as file:
        for number in range(pages):
            if number % 10 == 9:
                text = texts[int(random.integers(len(texts)))]
            else:
                text = made_text(random, sentences, words)
                texts = [*texts[-99:], text]
            place = json.dumps({"url": f"https://example.org/{number}"})
            row = {"texts": [text], "images": [None], "metadata": "[null]", "general_metadata": place}
            if number % 5 == 0:
                name = draw_picture(folder, random, number)
                row |= {"texts": [text, None], "images": [None, name], "metadata": "[null, null]"}
            file.write(json.dumps(row) + "\n")
    return (folder / "pages.part").rename(folder / "pages.jsonl")


def made_text(random: np.random.Generator, sentences: list[list[str]], words: list[str]) -> str:
    """Sentences drawn from ``sentences``, every third word from ``words``; half to one and a half times 182 words."""
    made: list[str] = []
    wanted, count = int(random.integers(_WORDS // 2, _WORDS + _WORDS // 2)), 0
    while count < wanted - 10:
        sentence = sentences[int(random.integers(len(sentences)))].copy()
        inside = range(1, len(sentence) - 1, 3)  # the first word and the full stop stay
        for place, other in zip(inside, random.integers(len(words), size=len(inside)).tolist(), strict=True):
            sentence[place] = words[other]
        made.append(" ".join(sentence))
        count += len(sentence)
    return " ".join(made)


def draw_picture(folder: Path, random: np.random.Generator, number: int) -> str:
    """A small picture like no other, by its path relative to ``folder``."""
    from PIL import Image

    name = f"images/{number // 10_000}/{number}.png"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
    coarse.resize((_PICTURE, _PICTURE), Image.Resampling.BILINEAR).save(folder / name)
    return name


def measured(tree: Path, pages: Path, workers: int, sample: int) -> dict[str, Any]:
    """One build in processes of its own, with the code in ``tree``."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        line = [sys.executable, "-m", "nyxqa.build", "--split", "train", "--json", "--out", str(out)]
        line += ["--recipe", "nyxqa", "--source", f"jsonl:{pages}", "--workers", str(workers)]
        line += ["--set", f"sample.count={sample}"]
        environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
        error = Path(folder) / "error.txt"
        with error.open("w") as errors:
            started = time.perf_counter()
            process = subprocess.Popen(
                line, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=folder
            )
            watch = Watch(process.pid)
            steps = _steps(process, watch, started)
            process.wait()
            seconds = time.perf_counter() - started
        watch.stop()
        if process.returncode:
            raise SystemExit(f"the build of {pages} failed:\n{error.read_text()[-2000:]}")
        file = out / ".work" / "costs.json"  # of versions that keep it
        costs = (
            {label: list(own.values()) for label, own in json.loads(file.read_text()).items()} if file.exists() else {}
        )
        for step, row in steps.items():
            folders = _folders(out / ".work" / "steps", step)
            files = [file for folder_ in folders for file in folder_.rglob("*") if file.is_file()]
            row["bytes"] = sum(file.stat().st_size for file in files)
            row["shards"] = [seconds for label, own in costs.items() if label.split()[0] == step for seconds in own]
        data = sum(file.stat().st_size for file in (out / "data").rglob("*.parquet"))
    return {
        "seconds": round(seconds, 2),
        "cpu": round(watch.driver + watch.workers, 2),
        "driver_cpu": round(watch.driver, 2),
        "workers_cpu": round(watch.workers, 2),
        "peak_mb": round(watch.peak / 1e6),
        "peak_mb_of_one": round(watch.peak_of_one / 1e6),
        "bytes": data,
        "steps": steps,
    }


def _steps(process: subprocess.Popen[str], watch: Watch, started: float) -> dict[str, dict[str, Any]]:
    """Of each step the seconds of the clock, of the driver and of the workers since the line of the step before."""
    steps: dict[str, dict[str, Any]] = {}
    before = (started, 0.0, 0.0)
    for line in process.stdout or ():
        if line.startswith('{"step"'):
            watch.look()
            now = (time.perf_counter(), watch.driver, watch.workers)
            spent = [round(late - early, 3) for late, early in zip(now, before, strict=True)]
            row = {**dict(zip(("seconds", "driver_cpu", "workers_cpu"), spent, strict=True)), "peak_mb": watch.recent()}
            steps[json.loads(line)["step"]], before = row, now
    return steps


def _folders(steps: Path, name: str) -> list[Path]:
    """The folders of a step, of all splits."""
    label = name.replace("/", ".")
    return [steps / label, *(steps / f"{label}.{split}" for split in ("train", "validation", "test"))]


class Watch:
    """Memory and processor time of a process and its children, looked at ten times a second.

    ``peak`` is the greatest sum of their own memory in bytes, ``peak_of_one`` the greatest of one of them; ``driver``
    and ``workers`` are seconds of the process and of its children.
    """

    def __init__(self, pid: int) -> None:
        self.peak = self.peak_of_one = self._recent = 0
        self._cpu: dict[int, float] = {}
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    @property
    def driver(self) -> float:
        """Processor seconds of the process."""
        return self._cpu.get(self._root.pid, 0.0)

    @property
    def workers(self) -> float:
        """Processor seconds of its children."""
        return sum(self._cpu.values()) - self.driver

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def recent(self) -> int:
        """The peak of all processes since the last call, in MB."""
        with self._lock:
            recent, self._recent = self._recent, 0
        return round(recent / 1e6)

    def look(self) -> None:
        """Look now."""
        with self._lock:
            try:
                family = [self._root, *self._root.children(recursive=True)]
                held = [process.memory_info().rss for process in family]
                for process in family:
                    times = process.cpu_times()
                    self._cpu[process.pid] = times.user + times.system
            except psutil.Error:
                return
            self.peak, self.peak_of_one = max(self.peak, sum(held)), max(self.peak_of_one, *held)
            self._recent = max(self._recent, sum(held))

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.look()


if __name__ == "__main__":
    main()
