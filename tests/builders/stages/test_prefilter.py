from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from nyxqa.builders.stages.prefilter import prefilter_shard, write_copies
from nyxqa.schemas.recipe import Prefilter
from tests.support.rows import SOURCE_PAGES, finished, parts_of, source_page

LONG = "one two three four five"


def page_id(letter: str) -> str:
    return f"{ord(letter):032x}"


def letter(page_id: str) -> str:
    return chr(int(page_id, 16))


def filtered(tmp_path: Path, settings: Prefilter, *shards: list[dict[str, object]]) -> tuple[list[str], dict[str, str]]:
    named = [[{**row, "page_id": page_id(str(row["page_id"]))} for row in shard] for shard in shards]
    parts = parts_of(tmp_path / "in", SOURCE_PAGES, *named)
    (tmp_path / "copies").mkdir()
    write_copies(parts, settings.enabled, tmp_path / "copies")
    copies = finished(tmp_path / "copies")
    kept, drops = [], {}
    for task in zip(parts.files(), copies.files(), strict=True):
        output = prefilter_shard(settings, task)
        output.account.check("prefilter")
        kept += map(letter, output.rows["page_id"].to_pylist())
        rows = dict(zip(*pq.read_table(task[0], columns=["page_id", "row"]).to_pydict().values(), strict=True))
        assert all(drop.detail.startswith(f"{rows[drop.item_id]}: ") for drop in output.account.dropped)
        drops |= {letter(drop.item_id): drop.reason for drop in output.account.dropped}
    return kept, drops


PAGES = [
    [source_page("a", LONG, "!x.png"), source_page("b", "!x.png", LONG), source_page("c", "four words are few")],
    [source_page("d", LONG, "!x.png"), source_page("e", LONG, "!y.png"), source_page("f", "!x.png"), source_page("g")],
]


def test_copies_and_short_pages_go_whatever_shard_they_are_in(tmp_path: Path) -> None:
    kept, drops = filtered(tmp_path, Prefilter(), *PAGES)
    assert kept == ["a", "b", "e"]
    assert drops == {"c": "too_short", "d": "same_page_content", "f": "too_short", "g": "too_short"}
    copies = [pq.read_table(file).to_pylist() for file in finished(tmp_path / "copies").files()]
    assert copies == [[], [{"page_id": page_id("d"), "first": page_id("a")}]]


def test_off_means_all_pages_pass(tmp_path: Path) -> None:
    kept, drops = filtered(tmp_path, Prefilter(enabled=False), *PAGES)
    assert kept == list("abcdefg")
    assert drops == {}


def test_words_add_up_over_the_parts(tmp_path: Path) -> None:
    pages = [source_page("a", "one two", "!x.png", "three")]
    assert filtered(tmp_path / "3", Prefilter(min_words=3), pages)[0] == ["a"]
    assert filtered(tmp_path / "4", Prefilter(min_words=4), pages)[1] == {"a": "too_short"}


def test_a_part_border_makes_another_page(tmp_path: Path) -> None:
    kept, _ = filtered(tmp_path, Prefilter(min_words=0), [source_page("a", "one", "two"), source_page("b", "onetwo")])
    assert kept == ["a", "b"]
