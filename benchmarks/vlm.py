"""How well a model's slots are kept busy, and what that costs in memory.

A server process with a fixed number of slots answers each request after a fixed time; the client sends requests
with images from a small pool. Reported: busy slot-time over slots x span, requests a second, the client's processor
time a request, memory, and what a repeat sends. With ``--kills`` the client is killed that often on its way, and what
the runs after that sent again is counted. With ``--before`` another version of nyxqa asks the same server, in turns
with this one.

Run: ``python -m benchmarks.vlm [--requests 5000] [--slots 64] [--latency 0.2] [--kills N | --before DIR [--rounds 3]]``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from statistics import median

import httpx2
from PIL import Image

from benchmarks.machine import machine
from nyxqa.builders.vlm.protocol import VlmDocument, VlmImage
from nyxqa.schemas.content import Content
from nyxqa.schemas.ids import image_id

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


def run_client(tree: Path, *numbers: int) -> dict[str, float]:
    """What the client measures with the nyxqa in ``tree``."""
    client = Path(__file__).with_name("vlm_client.py")
    command = [sys.executable, str(client), *map(str, numbers)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def run_killed(tree: Path, kills: int, port: int, requests: int, *numbers: int) -> dict[str, object]:
    """What clients send that are killed on their way, and one that comes to the end."""
    command = [sys.executable, str(Path(__file__).with_name("vlm_client.py")), *map(str, (port, requests, *numbers))]
    environment = {**os.environ, "PYTHONPATH": str(tree)}

    def served() -> int:
        return int(httpx2.get(f"http://127.0.0.1:{port}/stats").json()["served"])

    with tempfile.TemporaryDirectory() as folder:
        for kill in range(1, kills + 1):
            with subprocess.Popen([*command, folder], cwd=tree, env=environment, stdout=subprocess.PIPE) as client:
                while client.poll() is None and served() < kill * requests // (kills + 1):
                    time.sleep(0.05)
                client.kill()
        done = subprocess.run([*command, folder], cwd=tree, env=environment, capture_output=True, text=True, check=True)
    last = json.loads(done.stdout)
    return {
        "machine": machine(),
        "requests": requests,
        "kills": kills,
        "answered_at_the_end": last["answered"],
        "sent_again_in_all": served() - requests,
        "requests_at_a_time": numbers[0],
    }


def main() -> None:
    """Start the server process, measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, help="vlm.concurrency; default twice the slots")
    parser.add_argument("--kills", type=int, default=0, help="how often the client is killed on its way")
    parser.add_argument("--before", type=Path, help="checkout of another version, measured in turns with this one")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of a comparison")
    arguments = parser.parse_args()
    own = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "tests.support.vlm_server", "--slots", str(arguments.slots)]
    command += ["--latency", str(arguments.latency)]
    with subprocess.Popen(command, cwd=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None:
            raise RuntimeError("the server has no output")
        port = int(server.stdout.readline())
        numbers = (port, arguments.requests, arguments.concurrency or 2 * arguments.slots, arguments.slots)
        if arguments.kills:
            print(json.dumps(run_killed(own, arguments.kills, *numbers)))
        elif arguments.before is None:
            print(json.dumps({"machine": machine(), **run_client(own, *numbers)}))
        else:
            rounds = [
                (run_client(arguments.before, *numbers), run_client(own, *numbers)) for _ in range(arguments.rounds)
            ]
            print(json.dumps(compared(rounds)))
        server.terminate()


def compared(rounds: list[list[dict[str, float]]]) -> dict[str, object]:
    """Rates and processor times of both versions, round by round, and the ratio of the medians."""
    rates = [[one["requests_per_second"] for one in side] for side in zip(*rounds, strict=True)]
    times = [[one["processor_ms_per_request"] for one in side] for side in zip(*rounds, strict=True)]
    return {
        "machine": machine(),
        "requests_per_second": {"before": rates[0], "now": rates[1]},
        "processor_ms_per_request": {"before": times[0], "now": times[1]},
        "ratio_of_rates": round(median(rates[1]) / median(rates[0]), 2),
        "ratio_of_processor_times": round(median(times[0]) / median(times[1]), 2),
    }


if __name__ == "__main__":
    main()
