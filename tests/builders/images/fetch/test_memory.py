"""Memory does not grow with the number of URLs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.web_server import WebServer

# Fetches URLs and prints the resident megabytes at each tenth of them.
SCRIPT = """
import json, sys
from pathlib import Path
import psutil
from nyxqa.builders.images.fetch.fetcher import FetchContext, fetch_all
from nyxqa.builders.images.fetch.store import FetchStore
from nyxqa.schemas.recipe import Images

folder, port, count, seen = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), []

def urls():
    for n in range(count):
        kind = ("ok", "ok", "missing", "gzipped", "gone", "html", "wrong_type", "cut")[n % 8]
        yield f"http://h{n % 97}.test:{port}/{kind}/{n}.png"

def advance(failed):
    seen.append(failed)
    if len(seen) % (count // 10) == 0:
        sizes.append(psutil.Process().memory_info().rss / 1e6)

sizes = []
with FetchStore(folder) as store:
    settings = Images(allow_private=["127.0.0.1"])
    fetch_all(urls(), FetchContext(settings, store, advance, lambda host, port: ["127.0.0.1"]))
print(json.dumps({"failed": sum(seen), "all": len(seen), "megabytes": sizes}))
"""


def growth(tmp_path: Path, count: int) -> float:
    """Megabytes that the second half of the URLs adds, at most, to what the first tenths needed."""
    with WebServer() as server:
        command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(server.port), str(count)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
    found = json.loads(done.stdout)
    sys.stderr.write(f"{found}\n")
    assert found["all"] == count
    assert found["failed"] == count // 8 * 3
    sizes: list[float] = found["megabytes"]
    return max(sizes[5:]) - max(sizes[:3])


def test_two_thousand_urls(tmp_path: Path) -> None:
    assert growth(tmp_path, 2_000) < 15


@pytest.mark.slow
def test_twenty_thousand_urls(tmp_path: Path) -> None:
    assert growth(tmp_path, 20_000) < 10
