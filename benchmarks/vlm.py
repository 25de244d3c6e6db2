"""How well a model's slots are kept busy, and what that costs in memory.

A server process with a fixed number of slots answers each request after a fixed time; the client sends requests
with images from a small pool. Reported: busy slot-time over slots x span, memory, and what a repeat sends.

Run: ``python -m benchmarks.vlm [--requests 5000] [--slots 64] [--latency 0.2]``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx2
import psutil
from PIL import Image

from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.protocol import Answered, VlmDocument, VlmImage
from nyxqa.schemas.content import Content
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.recipe import VlmSection

_POOL, _IMAGE_BYTES = 50, 40_000


def images() -> list[VlmImage]:
    """Noisy JPEG images of at most 40 KB each."""
    pool = []
    for number in range(_POOL):
        seed = hashlib.shake_128(str(number).encode()).digest(1200)
        noise = Image.frombytes("L", (40, 30), seed)
        buffer = BytesIO()
        noise.resize((640, 480), Image.Resampling.BICUBIC).convert("RGB").save(buffer, "JPEG", quality=80)
        data = buffer.getvalue()
        if len(data) > _IMAGE_BYTES:
            raise ValueError(f"image of {len(data)} bytes")
        pool.append(VlmImage(image_id(data), "", data))
    return pool


def documents(count: int, pool: list[VlmImage]) -> Iterator[VlmDocument]:
    """Documents with one image each."""
    for number in range(count):
        yield VlmDocument(
            str(number), Content(f"Document {number} of the benchmark. <|image|>", (pool[number % len(pool)],))
        )


def measure(port: int, requests: int, slots: int, folder: Path) -> dict[str, float]:
    """One pass over all documents, then another that should send nothing."""
    section = VlmSection(model=f"openai:bench@http://127.0.0.1:{port}/v1", concurrency=slots)
    vlm, pool, me = make_provider(section.model).open(section, 42, folder), images(), psutil.Process()
    memory, started, answered = [], time.perf_counter(), 0
    for number, outcome in enumerate(vlm.questions(documents(requests, pool), 5)):
        answered += isinstance(outcome, Answered)
        if number % 100 == 0:
            memory.append(me.memory_info().rss / 2**20)
    seconds = time.perf_counter() - started
    stats = httpx2.get(f"http://127.0.0.1:{port}/stats").json()
    started = time.perf_counter()
    repeated = sum(isinstance(outcome, Answered) for outcome in vlm.questions(documents(requests, pool), 5))
    again = httpx2.get(f"http://127.0.0.1:{port}/stats").json()
    quarter = max(1, len(memory) // 4)
    return {
        "requests": stats["served"],
        "answered": answered,
        "seconds": round(seconds, 2),
        "busy_share": round(stats["busy"] / (slots * stats["span"]), 4),
        "image_kb": round(sum(len(picture.data) for picture in pool) / len(pool) / 1000, 1),
        "memory_mib_first_quarter": round(max(memory[:quarter]), 1),
        "memory_mib_last_quarter": round(max(memory[-quarter:]), 1),
        "repeat_sent": again["served"] - stats["served"],
        "repeat_answered": repeated,
        "repeat_seconds": round(time.perf_counter() - started, 2),
    }


def main() -> None:
    """Start the server process, measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.2)
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "tests.support.vlm_server", "--slots", str(arguments.slots)]
    command += ["--latency", str(arguments.latency)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        if server.stdout is None:
            raise RuntimeError("the server has no output")
        port = int(server.stdout.readline())
        print(json.dumps(measure(port, arguments.requests, arguments.slots, Path(folder))))
        server.terminate()


if __name__ == "__main__":
    main()
