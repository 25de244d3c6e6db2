"""The report says what manifest and tables hold, on 100 columns."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from nyxqa.builders.report.report import Report, make_report
from nyxqa.builders.report.text import WIDTH, as_json_text, render
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import read_manifest
from tests.support.restamp import read, rewrite


@pytest.fixture(scope="module")
def report(built_sample: Path) -> Report:
    return make_report(built_sample)


def test_stages_are_those_of_the_manifest(report: Report, built_sample: Path) -> None:
    manifest = read_manifest(built_sample)
    assert report.stages == manifest.stages
    assert report.certificate == manifest.certificate
    assert report.deviations == manifest.deviations
    assert (report.source, report.seed, report.files) == ("sample", 42, len(manifest.files))


def test_drops_add_up_to_the_ledger(report: Report, built_sample: Path) -> None:
    rows = read(built_sample, "ledger", "rows")
    counted = Counter((row["stage"], row["split"], row["item_type"], row["reason"]) for row in rows)
    assert {(d.stage, d.split, d.item_type, d.reason): d.count for d in report.drops} == counted
    dropped = {(entry.name, entry.split): entry.dropped for entry in report.stages if entry.dropped}
    own: Counter[tuple[str, str]] = Counter()
    for drop in report.drops:
        own[drop.stage, drop.split] += drop.count if drop.counted else 0
    assert {key: count for key, count in own.items() if count} == dropped
    example = report.drops[0]
    assert (example.example, example.detail) in {(row["item_id"], row["detail"]) for row in rows}


def test_counts_by_kind(report: Report, built_sample: Path) -> None:
    (train,) = [counts for counts in report.counts if (counts.table, counts.split) == ("qa", "train")]
    assert train.kinds == Counter(row["kind"] for row in read(built_sample, "qa", "train"))
    web = [counts for counts in report.counts if counts.table == "corpus"]
    assert [(counts.part, counts.split) for counts in web] == [("web", s) for s in ("train", "validation", "test")]
    assert sum(sum(counts.kinds.values()) for counts in web) == len(read(built_sample, "corpus", "web"))


def test_triplets(report: Report, built_sample: Path) -> None:
    rows = read(built_sample, "triplets", "train")
    (train,) = [counts for counts in report.triplets if counts.split == "train"]
    assert train.negatives == Counter(len(row["negative_ids"]) for row in rows)
    ranks = sorted(row["positives"][0]["rank"] for row in rows)
    assert (train.positives, train.retrieved) == (len(rows), len(ranks))
    assert (train.ranks[0], train.ranks[-1]) == (ranks[0], ranks[-1])
    assert train.ranks == sorted(train.ranks)


def test_text(report: Report) -> None:
    text = render(report)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "  train: not verified" in text
    assert f"  {report.drops[0].stage}\n" in text
    assert report.drops[0].example in text
    stage = next(line for line in text.splitlines() if line.startswith("  negatives") and " train " in line)
    entry = next(entry for entry in report.stages if (entry.name, entry.split) == ("negatives", "train"))
    assert str(entry.rows_in) in stage.split()


def test_json_holds_the_same(report: Report) -> None:
    value = json.loads(as_json_text(report))
    assert value["verify"] == dict.fromkeys(("train", "validation", "test"), "not verified")
    assert len(value["drops"]) == len(report.drops)
    assert value["stages"][0]["name"] == "source"


def test_positives_that_were_not_retrieved(dataset: Path) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        for row in rows:
            row["positives"] = [{**row["positives"][0], "rank": None, "score": None}]  # type: ignore[index]

    rewrite(dataset, "triplets", "test", change)
    (test,) = [counts for counts in make_report(dataset).triplets if counts.split == "test"]
    assert (test.retrieved, test.ranks) == (0, [])
    assert " 0    -" in render(make_report(dataset))


def test_partly_verified(dataset: Path) -> None:
    verdict = {"prediction": "x", "correct": False}
    evidence = dict.fromkeys(("closed_book", "document", "no_images", "images_only"), verdict)
    rewrite(dataset, "qa", "test", lambda rows: rows[0].update(evidence=evidence))
    rows = len(read(dataset, "qa", "test"))
    assert make_report(dataset).verify["test"] == f"1 of {rows} verified"


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no finished nyxqa dataset"):
        make_report(tmp_path)
