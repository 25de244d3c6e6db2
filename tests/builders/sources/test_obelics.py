"""Stage ``source`` over Parquet files of OBELICS columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec.implementations.local
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.sources import obelics, obelics_hub
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.sources.obelics import ObelicsFolder
from nyxqa.builders.sources.obelics_hub import NAME, OPT_OUT, HubFiles, ObelicsHub, hub_files
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.ids import image_id, page_id_of_path, page_id_of_url
from nyxqa.schemas.recipe import Images, Web
from nyxqa.schemas.recipe_file import read_recipe
from tests.support.ingest import drops, encoded, files_of, ingest, make_run, picture, shown, source_pages
from tests.support.obelics import SCHEMA, CountingFiles, obelics_row, write_many, write_obelics


def read(work: Path, folder: Path, **settings: Any) -> list[dict[str, Any]]:
    return list(source_pages(make_run(work), Web(source=f"obelics:{folder}", **settings)).rows())


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[CountingFiles]:
    monkeypatch.setattr(fsspec.implementations.local, "LocalFileSystem", CountingFiles)
    CountingFiles.read = 0
    return CountingFiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of 30 and 25 rows in row groups of 10, the first by path in a subfolder."""
    write_obelics(tmp_path / "set" / "b.parquet", map(obelics_row, range(30, 55)), 10)
    write_obelics(tmp_path / "set" / "a" / "x.parquet", map(obelics_row, range(30)), 10)
    (tmp_path / "set" / "README.md").write_text("no rows")
    return tmp_path / "set"


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [int(row["url"].rpartition("/")[2]) for row in rows]


def test_rows_become_pages_in_the_order_of_the_files(folder: Path, tmp_path: Path) -> None:
    rows = read(tmp_path / "w", folder)
    assert numbers(rows) == list(range(55))
    first = rows[0]
    assert first["page_id"] == page_id_of_url("https://example.org/0")
    assert (first["row"], first["path"], first["source"]) == ("a/x.parquet:1", "a/x.parquet", "obelics")
    assert shown(first["parts"])[1] == "<https://img.example/0.jpg>"
    assert first["parts"][1]["caption"] == "Caption 0"


@pytest.mark.parametrize(
    ("every", "limit", "expected"), [(7, None, range(0, 55, 7)), (7, 5, range(0, 35, 7)), (1, 33, range(33))]
)
def test_rows_are_counted_through_all_files(
    every: int, limit: int | None, expected: range, folder: Path, tmp_path: Path
) -> None:
    assert numbers(read(tmp_path / "w", folder, every=every, limit=limit)) == list(expected)


