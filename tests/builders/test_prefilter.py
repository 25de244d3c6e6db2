from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.prefilter import prefilter, prefilter_shard, write_copies
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Prefilter
from tests.support.rows import SOURCE_PAGES, parts_of, source_page

LONG = "one two three four five"


def filtered(tmp_path: Path, settings: Prefilter, *shards: list[dict[str, object]]) -> tuple[list[str], dict[str, str]]:
    parts = parts_of(tmp_path / "in", SOURCE_PAGES, *shards)
    write_copies(parts, settings.enabled, tmp_path)
    kept, drops = [], {}
    for file in parts.files():
        output = prefilter_shard(settings, tmp_path / "copies.parquet", file)
        output.account.check("prefilter")
        kept += output.rows["page_id"].to_pylist()
        drops |= {drop.item_id: drop.reason for drop in output.account.dropped}
    return kept, drops


PAGES = [
    [source_page("a", LONG, "!x.png"), source_page("b", "!x.png", LONG), source_page("c", "four words are few")],
    [source_page("d", LONG, "!x.png"), source_page("e", LONG, "!y.png"), source_page("f", "!x.png"), source_page("g")],
]


def test_copies_and_short_pages_go_whatever_shard_they_are_in(tmp_path: Path) -> None:
    kept, drops = filtered(tmp_path, Prefilter(), *PAGES)
    assert kept == ["a", "b", "e"]
    assert drops == {"c": "too_short", "d": "same_page_content", "f": "too_short", "g": "too_short"}
    assert pq.read_table(tmp_path / "copies.parquet").to_pylist() == [{"page_id": "d", "first": "a"}]


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


def test_languages_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"prefilter\.languages"):
        prefilter(PlannedRun(tmp_path), parts_of(tmp_path, SOURCE_PAGES), Prefilter(languages=["en"]))
