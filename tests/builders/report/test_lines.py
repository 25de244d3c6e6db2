from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.report.lines import has_negatives, shortfall_lines
from nyxqa.builders.stages.sample import sample_shortfall
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Recipe, Sample, Shares, SplitSection, TextSet
from tests.support.rows import SPLIT_DOCUMENTS, document, parts_of

TEXT = TextSet(name="lakes", questions="sample", passages="sample", negatives=[3, 7])


def manifest(**summary: Any) -> Manifest:
    recipe = Recipe(text=[TEXT]).model_dump(mode="json", by_alias=True)
    return Manifest(recipe, 42, {}, {}, [], [], {}, {}, {}, summary)


@pytest.mark.parametrize(
    ("sample", "lack"),
    [
        (Sample(count=20, shares=Shares(text=0.5, single=0.3, multi=0.2)), {"text": 7, "single": 4, "multi": 4}),
        (Sample(count=4, shares=Shares(text=0.5, single=0.5, multi=0)), {}),
        (Sample(count=9), {"any": 4}),
        (Sample(count=5), {}),
        (Sample(), {}),
    ],
)
def test_documents_that_a_quota_lacks(tmp_path: Path, sample: Sample, lack: dict[str, int]) -> None:
    rows = [document(f"t{index}", 0, f"text {index}") for index in range(3)]
    rows += [document(f"s{index}", 0, f"single {index}", [str(index) * 64]) for index in range(2)]
    assert sample_shortfall(sample, SplitSection(), parts_of(tmp_path, SPLIT_DOCUMENTS, rows[:2], rows[2:])) == lack


def test_lines_name_the_setting_of_each_dataset() -> None:
    found = manifest(
        sample_shortfall={"single": 54, "multi": 2},
        shortfall={"validation": {"multi": 3}},
        without_negatives={"lakes": [1, 8], "mmeb/OK-VQA": [2, 3], "nyxqa": [9, 9]},
    )
    assert shortfall_lines(found) == [
        "split train has fewer seed documents than sample.count: 54 of kind single, 2 of kind multi are missing",
        "split validation has fewer questions than its quota: 3 of kind multi are missing",
        "1 of 8 triplets of lakes have no hard negative: "
        "no usable document at ranks 3 to 7 (negatives of [[text]] lakes)",
        "2 of 3 triplets of mmeb/OK-VQA have no hard negative",
        "9 of 9 triplets of nyxqa have no hard negative: no usable document at ranks 11 to 20 (negatives.ranks)",
    ]
    assert shortfall_lines(manifest()) == []


def test_one_negative_is_enough_to_speak_of_them() -> None:
    assert not has_negatives(manifest(negatives={"0 a triplet": 9}))
    assert has_negatives(manifest(negatives={"0 a triplet": 9, "1 a triplet": 1}))
