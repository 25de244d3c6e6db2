from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import ShardOutput
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.stages.page_copies import decide_over_pages, numbered_files
from nyxqa.builders.stages.prefilter import prefilter, prefilter_shard
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Prefilter
from tests.support.rows import SOURCE_PAGES, finished, parts_of, source_page

LONG = "one two three four five"


def page_id(letter: str) -> str:
    return f"{ord(letter):032x}"


def letter(page_id: str) -> str:
    return chr(int(page_id, 16))


def outputs(parts: StepOutput, settings: Prefilter, folder: Path) -> list[ShardOutput]:
    """What each shard gives, after the steps over all pages."""
    run = WorkingRun(folder, LocalExecutor(1), Progress(), traced=False)
    decided = decide_over_pages(run, parts, settings) if settings.enabled else None
    return [prefilter_shard(settings, False, decided, task) for task in numbered_files(parts)]


def filtered(tmp_path: Path, settings: Prefilter, *shards: list[dict[str, object]]) -> tuple[list[str], dict[str, str]]:
    named = [[{**row, "page_id": page_id(str(row["page_id"]))} for row in shard] for shard in shards]
    parts = parts_of(tmp_path / "in", SOURCE_PAGES, *named)
    kept, drops = [], {}
    for file, output in zip(parts.files(), outputs(parts, settings, tmp_path / "work"), strict=True):
        output.account.check("prefilter")
        kept += map(letter, output.rows["page_id"].to_pylist())
        rows = dict(zip(*pq.read_table(file, columns=["page_id", "row"]).to_pydict().values(), strict=True))
        assert all(drop.detail.startswith(f"{rows[drop.item_id]}: ") for drop in output.account.dropped)
        drops |= {letter(drop.item_id): drop.reason for drop in output.account.dropped}
    return kept, drops


PAGES = [
    [source_page("a", LONG, "!x.png"), source_page("b", "!x.png", LONG), source_page("c", "four words are few")],
    [source_page("d", LONG, "!x.png"), source_page("e", LONG, "!y.png"), source_page("f", "!x.png"), source_page("g")],
]


@pytest.mark.parametrize(("captions", "kept"), [(True, ["a"]), (False, [])])
def test_captions_are_text_where_pictures_are_the_documents(captions: bool, kept: list[str], tmp_path: Path) -> None:
    """As of a page that was rendered elsewhere; before, each was dropped as too short."""
    row = source_page(page_id("a"), "!a.png")
    row["parts"][0]["caption"] = LONG
    run = WorkingRun(tmp_path / "work", LocalExecutor(1), Progress(), traced=False)
    pages = prefilter(run, parts_of(tmp_path / "in", SOURCE_PAGES, [row]), Prefilter(), captions)
    assert [letter(page["page_id"]) for page in pages.rows()] == kept


def test_copies_and_short_pages_go_whatever_shard_they_are_in(tmp_path: Path) -> None:
    kept, drops = filtered(tmp_path, Prefilter(), *PAGES)
    assert kept == ["a", "b", "e"]
    assert drops == {"c": "too_short", "d": "same_page_content", "f": "too_short", "g": "too_short"}
    (copies,) = (tmp_path / "work" / "steps" / "prefilter.copies").iterdir()
    assert list(finished(copies).rows()) == [{"shard": 1, "row": 0, "first": page_id("a")}]


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


def test_common_blocks_go_before_pages_are_compared(tmp_path: Path) -> None:
    """With its menu gone, a page of another shard is a copy; a page of nothing else is too short."""
    menu = "Home and all the other pages of this site"
    own = [f"{chr(97 + n)} {LONG} page number {n} of the manual of pumps with {n * n} valves" for n in range(8)]
    pages = [source_page(chr(97 + n), f"{menu}\n\n{text}", "!x.png") for n, text in enumerate(own)]
    pages += [source_page("x", menu), source_page("y", own[2], "!x.png")]
    named = [{**row, "page_id": page_id(str(row["page_id"]))} for row in pages]
    parts = parts_of(tmp_path / "in", SOURCE_PAGES, named[:5], named[5:])
    made = outputs(parts, Prefilter(), tmp_path / "work")
    texts = [row["parts"][0]["text"] for output in made for row in output.rows.to_pylist()]
    assert texts == own
    notes = [note for output in made for note in output.account.notes]
    assert {(note.item_type, note.reason, note.detail) for note in notes} == {
        ("block", "common_block", "1 blocks that many pages share, 41 characters")
    }
    assert [note.parent_id for note in notes] == [page_id(chr(97 + n)) for n in range(8)]
    dropped = {letter(drop.item_id): drop.reason for output in made for drop in output.account.dropped}
    assert dropped == {"x": "too_short", "y": "same_page_content"}
    assert filtered(tmp_path / "off", Prefilter(enabled=False), pages)[0] == list("abcdefghxy")


def test_a_pattern_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"prefilter.keep: '\(' is not a regular expression"):
        prefilter(PlannedRun(tmp_path), parts_of(tmp_path, SOURCE_PAGES, []), Prefilter(keep=["("]))
