"""A simulation: how fast a build would be on many workers, from what each shard of a real one cost.

``python -m benchmarks.scaling --passages FILE.jsonl.gz --pages 20000`` builds the made pages of ``growth.py`` with one
worker, and takes from it the processor seconds of every shard (each shard notes them) and of the rest of every step,
which the driver does. It then replays the steps, one after the other, on 1 to 128 workers: the driver's part first,
then the shards, each given to the worker that is free first, in their order, with ``--task`` seconds of the driver for
each. No disk and no network is in it, so it is a bound, not a measurement. Beside it stands a real build with two
workers, in seconds of the clock and of processors: on a busy machine the clock says little, so the prediction is also
divided by what the processors did, of two workers the driver's seconds and half of those of the workers.
``--growth FILE`` takes both builds from results of ``growth.py``.

Results go to ``benchmarks/results/scaling.json``: the serial share (the driver's part of all processor seconds), by
number of workers the seconds and the speed-up, and the steps that hold most of the serial part.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.growth import measured, read_sentences, write_pages
from benchmarks.machine import command, machine

_ROOT = Path(__file__).resolve().parent.parent
_WORKERS = (1, 2, 4, 8, 16, 32, 64, 128)
_TASK = 0.0008  # seconds of the driver for a task, as measured on a cluster of two nodes

Step = tuple[str, float, list[float]]  # name, seconds of the driver, seconds of each shard


def main() -> None:
    """Build, replay, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=Path, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--growth", type=Path, help="results of growth.py with both builds, instead of building")
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=300, help="documents asked about")
    parser.add_argument("--task", type=float, default=_TASK, help="seconds of the driver for a task")
    options = parser.parse_args()
    if options.growth is not None:
        one, two = (recorded_run(options.growth, options.pages, workers) for workers in (1, 2))
    elif options.passages is not None:
        with tempfile.TemporaryDirectory() as folder:
            pages = write_pages(Path(folder) / "pages", list(read_sentences(options.passages)), options.pages)
            one, two = (measured(_ROOT, pages, workers, options.sample) for workers in (1, 2))
    else:
        parser.error("give --passages, or --growth")
    steps = recorded(one)
    start = one["driver_cpu"] - sum(step["driver_cpu"] for step in one["steps"].values())
    serial = start + sum(driver for _, driver, _ in steps)
    total = serial + sum(sum(shards) for _, _, shards in steps)
    alone = replayed(steps, 1, 0.0) + start
    times = {workers: replayed(steps, workers, options.task) + start for workers in _WORKERS}
    result = {
        "command": command("scaling.py"),
        "machine": machine("pyarrow", "duckdb", "numpy"),
        "pages": options.pages,
        "serial_share": round(serial / total, 4),
        "serial_ms_a_page": round(1e3 * serial / options.pages, 4),
        "simulated": {
            workers: {"seconds": round(t, 2), "speed_up": round(alone / t, 2)} for workers, t in times.items()
        },
        "measured": {
            name: {key: run[key] for key in ("seconds", "cpu", "driver_cpu", "workers_cpu")}
            for name, run in (("1", one), ("2", two))
        },
        "predicted_by_processor": {
            "1": round((replayed(steps, 1, options.task) + start) / one["cpu"], 3),
            "2": round(times[2] / (two["driver_cpu"] + two["workers_cpu"] / 2), 3),
        },
        "driver_seconds": {name: round(driver, 3) for name, driver, _ in sorted(steps, key=lambda step: -step[1])[:12]},
        "shards": {name: len(shards) for name, _, shards in steps},
    }
    (_ROOT / "benchmarks" / "results" / "scaling.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["simulated"]), result["serial_share"])


def recorded_run(file: Path, pages: int, workers: int) -> dict[str, Any]:
    """A build of this version in the results of ``growth.py``.

    :raises SystemExit: If there is none.
    """
    wanted = {"version": "now", "pages": pages, "workers": workers}
    runs: list[dict[str, Any]] = json.loads(file.read_text())["runs"]
    for run in runs:
        if {name: run[name] for name in wanted} == wanted:
            return run
    raise SystemExit(f"{file} has no build of {pages} pages with {workers} workers")


def recorded(run: dict[str, Any]) -> list[Step]:
    """The steps of a build with one worker, whose driver did the shards, too."""
    return [
        (name, max(0.0, row["driver_cpu"] - sum(row["shards"])), row["shards"]) for name, row in run["steps"].items()
    ]


def replayed(steps: list[Step], workers: int, task: float) -> float:
    """Seconds of all steps on so many workers."""
    seconds = 0.0
    for _, driver, shards in steps:
        free = [driver] * workers
        handed = driver
        for shard in shards:
            handed += task  # the driver hands out one task at a time
            heapq.heappush(free, max(heapq.heappop(free), handed) + shard)
        seconds += max([handed, *free] if shards else [driver])
    return seconds


if __name__ == "__main__":
    main()
