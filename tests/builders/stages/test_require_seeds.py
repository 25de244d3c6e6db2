from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.engine.part_files import ledger_file
from nyxqa.builders.engine.shard import ledger_table, write_table
from nyxqa.builders.stages.require_seeds import Wanted, check_seeds
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import SplitSection
from tests.support.rows import SPLIT_DOCUMENTS, document, finished, parts_of


def checked(folder: Path, rows: list[dict[str, Any]], splits: tuple[str, ...], split: SplitSection) -> list[str]:
    """What is said of documents of which those of two words or more may be asked about."""
    said: list[str] = []
    documents = parts_of(folder / "in", SPLIT_DOCUMENTS, rows[:1], rows[1:])
    wanted = Wanted(split, 2, splits)
    drops = [Drop("document", f"d{index}", "p", "filter", "n_tokens > 9") for index in range(3)]
    write_table(ledger_file(folder / "filter", 0), ledger_table(drops, "filter", ""))
    check_seeds(said.append, documents, wanted, [finished(folder / "filter")], folder)
    return said


def row(page: str, split: str, text: str = "two words") -> dict[str, Any]:
    return document(page, 0, f"{page} {text}" if text else page, split=split, group=page)


TENTHS = SplitSection(validation=0.1, test=0.1)


def test_only_a_split_that_is_built_must_have_seeds(tmp_path: Path) -> None:
    rows = [row("a", "train"), row("b", "train")]
    assert checked(tmp_path, rows, ("train",), TENTHS) == [
        "no page is left for split validation and test, which is not built now"
    ]
    with pytest.raises(WorldError) as error:
        checked(tmp_path, rows, ("train", "validation"), TENTHS)
    assert str(error.value) == (
        "split validation stays empty: 2 pages in 2 groups that must not be cut, the largest of 1 page; "
        "give more pages, raise split.validation, or set split.validation=0"
    )


def test_a_split_of_size_0_is_not_missed(tmp_path: Path) -> None:
    assert checked(tmp_path, [row("a", "train")], ("train",), SplitSection(validation=0, test=0)) == []


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([row("a", "validation"), row("b", "test")], "took every group (2 pages"),
        (
            [row("a", "validation"), row("b", "train", "")],
            "took every group with a document long enough to ask about (2 pages",
        ),
    ],
)
def test_train_that_the_others_left_nothing_names_their_keys(
    tmp_path: Path, rows: list[dict[str, Any]], what: str
) -> None:
    with pytest.raises(WorldError) as error:
        checked(tmp_path, rows, ("train",), SplitSection(validation=4, test=3))
    assert str(error.value).startswith(f"split train stays empty: split.validation = 4 and split.test = 3 {what}")
    assert str(error.value).endswith("lower them, or give more pages")


def test_documents_too_short_to_ask_about_name_the_key(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=r"its only document has fewer than sample\.min_tokens = 2 tokens; give"):
        checked(tmp_path, [row("a", "train"), row("b", "validation", "")], ("validation",), TENTHS)
    with pytest.raises(WorldError, match=r"none of 2 documents has sample\.min_tokens = 2 tokens, the longest has 1"):
        checked(tmp_path, [row("a", "train", ""), row("b", "train", "")], ("train",), TENTHS)


def test_no_document_names_the_stage_that_dropped_most(tmp_path: Path) -> None:
    with pytest.raises(WorldError) as error:
        checked(tmp_path, [], ("train",), TENTHS)
    assert str(error.value) == (
        "no document is left to ask about: stage filter dropped most: 3 documents (filter 3), "
        "first detail: n_tokens > 9"
    )
