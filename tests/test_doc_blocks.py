"""Every block of code in the README and in the docs runs, against one built sample and the tests' servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.doc_blocks import PAGES, ROOT, World, blocks_of, server

# What is not run, with the reason that the page states below it.
NOT_RUN: dict[str, str] = {}


@pytest.fixture(scope="module")
def world(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with server() as running:
        yield World(tmp_path_factory.mktemp("reader"), built_sample, running)


def test_what_is_not_run_is_marked_and_listed() -> None:
    marked = {
        block.place.rpartition(":")[0] + ": " + block.code.split("\n")[0]: block.reason
        for page in PAGES
        for block in blocks_of(page)
        if block.reason
    }
    assert marked == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_the_blocks_of_a_page_run(page: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NYXQA_DATA", "NYXQA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    run = world.page()
    for block in blocks_of(page):
        if not block.reason:
            try:
                run.run(block)
            except Exception as error:
                raise AssertionError(f"{block.place}: {type(error).__name__}: {error}") from error
