from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from nyxqa.builders.stages.chunk import chunk_pages, chunk_shard
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import doc_id
from nyxqa.schemas.recipe import Chunk
from tests.support.rows import CHUNKS, PAGES, page, part, write

SETTINGS = Chunk(max_tokens=10)


def numbered(first: int, count: int) -> str:
    return " ".join(f"w{index}" for index in range(first, first + count)) + "."


def documents(*parts: dict[str, Any], settings: Chunk = SETTINGS) -> list[dict[str, Any]]:
    known = {"row": "a/p.html", "url": "https://example.org/p", "title": "T", "language": "en"}
    return list(chunk_pages([page("p", list(parts), **known)], settings))


def operations(work: Callable[[], object]) -> int:
    """Operations of the interpreter that ``work`` takes, which no other program on the machine changes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_a_document_keeps_what_is_known_of_its_page() -> None:
    first, second = documents(part(numbered(0, 9)), part(image="a" * 64), part(numbered(9, 9)))
    assert first["place"] == "p:0"
    assert second["chunk"] == 1
    assert first["kind"] == "single"
    assert first["text"] == f"{numbered(0, 9)}\n{PLACEHOLDER}"
    assert first["doc_id"] == doc_id(first["text"], ["a" * 64])
    assert second["kind"] == "text"
    for row in (first, second):
        assert (row["page_id"], row["url"], row["title"], row["language"]) == ("p", "https://example.org/p", "T", "en")
        assert row["n_tokens"] == 9
        assert row["external_id"] == "a/p.html"


def test_a_page_shorter_than_a_chunk_is_a_document() -> None:
    assert [row["text"] for row in documents(part("Few words."))] == ["Few words."]


def test_a_page_of_one_image_is_a_document() -> None:
    (row,) = documents(part(image="a" * 64))
    assert (row["text"], row["kind"], row["n_tokens"]) == (PLACEHOLDER, "single", 0)


def test_placeholders_and_images_agree_whatever_images_are_called() -> None:
    ids = [f"{index}.avif".ljust(64, "0") for index in range(13)]
    parts = [p for index, image in enumerate(ids) for p in (part(numbered(index, 3)), part(image=image))]
    rows = documents(*parts)
    assert [image["image_id"] for row in rows for image in row["images"]] == ids
    assert all(row["text"].count(PLACEHOLDER) == len(row["images"]) <= 5 for row in rows)


def test_a_section_is_that_in_which_the_text_begins() -> None:
    rows = documents(
        part(numbered(0, 9), section="Intro"), part(numbered(9, 9), section="History"), part(numbered(18, 9))
    )
    assert [row["section"] for row in rows] == ["Intro", "History", ""]


def test_a_page_of_nothing_is_dropped_as_empty(tmp_path: Path) -> None:
    pages = [page("a", [part(" \n")]), page("b", [part("Words.")]), page("c", [])]
    output = chunk_shard(SETTINGS, write(tmp_path / "part.parquet", pages, PAGES))
    output.account.check("chunk")
    assert output.rows.schema.equals(CHUNKS)
    assert [(drop.item_id, drop.reason) for drop in output.account.dropped] == [("a", "empty"), ("c", "empty")]
    assert output.account.parents == ["b"]


def many_parts(count: int) -> list[dict[str, Any]]:
    return [part(numbered(index, 10), section=str(index)) for index in range(count)]


def test_a_page_of_many_parts_is_a_document_for_each() -> None:
    rows = documents(*many_parts(20_000))
    assert [row["section"] for row in rows] == [str(index) for index in range(20_000)]


def test_the_work_grows_with_the_parts_of_a_page_and_no_faster() -> None:
    operations(partial(documents, *many_parts(10)))  # what is done once
    work = [operations(partial(documents, *many_parts(count))) for count in (1_000, 2_000)]
    assert work[1] < 2.1 * work[0]


def test_chunks_end_at_the_full_stops_of_their_script() -> None:
    for stop in ("\u0964", "\u06d4", "\u061f", "\u1362", "\u0589", "\u17d4", "\uff0e", "\uff61", "\u2049"):
        text = " ".join(f"{numbered(7 * n, 7).removesuffix('.')}{stop}" for n in range(12))
        rows = documents(part(text))
        assert len(rows) == 12
        assert all(row["text"].endswith(stop) for row in rows)


def test_a_document_says_where_it_stands_in_its_page() -> None:
    """Characters of the parts joined by line ends, white space around a document left out."""
    parts = [part("One two three. "), part(image="i"), part("  Four five six seven.")]
    text = "One two three. \n<|image|>\n  Four five six seven."
    rows = list(chunk_pages([page("p", parts)], Chunk(max_tokens=3)))
    assert len(rows) > 2 and {text[row["start"] : row["end"]] for row in rows} == {row["text"] for row in rows}
    assert [row["start"] for row in rows] == sorted(row["start"] for row in rows)
