"""The store of what was fetched."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch import store as module
from nyxqa.builders.images.fetch.places import FetchedReader, write_places
from nyxqa.builders.images.fetch.retry import FetchError
from nyxqa.builders.images.fetch.store import FetchStore, has_failures, store_name
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Images


def reason(store: FetchStore, url: str) -> tuple[str, str]:
    with pytest.raises(DeadImageError) as error:
        store.read(url)
    return error.value.reason, error.value.detail


def test_bytes_and_failures_survive(tmp_path: Path) -> None:
    with FetchStore(tmp_path) as store:
        store.keep("http://a", io.BytesIO(b"one"))
        store.keep("http://b", io.BytesIO(b""))
        store.fail("http://c", FetchError("http_404", "status 404"))
        assert "http://a" in store
        assert "http://d" not in store
    with FetchStore(tmp_path) as store:
        store.keep("http://e", io.BytesIO(b"more"))
        assert [store.read(url) for url in ("http://a", "http://b", "http://e")] == [b"one", b"", b"more"]
        assert reason(store, "http://c") == ("http_404", "http://c: status 404")
        assert [failure.url for failure in store.failures()] == ["http://c"]
        store.keep("http://c", io.BytesIO(b"late"))
        assert store.read("http://c") == b"late"
        assert list(store.failures()) == []
        with pytest.raises(WorldError, match="lack http://d"):
            store.read("http://d")


def test_what_a_kill_tore_is_passed_over(tmp_path: Path) -> None:
    with FetchStore(tmp_path) as store:
        store.keep("http://a", io.BytesIO(b"one"))
    with (tmp_path / "pack-000000.bin").open("ab") as pack:
        pack.write(b"half an ima")
    with FetchStore(tmp_path) as store:
        store.keep("http://b", io.BytesIO(b"two"))
        assert [store.read(url) for url in ("http://a", "http://b")] == [b"one", b"two"]


def test_a_killed_process_loses_nothing_it_kept(tmp_path: Path) -> None:
    script = (
        "import io, os, sys; from pathlib import Path; from nyxqa.builders.images.fetch.store import FetchStore\n"
        "store = FetchStore(Path(sys.argv[1]))\n"
        "for n in range(300): store.keep(f'http://{n}', io.BytesIO(b'%d' % n))\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    with FetchStore(tmp_path) as store:
        assert [store.read(f"http://{n}") for n in range(300)] == [b"%d" % n for n in range(300)]


def test_damage_is_told(tmp_path: Path) -> None:
    with FetchStore(tmp_path) as store:
        store.keep("http://a", io.BytesIO(b"one"))
    (tmp_path / "pack-000000.bin").write_bytes(b"on\0")
    write_places(tmp_path)
    with FetchedReader(tmp_path) as reader, pytest.raises(WorldError, match=r"pack-000000\.bin is damaged at byte 0"):
        reader.read("http://a")


def test_packs_have_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACK_BYTES", 10)
    for n in range(3):
        with FetchStore(tmp_path) as store:
            for m in range(3):
                store.keep(f"http://{n}/{m}", io.BytesIO(bytes([n, m]) * 4))
    assert [path.stat().st_size for path in sorted(tmp_path.glob("pack-*"))] == [16, 16, 16, 16, 8]
    with FetchStore(tmp_path) as store:
        assert all(store.read(f"http://{n}/{m}") == bytes([n, m]) * 4 for n in range(3) for m in range(3))


def test_failures_come_in_pages_and_may_change_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FAILURES_AT_ONCE", 3)
    urls = {f"http://{n}" for n in range(10)}
    with FetchStore(tmp_path) as store:
        for url in urls:
            store.fail(url, FetchError("timeout", "x"))
        store.fail("http://[", FetchError("bad_reference", "x"))
        found = []
        for failure in store.failures():
            found.append(failure.url)
            store.keep(failure.url, io.BytesIO(b"x"))
        assert set(found) == urls
        assert len(found) == 10
    assert not has_failures(tmp_path)
    assert not has_failures(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_settings_that_decide_have_stores_of_their_own() -> None:
    plain = store_name(Images())
    assert store_name(Images(timeout=1.0, concurrency=1, per_host=1, max_pixels=9, on_dead="page")) == plain
    assert len({plain, store_name(Images(max_bytes=1)), store_name(Images(allow_private=True))}) == 3
