"""Damaged sets whose manifest agrees with the damage: the whole ``nyxqa check`` exits 3 and names the cause."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.builders.check.training_signal import MIN_QUESTIONS
from nyxqa.cli import main
from nyxqa.schemas.ids import doc_id
from tests.support.restamp import Row, read, restamp, rewrite


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound set too small to train on, so that only its structure takes time; the trained part has its own tests."""
    out = tmp_path_factory.mktemp("few") / "out"
    run("all", out=out, limit=16, workers=1, settings={"text": []})
    restamp(out)
    assert 40 <= len(read(out, "triplets", "train")) < MIN_QUESTIONS
    return out


def checked(out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[object, dict[str, str], str]:
    """Exit code, the line of each check that is not ok by its name, and the last line of what went to stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(["check", str(out)])
    told = capsys.readouterr()
    lines = [line for line in told.out.splitlines() if line.startswith("FAILED ")]
    return left.value.code, {line.split()[1].rstrip(":"): line for line in lines}, (told.err.splitlines() or [""])[-1]


def positive_among_negatives(out: Path) -> None:
    rewrite(out, "triplets", "train", lambda rows: rows[0]["negative_ids"].__setitem__(0, rows[0]["positive_id"]))


def labels_left_at_zero(out: Path) -> None:
    rewrite(out, "qa", "train", lambda rows: [row | {"label": 0} for row in rows])


def key_always_first(out: Path) -> None:
    def change(row: Row) -> Row:
        return row | {"choices": sorted(row["choices"], key=lambda option: option != row["answer"]), "label": 0}

    rewrite(out, "qa", "train", lambda rows: [change(row) for row in rows])


def planted_leak(out: Path) -> None:
    """A train document's text with other spacing on a page of validation, in a group and cluster of its own."""

    def change(rows: list[Row]) -> list[Row]:
        source = next(row for row in rows if row["split"] == "train" and row["kind"] == "text")
        name = doc_id(source["text"] + "\n", [])
        own = {"doc_id": name, "page_id": name, "group": name, "cluster": name, "chunk": 0, "also_at": []}
        return [*rows, source | own | {"text": source["text"] + "\n", "split": "validation"}]

    rewrite(out, "corpus", "web", change)


def images_of_others(out: Path) -> None:
    """Every picture of the corpus moves on by one."""

    def change(rows: list[Row]) -> None:
        pictures = [image for row in rows for image in row["images"]]
        moved = iter([*pictures[1:], pictures[0]])
        for row in rows:
            row["images"] = [next(moved) for _ in row["images"]]

    rewrite(out, "corpus", "web", change)


DAMAGES: dict[Callable[[Path], None], tuple[str, str]] = {
    positive_among_negatives: ("positive_among_negatives", "1, such as"),
    labels_left_at_zero: ("choices", "such as"),
    key_always_first: ("label_balance", "0, 0, 0]"),
    planted_leak: ("certificate", "text_in_two_splits: 1"),
    images_of_others: ("image_ids", "such as"),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_the_check_names_the_damage(
    damage: Callable[[Path], None], few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "damaged"
    shutil.copytree(few, out, ignore=shutil.ignore_patterns(".work"))
    damage(out)
    code, failed, last = checked(out, capsys)
    name, said = DAMAGES[damage]
    assert code == 3
    assert said in failed[name]
    assert "checks failed: " in last and name in last
    report = json.loads((out / "report.json").read_bytes())
    assert report["passed"] is False and name in report["failed"]


def test_without_damage_nothing_fails(few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sound"
    shutil.copytree(few, out, ignore=shutil.ignore_patterns(".work"))
    code, failed, _ = checked(out, capsys)
    assert (code, failed) == (0, {})
