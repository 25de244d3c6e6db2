"""One item in a terminal and in a notebook."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pytest

import nyxqa
from nyxqa.builders.browse.show import show_item
from nyxqa.schemas.errors import FormatError, UsageError
from tests.support.chromium import Chromium
from tests.support.hostile_dataset import make_hostile
from tests.support.restamp import read
from tests.support.running import leave


def told(out: Path, item: str) -> str:
    stream = io.StringIO()
    show_item(out, item, stream)
    return stream.getvalue()


def test_a_dropped_question_is_told_with_its_text(built_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in read(built_sample, "ledger", "rows") if row["reason"] == "too_few_distractors")
    assert leave("show", str(built_sample), row["item_id"][:12]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"question {row['item_id']} dropped in stage choices: too_few_distractors\n")
    assert re.search(r"\n  question  \w+.*\n(.*\n)*  answer +\S", text)
    assert f"document {row['parent_id']}" in text
    assert f"too_few_distractors: {row['detail']} wrong options found" in text


def test_a_single_argument_is_the_id(
    built_sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NYXQA_DATA", str(built_sample))
    document = read(built_sample, "corpus", "web")[0]
    assert leave("show", document["doc_id"]) == 0
    assert capsys.readouterr().out.startswith(f"document {document['doc_id']}")
    assert leave("show", "nothing") == 2
    assert "no page, document, question, image or ledger row" in capsys.readouterr().err


def test_a_notebook_shows_what_a_terminal_says(built_sample: Path) -> None:
    row = read(built_sample, "triplets", "train")[0]
    shown = nyxqa.show(row, built_sample)
    assert repr(shown).splitlines()[0] == f"question {row['query_id']} in split train of nyxqa"
    text = re.sub(r"<[^>]+>", " ", shown._repr_html_())
    for block in shown.story.blocks:
        assert block.title in text
    assert all(negative in text for negative in row["negative_ids"])


def test_a_loaded_row_brings_its_pictures(built_sample: Path) -> None:
    rows = nyxqa.load("triplets", built_sample, split="train")
    row = next(row for row in rows if row["positive"]["images"])
    shown = nyxqa.show(row, built_sample)
    assert len(shown.pictures) >= len(row["positive"]["images"])
    assert shown._repr_html_().count("data:image/png;base64,") == len(shown.pictures)


def test_a_row_of_no_dataset_is_shown_by_itself(tmp_path: Path) -> None:
    shown = nyxqa.show({"doc_id": "ab12", "title": "A title", "text": "Some text"}, tmp_path)
    assert repr(shown).splitlines()[0].strip() == "document ab12"
    assert "A title" in shown._repr_html_()
    with pytest.raises(UsageError, match="none of the columns query_id"):
        nyxqa.show({"title": "A title"}, tmp_path)
    with pytest.raises(FormatError):
        nyxqa.show("ab12", tmp_path)


def test_hostile_text_moves_no_terminal_and_runs_nowhere(
    built_sample: Path, tmp_path: Path, chromium: Chromium
) -> None:
    out = tmp_path / "dataset"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    make_hostile(out)
    items = [read(out, "triplets", "train")[0]["query_id"], read(out, "corpus", "web")[0]["doc_id"]]
    items += [read(out, "ledger", "rows")[0]["item_id"]]
    for item in items:
        text = told(out, item)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
        assert "\u27e8U+202E\u27e9" in text
    page = tmp_path / "notebook.html"
    page.write_text("<meta charset=utf-8>" + "".join(nyxqa.show(item, out)._repr_html_() for item in items))
    with chromium.visit(page) as visit:
        visit.page.wait_for_timeout(300)
        shown = visit.page.inner_text("body")
    assert (visit.ran, visit.foreign) == ([], [])
    assert "<script>hostile('script')</script>" in shown