def test_sampled_rows_are_those_of_a_full_pass(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = read(tmp_path / "w", folder)
    monkeypatch.setattr(obelics, "_GROUP_ROWS", 9)  # now each row group is too large and streams
    streamed = read(tmp_path / "v", folder)
    assert streamed == every
    assert read(tmp_path / "u", folder, every=4) == every[::4]


def test_shards_do_not_depend_on_workers(tmp_path: Path) -> None:
    write_obelics(tmp_path / "set" / "a.parquet", map(obelics_row, range(600)), 50)
    found = []
    for workers in (1, 2):
        work = tmp_path / str(workers)
        source_pages(make_run(work, workers), Web(source=f"obelics:{tmp_path / 'set'}"))
        found.append(files_of(work))
    assert found[0] == found[1]


def test_a_sample_reads_few_bytes(
    tmp_path: Path, counted: type[CountingFiles], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    for number in range(2):
        rows = (obelics_row(row, 2000) for row in range(5000 * number, 5000 * number + 5000))
        write_obelics(folder / f"{number}.parquet", rows, 100)
    assert numbers(read(tmp_path / "w", folder, every=5000)) == [0, 5000]
    whole = sum(file.stat().st_size for file in folder.iterdir())
    assert 0 < counted.read < 0.05 * whole
    said = capsys.readouterr().err
    assert "2 rows in 2 of 100 row groups" in said
    group = pq.read_metadata(folder / "0.parquet").row_group(0)
    stored = sum(group.column(i).total_compressed_size for i in range(4))
    assert f"{2 * stored / 1e6:.1f} MB of" in said


def test_bad_rows_are_dropped_with_their_reason(tmp_path: Path) -> None:
    good = obelics_row(3)
    bad = [
        {**good, "texts": ["a"]},
        {**good, "texts": ["a", "b"]},
        {**good, "metadata": "[null"},
        {**good, "general_metadata": "[]"},
        {**good, "texts": None},
        {**good, "metadata": "[" * 100_000},
    ]
    write_obelics(tmp_path / "set" / "a.parquet", [*bad, good], 100)
    assert [row["row"] for row in read(tmp_path / "w", tmp_path / "set")] == ["a.parquet:7"]
    found = {row["item_id"]: row for row in drops(tmp_path / "w", reason="bad_row")}
    assert sorted(found) == [f"a.parquet:{number}" for number in range(1, 7)]
    assert found["a.parquet:3"]["detail"].startswith("a.parquet row 3: column metadata: not valid JSON")


def test_two_hundred_thousand_rows_are_sampled_for_a_twentieth_of_their_bytes(
    tmp_path: Path, counted: type[CountingFiles]
) -> None:
    file = write_many(tmp_path / "set" / "a.parquet", 2000, 700)
    rows = list(source_pages(make_run(tmp_path / "w", 2), Web(source=f"obelics:{file.parent}", every=5000)).rows())
    size, footer = file.stat().st_size, pq.read_metadata(file)
    stored = sum(footer.row_group(0).column(index).total_compressed_size for index in range(4))
    file.unlink()  # 150 MB
    assert numbers(rows) == list(range(0, 200_000, 5000))
    assert counted.read < 0.05 * size
    # The footer once, and no more of a row group than the wanted columns.
    assert footer.serialized_size < counted.read < 1.01 * (footer.serialized_size + 40 * stored)


def test_a_row_without_url_is_named_by_its_place(tmp_path: Path) -> None:
    rows = [{**obelics_row(n), "general_metadata": value} for n, value in enumerate((None, "{}", '{"url": null}'))]
    write_obelics(tmp_path / "set" / "a.parquet", rows, 2)
    found = read(tmp_path / "w", tmp_path / "set")
    assert [row["page_id"] for row in found] == [page_id_of_path("a.parquet", n) for n in range(3)]


@pytest.mark.parametrize("large", [9999, 1])
def test_a_row_that_is_not_utf8_harms_no_other(large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obelics, "_GROUP_ROWS", large)
    schema = SCHEMA.set(0, pa.field("images", pa.list_(pa.string()))).set(3, pa.field("texts", pa.list_(pa.binary())))
    rows = [{**obelics_row(n), "texts": [b"broken \xff" if n == 2 else b"text", None]} for n in range(5)]
    plain = pa.Table.from_pylist(rows, schema=schema)
    texts = pa.ListArray.from_arrays(
        plain["texts"].combine_chunks().offsets, plain["texts"].combine_chunks().values.view(pa.string())
    )
    (tmp_path / "set").mkdir()
    pq.write_table(plain.set_column(3, "texts", texts), tmp_path / "set" / "a.parquet")
    assert numbers(read(tmp_path / "w", tmp_path / "set")) == [0, 1, 3, 4]
    ((item, detail),) = [(row["item_id"], row["detail"]) for row in drops(tmp_path / "w", reason="unreadable")]
    assert (item, detail) == ("a.parquet:3", "not UTF-8")


@pytest.mark.parametrize("large", [9999, 1])
def test_a_broken_row_group_costs_its_rows(
    large: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obelics, "_GROUP_ROWS", large)
    file = folder / "b.parquet"
    column = pq.read_metadata(file).row_group(1).column(3)
    data = bytearray(file.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(data)
    assert numbers(read(tmp_path / "w", folder)) == [*range(40), *range(50, 55)]
    assert len(drops(tmp_path / "w", reason="unreadable")) == 10


def test_a_changed_file_is_another_source(folder: Path) -> None:
    web = Web(source=f"obelics:{folder}")
    before = open_source(web).fingerprint()
    write_obelics(folder / "b.parquet", map(obelics_row, range(3)), 10)
    assert open_source(web).fingerprint() != before
    assert sum(len(batch) for batch in open_source(web).tasks(lambda line: None)) == 33


def test_files_that_are_no_obelics_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    with pytest.raises(WorldError, match="does not exist"):
        read(tmp_path / "w", folder)
    folder.mkdir()
    with pytest.raises(WorldError, match=r"has no \*\.parquet file"):
        read(tmp_path / "w", folder)
    (folder / "a.parquet").write_bytes(b"PAR1 no footer")
    with pytest.raises(WorldError, match=r"a\.parquet is not a complete Parquet file"):
        read(tmp_path / "w", folder)
    pq.write_table(pa.table({"texts": [["a"]]}), folder / "a.parquet")
    with pytest.raises(WorldError, match=r"a\.parquet: column images is missing"):
        read(tmp_path / "w", folder)


def test_names_on_the_hub() -> None:
    def opened(spec: str) -> Any:
        return open_source(Web(source=spec))

    assert opened("obelics") == ObelicsHub(NAME, OPT_OUT, None, Web(source="obelics"))
    own = opened("obelics:hf:user/set/some@v1")
    assert (own.name, own.config, own.revision) == ("user/set", "some", "v1")
    assert opened(f"obelics:hf:{NAME}@abc").config == OPT_OUT
    assert opened("obelics:hf:user/set").config is None
    assert isinstance(opened("obelics:some/folder"), ObelicsFolder)
    with pytest.raises(UsageError, match="USER/NAME"):
        opened("obelics:hf:set")


def test_a_recipe_leaves_names_on_the_hub_alone(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    for given, kept in (("obelics:hf:user/set@v1", "obelics:hf:user/set@v1"), ("obelics:d", f"obelics:{tmp_path}/d")):
        recipe.write_text(f'[web]\nsource = "{given}"\n')
        web = read_recipe(str(recipe)).web
        assert web is not None
        assert web.source == kept


def test_files_of_one_revision() -> None:
    urls = [f"hf://datasets/user/set@{'a' * 40}/some/train-0000{n}.parquet" for n in (1, 0)]
    found = hub_files(urls, "user/set")
    assert found == HubFiles(
        "a" * 40, f"datasets/user/set@{'a' * 40}", ("some/train-00000.parquet", "some/train-00001.parquet")
    )
    with pytest.raises(WorldError, match="only Parquet files"):
        hub_files([urls[0].replace(".parquet", ".json")], "user/set")
    with pytest.raises(WorldError, match="no files of one revision"):
        hub_files([], "user/set")


def test_the_hub_is_read_by_row_groups_and_its_revision_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = HubFiles("c" * 40, str(folder), ("a/x.parquet", "b.parquet"))
    monkeypatch.setattr(obelics_hub, "resolve", lambda *name: files)
    monkeypatch.setattr("huggingface_hub.HfFileSystem", fsspec.implementations.local.LocalFileSystem)
    web = Web(source="obelics", every=11)
    assert numbers(list(source_pages(make_run(tmp_path / "w"), web).rows())) == [0, 11, 22, 33, 44]
    assert open_source(web).revisions() == {NAME: "c" * 40}
    assert open_source(Web(source="sample")).revisions() == {}


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("large", [1, 10**9])
def test_strings_as_views_are_read(every: int, large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As polars and DataFusion write them; also where the driver streams the rows."""
    monkeypatch.setattr(obelics, "_GROUP_BYTES", large)
    view = pa.string_view()
    kinds = {"images": pa.list_(view), "texts": pa.large_list(view), "metadata": view, "general_metadata": view}
    schema = pa.schema([(name, kinds.get(name, SCHEMA.field(name).type)) for name in SCHEMA.names])
    write_obelics(tmp_path / "views" / "a.parquet", map(obelics_row, range(25)), 10, schema)
    write_obelics(tmp_path / "plain" / "a.parquet", map(obelics_row, range(25)), 10)
    expected = read(tmp_path / "w1", tmp_path / "plain", every=every)
    assert read(tmp_path / "w2", tmp_path / "views", every=every) == expected
    assert len(expected) == (25 if every == 1 else 9)


@pytest.mark.parametrize("large", [1, 10**9])
@pytest.mark.parametrize("kind", ["struct", "bytes", "path"])
def test_images_in_the_rows_are_read(kind: str, large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``datasets`` stores a list of images: bytes and path."""
    monkeypatch.setattr(obelics, "_GROUP_BYTES", large)
    data = encoded(picture(1))
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema(
        [("texts", pa.list_(pa.string())), ("images", pa.list_(pa.binary() if kind == "bytes" else struct))]
    )
    cell = {"struct": {"bytes": data, "path": "x.png"}, "bytes": data, "path": {"bytes": None, "path": "own.png"}}[kind]
    rows = [{"texts": ["a", None, "b"], "images": [None, cell, None]}, {"texts": ["c"], "images": [None]}]
    write_obelics(tmp_path / "set" / "a.parquet", rows, 10, schema)
    (tmp_path / "set" / "own.png").write_bytes(data)
    web = Web(source=f"obelics:{tmp_path / 'set'}")
    first, second = ingest(make_run(tmp_path / "w"), web, Images(common=1.0)).rows()
    assert [part["text"] for part in first["parts"]] == ["a", None, "b"]
    assert first["parts"][1]["image"]["image_id"] == image_id(data)
    assert [part["text"] for part in second["parts"]] == ["c"]
    assert drops(tmp_path / "w") == []
