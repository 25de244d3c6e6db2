"""Datasets whose Parquet files hold other types or values than declared, through every command in process.

Each command ends in one line, in a failed check, or in what it gives for the sound dataset; never in a traceback.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nyxqa
from nyxqa.builders.check.structure import check
from nyxqa.builders.export.factory import TARGETS
from nyxqa.cli import run
from nyxqa.schemas.errors import FormatError, NyxqaError
from nyxqa.schemas.manifest import read_manifest
from tests.support.dataset_cache import use_cache
from tests.support.restamp import Row, restamp, rewrite
from tests.support.tiny_dataset import tiny_dataset

Change = Callable[[Path], None]
SPLITS = {"corpus": "web", "ledger": "rows"}  # of the others train
REFUSED = "refused"


def _split(table: str) -> str:
    return SPLITS.get(table, "train")


def _column(table: str, name: str, change: Callable[[Any], Any]) -> Change:
    """Replace one column by what ``change`` makes of it, of whatever type."""

    def changed(out: Path) -> None:
        (path,) = read_manifest(out).paths(table, _split(table))
        stored = pq.read_table(out / path)
        place = stored.schema.names.index(name)
        column = change(stored.column(name).combine_chunks())
        damaged = stored.set_column(place, pa.field(name, column.type), column)
        pq.write_table(damaged.replace_schema_metadata(stored.schema.metadata), out / path, row_group_size=100)
        restamp(out)

    return changed


def _value(table: str, name: str, value: object, row: int = 0) -> Change:
    return lambda out: rewrite(out, table, _split(table), lambda rows: rows[row].update({name: value}))


def _item(table: str, name: str, value: object, field: str = "") -> Change:
    """Replace the first item of the first list that has one, or a field of that item."""

    def changed(rows: list[Row]) -> None:
        items = next(row[name] for row in rows if row[name])
        items[0] = {**items[0], field: value} if field else value

    return lambda out: rewrite(out, table, _split(table), changed)


def _nested(depth: int) -> Callable[[Any], Any]:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return lambda column: pa.array([value] * len(column))


def _not_utf8(column: Any) -> Any:
    data = pa.array([b"\xff\xfe" * 16] * len(column), pa.binary())
    return pa.Array.from_buffers(pa.string(), len(column), data.buffers())


def _all(value: Any, kind: pa.DataType | None = None) -> Callable[[Any], Any]:
    return lambda column: pa.array([value] * len(column), kind)


def _twice(out: Path) -> None:
    (path,) = read_manifest(out).paths("triplets", "train")
    stored = pq.read_table(out / path)
    names = [*stored.schema.names, "query"]
    made = pa.Table.from_arrays([*stored.columns, stored.column("query")], names=names)
    pq.write_table(made.replace_schema_metadata(stored.schema.metadata), out / path)
    restamp(out)


TYPES: dict[str, tuple[str, Change]] = {
    **{
        f"query {name}": ("triplets", _column("triplets", "query", change))
        for name, change in {
            "large_string": lambda column: column.cast(pa.large_string()),
            "string_view": lambda column: column.cast(pa.string_view()),
            "dictionary": lambda column: column.dictionary_encode(),
            "binary": lambda column: column.cast(pa.binary()),
            "int": _all(7),
            "float": _all(0.5),
            "bool": _all(True),
            "null": lambda column: pa.nulls(len(column)),
            "list": _all(["x"]),
            "object": _all({"text": "x", "images": []}),
            "deep list": _nested(40),
            "timestamp": _all(0, pa.timestamp("s")),
        }.items()
    },
    "query twice": ("triplets", _twice),
    "negative_ids a text": ("triplets", _column("triplets", "negative_ids", _all("x"))),
    "negative_ids objects": ("triplets", _column("triplets", "negative_ids", _all([{"doc_id": "x"}]))),
    "negative_ids large_list": (
        "triplets",
        _column("triplets", "negative_ids", lambda column: column.cast(pa.large_list(pa.string()))),
    ),
    "positives without score": ("triplets", _column("triplets", "positives", _all([{"doc_id": "x", "rank": 1}]))),
    "query_images without path": ("triplets", _column("triplets", "query_images", _all([{"bytes": b"x"}]))),
    "text binary": ("corpus", _column("corpus", "text", lambda column: column.cast(pa.binary()))),
    "images texts": ("corpus", _column("corpus", "images", _all(["/etc/passwd"]))),
    "images an object": ("corpus", _column("corpus", "images", _all({"bytes": b"x", "path": ""}))),
    "n_tokens a text": ("corpus", _column("corpus", "n_tokens", _all("many"))),
    "evidence a text": ("qa", _column("qa", "evidence", _all("{" * 1000))),
    "label int64": ("qa", _column("qa", "label", _all(0, pa.int64()))),
    "candidates a list of lists": ("feedback", _column("feedback", "candidates", _all([["x"]]))),
    "position a text": ("mixture", _column("mixture", "position", _all("first"))),
    "reason int": ("ledger", _column("ledger", "reason", _all(1))),
    "preview's query int": ("preview", _column("preview", "query", _all(1))),
}
VALUES: dict[str, tuple[str, Change]] = {
    "text null": ("corpus", _value("corpus", "text", None)),
    "text not UTF-8": ("corpus", _column("corpus", "text", _not_utf8)),
    "doc_id null": ("corpus", _value("corpus", "doc_id", None)),
    "images null": ("corpus", _value("corpus", "images", None)),
    "an image null": ("corpus", _item("corpus", "images", None)),
    "an image without bytes": ("corpus", _item("corpus", "images", None, "bytes")),
    "an image of another program": ("corpus", _item("corpus", "images", b"%!PS-Adobe-3.0 EPSF-3.0\n", "bytes")),
    "query null": ("triplets", _value("triplets", "query", None)),
    "pool null": ("triplets", _value("triplets", "pool", None)),
    "positive unknown": ("triplets", _value("triplets", "positive_id", "0" * 32)),
    "a negative null": ("triplets", _item("triplets", "negative_ids", None)),
    "negatives null": ("triplets", _value("triplets", "negative_ids", None)),
    "a positive without a document": ("triplets", _item("triplets", "positives", None, "doc_id")),
    "answer null": ("qa", _value("qa", "answer", None)),
    "query_id of feedback null": ("feedback", _value("feedback", "query_id", None)),
    "candidates null": ("feedback", _value("feedback", "candidates", None)),
    "a row of the mixture unknown": ("mixture", _value("mixture", "query_id", "f" * 32)),
    "reason not UTF-8": ("ledger", _column("ledger", "reason", _not_utf8)),
}  # fmt: skip


def _called(*arguments: object) -> str:
    """What a command writes to stdout; one line on stderr is all that an error may be."""
    out, errors = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(errors):
            run([str(one) for one in arguments])
    except NyxqaError as error:
        assert 0 < len(str(error)) < 1000 and "\n" not in str(error)
        return REFUSED
    return out.getvalue()


def _loaded(out: Path, table: str) -> str:
    try:
        return repr(list(nyxqa.load(table, out, split=_split(table), images="bytes")))
    except NyxqaError as error:
        assert 0 < len(str(error)) < 1000 and "\n" not in str(error)
        return REFUSED


def _exported(out: Path, to: str) -> str:
    folder = out.parent / "exported"
    shutil.rmtree(folder, ignore_errors=True)
    said = _called("export", out, "--to", to, "--out", folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return said + "".join(f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in files)


def _trained(out: Path, stage: int) -> str:
    folder = out.parent / "model"
    shutil.rmtree(folder, ignore_errors=True)
    steps = ("--max-steps", 1, "--batch-size", 2, "--model", "tiny")
    return _called("train", out, "--out", folder, "--stage", stage, *steps)


ESTIMATE = ("--retriever", "bm25", "--vlm", "openai:m@http://127.0.0.1:9/v1", "--estimate")
ENDS: dict[str, Callable[[Path], str]] = {
    "train": lambda out: _trained(out, 1),
    "train stage 2": lambda out: _trained(out, 2),
    **{f"export {to}": lambda out, to=to: _exported(out, to) for to in TARGETS},  # type: ignore[misc]
    **{f"load {name}": lambda out, name=name: _loaded(out, name) for name in ("triplets", "qa", "corpus", "mixture")},  # type: ignore[misc]
    "report": lambda out: _called("report", out),
    "feedback": lambda out: _called("feedback", out, *ESTIMATE),
}
# What reads no row of a table that is damaged in its values only.
UNTOUCHED = {
    "qa": {*ENDS} - {"load qa", "report"},
    "ledger": {*ENDS} - {"report"},
    "mixture": {*ENDS} - {"train", "load mixture", "report"},
    "feedback": {*ENDS} - {"train stage 2", "report"},
    "triplets": {"load corpus"},
    "corpus": set(),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound dataset in ``sound``; each test has a copy of it in ``out``, at the same place."""
    folder = tmp_path_factory.mktemp("damaged")
    tiny_dataset(full=True).write(folder / "sound")
    return folder


