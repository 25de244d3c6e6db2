"""Stage ``split``: whole groups of pages go to train, validation or test."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.account import Account, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.groups import Groups, find_groups
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.schemas.chance import lot
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import SplitSection

VERSION = 1
SEEDS_PER_QUESTION = 2
PLACED = pa.schema([("page_id", pa.string()), ("group", pa.string()), ("split", pa.string())])


def split(run: Run, documents: Parts, settings: SplitSection, min_tokens: int, seed: int) -> Parts:
    """Give every document a group and a split, before any model is asked (DESIGN, law 6)."""
    params = {"split": settings, "min_tokens": min_tokens, "seed": seed}
    step = Step("split/place", VERSION, params, (documents.fingerprint,))
    placed = run.whole(step, partial(write_places, documents, settings, min_tokens, seed))
    apply = Step("split", VERSION, {}, (placed.fingerprint,), unit_in="document", unit_out="document")
    function = partial(split_shard, placed.folder / "places.parquet")
    return run.map(apply, function, documents.files, SPLIT_DOCUMENTS)


def write_places(documents: Parts, settings: SplitSection, min_tokens: int, seed: int, folder: Path) -> None:
    """Write the group and split of every page."""
    groups = find_groups(documents)
    if isinstance(settings.validation, int):
        seeds = _seeds_per_group(documents, groups, min_tokens)
        places = by_questions(groups, seeds, settings, seed)
    else:
        places = by_pages(groups, settings, seed)
    for name, wanted in (("validation", settings.validation), ("test", settings.test)):
        if wanted and name not in places.values():
            sizes = sorted((len(pages) for pages in groups.pages.values()), reverse=True)
            raise WorldError(
                f"split {name} stays empty: {sum(sizes)} pages in {len(sizes)} groups that must not be cut, "
                f"the largest of {sizes[0] if sizes else 0} pages; give more pages, or set split.{name}=0"
            )
    rows = [(page, group, places[group]) for group, pages in sorted(groups.pages.items()) for page in pages]
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    write_table(folder / "places.parquet", pa.table([pa.array(c, pa.string()) for c in columns], schema=PLACED))


def by_pages(groups: Groups, settings: SplitSection, seed: int) -> dict[str, str]:
    """Split of each group so that validation and test hold their fractions of the pages; what is too large is train."""
    total = sum(len(pages) for pages in groups.pages.values())
    room = {"test": round(settings.test * total), "validation": round(settings.validation * total)}
    places = {}
    for group in sorted(groups.pages, key=lambda g: (lot(seed, "split", g), g)):
        size = len(groups.pages[group])
        place = next((name for name in room if size <= room[name]), "train")
        if place in room:
            room[place] -= size
        places[group] = place
    return places


def by_questions(groups: Groups, seeds: dict[str, Counter[str]], settings: SplitSection, seed: int) -> dict[str, str]:
    """Split of each group so that each kind has seeds for the wanted number of questions.

    A group is taken if it holds a kind that is still wanted, whatever it brings of others: pages hold far more
    documents of text than of several images. One that alone holds more than ``sample`` may use is train.
    """
    wanted = {"test": int(settings.test), "validation": int(settings.validation)}
    have: dict[str, Counter[str]] = {name: Counter() for name in wanted}
    kinds = sorted({kind for counts in seeds.values() for kind in counts})
    places = {}
    for group in sorted(groups.pages, key=lambda g: (lot(seed, "split", g), g)):
        own = seeds.get(group, Counter())
        place = "train"
        for name, count in wanted.items():
            lacks = any(own[kind] and have[name][kind] < count for kind in kinds)
            fits = all(own[kind] <= SEEDS_PER_QUESTION * count for kind in kinds)
            if lacks and fits:
                place = name
                have[name].update(own)
                break
        places[group] = place
    return places


def _seeds_per_group(documents: Parts, groups: Groups, min_tokens: int) -> dict[str, Counter[str]]:
    seeds: dict[str, Counter[str]] = defaultdict(Counter)
    for row in documents.rows(["page_id", "kind", "n_tokens"]):
        if row["n_tokens"] >= min_tokens:
            seeds[groups.of[row["page_id"]]][row["kind"]] += 1
    return seeds


def split_shard(places: Path, file: Path) -> ShardOutput:
    """Documents of one shard with their group and split."""
    documents: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    pages = [row["page_id"] for row in documents]
    found = pq.read_table(places, filters=[("page_id", "in", sorted(set(pages)))] if pages else None).to_pylist()
    place = {row["page_id"]: row for row in found}
    rows = [
        {**row, "group": place[p]["group"], "split": place[p]["split"]} for row, p in zip(documents, pages, strict=True)
    ]
    ids = [row["doc_id"] for row in documents]
    return ShardOutput(pa.Table.from_pylist(rows, schema=SPLIT_DOCUMENTS), Account(ids, ids))
