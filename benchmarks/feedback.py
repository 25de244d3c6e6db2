"""How well ``nyxqa feedback`` keeps the slots of a model busy, what that costs in memory, and what kills cost.

1,000 questions with 30 candidates each, asked window by window with no early stop: a server process with 64 slots
answers each request after a fixed time. Reported: busy slot-time over slots x span, memory around 10,000 and around
30,000 requests, requests sent by a repeat and by a relabel, and, in a second smaller run that is killed three times,
requests sent beyond the answers that were stored.

Run: ``python -m benchmarks.feedback [--questions 1000] [--slots 64] [--latency 2.5]``; results go to
``benchmarks/results/feedback.json``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.machine import machine
from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.schemas.manifest import read_manifest
from tests.support.facts import Facts

RESULT = Path(__file__).parent / "results" / "feedback.json"
CANDIDATES = 30
DOCUMENTS = 400
PIXELS = 100
KILLS = 3
_AROUND = 1_000  # requests on both sides of a point where memory is looked at


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=2.5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm = measured(Path(folder) / "calm", options.questions, options.slots, options.latency)
        killed = stopped(Path(folder) / "killed", max(40, options.questions // 10), options.slots)
    result = {"slots": options.slots, "latency": options.latency, **calm, "killed": killed, **machine("httpx2")}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


@contextmanager
def serving(slots: int, latency: float) -> Iterator[int]:
    """The port of a server process."""
    command = [sys.executable, "-m", "tests.support.vlm_server", "--slots", str(slots), "--latency", str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None:
            raise RuntimeError("the server has no output")
        yield int(server.stdout.readline())
        server.terminate()


def stats(port: int) -> dict[str, Any]:
    """What the server has done."""
    found: dict[str, Any] = httpx2.get(f"http://127.0.0.1:{port}/stats").json()
    return found


def command(out: Path, port: int, slots: int) -> list[str]:
    """The command line; nothing is ever right, and so many positives are asked for that nothing stops early."""
    sets = [f"feedback.enough_positives={CANDIDATES}", f"vlm.concurrency={slots}", "feedback.drop=[]"]
    model = f"openai:bench@http://127.0.0.1:{port}/v1"
    parts = ["feedback", str(out), "--retriever", "bm25", "--vlm", model, "--top-k", str(CANDIDATES)]
    return [sys.executable, "-m", "nyxqa", *parts, *(part for one in sets for part in ("--set", one))]


def measured(out: Path, questions: int, slots: int, latency: float) -> dict[str, Any]:
    """One run from beginning to end, the same again, and a relabel."""
    Facts(questions, DOCUMENTS, PIXELS).write(out)
    with serving(slots, latency) as port:
        started = time.perf_counter()
        memory: list[tuple[int, float]] = []
        with subprocess.Popen(command(out, port, slots), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            watcher = threading.Thread(target=watch, args=(process.pid, port, memory), daemon=True)
            watcher.start()
            _, said = process.communicate()
        if process.returncode:
            raise RuntimeError(said.decode())
        seconds, found = time.perf_counter() - started, stats(port)
        sent = {}
        for name, again in (("repeat", command(out, port, slots)), ("relabel", relabelling(out))):
            before, started = stats(port)["served"], time.perf_counter()
            subprocess.run(again, check=True, capture_output=True)
            sent[f"{name}_sent"] = stats(port)["served"] - before
            sent[f"{name}_seconds"] = round(time.perf_counter() - started, 2)
    summary = read_manifest(out).summary["feedback"]
    return {
        "questions": summary["questions"],
        "asked": summary["asked"],
        "saved": summary["saved"],
        "requests": found["served"],
        "seconds": round(seconds, 1),
        "span_seconds": round(found["span"], 1),
        "busy_share": round(found["busy"] / (slots * found["span"]), 4),
        "memory_mib": {str(point): around(memory, point) for point in (10_000, 30_000)},
        **sent,
    }


def watch(pid: int, port: int, memory: list[tuple[int, float]]) -> None:
    """Note requests served and resident memory twice a second for as long as the process lives."""
    process = psutil.Process(pid)
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        try:
            memory.append((stats(port)["served"], process.memory_info().rss / 2**20))
        except (psutil.NoSuchProcess, httpx2.HTTPError):
            return
        time.sleep(0.5)


def around(memory: list[tuple[int, float]], point: int) -> float | None:
    """Most memory near a number of requests."""
    near = [size for served, size in memory if abs(served - point) <= _AROUND]
    return round(max(near), 1) if near else None


def relabelling(out: Path) -> list[str]:
    """Labels by the rules of the paper."""
    return [
        sys.executable,
        "-m",
        "nyxqa",
        "feedback",
        str(out),
        "--relabel",
        "--recipe",
        "paper",
        "--set",
        "feedback.drop=[]",
    ]


def stopped(out: Path, questions: int, slots: int) -> dict[str, int]:
    """A run killed three times, then left to finish."""
    Facts(questions, DOCUMENTS // 4, PIXELS).write(out)
    requests = questions * (CANDIDATES + 1)
    with serving(slots, 0.1) as port:
        for kill in range(1, KILLS + 1):
            with subprocess.Popen(
                command(out, port, slots), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            ) as process:
                while stats(port)["served"] < kill * requests // (KILLS + 1) and process.poll() is None:
                    time.sleep(0.02)
                process.kill()
        subprocess.run(command(out, port, slots), check=True, capture_output=True)
        served = stats(port)["served"]
    store = AnswerStore(out / ".work" / "answers")
    stored = store.totals()["requests"]
    store.close()
    return {"kills": KILLS, "stored": stored, "sent": served, "sent_twice": served - stored}


if __name__ == "__main__":
    main()