@pytest.fixture(scope="module")
def sound(place: Path) -> Iterator[dict[str, str]]:
    """What each command gives for the sound dataset."""
    with pytest.MonkeyPatch.context() as patch:
        use_cache(patch, place / "cache")
        out = _copy(place)
        ends = {name: command(out) for name, command in ENDS.items()}
        assert REFUSED not in ends.values()
        yield ends


def _copy(place: Path) -> Path:
    shutil.rmtree(place / "out", ignore_errors=True)
    return Path(shutil.copytree(place / "sound", place / "out"))


@pytest.mark.parametrize("kind", list(TYPES))
def test_another_type_is_refused(place: Path, kind: str) -> None:
    out = _copy(place)
    table, change = TYPES[kind]
    change(out)
    everything = {
        "push": _called("push", out, "ann/set", "--dry-run", "--force"),
        "sql": _called("sql", out, "SELECT 1"),
        "report": ENDS["report"](out),
        "feedback": ENDS["feedback"](out),
        "relabel": _called("feedback", out, "--relabel"),
        "load": _loaded(out, table),
    }
    if table in ("triplets", "corpus"):
        everything |= {name: ENDS[name](out) for name in ENDS if name.startswith(("train", "export"))}
    assert set(everything.values()) == {REFUSED}
    assert "files_schema" in check(out).failed
    with pytest.raises(FormatError, match="column"):
        nyxqa.load(table, out)


@pytest.mark.parametrize("kind", list(VALUES))
def test_a_damaged_row_is_refused_or_not_read(place: Path, sound: dict[str, str], kind: str) -> None:
    out = _copy(place)
    table, change = VALUES[kind]
    before = {"ledger_stages", "stage_tables", "feedback_labels", "feedback_scores"}
    change(out)
    ends = {name: ENDS[name](out) for name in ENDS if name not in UNTOUCHED[table]}
    if kind != "reason not UTF-8":
        del ends["report"]  # it counts what stands there
    assert {name: end for name, end in ends.items() if end not in (REFUSED, sound[name])} == {}
    assert REFUSED in ends.values()
    try:
        failed = check(out).failed
        assert "nulls" in failed or set(failed) > before
    except FormatError as error:  # what it reads is no text
        assert "UTF8" in str(error) or "UTF-8" in str(error)
    _called("sql", out, f"FROM {table}", "--json")
