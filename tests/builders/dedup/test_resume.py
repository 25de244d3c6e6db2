"""A search that was stopped continues; one short of memory or disk says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.dedup import documents
from nyxqa.builders.dedup import lsh_pairs as module
from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.deduplicate import deduplicate
from nyxqa.builders.engine.limits import Limits
from nyxqa.schemas.errors import WorldError
from tests.support.near_duplicates import make_rows, table


def test_continues_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(make_rows(8, 400))
    with deduplicate(rows, phashes="p", threshold=0.6) as result:
        expected = (result.dropped.to_pylist(), result.clusters.to_pylist())
    monkeypatch.setattr("nyxqa.builders.dedup.band_keys._GROUP_BYTES", 1 << 10)  # a band at a time
    calls = []
    verify = module.verify_pairs

    def stop_at_third(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        verify(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "verify_pairs", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        deduplicate(rows, phashes="p", threshold=0.6, work=tmp_path)
    read = []
    monkeypatch.setattr(documents, "sketch_texts", lambda *arguments: read.append(arguments))
    with deduplicate(rows, phashes="p", threshold=0.6, work=tmp_path) as result:
        assert (result.dropped.to_pylist(), result.clusters.to_pylist()) == expected
    assert read == []
    bands = len(calls)
    with deduplicate(rows, phashes="p", threshold=0.6, work=tmp_path) as result:
        assert result.dropped.to_pylist() == expected[0]
    assert len(calls) == bands


def test_reading_continues_behind_the_last_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nyxqa.builders.dedup.inputs._BATCH_BYTES", 500)
    monkeypatch.setattr(documents, "_COMMIT_BATCHES", 3)
    rows = table(make_rows(4, 200))
    with deduplicate(rows) as result:
        expected = result.clusters.to_pylist()
    texts: list[int] = []
    sketch_texts = documents.sketch_texts

    def counted(values: list[str], *settings: object) -> object:
        if len(texts) == 9:
            raise KeyboardInterrupt
        texts.append(len(values))
        return sketch_texts(values, *settings)

    monkeypatch.setattr(documents, "sketch_texts", counted)
    with pytest.raises(KeyboardInterrupt):
        deduplicate(rows, work=tmp_path, limits=Limits(threads=1))
    monkeypatch.setattr(documents, "sketch_texts", sketch_texts)
    with deduplicate(rows, work=tmp_path) as result:
        assert result.clusters.to_pylist() == expected


def test_full_spill_space_is_a_clear_error_and_the_work_goes_on(tmp_path: Path) -> None:
    sort = "CREATE TABLE sorted AS SELECT hash(range)::VARCHAR || repeat('x', 40) AS h FROM range(400000) ORDER BY h"
    tight = Database(tmp_path / "near.duckdb", Limits(memory="30MB", threads=1, spill="1MB"))
    tight.once("first", lambda: tight.run("CREATE TABLE first AS SELECT 1 AS x"))
    with pytest.raises(WorldError, match=r"spill space in .*, 1MB: raise the limit spill .*finished parts are reused"):
        tight.once("sort", lambda: tight.run(sort))
    tight.close()
    roomy = Database(tmp_path / "near.duckdb", Limits(memory="30MB", threads=1))
    roomy.once("first", lambda: pytest.fail("done before"))
    roomy.once("sort", lambda: roomy.run(sort))
    assert roomy.number("SELECT count(*) FROM sorted") == 400_000
    roomy.close()


def test_too_little_memory_is_a_clear_error() -> None:
    with pytest.raises(WorldError, match=r"needs more memory than the 2MB it may use: raise the limit memory"):
        deduplicate(table(make_rows(4, 400)), limits=Limits(memory="2MB", threads=1))


def test_a_database_killed_while_it_was_made_is_made_again(tmp_path: Path) -> None:
    begun = tmp_path / ".near.duckdb.0123456789ab.part"
    begun.write_bytes(b"no header yet")
    begun.with_name(f"{begun.name}.wal").write_bytes(b"no log yet")
    database = Database(tmp_path / "near.duckdb", Limits())
    assert database.number("SELECT count(*) FROM done") == 0
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["near.duckdb"]
