"""Pages of HTML read in a second of one core, beside an earlier version, and by the length of a page.

``python -m benchmarks.read --pages FOLDER [--before TREE]`` reads all pages of the folder as ``source/read`` does, in
a process of its own each time, in turns with ``TREE``, a working tree of an earlier version. Processor time without
imports counts; the first batch is read once before, so that nothing is loaded while it is measured.

Then pages of ``--lines`` made lines are read. ``ratios`` are the seconds of a line over those of the page of half as
many lines: about 1 where time is linear.

Results go to ``benchmarks/results/read.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import command, machine

_ROOT = Path(__file__).resolve().parent.parent
_RESULT = Path(__file__).parent / "results" / "read.json"
_WORDS = (
    "pump",
    "valve",
    "wheel",
    "gate",
    "keeper",
    "basin",
    "lantern",
    "copper",
    "timber",
    "engine",
    "boiler",
    "gauge",
)
# Runs in each tree alike, so it uses only what both have.
_READ = """
import json, sys, time
from nyxqa.builders.sources.factory import open_source
from nyxqa.schemas.recipe import Web
source = open_source(Web(source="html:" + sys.argv[1]))
batches = list(source.tasks(lambda *told: None))
list(source.pages(batches[0]))
times = []
for _ in range(int(sys.argv[2])):
    start, read, pages = time.process_time(), 0, 0
    for batch in batches:
        for page in source.pages(batch):  # a page is handed on, not kept
            read, pages = read + 1, pages + hasattr(page, "parts")
    times.append(time.process_time() - start)
print(json.dumps({"seconds": min(times), "pages": pages, "read": read}))
"""


def main() -> None:
    """Measure both and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True, help="folder with HTML pages")
    parser.add_argument("--before", type=Path, help="working tree of an earlier version")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--lines", type=int, nargs="+", default=[5_000, 10_000, 20_000, 40_000])
    options = parser.parse_args()
    trees = {"now": _ROOT} | ({"before": options.before.resolve()} if options.before else {})
    runs: list[dict[str, Any]] = []
    for number in range(options.pairs):
        for name, tree in reversed(trees.items()) if number % 2 else trees.items():
            runs.append({"version": name, **seconds(tree, options.pages.resolve(), 1)})
            runs[-1]["pages_per_second"] = round(runs[-1]["read"] / runs[-1]["seconds"], 1)
            print(json.dumps(runs[-1]), flush=True)
    speeds = {name: [run["pages_per_second"] for run in runs if run["version"] == name] for name in trees}
    result = {
        "command": command("read.py"),
        "machine": machine("turbohtml"),
        "median_pages_per_second": {name: median(values) for name, values in speeds.items()},
        "runs": runs,
        "shapes": {name: by_length(write, options.lines) for name, write in SHAPES.items()},
    }
    print(json.dumps({key: value for key, value in result.items() if key != "runs"}, indent=1))
    _RESULT.write_text(json.dumps(result, indent=1) + "\n")


def seconds(tree: Path, pages: Path, times: int) -> dict[str, Any]:
    """Processor seconds in which a version reads a folder, the least of some times, with the number of pages."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(pages), str(times)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_length(write: Any, lines: list[int]) -> dict[str, Any]:
    """Seconds for a page of each length, and the ratio of the seconds of a line to those at half the length."""
    found: dict[int, float] = {}
    for count in lines:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "page.html").write_text(
                f"<title>Pumps</title><h1>Pumps</h1>{write(random.Random(15), count)}"  # noqa: S311
            )
            found[count] = seconds(_ROOT, Path(folder), 3)["seconds"]
    ratios = {
        count: round(found[count] / count / (found[count // 2] / (count // 2)), 3)
        for count in lines
        if count // 2 in found
    }
    return {"seconds": {count: round(value, 3) for count, value in found.items()}, "ratios": ratios}


def _sentence(rng: random.Random) -> str:
    return " ".join(rng.choices(_WORDS, k=9)).capitalize() + "."


def _paragraphs(rng: random.Random, count: int) -> str:
    return "".join(f"<p>{_sentence(rng)} <a href='p{n}.html'>{_sentence(rng)}</a></p>" for n in range(count))


def _listing(rng: random.Random, count: int) -> str:
    lines = (f"<a href='#l{n}'></a><span class=k>read</span>(<span class=n>{n}</span>)" for n in range(count))
    return f"<p>{_sentence(rng)}</p><div class=highlight><pre>" + "\n".join(lines) + "</pre></div>"


def _table(rng: random.Random, count: int) -> str:
    rows = (f"<tr><td>{n}</td><td>{_sentence(rng)}</td><td></td></tr>" for n in range(count))
    return f"<table><tr><th>No</th><th>Text</th><th>Seen</th></tr>{''.join(rows)}</table>"


def _sections(rng: random.Random, count: int) -> str:
    return "".join(
        f"<div class=section id=s{n}><h2>{_sentence(rng)}</h2><div class=box><p>{_sentence(rng)}</p></div></div>"
        for n in range(count)
    )


def _links(rng: random.Random, count: int) -> str:
    return "<ul>" + "".join(f"<li><a href='p{n}.html'>{_sentence(rng)}</a></li>" for n in range(count)) + "</ul>"


def _images(rng: random.Random, count: int) -> str:
    return "".join(
        f"<figure><img data-src=i{n}.png src=blank.gif><figcaption>{_sentence(rng)}</figcaption></figure>"
        for n in range(count)
    )


SHAPES = {
    "paragraphs": _paragraphs,
    "listing": _listing,
    "table": _table,
    "sections": _sections,
    "links": _links,
    "images": _images,
}


if __name__ == "__main__":
    main()
