"""The index of fetched images that workers read."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch import places as module
from nyxqa.builders.images.fetch.places import FetchedReader, placed, write_places
from nyxqa.builders.images.fetch.retry import FetchError
from nyxqa.builders.images.fetch.store import FetchStore
from nyxqa.schemas.errors import WorldError


def outcome(reader: FetchedReader | FetchStore, url: str) -> object:
    try:
        return reader.read(url)
    except (DeadImageError, WorldError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_every_url_has_the_outcome_of_the_store(batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", batch)
    urls = [f"http://{number}" for number in range(40)]
    with FetchStore(tmp_path) as store:
        for number, url in enumerate(urls[:36]):
            if number % 3:
                store.keep(url, io.BytesIO(bytes([number]) * number))
            if number % 3 == 0 or number == 7:  # one that failed when it was tried again has its bytes still
                store.fail(url, FetchError("http_404", f"status {number}"))
        expected = [outcome(store, url) for url in urls]
    assert len({type(one) for one in expected}) == 2
    write_places(tmp_path)
    with FetchedReader(tmp_path) as reader:
        assert [outcome(reader, url) for url in urls] == expected
        assert [outcome(reader, url) for url in reversed(urls)] == expected[::-1]


def test_a_step_begins_with_what_is_stored_now(tmp_path: Path) -> None:
    store = tmp_path / "store"
    tasks = placed(store, lambda: iter([1, 2]))
    assert list(tasks()) == [1, 2]
    assert not store.exists()
    with FetchedReader(store) as reader, pytest.raises(WorldError, match="lack http://a; remove that folder"):
        reader.read("http://a")
    for body in (b"first", b"second"):
        with FetchStore(store) as writable:
            writable.keep("http://a", io.BytesIO(body))
        assert list(tasks()) == [1, 2]
        with FetchedReader(store) as reader:
            assert reader.read("http://a") == body
    assert list(placed(None, lambda: [3])()) == [3]


def test_a_reader_opens_no_sqlite_file(tmp_path: Path) -> None:
    with FetchStore(tmp_path) as store:
        store.keep("http://a", io.BytesIO(b"one"))
    write_places(tmp_path)
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    script = (
        "import sqlite3, sys; from pathlib import Path; from nyxqa.builders.images.fetch.places import FetchedReader\n"
        "sqlite3.connect = None\n"
        "assert FetchedReader(Path(sys.argv[1])).read('http://a') == b'one'"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
