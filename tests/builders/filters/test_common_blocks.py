"""Blocks that many pages share go, unless the pages are versions of one another."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.filters.common_blocks import dropped_blocks, without_blocks
from nyxqa.builders.stages.page_copies import decide_over_pages, read_common
from nyxqa.schemas.recipe import Prefilter
from tests.support.rows import SOURCE_PAGES, parts_of, source_page

WORDS = [f"{start}{end}" for start in ("val", "pum", "wat", "mil", "rod", "cog") for end in ("ve", "p", "er", "l", "s")]
COOKIES = "We use cookies to make this site better for you."


def sentence(key: object, length: int = 12) -> str:
    return " ".join(random.Random(f"{key}").choices(WORDS, k=length)).capitalize() + f" {key}."


def article(key: object, paragraphs: int = 3) -> str:
    return "\n\n".join(sentence(f"{key}-{number}") for number in range(paragraphs))


def common_blocks(pages: StepOutput, share: float) -> dict[int, int]:
    """The blocks that go, with their numbers of pages."""
    run = WorkingRun(pages.folder / "work", LocalExecutor(1), Progress(), traced=False)
    return read_common(decide_over_pages(run, pages, Prefilter(common=share)).common.folder)


def remaining(tmp_path: Path, pages: list[list[str]], share: float = 0.01, keep: tuple[str, ...] = ()) -> list[str]:
    """The text of each page after its common blocks are gone."""
    shards = [pages[::2], pages[1::2]]
    rows = [
        [source_page(f"{2 * place + shard:032x}", *texts) for place, texts in enumerate(part)]
        for shard, part in enumerate(shards)
    ]
    files = parts_of(tmp_path / "pages", SOURCE_PAGES, *rows)
    common = common_blocks(files, share)
    patterns = [re.compile(pattern) for pattern in keep]

    def left(row: dict[str, Any]) -> str:
        parts, _ = without_blocks(row["parts"], dropped_blocks(row["parts"], common, patterns))
        return "|".join(part["text"] or f"<{part['image']}>" for part in parts)

    lost = [list(map(left, part)) for part in rows]
    return [lost[place % 2][place // 2] for place in range(len(pages))]


def test_menus_banners_and_notes_go_wherever_they_stand(tmp_path: Path) -> None:
    menu = "- Home\n- Products\n- About us"
    pages = [
        [f"{menu}\n\n{article(n)}\n\nDownload the ebook\n\n{sentence(f'end {n}')}", "!a.png", COOKIES]
        for n in range(12)
    ]
    assert remaining(tmp_path, pages) == [f"{article(n)}\n\n{sentence(f'end {n}')}|<a.png>" for n in range(12)]


def test_five_pages_or_the_share_are_not_many(tmp_path: Path) -> None:
    pages = [[f"{article(n)}\n\n{COOKIES}"] for n in range(5)] + [[article(n)] for n in range(5, 8)]
    assert remaining(tmp_path / "five", pages) == [texts[0] for texts in pages]
    pages = [[f"{article(n)}\n\n{COOKIES}" if n < 8 else article(n)] for n in range(20)]
    assert remaining(tmp_path / "more", pages, share=0.5) == [texts[0] for texts in pages]
    assert remaining(tmp_path / "fewer", pages, share=0.3) == [article(n) for n in range(20)]


@pytest.mark.parametrize("edited", [0, 3, 6])
def test_versions_of_one_manual_keep_their_text(tmp_path: Path, edited: int) -> None:
    """Eight releases of thirty pages, each page with a menu and with some paragraphs rewritten in each release."""
    pages, total = [], 0
    for version in range(8):
        for number in range(30):
            text = "\n\n".join(
                sentence(f"{number}-{place}-{version if place < edited else 'all'}", 20) for place in range(20)
            )
            total += len(text)
            pages.append([f"- Contents\n- Index\n- Search the manual\n\n{text}"])
    left = remaining(tmp_path, pages)
    assert not any("Search the manual" in text for text in left)
    assert sum(map(len, left)) >= 0.99 * total


def test_copies_of_one_page_keep_their_text(tmp_path: Path) -> None:
    assert remaining(tmp_path, [[article(1)] for _ in range(9)]) == [article(1)] * 9
    assert remaining(tmp_path, [["Nothing was found here."] for _ in range(9)]) == ["Nothing was found here."] * 9


def test_what_is_listed_stays(tmp_path: Path) -> None:
    warning = "Warning: disconnect the pump before it is opened."
    pages = [[f"{warning}\n\n{article(n)}\n\n{COOKIES}"] for n in range(9)]
    assert remaining(tmp_path, pages, keep=("^Warning",)) == [f"{warning}\n\n{article(n)}" for n in range(9)]


def test_short_blocks_between_others_and_headings_stay(tmp_path: Path) -> None:
    pages = [[f"{sentence(n)}\n\nReturns\n\n{article(n)}", "Notes", f"Notes\n\n{article(-n)}"] for n in range(9)]
    for texts in pages:
        assert len(texts) == 3
    rows = [source_page(f"{n:032x}", *texts) for n, texts in enumerate(pages)]
    for row in rows:
        for part, section in zip(row["parts"], ("", "Notes", "Notes"), strict=True):
            part["section"] = section
    files = parts_of(tmp_path, SOURCE_PAGES, rows)
    common = common_blocks(files, 0.01)
    assert [dropped_blocks(row["parts"], common, []) for row in rows] == [[] for _ in rows]
    related = [{**part, "section": "Related"} for part in source_page("", f"Related\n\n{COOKIES}")["parts"]]
    rows = [{**row, "parts": [*row["parts"], *related]} for row in rows]
    files = parts_of(tmp_path / "2", SOURCE_PAGES, rows)
    dropped = dropped_blocks(rows[0]["parts"], common_blocks(files, 0.01), [])
    assert [part["text"] for part in without_blocks(rows[0]["parts"], dropped)[0]] == pages[0]
