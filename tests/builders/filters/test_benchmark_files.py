"""The kinds of benchmark files, and which of their fields are texts and images."""

from __future__ import annotations

import base64
import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.filters.benchmark_fields import Item, item_of
from nyxqa.builders.filters.benchmark_files import benchmark_files, items
from nyxqa.schemas.errors import UsageError, WorldError
from tests.support.benchmark import json_lines
from tests.support.pages import picture


def read(*files: Path) -> list[Item]:
    return [item for file in benchmark_files([str(file) for file in files]) for item in items(file)]


def texts(row: dict[str, Any]) -> tuple[str, ...]:
    return item_of(row, "row 1", Path()).texts


def test_every_kind_of_file_gives_its_items(tmp_path: Path) -> None:
    rows = [{"id": "q1", "question": "Who?"}, {"id": "q2", "question": "Where?"}]
    expected = [Item("q1", ("Who?",)), Item("q2", ("Where?",))]
    lines = json_lines(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.read_bytes()))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "b.json").write_text(json.dumps({"version": 1, "data": rows}))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name, dialect in (("a.csv", "excel"), ("a.TSV", "excel-tab")):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, ["id", "question"], dialect=dialect)
            writer.writeheader()
            writer.writerows(rows)
    names = ("a.jsonl", "a.jsonl.gz", "a.json", "b.json", "a.parquet", "a.csv", "a.TSV")
    assert {name: read(tmp_path / name) for name in names} == dict.fromkeys(names, expected)
    (tmp_path / "a.txt").write_text("\ufeffWho?\n\nWhere?\n", encoding="utf-8")
    assert read(tmp_path / "a.txt") == [Item("line 1", ("Who?\n",)), Item("line 3", ("Where?\n",))]
    (tmp_path / "a.png").write_bytes(picture("a"))
    assert read(tmp_path / "a.png") == [Item("", (), (tmp_path / "a.png",))]


def test_items_without_an_id_are_named_by_their_place(tmp_path: Path) -> None:
    file = json_lines(tmp_path / "a.jsonl", [{"question": "Who?"}, "Where?", {"qid": 7, "question": "When?"}])
    assert [item.name for item in read(file)] == ["line 1", "line 2", "7"]


def test_a_folder_stands_for_the_files_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    json_lines(folder / "b" / "test.jsonl", ["Who?"])
    json_lines(folder / "a.jsonl", ["Where?"])
    for name in ("README.md", ".hidden.jsonl"):
        (folder / name).write_text("nothing")
    assert [file.name for file in benchmark_files([str(folder)])] == ["bench/a.jsonl", "bench/b/test.jsonl"]


def test_texts_are_the_known_fields_or_else_all_but_answers() -> None:
    assert texts({"question": "Who?", "golden_answers": ["I"], "note": "x"}) == ("Who?",)
    assert texts({"Question": "Who?", "paragraphs": [{"title": "T", "paragraph_text": "P"}]}) == ("Who?", "P")
    assert texts({"questions": ["Who?", "Where?"], "context": None}) == ("Who?", "Where?")
    assert texts({"id": "a", "frage": "Wer?", "answer": "I", "n": 3, "image": "a.png"}) == ("Wer?",)
    assert texts({"question": "", "frage": "Wer?"}) == ("",)


def test_texts_of_objects_inside_count_but_no_answers() -> None:
    squad = {"answers": [{"text": "the answer", "answer_start": 0}], "question": "Who?", "id": "1"}
    assert texts({"title": "T", "paragraphs": [{"context": "C", "qas": [squad]}]}) == ("C", "Who?")
    mrqa = {"qid": "1", "question": "Who?", "answers": ["I"], "detected_answers": [{"text": "I"}]}
    assert texts({"context": "C", "qas": [mrqa, {**mrqa, "question": "Where?"}]}) == ("C", "Who?", "Where?")
    kilt = {"id": "1", "input": "Who?", "output": [{"answer": "I", "provenance": [{"title": "T", "text": "P"}]}]}
    assert texts(kilt) == ("Who?",)
    assert texts({"item": {"inner": [{"query": "Who?"}]}}) == ("Who?",)


