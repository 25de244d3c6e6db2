"""One dataset for all tests of take-downs."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from tests.conftest import BuildOnce
from tests.support.pages import page, picture, row, sentences, write_source

SETTINGS: dict[str, Any] = {
    "chunk.max_tokens": 60,
    "negatives.ranks": [2, 10],
    "sample.min_tokens": 20,
    "verify.enabled": False,
}
GONE = {"url": 30, "page": 31, "host": 32, "list": 33, "mirrored": 34, "shared": 35}
FETCHED = "http://127.0.0.1:9/of-the-linked.png"  # nobody may fetch it


def pages() -> list[dict[str, Any]]:
    """Pages with and without pictures, and of each kind of take-down the one that it is about."""
    rows = [page(number, 2 if number % 3 == 0 else 0) for number in range(40)]
    for number in (32, 36):
        rows[number]["general_metadata"] = json.dumps({"url": f"https://www.gone.example.net/{number}"})
    mirror = dict(rows[34])
    mirror["general_metadata"] = json.dumps({"url": "https://mirror.example.com/34"})
    inline = f"data:image/png;base64,{base64.b64encode(picture('inline')).decode()}"
    both: list[str | None] = [sentences(50)[0], None, *sentences(51)]
    return [
        *rows,
        mirror,
        row("https://example.org/inline", both, [None, inline, None, None, None, None], title="Inline"),
        row("https://example.org/linked", [*sentences(53), None], [*[None] * 4, FETCHED], title="Linked"),
        row("https://example.org/other", [*sentences(35), *sentences(52)], [None] * 8, title="Other"),
    ]


@pytest.fixture(scope="session")
def removable(build_once: BuildOnce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built dataset and its source, side by side."""

    def build(folder: Path) -> None:
        source = write_source(folder / "source", pages())
        run("all", source=f"jsonl:{source}", out=folder / "out", workers=1, settings=SETTINGS)

    return build_once("removable", build)


@pytest.fixture
def out(removable: Path, tmp_path: Path) -> Path:
    """A copy of that dataset; its recipe still names the source beside the first."""
    shutil.copytree(removable / "out", tmp_path / "out", copy_function=shutil.copy2)
    return tmp_path / "out"
