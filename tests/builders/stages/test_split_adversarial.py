"""Four thousand pages made to leak: chains of likeness, logos, a footer; the certificate finds nothing."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.dedup.certificate import certify
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import Step
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.rows import PAGES
from nyxqa.builders.stages.chunk import chunk
from nyxqa.builders.stages.common_images import common_tasks, drop_common
from nyxqa.builders.stages.dedup import dedup
from nyxqa.builders.stages.split import split
from nyxqa.schemas.recipe import Chunk, Dedup, Recipe, Sample, SplitSection
from tests.support.near_duplicates import signed
from tests.support.rows import locator, page, part, parts_of

Row = dict[str, Any]
PAGES_ALL, CHAIN, WORDS = 4_000, 10, 30
SHARED = 40  # pages with an image that one page more would make common
COMMON = 0.01
# Removal off, as in the recipe ``paper``: what is alike stays in the corpus and must be kept on one side.
RECIPE = Recipe(
    chunk=Chunk(max_tokens=WORDS),
    dedup=Dedup(enabled=False, common=COMMON),
    split=SplitSection(validation=0.2, test=0.2),
    sample=Sample(min_tokens=0),
)
FILE = "data/corpus/web-00000-of-00001.parquet"


class Maker:
    """Pages in chains: a page is alike to the next by turns in text (one word of thirty) and in image (four bits)."""

    def __init__(self) -> None:
        self._chance = random.Random(7)
        self._logo = self._chance.getrandbits(64)
        self._shared = self._chance.getrandbits(64)
        self._footer = self._words()
        self._words_before = self._words()
        self._hash_before = self._chance.getrandbits(64)

    def page(self, number: int) -> Row:
        chance = self._chance
        text, picture = self._words(), chance.getrandbits(64)
        if number % CHAIN and number % 2:
            text = self._changed(self._words_before)
        elif number % CHAIN:
            picture = self._turned(self._hash_before, 4)
        self._words_before, self._hash_before = text, picture
        parts = [part(self._sentence(text)), self._image(picture)]
        if chance.random() < 0.4:
            parts.append(self._image(self._turned(self._logo, chance.randrange(3))))
        if number % CHAIN == 0 and number // CHAIN < SHARED:
            parts.append(self._image(self._shared))
        parts.append(part(self._sentence(self._words())))
        if chance.random() < 0.5:
            footer = self._changed(self._footer) if chance.random() < 0.2 else self._footer
            parts.append(part(self._sentence(footer)))
        return page(f"{number:032x}", parts)

    def _words(self) -> list[str]:
        return [f"w{self._chance.randrange(50_000)}" for _ in range(WORDS)]

    def _changed(self, words: list[str]) -> list[str]:
        place = self._chance.randrange(3, WORDS - 3)
        return [*words[:place], f"w{self._chance.randrange(50_000)}", *words[place + 1 :]]

    def _turned(self, value: int, bits: int) -> int:
        for bit in self._chance.sample(range(64), bits):
            value ^= 1 << bit
        return value

    @staticmethod
    def _sentence(words: list[str]) -> str:
        return f"{' '.join(words)}."

    @staticmethod
    def _image(value: int) -> Row:
        return {"text": None, "image": {**locator(f"{value:064x}"), "phash": signed(value)}, "section": ""}


def placed(work: Path) -> list[Row]:
    """Documents of the pages from the last step of stage ``images`` to stage ``split``."""
    run = WorkingRun(work, LocalExecutor(1), Progress())
    maker = Maker()
    pages = [maker.page(number) for number in range(PAGES_ALL)]
    stored = parts_of(work / "in", PAGES, *(pages[shard::4] for shard in range(4)))
    step = Step("images/common", 1, {}, (stored.fingerprint,))
    kept = run.map(step, drop_common, lambda: common_tasks(stored, COMMON, RECIPE.dedup.image_distance, work), PAGES)
    documents = dedup(run, chunk(run, kept, RECIPE.chunk), RECIPE.dedup)
    return list(split(run, documents, RECIPE.split, RECIPE.dedup, RECIPE.sample.min_tokens, RECIPE.seed).rows())


def publish(rows: list[Row], out: Path) -> None:
    """Those columns of table ``corpus`` that the certificate reads."""
    names = ("doc_id", "page_id", "split", "text", "also_at")
    images = {"image_ids": "image_id", "image_phashes": "phash"}
    published = [
        {name: row[name] for name in names}
        | {name: [image[field] for image in row["images"]] for name, field in images.items()}
        for row in rows
    ]
    (out / FILE).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(published), out / FILE)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return placed(tmp_path_factory.mktemp("adversarial"))


def test_the_certificate_of_chained_pages_is_zero(documents: list[Row], tmp_path: Path) -> None:
    publish(documents, tmp_path)
    assert set(certify(tmp_path, [FILE], RECIPE.dedup, tmp_path).values()) == {0}


def test_chains_stay_whole_and_what_is_common_joins_nobody(documents: list[Row]) -> None:
    group = {int(row["page_id"], 16): row["group"] for row in documents}
    assert len(group) == PAGES_ALL
    for start in range(0, PAGES_ALL, CHAIN):
        assert len({group[number] for number in range(start, start + CHAIN)}) == 1
    sizes = Counter(Counter(group.values()).values())
    # The chains, and one group of those that an image joins which is on just too few pages to be common.
    assert sizes == {CHAIN: (PAGES_ALL - SHARED * CHAIN) // CHAIN, SHARED * CHAIN: 1}
    places = Counter({int(row["page_id"], 16): row["split"] for row in documents}.values())
    assert places == {"train": 2_400, "validation": 800, "test": 800}


def test_a_page_moved_to_another_split_is_found(documents: list[Row], tmp_path: Path) -> None:
    moved = next(row["page_id"] for row in documents if row["split"] == "test" and int(row["page_id"], 16) % CHAIN == 1)
    rows = [{**row, "split": "train"} if row["page_id"] == moved else row for row in documents]
    publish(rows, tmp_path)
    found = {name: count for name, count in certify(tmp_path, [FILE], RECIPE.dedup, tmp_path).items() if count}
    assert found == {"near_text_in_two_splits": 1, "near_image_in_two_splits": 1}
