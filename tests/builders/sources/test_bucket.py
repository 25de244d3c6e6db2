"""Sources on S3: the same pages as from disk, read by ranges, each object as the build first saw it."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nyxqa.build import run
from nyxqa.builders.sources.factory import open_source
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.recipe import Images, Web
from nyxqa.schemas.recipe_file import anchored
from nyxqa.schemas.web import s3_client
from tests.support.ingest import files_of, ingest, ingest_with_packs, make_run, source_pages, text_row, write_jsonl
from tests.support.obelics import obelics_row, write_many, write_obelics
from tests.support.pages import many_pages, write_recipe, write_source
from tests.support.running import published
from tests.support.s3_server import S3Fault, S3Server

ROWS = "".join(json.dumps(text_row(f"Text of row {number}.")) + "\n" for number in range(30)).encode()


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


def pages(work: Path, spec: object, **web: Any) -> list[dict[str, Any]]:
    return list(source_pages(make_run(work), Web(source=str(spec), **web)).rows())


def test_pages_and_images_are_those_of_the_disk(s3: S3Server, tmp_path: Path) -> None:
    """Images lie beside the pages; one worker here, two there."""
    folder = write_source(tmp_path / "disk", many_pages(24)).parent
    s3.put_folder(folder, "a/b")
    settings = Images()
    here, packs = ingest_with_packs(make_run(tmp_path / "h"), Web(source=f"jsonl:{folder}/pages.jsonl"), settings)
    web = Web(source="jsonl:s3://pages/a/b/pages.jsonl")
    there, others = ingest_with_packs(make_run(tmp_path / "t", workers=2), web, settings)
    assert list(there.rows()) == list(here.rows())
    assert files_of(others) == files_of(packs)
    assert len(s3.asked(r"GET /pages/a/b/images/")) >= 8


@pytest.mark.slow
def test_a_build_from_s3_has_the_bytes_of_one_from_disk(s3: S3Server, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "disk", many_pages(60))
    s3.put_folder(recipe.parent, "a/b")
    here, there = tmp_path / "here", tmp_path / "there"
    run("train", recipe=recipe, out=here, workers=1)
    run("train", recipe=recipe, out=there, workers=2, source="jsonl:s3://pages/a/b/pages.jsonl")
    assert published(there) == published(here)
    s3.requests.clear()
    run("train", recipe=recipe, out=there, workers=2, source="jsonl:s3://pages/a/b/pages.jsonl")
    assert not s3.asked("GET")


@pytest.mark.parametrize(("name", "packed"), [("x.jsonl", bytes), ("x.jsonl.gz", gzip.compress), ("x.jsonl.zst", zstd)])
def test_one_object_is_read_as_the_file_is(
    name: str, packed: Callable[[bytes], bytes], s3: S3Server, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(packed(ROWS))
    s3.put(f"set/{name}", packed(ROWS))
    rows = pages(tmp_path / "s3", f"jsonl:s3://pages/set/{name}")
    assert rows == pages(tmp_path / "disk", f"jsonl:{tmp_path / name}")
    assert len(rows) == 30


def test_a_prefix_is_read_as_a_folder_is(s3: S3Server, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for number, name in enumerate(["b/2.jsonl", "a-b.jsonl", "a/10 ü%#.jsonl.gz", ".hidden/x.jsonl", "notes.txt"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        data = json.dumps(text_row(f"File {number}.")).encode()
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    s3.put_folder(folder, "pre fix")
    s3.put("pre fix 2/other.jsonl", ROWS)
    rows = pages(tmp_path / "s3", "jsonl:s3://pages/pre fix/")
    assert rows == pages(tmp_path / "disk", f"jsonl:{folder}")
    assert [row["row"] for row in rows] == ["a-b.jsonl:1", "a/10 ü%#.jsonl.gz:1", "b/2.jsonl:1"]


def test_parquet_objects_are_read_as_the_folder_is_by_the_workers(s3: S3Server, tmp_path: Path) -> None:
    write_obelics(tmp_path / "set" / "b.parquet", map(obelics_row, range(30, 55)), 10)
    write_obelics(tmp_path / "set" / "a" / "x.parquet", map(obelics_row, range(30)), 10)
    s3.put_folder(tmp_path / "set", "set")
    web = Web(source="obelics:s3://pages/set", every=2)
    rows = list(source_pages(make_run(tmp_path / "s3", workers=2), web).rows())
    assert rows == pages(tmp_path / "disk", f"obelics:{tmp_path / 'set'}", every=2)
    assert len(rows) == 28


def test_only_the_wanted_row_groups_leave_the_bucket(s3: S3Server, tmp_path: Path) -> None:
    file = write_many(tmp_path / "many.parquet", 20, 2_000)
    s3.put("set/many.parquet", file.read_bytes())
    assert len(pages(tmp_path / "w", "obelics:s3://pages/set", every=500)) == 4
    read = sum(size for _, size in s3.asked("GET /pages/set/many"))
    assert read < 0.45 * file.stat().st_size


def test_a_limit_reads_the_start_of_a_long_object(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nyxqa.schemas.web.s3._READ_AHEAD", 4096)
    s3.put("long.jsonl", ROWS * 1000)
    assert len(pages(tmp_path / "w", "jsonl:s3://pages/long.jsonl", limit=5)) == 5
    assert sum(size for _, size in s3.asked("GET /pages/long")) < 0.01 * 1000 * len(ROWS)


def test_the_fingerprint_is_of_name_size_and_etag(s3: S3Server) -> None:
    def now() -> object:
        return open_source(Web(source="jsonl:s3://pages/set")).fingerprint()

    s3.put("set/a.jsonl", b'{"texts": ["one"]}')
    first = now()
    s3.put("set/a.jsonl", b'{"texts": ["one"]}')
    assert now() == first
    s3.put("set/a.jsonl", b'{"texts": ["two"]}')
    second = now()
    s3.put("set/b.jsonl", b'{"texts": ["one"]}')
    assert len({first, second, now()}) == 3  # type: ignore[arg-type]


def test_errors_that_pass_are_repeated(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("x.jsonl", ROWS)
    s3.faults += [
        S3Fault("HEAD /pages/x", times=1),
        S3Fault("GET /pages/x", "cut", times=1, after=1),
        S3Fault("GET /pages/x", times=1, after=1),
    ]
    assert len(pages(tmp_path / "w", "jsonl:s3://pages/x.jsonl")) == 30
    assert not [fault for fault in s3.faults if fault.times]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_object_that_changes_under_the_build_ends_it(workers: int, s3: S3Server, tmp_path: Path) -> None:
    file = write_obelics(tmp_path / "x.parquet", map(obelics_row, range(30)), 10)
    other = write_obelics(tmp_path / "y.parquet", map(obelics_row, range(31)), 10)
    s3.put("set/x.parquet", file.read_bytes())
    s3.faults.append(
        S3Fault("GET /pages/set/x", "call", after=2, then=lambda: s3.put("set/x.parquet", other.read_bytes()))
    )
    with pytest.raises(WorldError, match=r"^s3://pages/set/x.parquet changed since the build looked at it; run again"):
        list(source_pages(make_run(tmp_path / "w", workers), Web(source="obelics:s3://pages/set")).rows())
    assert len(pages(tmp_path / "w", "obelics:s3://pages/set")) == 31


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("jsonl:s3://nobody/x.jsonl", r"^s3://nobody/x.jsonl: there is no such bucket$"),
        ("jsonl:s3://pages/none.jsonl", r"^source s3://pages/none.jsonl does not exist, and nothing below it is "),
        ("jsonl:s3://pages/empty.jsonl", r"^source file s3://pages/empty.jsonl is empty$"),
        ("obelics:s3://pages/none", r"^source s3://pages/none has no object \*.parquet below it$"),
        ("obelics:s3://pages/bad", r"^source file s3://pages/bad/x.parquet is not a complete Parquet file: .*$"),
    ],
)
def test_what_is_not_there_is_named(spec: str, message: str, s3: S3Server, tmp_path: Path) -> None:
    s3.put("empty.jsonl", b"")
    s3.put("bad/x.parquet", b"no Parquet")
    with pytest.raises(WorldError, match=message):
        pages(tmp_path / "w", spec)


def test_who_may_not_read_is_told(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("x.jsonl", ROWS)
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(WorldError, match=r"^s3://pages/x.jsonl: access is denied \(.*\); check the credentials"):
        pages(tmp_path / "w", "jsonl:s3://pages/x.jsonl")
    monkeypatch.delenv("AWS_SKIP_SIGNATURE")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WorldError, match=r"^no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        pages(tmp_path / "w", "jsonl:s3://pages/x.jsonl")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[own]\naws_access_key_id = a\naws_secret_access_key = b%\n")
    monkeypatch.setenv("AWS_PROFILE", "own")
    assert len(pages(tmp_path / "w", "jsonl:s3://pages/x.jsonl")) == 30
    monkeypatch.setenv("AWS_PROFILE", "other")
    with pytest.raises(UsageError, match=r"^AWS_PROFILE=other names no profile with keys of its own"):
        pages(tmp_path / "w", "jsonl:s3://pages/x.jsonl")


def test_a_server_that_is_away_is_named(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "RETRIES", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(WorldError, match=r"^s3://pages/x.jsonl: S3 does not answer \(.*AWS_ENDPOINT_URL$"):
        pages(tmp_path / "w", "jsonl:s3://pages/x.jsonl")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("jsonl:s3://", r"^'s3://' is not s3://BUCKET/KEY$"),
        ("jsonl:s3:/pages/x", r"^'s3:/pages/x' is not s3://BUCKET/KEY$"),
        ("jsonl:s3://me:secret@pages/x", r"is not s3://BUCKET/KEY$"),
        ("jsonl:s3://pages/a/../b", r"^s3://pages/a/../b: the key has an empty or dotted part$"),
        ("html:s3://pages/a", r"^source 'html:s3://pages/a': only jsonl: and obelics: are read from S3; copy"),
        ("pdf:s3://pages/a", r"only jsonl: and obelics: are read from S3"),
    ],
)
def test_other_addresses_are_refused(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_source(Web(source=spec))


def test_without_the_extra_its_install_line_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(
        UsageError, match=r"^obstore is not installed; install it in a checkout with: pip install '.\[s3\]'$"
    ):
        open_source(Web(source="jsonl:s3://pages/x.jsonl")).fingerprint()


def test_a_recipe_keeps_the_address() -> None:
    recipe = {"web": {"source": "jsonl:s3://pages/x.jsonl"}}
    assert anchored(recipe, Path("/recipes"))["web"]["source"] == "jsonl:s3://pages/x.jsonl"


def test_images_of_s3_stay_in_the_prefix(s3: S3Server, tmp_path: Path) -> None:
    row = {"texts": ["Text.", None, None, None], "images": [None, "../out.png", "/out.png", "none.png"]}
    write_jsonl(tmp_path / "x.jsonl", [row])
    s3.put("set/x.jsonl", (tmp_path / "x.jsonl").read_bytes())
    s3.put("out.png", b"secret")
    run_ = make_run(tmp_path / "w")
    assert [row["parts"][0]["text"] for row in ingest(run_, Web(source="jsonl:s3://pages/set/x.jsonl")).rows()] == [
        "Text."
    ]
    assert not s3.asked(r"out\.png")
