"""The client of ``benchmarks.vlm``: asks a server about all documents, twice, and measures itself.

It runs from any version of nyxqa, so that two versions can be compared: start it in the folder of that version, with
that folder as ``PYTHONPATH``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.vlm import documents, images
from nyxqa.builders.vlm.protocol import Answered
from nyxqa.schemas.recipe import VlmSection


def open_model(section: VlmSection, folder: Path) -> Any:
    """The model; modules had other names in 0.1.0."""
    try:
        from nyxqa.builders.vlm.factory import make_provider
    except ImportError:
        return import_module("nyxqa.builders.vlm.model").make_vlm(section, 42, folder)
    return make_provider(section.model).open(section, 42, folder)


def measure(port: int, requests: int, concurrency: int, slots: int, folder: Path) -> dict[str, float]:
    """One pass over all documents, then another that should send nothing."""
    section = VlmSection(model=f"openai:bench@http://127.0.0.1:{port}/v1", concurrency=concurrency)
    vlm, pool, me = open_model(section, folder), images(), psutil.Process()
    before = httpx2.get(f"http://127.0.0.1:{port}/stats?restart").json()
    memory, answered = [], 0
    started, processor = time.perf_counter(), time.process_time()
    for number, outcome in enumerate(vlm.questions(documents(requests, pool), 5)):
        answered += isinstance(outcome, Answered)
        if number % 100 == 0:
            memory.append(me.memory_info().rss / 2**20)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    stats = httpx2.get(f"http://127.0.0.1:{port}/stats").json()
    started = time.perf_counter()
    repeated = sum(isinstance(outcome, Answered) for outcome in vlm.questions(documents(requests, pool), 5))
    again = httpx2.get(f"http://127.0.0.1:{port}/stats").json()
    quarter = max(1, len(memory) // 4)
    return {
        "requests": stats["served"] - before["served"],
        "answered": answered,
        "seconds": round(seconds, 2),
        "requests_per_second": round(answered / seconds, 1),
        "processor_ms_per_request": round(1000 * processor / answered, 3),
        "busy_share": round((stats["busy"] - before["busy"]) / (slots * stats["span"]), 4),
        "image_kb": round(sum(len(picture.data) for picture in pool) / len(pool) / 1000, 1),
        "memory_mib_first_quarter": round(max(memory[:quarter]), 1),
        "memory_mib_last_quarter": round(max(memory[-quarter:]), 1),
        "repeat_sent": again["served"] - stats["served"],
        "repeat_answered": repeated,
        "repeat_seconds": round(time.perf_counter() - started, 2),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[5] if len(sys.argv) > 5 else temporary)
        print(json.dumps(measure(*map(int, sys.argv[1:5]), folder)))
