import csv
import gzip
import io
import json
import tracemalloc
from pathlib import Path

import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.passage_pool import PassagePool, write_pool
from nyxqa.builders.question_sets.passages import Passage, read_passages
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.ids import doc_id


def lines(path: Path, *rows: object) -> Path:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz"])
def test_contents_are_kept_verbatim(tmp_path: Path, name: str) -> None:
    contents = ['"Title"\nText  here. ', "\nNo title.", '"The "Quoted""\nx', "no line end", '"A"\nb\nc']
    path = lines(tmp_path / name, *({"id": n, "contents": text} for n, text in enumerate(contents)))
    found = list(read_passages(f"flashrag:{path}"))
    assert [(item.id, item.text) for item in found if isinstance(item, Passage)] == [
        (str(n), text) for n, text in enumerate(contents)
    ]
    assert [item.title for item in found if isinstance(item, Passage)] == ["Title", "", 'The "Quoted"', "", "A"]


def test_title_and_text_make_contents(tmp_path: Path) -> None:
    rows = [{"id": "a", "title": "T", "text": "x"}, {"id": "b", "title": '"T"', "text": "x"}, {"id": "c", "text": "x"}]
    found = list(read_passages(f"flashrag:{lines(tmp_path / 'p.jsonl', *rows)}"))
    assert [(item.title, item.text) for item in found if isinstance(item, Passage)] == [
        ("T", '"T"\nx'),
        ("T", '"T"\nx'),
        ("", "x"),
    ]


@pytest.mark.parametrize("name", ["psgs.tsv", "psgs.tsv.gz"])
def test_psgs(tmp_path: Path, name: str) -> None:
    table = io.StringIO(newline="")
    writer = csv.writer(table, delimiter="\t")
    writer.writerows([["id", "text", "title"], ["1", 'He said "no"\tand\nleft.', "A b"], ["2", "y", ""]])
    data = table.getvalue().encode() + b"3\tlost\r\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert list(read_passages(f"psgs:{tmp_path / name}")) == [
        Passage(f"{name}:0", "1", "A b", '"A b"\nHe said "no"\tand\nleft.'),
        Passage(f"{name}:1", "2", "", "y"),
        Drop("row", f"{name}:2", "", "bad_row", "2 cells under 3 columns"),
    ]


def test_bad_passages_are_drops(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "contents": " "},
        {"id": None, "contents": "x"},
        {"id": "", "contents": "x"},
        {"id": "b", "contents": None},
        {"id": "c", "contents": "see <|image|>"},
        {"id": "d", "title": 4, "text": "x"},
    ]
    found = list(read_passages(f"flashrag:{lines(tmp_path / 'p.jsonl', *rows)}"))
    reasons = ["empty_text", "bad_id", "bad_id", "bad_type", "placeholder", "bad_type"]
    assert [(item.item_id, item.reason) for item in found if isinstance(item, Drop)] == [
        (f"p.jsonl:{n}", reason) for n, reason in enumerate(reasons)
    ]


def test_missing_columns_and_kinds_are_errors(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=r"p\.jsonl, row 0: column 'id' is missing"):
        list(read_passages(f"flashrag:{lines(tmp_path / 'p.jsonl', {'contents': 'x'})}"))
    with pytest.raises(WorldError, match=r"row 0: column 'text' or 'contents' is missing"):
        list(read_passages(f"flashrag:{lines(tmp_path / 'p.jsonl', {'id': '1'})}"))
    with pytest.raises(UsageError, match="valid are flashrag:FILE, psgs:FILE, parquet:FILE"):
        list(read_passages("wiki"))


def test_a_pool_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    with path.open("w") as stream:
        for number in range(20_000):
            stream.write(json.dumps({"id": number, "contents": f'"T{number}"\n{"word " * 100}'}) + "\n")
    tracemalloc.start()
    dropped: list[Drop] = []
    kept = write_pool(read_passages(f"flashrag:{path}"), tmp_path, dropped.append)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (dropped, kept) == ([], 20_000)
    # Four columns of 8-byte ends and two hashes of 16 bytes, growing, against 10 MB of text.
    assert peak < 20_000 * 64 + 2_000_000
    assert len(PassagePool(tmp_path)) == 20_000


def test_a_pool_gives_back_its_passages_by_row(tmp_path: Path) -> None:
    drop = Drop("row", "p:1", "", "empty_text")
    passages = [Passage("p:0", "7", "T", '"T"\nhéllo'), drop, Passage("p:2", "8", "", "x")]
    dropped: list[Drop] = []
    assert write_pool(passages, tmp_path, dropped.append) == 2
    assert dropped == [drop]
    pool = PassagePool(tmp_path)
    assert [(item.name, item.external_id, item.title, item.text) for item in pool] == [
        ("p:0", "7", "T", '"T"\nhéllo'),
        ("p:2", "8", "", "x"),
    ]
    assert pool[0].id == doc_id('"T"\nhéllo', ())
    assert [(entry.id, entry.text) for entry in pool.entries()] == [(item.id, item.text) for item in pool[:]]


def test_an_id_and_a_text_come_once_and_copies_are_known(tmp_path: Path) -> None:
    rows = [("a", "one"), ("b", "two"), ("c", "one"), ("a", "three"), ("d", "one"), ("e", "two"), ("f", "four")]
    passages = [Passage(f"p:{n}", own, "", text) for n, (own, text) in enumerate(rows)]
    dropped: list[Drop] = []
    assert write_pool(passages, tmp_path, dropped.append) == 3
    assert [(drop.item_id, drop.reason, drop.detail) for drop in dropped] == [
        ("p:3", "same_page", "the id of p:0"),
        ("p:2", "same_content", "the text of p:0"),
        ("p:4", "same_content", "the text of p:0"),
        ("p:5", "same_content", "the text of p:1"),
    ]
    pool = PassagePool(tmp_path)
    assert [item.text for item in pool] == ["one", "two", "four"]
    assert [[copy.external_id for copy in pool.copies(row)] for row in range(3)] == [["c", "d"], ["e"], []]
    assert [(row, item.external_id) for row, item in pool.places()] == [
        (0, "a"), (1, "b"), (0, "c"), (0, "d"), (1, "e"), (2, "f"),
    ]  # fmt: skip