def test_the_sentences_of_a_paragraph_are_one_text() -> None:
    assert texts({"context": [["Title", ["One.", "Two."]], ["Other", ["Three."]]]}) == (
        "Title", "One. Two.", "Other", "Three."
    )  # fmt: skip
    assert texts({"context": {"title": ["T"], "sentences": [["One.", "Two."]]}}) == ("One. Two.",)


def test_images_are_bytes_structs_paths_and_base64(tmp_path: Path) -> None:
    data = picture("a", 64)
    (tmp_path / "a.png").write_bytes(data)
    rows: list[tuple[dict[str, Any], tuple[bytes | Path, ...], int]] = [
        ({"blob": data}, (data,), 0),
        ({"images": [{"bytes": data, "path": None}, {"bytes": None, "path": "a.png"}]}, (data, tmp_path / "a.png"), 0),
        ({"image": "a.png"}, (tmp_path / "a.png",), 0),
        ({"file": "a.png"}, (tmp_path / "a.png",), 0),
        ({"image": base64.b64encode(data).decode()}, (data,), 0),
        ({"image": "data:image/png;base64," + base64.b64encode(data).decode()}, (data,), 0),
        ({"image": "b.png", "images": ["", "https://example.org/c.png"], "file": "d.png"}, (), 2),
        ({"image": "x" * 900 + ".png"}, (), 1),
    ]
    for row, images, missing in rows:
        item = item_of(row, "row 1", tmp_path)
        assert (item.images, item.missing) == (images, missing)


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("none.jsonl", None, WorldError, "none.jsonl does not exist"),
        ("none.md", None, WorldError, "none.md does not exist"),
        ("a.jsonl", b"", WorldError, "a.jsonl is empty"),
        ("a.md", b"text", UsageError, "a.md is not supported; give a folder or .txt"),
    ],
    ids=["missing", "missing of no kind", "empty", "kind"],
)
def test_a_wrong_file_is_known_before_it_is_read(
    name: str, content: bytes | None, error: type[Exception], said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=r"^filters\.decontaminate: ") as raised:
        benchmark_files([str(tmp_path / name)])
    assert said in str(raised.value)


def test_a_folder_without_a_file_of_a_known_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text")
    with pytest.raises(WorldError, match="has no file of a supported format"):
        benchmark_files([str(tmp_path)])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"question": "Who?"}\n{"question"\n', "a.jsonl line 2 is not valid JSON"),
        ("a.jsonl", b"3\n", "a.jsonl line 1 is neither an object nor a string"),
        ("a.jsonl.gz", gzip.compress(b'"Who?"\n' * 100)[:-9], "cannot be read to its end"),
        ("a.json", b'{"rows": []}', "is neither a list of items"),
        ("a.json", b"[", "a.json is not valid JSON"),
        ("a.parquet", b"PAR1 no PAR1", "cannot be read to its end"),
        ("a.txt", b"\xff\xfe\xff", "cannot be read to its end"),
    ],
    ids=["json", "item", "gzip", "no list", "no json", "parquet", "utf-8"],
)
def test_a_broken_file_names_what_is_wrong(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WorldError, match=r"^filters\.decontaminate: ") as raised:
        read(tmp_path / name)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_field_may_be_longer_than_the_csv_module_takes_by_itself(tmp_path: Path) -> None:
    data = picture("a", 48)
    long = base64.b64encode(data + b"\0" * 150_000).decode()
    (tmp_path / "a.tsv").write_text(f"index\timage\tquestion\n3\t{long}\tWho?\n")
    (item,) = read(tmp_path / "a.tsv")
    assert (item.name, item.texts, item.images) == ("3", ("Who?",), (data + b"\0" * 150_000,))
    assert csv.field_size_limit() < 150_000
