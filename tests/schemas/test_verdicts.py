"""Files of verdicts: what is read, what is refused, and what a killed writer leaves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.verdicts import (
    Verdict,
    VerdictWriter,
    read_reviews,
    read_verdicts,
    reviewer_name,
    verdict_file,
    verdict_files,
)

ROW: dict[str, Any] = {"query_id": "q", "dataset": "web", "split": "train", "verdict": "accept", "seen": "h"}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps({**ROW, **row}) + "\n" for row in rows)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = verdict_file(tmp_path, "anna")
    verdict = Verdict("q", "web", "train", "reject", ("why",), ("d",), "note\nin two lines", "h", drawn=False)
    with VerdictWriter(file) as writer:
        written = [writer.add(verdict), writer.add(verdict)]
    assert list(read_verdicts(file)) == written
    assert written[0].at < written[1].at
    assert set(json.loads(file.read_text().splitlines()[0])) >= {
        *("query_id", "dataset", "split", "verdict", "reasons", "relevant", "note", "seen", "at"),
    }


def test_a_clock_that_goes_back_does_not_reorder_verdicts(tmp_path: Path) -> None:
    file = tmp_path / "anna.jsonl"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    file.write_text(lines({"at": later}))
    with VerdictWriter(file) as writer:
        writer.add(Verdict("q", "web", "train", "reject", seen="h"))
    assert [one.verdict for one in read_reviews([file])["anna"].values()] == ["reject"]


@pytest.mark.parametrize("torn", ['{"query_id": "q", "da', '{"query_id": "q"}', "\xff"])
def test_a_torn_last_line_is_left_out_and_then_overwritten(tmp_path: Path, torn: str) -> None:
    file = tmp_path / "anna.jsonl"
    file.write_bytes(lines({}).encode() + torn.encode("latin-1"))
    assert len(list(read_verdicts(file))) == 1
    with VerdictWriter(file) as writer:
        writer.add(Verdict("r", "web", "train", "reject", seen="h"))
    assert [one.query_id for one in read_verdicts(file)] == ["q", "r"]


def test_a_whole_last_line_without_its_end_counts(tmp_path: Path) -> None:
    file = tmp_path / "anna.jsonl"
    file.write_text(lines({}).rstrip("\n"))
    with VerdictWriter(file) as writer:
        writer.add(Verdict("r", "web", "train", "reject", seen="h"))
    assert [one.query_id for one in read_verdicts(file)] == ["q", "r"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("no json\n", "it is not JSON"),
        ("[" * 100_000 + "\n", "it is not JSON"),
        ("[1]\n", "it is not a JSON object"),
        (lines({"verdict": "no"}), "verdict is 'no', not one of accept, reject, unsure, undo"),
        (lines({"split": "dev"}), "split is 'dev'"),
        (lines({"seen": 3}), "seen is not a text"),
        (lines({"relevant": ["a", 1]}), "relevant is not a list of texts"),
        (lines({"at": "yesterday"}), "at is 'yesterday', no time as"),
        (lines({"drawn": 1}), "drawn is not true or false"),
        (json.dumps({"query_id": "q"}) + "\n", "dataset is missing"),
    ],
)
def test_a_broken_line_is_named_with_file_and_line(tmp_path: Path, broken: str, message: str) -> None:
    file = tmp_path / "review" / "anna.jsonl"
    file.parent.mkdir()
    file.write_text(lines({}) + "\n" + broken + lines({}))
    with pytest.raises(FormatError, match=f"review/anna.jsonl line 3 is not a verdict: .*{message}"):
        list(read_verdicts(file))


def test_the_last_verdict_counts_by_its_time_and_undo_removes_it(tmp_path: Path) -> None:
    file = tmp_path / "anna.jsonl"
    rows = [
        {"at": "2026-01-01T00:00:01Z"},
        {"at": "2026-01-01T02:00:00+01:00", "verdict": "reject"},
        {"query_id": "r", "at": "2026-01-01T00:00:00"},
        {"query_id": "r", "at": "2026-01-01T00:00:01", "verdict": "undo"},
    ]
    for order in (rows, rows[::-1]):
        file.write_text(lines(*order))
        assert {key[2]: one.verdict for key, one in read_reviews([file])["anna"].items()} == {"q": "reject"}


@pytest.mark.parametrize("name", ["", "../anna", "a/b", ".hidden", "a b", "x" * 65, "a\n"])
def test_a_reviewer_is_named_by_a_plain_word(name: str) -> None:
    with pytest.raises(UsageError, match="a reviewer is named by"):
        reviewer_name(name)


def test_files_are_sought_from_the_dataset(tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other.jsonl"
    (out / "review").mkdir(parents=True)
    for name in ("b.jsonl", "a.jsonl", ".hidden.jsonl", "notes.txt"):
        (out / "review" / name).touch()
    other.touch()
    found = verdict_files(out, ["review/*.jsonl", "review/a.jsonl", str(other), "no/*.jsonl"])
    assert found == sorted([out / "review" / "a.jsonl", out / "review" / "b.jsonl", other])
