"""``--retry-failed`` and ``--rescan`` over whole builds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from nyxqa.build import run
from nyxqa.builders.runner.request import BuildResult
from nyxqa.builders.sources.factory import SAMPLE
from nyxqa.schemas.errors import UsageError
from tests.support.web_server import WebServer


def rows(server: WebServer) -> list[dict[str, Any]]:
    """Pages of the sample with URLs in place of paths; one of their images does not exist."""
    found = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()[30:62]]
    for row in found:
        row["images"] = [name and f"http://127.0.0.1:{server.port}/file/{Path(name).name}" for name in row["images"]]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retry")
    shutil.copytree(SAMPLE.parent / "images", folder / "images")
    return folder


def test_only_failed_urls_are_asked_again_and_only_news_change_the_data(folder: Path) -> None:
    with WebServer(folder=folder / "images") as server:
        pages = rows(server)
        (folder / "pages.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in pages), "utf-8")

        def build(split: Any = "train", **options: Any) -> tuple[BuildResult, set[str]]:
            """A build, and the files that it asked for."""
            before = server.requests.copy()
            settings = {"images.allow_private": ["127.0.0.1"], "images.per_host": 32, "synthesize.max_questions": 1}
            source, out = f"jsonl:{folder / 'pages.jsonl'}", folder / "out"
            result = run(split, source=source, out=out, workers=1, settings=settings, **options)
            return result, {path.rpartition("/")[2] for path in server.requests - before}

        names = {Path(url).name for row in pages for url in row["images"] if url}
        dead = {name for name in names if not (folder / "images" / name).is_file()}
        late = set(sorted(names - dead)[:3])
        latest = set(sorted(late)[:1])

        server.withheld = late
        first, asked = build()
        assert asked == names
        again, asked = build()
        assert (again.changed, asked) == (False, set())
        assert not_found(folder / "out") == dead | late

        same, asked = build(retry_failed=True)
        assert (same.changed, asked) == (False, dead | late)

        server.withheld = latest
        news, asked = build(retry_failed=True)
        assert (news.changed, asked) == (True, dead | late)
        assert not_found(folder / "out") == dead | latest
        assert build()[0].changed is False

        build("all")
        server.withheld = set()
        with pytest.raises(UsageError, match="--split all"):
            build("train", retry_failed=True)
        assert build("all")[1] == set()
        last, asked = build("all", retry_failed=True)
        assert (last.changed, asked) == (True, dead | latest)
        assert first.manifest.files != last.manifest.files
        assert not_found(folder / "out") == dead

        # A source that looks the same is read anew on request, and its images are not fetched again.
        files = last.manifest.files
        with pytest.raises(UsageError, match="--split all"):
            build("train", rescan=True)
        assert build("all")[0].changed is False
        scanned, asked = build("all", rescan=True)
        assert (scanned.changed, asked) == (True, set())
        assert scanned.manifest.files == files
        assert build("all")[0].changed is False


def not_found(out: Path) -> set[str]:
    """Files that the ledger says were not there."""
    (file,) = out.glob("data/ledger/rows-*.parquet")
    found = [row for row in pq.read_table(file).to_pylist() if row["reason"] == "http_404"]
    return {row["detail"].partition(": ")[0].rpartition("/")[2] for row in found}
