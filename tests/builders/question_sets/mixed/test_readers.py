"""Readers of ``[[qa]]`` sets: the layouts that the whole build of ``test_build_qa`` does not have."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.references import Rejected, Url
from nyxqa.builders.question_sets.importers.images import ImageRef
from nyxqa.builders.question_sets.importers.kinds import import_rows
from nyxqa.builders.question_sets.importers.repair import BadCellError, ImportedRow
from nyxqa.builders.question_sets.mixed.cells import content_text, options_of, scalar_forms
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.question_sets.mixed.mmqa import text_table
from nyxqa.builders.question_sets.mixed.model import SourceDocument, SourceQuestion
from nyxqa.builders.question_sets.mixed.mteb import Mteb
from nyxqa.builders.question_sets.mixed.mteb_files import HubParts
from nyxqa.builders.row_files.hub import HubName
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.recipe_types import Split
from tests.support.ingest import encoded, picture
from tests.support.qa_sets import write_lines, write_picture

REAL = Path(__file__).parents[5] / "shared" / "data" / "mmqa_dev.jsonl.gz"


def questions(spec: str, split: Split = "train") -> list[SourceQuestion]:
    return [one for one in open_mixed(spec).questions(split) if isinstance(one, SourceQuestion)]


def documents(spec: str) -> list[SourceDocument]:
    return [one for one in open_mixed(spec).documents() if isinstance(one, SourceDocument)]


@pytest.mark.parametrize(
    ("value", "forms"),
    [
        (300.0, ["300"]),
        (1.1440000000000001, ["1.144", "1.1440000000000001"]),
        (7, ["7"]),
        (" Paris ", ["Paris"]),
        (True, ["yes"]),
        ("", []),
        (float("nan"), []),
        (None, []),
    ],
)
def test_numbers_are_written_as_people_write_them(value: Any, forms: list[str]) -> None:
    assert scalar_forms(value) == forms


@pytest.mark.parametrize(
    ("cell", "key", "answers", "found"),
    [
        (["a", "b"], 1, (), (("a", "b"), 1)),
        (["a", "b"], "B", (), (("a", "b"), 1)),
        ("['a', 'b']", "0", (), (("a", "b"), 0)),
        ('["a", "b"]', 1.0, (), (("a", "b"), 1)),
        (["The Nile", "Rhine"], None, ("nile",), (("The Nile", "Rhine"), 0)),
        (["a", "b"], None, (), (("a", "b"), -1)),
        ([str(n) for n in range(10)], 9, (), (tuple(str(n) for n in range(10)), 9)),
        ([str(n) for n in range(11)], 9, (), ((), -1)),
        (["a"], 0, (), ((), -1)),
        (["a", "a"], 0, (), ((), -1)),
        (["a", ""], 0, (), ((), -1)),
        (["a", "b"], 2, (), ((), -1)),
        ("a or b", 0, (), ((), -1)),
        (None, 0, (), ((), -1)),
    ],
)
def test_options_are_two_to_ten_distinct_texts(cell: Any, key: Any, answers: tuple[str, ...], found: Any) -> None:
    *own, wrong = options_of(cell, key, answers)
    assert tuple(own) == found
    assert bool(wrong) == (found[0] == () and cell is not None)


def test_placeholders_fit_the_images_or_stand_in_front() -> None:
    assert content_text("text", "a <|image|> b", 1) == ("a <|image|> b", ())
    assert content_text("text", "b", 2) == ("<|image|>\n<|image|>\nb", (("text", "missing_token"),))
    assert content_text("text", None, 1)[0] == "<|image|>"
    for text, images in (("<|image|>", 2), ("<|image|> <|image|>", 1), ("<|image|>", 0)):
        with pytest.raises(BadCellError, match="image_count"):
            content_text("text", text, images)


def test_references_are_paths_urls_or_bytes_and_stay_inside(tmp_path: Path) -> None:
    write_picture(tmp_path / "set" / "a.png", 1)
    write_picture(tmp_path / "secret.png", 2)
    images = ["a.png", "https://x.example/b.png", "../secret.png", "c.png"]
    write_lines(tmp_path / "set" / "q.jsonl", [{"question": "What?", "images": images, "answer": "this"}])
    (found,) = questions(f"jsonl:{tmp_path}/set/q.jsonl")
    path, url, outside, missing = found.images
    assert isinstance(path, ImageRef)
    assert url == Url("https://x.example/b.png")
    assert isinstance(outside, Rejected)
    assert isinstance(missing, Rejected)
    assert (outside.reason, missing.reason) == ("outside_source", "missing_file")
    assert found.own_id == 0


def test_scienceqa_of_the_hub_has_no_ids_and_brings_its_images(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    common = {"hint": "", "lecture": "", "solution": "", "task": "closed choice"}
    for split, count in (("train", 2), ("validation", 1)):
        rows = [
            {
                **common,
                "question": f"Which one, {split} {number}?",
                "choices": ["left", "right", "none"],
                "answer": number,
                "image": {"bytes": encoded(picture(number)), "path": None} if number else None,
            }
            for number in range(count)
        ]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    source = open_mixed(f"scienceqa:{tmp_path}")
    assert source.splits() == {"train", "validation"}
    assert [(one.own_id, one.label, len(one.images)) for one in questions(f"scienceqa:{tmp_path}")] == [
        (0, 0, 0),
        (1, 1, 1),
    ]
    assert [one.id for one in documents(f"scienceqa:{tmp_path}")] == ["example:0", "example:1"]


def test_mteb_as_parquet_with_splits_and_pictures(tmp_path: Path) -> None:
    def write(name: str, rows: list[dict[str, Any]]) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)

    image = {"bytes": encoded(picture(3)), "path": None}
    write("corpus/test-00000-of-00001.parquet", [{"corpus-id": 1, "image": image}, {"corpus-id": 2, "image": image}])
    write("queries/test-00000-of-00001.parquet", [{"query-id": 7, "query": "Which page?", "answer": "the first"}])
    write("queries/dev-00000-of-00001.parquet", [{"query-id": 7, "query": "Which other page?", "answer": None}])
    write("default/test-00000-of-00001.parquet", [{"query-id": 7, "corpus-id": 1, "score": 1}])
    write("default/dev-00000-of-00001.parquet", [{"query-id": 7, "corpus-id": 2, "score": 3}])
    spec = f"mteb:{tmp_path}"
    assert open_mixed(spec).splits() == {"validation", "test"}
    (test,), (dev,) = questions(spec, "test"), questions(spec, "validation")
    assert (test.text, test.own_id, test.answers, [one.id for one in test.relevant]) == (
        "Which page?",
        "7",
        ("the first",),
        ["1"],
    )
    assert (dev.text, dev.answers, [(one.id, one.grade) for one in dev.relevant]) == (
        "Which other page?",
        (),
        [("2", 3)],
    )
    assert [(one.id, one.text, len(one.images)) for one in documents(spec)] == [
        ("1", "<|image|>", 1),
        ("2", "<|image|>", 1),
    ]


def test_mteb_on_the_hub_by_its_configs(tmp_path: Path) -> None:
    """A folder with a card is to ``datasets`` what a repository is."""
    import datasets

    image = {"bytes": encoded(picture(4)), "path": None}
    corpus = datasets.Dataset.from_dict(
        {"id": ["1", "2"], "title": ["A", ""], "text": ["Body", ""], "image": [None, image]},
        features=datasets.Features(
            {name: datasets.Value("string") for name in ("id", "title", "text")} | {"image": datasets.Image()}
        ),
    )
    queries = datasets.Dataset.from_dict({"id": ["q"], "text": ["Which?"]})
    judged = datasets.Dataset.from_dict({"query-id": ["q", "q"], "corpus-id": ["1", "2"], "score": [2, 0]})
    parts = {"corpus": (corpus, "corpus"), "queries": (queries, "queries"), "default": (judged, "test")}
    card = ["---", "configs:"]
    for name, (rows, split) in parts.items():
        (tmp_path / name).mkdir()
        rows.to_parquet(str(tmp_path / name / f"{split}-00000-of-00001.parquet"))
        card += [f"- config_name: {name}", "  data_files:", f"  - split: {split}", f"    path: {name}/{split}-*"]
    (tmp_path / "README.md").write_text("\n".join([*card, "---"]))
    source = Mteb(HubParts(HubName(str(tmp_path))))
    assert source.splits() == {"test"}
    (found,) = source.questions("test")
    assert isinstance(found, SourceQuestion)
    assert (found.own_id, [(one.id, one.grade) for one in found.relevant]) == ("q", [("1", 2)])
    first, second = (one for one in source.documents() if isinstance(one, SourceDocument))
    assert (first.text, second.text) == ("A\nBody", "<|image|>")
    (shown,) = second.images
    assert isinstance(shown, ImageRef)
    assert shown.data == encoded(picture(4))
    assert open_mixed("hf:user/set@abc").state() == open_mixed("mteb:hf:user/set@abc").state()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown kind 'mmqq'.*valid are jsonl:FILE, mmqa:DIR"):
        open_mixed("mmqq:x")
    for kind in ("mmqa", "scienceqa", "nyxqa", "mteb"):
        with pytest.raises(WorldError, match=f"{kind}: folder .* does not exist"):
            open_mixed(f"{kind}:{tmp_path}/none").splits()
    with pytest.raises(WorldError, match=r"mmqa: .* has no MMQA_texts\.jsonl\.gz"):
        documents(f"mmqa:{tmp_path}")
    with pytest.raises(WorldError, match=r"has no corpus\.json"):
        documents(f"nyxqa:{tmp_path}")
    write_lines(tmp_path / "q.jsonl", [{"id": 1, "query": "no question"}])
    with pytest.raises(WorldError, match=r"q\.jsonl, row 0: column 'question' is missing; the row has 'id', 'query'"):
        questions(f"jsonl:{tmp_path}/q.jsonl")


def test_a_table_keeps_its_cells_and_columns() -> None:
    table = text_table(["Year", ""], [["1,000", "a\nb"], ["007"], ["x", "y", "z | <|image|>"]])
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    assert rows[0] == ["Year", "", ""]
    assert rows[2:4] == [["1,000", "a b", ""], ["007", "", ""]]
    assert "z \\|" in table
    assert "<|image|>" not in table


def test_feedback_of_nyx_is_read_as_triplets(tmp_path: Path) -> None:
    for name in ("MMQA", "NyxQA"):
        write_picture(tmp_path / name / "images" / "a.png", 1)
    row = {
        "qry": "What is it?",
        "qry_image_path": [],
        "pos_text": "<|image|> a thing",
        "pos_image_path": ["../MMQA/images/a.png"],
        "neg_text": ["one", "<|image|> two", "three"],
        "neg_image_path": [[], ["../NyxQA/images/a.png"], []],
        "score": 0.8,
    }
    (tmp_path / "final_feedback.json").write_text(json.dumps([row]))
    (found,) = import_rows("nyx_feedback", tmp_path / "final_feedback.json", tmp_path)
    assert isinstance(found, ImportedRow)
    assert (found.dataset, found.split, found.answers) == ("nyx_feedback", "train", ())
    assert [len(side.images) for side in (found.positive, *found.negatives)] == [1, 0, 1, 0]
    (tmp_path / "hotpotqa").mkdir()
    (tmp_path / "hotpotqa" / "final_feedback.json").write_text(json.dumps([row]))
    both = [one.dataset for one in import_rows("nyx_feedback", tmp_path) if isinstance(one, ImportedRow)]
    assert both == ["nyx_feedback", "nyx_feedback/hotpotqa"]


@pytest.mark.skipif(not REAL.exists(), reason="needs the folder of shared data beside the checkout")
def test_the_real_dev_file_of_multimodalqa(tmp_path: Path) -> None:
    (tmp_path / "MMQA_dev.jsonl.gz").write_bytes(REAL.read_bytes())
    found = list(open_mixed(f"mmqa:{tmp_path}").questions("validation"))
    assert [one for one in found if isinstance(one, Drop)] == []
    asked = [one for one in found if isinstance(one, SourceQuestion)]
    assert len(asked) == 2441
    assert all(one.answers and one.relevant for one in asked)
    assert Counter(one.type for one in asked) == {"": 1877, "list": 194, "boolean": 187, "compare": 183}
    assert sum(one.needs == "all" for one in asked) == 1345
    raw = [json.loads(line) for line in gzip.decompress(REAL.read_bytes()).splitlines()]
    assert {
        len(one.relevant) - len({context["doc_id"] for context in row["supporting_context"]})
        for one, row in zip(asked, raw, strict=True)
    } == {0}
