"""Whole builds of question sets, imports and mixtures, with and without pages."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import nyxqa
from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.builders.report.report import make_report
from nyxqa.builders.report.text import render
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.ids import doc_id, page_id_of_passage, query_id
from nyxqa.schemas.manifest import read_manifest
from tests.support.pages import RECIPE, many_pages, write_source
from tests.support.published import table
from tests.support.running import published, states
from tests.support.sets import COLOURS, MIXTURE, TEXTS, lake, write_passages, write_sets, write_text
from tests.support.tiny_bert import make_tiny_bert

FAILED: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def built(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    run("all", recipe=recipe, out=out, workers=1)
    return out


@pytest.fixture
def own(recipe: Path, tmp_path: Path) -> Path:
    """A copy of the sets, to be changed; gives the recipe."""
    shutil.copytree(recipe.parent, tmp_path / "sets")
    return tmp_path / "sets" / "recipe.toml"


def test_every_check_holds(built: Path) -> None:
    assert check(built).failed == FAILED
    manifest = read_manifest(built)
    assert [(entry.name, entry.split) for entry in manifest.stages] == [
        ("passages.lakes", ""),
        ("text.lakes", "train"),
        ("text.lakes", "validation"),
        ("import.mmeb", "train"),
        ("import.nyxqa_published", "train"),
        ("assemble", "train"),
        ("assemble", "validation"),
    ]
    assert manifest.splits("qa") == ["train"]
    assert manifest.splits("corpus") == ["lakes", "mmeb", "nyxqa_published"]
    assert set(manifest.certificate.values()) == {0}


def test_triplets_of_questions_have_their_passages(built: Path) -> None:
    rows = [row for row in table(built, "triplets", "train") if row["dataset"] == "lakes"]
    passages = {row["doc_id"]: row for row in table(built, "corpus", "lakes")}
    assert len(rows) == 30
    by_id = {row["query_id"]: row for row in rows}
    for number in range(30):
        row = by_id[query_id("lakes", f"t{number}")]
        assert row["positive_id"] == doc_id(lake(number), ())
        assert [(p["rank"], p["origin"]) for p in row["positives"]] == [(1, "retrieved")]
        assert row["answers"] == [COLOURS[number % 10]]
        # Every tenth lake has that colour, so the word alone is no answer; beside the name of the lake it is.
        assert all(f"Lake {number} " not in passages[negative]["text"] for negative in row["negative_ids"])
        assert row["negative_ranks"] == sorted(row["negative_ranks"])
        assert all(11 <= rank <= 20 for rank in row["negative_ranks"])
        assert (row["pool"], row["miner"], row["kind"]) == ("lakes", "bm25", "text")


def test_gold_is_found_where_a_copy_was_named_and_row_numbers_name_their_split(built: Path) -> None:
    rows = [row for row in table(built, "triplets", "validation") if row["dataset"] == "lakes"]
    found = {row["query_id"]: row["positive_id"] for row in rows}
    assert found == {
        query_id("lakes", f"validation:{row}"): doc_id(lake(number), ()) for row, number in enumerate((29, 40, 41, 0))
    }
    assert {p["origin"] for row in rows for p in row["positives"]} == {"gold"}


def test_a_pool_publishes_what_triplets_name_in_its_order(built: Path) -> None:
    rows = table(built, "corpus", "lakes")
    numbers = [int(row["external_id"]) for row in rows]
    assert numbers == sorted(numbers)
    named = {
        doc
        for row in table(built, "triplets")
        if row["pool"] == "lakes"
        for doc in (*(p["doc_id"] for p in row["positives"]), *row["negative_ids"])
    }
    assert {row["doc_id"] for row in rows} == named
    first = rows[0]
    assert (first["title"], first["license"], first["source"], first["n_tokens"]) == (
        "Lake 0",
        "CC0-1.0",
        "flashrag",
        11,
    )
    assert first["page_id"] == page_id_of_passage("lakes", "0")
    assert first["also_at"] == [{"page_id": page_id_of_passage("lakes", "copy"), "chunk": 0, "url": None}]
    assert (first["split"], first["group"], first["cluster"]) == ("", first["doc_id"], first["doc_id"])


def test_what_was_dropped_is_in_the_ledger(built: Path) -> None:
    found = {(r["stage"], r["split"], r["item_type"], r["item_id"]): r["reason"] for r in table(built, "ledger")}
    assert found == {
        ("passages.lakes", "", "row", "passages.jsonl.gz:60"): "same_content",
        ("passages.lakes", "", "row", "passages.jsonl.gz:61"): "same_page",
        ("passages.lakes", "", "row", "passages.jsonl.gz:62"): "empty_text",
        ("text.lakes", "train", "row", "train.json:31"): "empty_text",
        ("text.lakes", "train", "row", "train.json:32"): "answer_not_retrieved",
        ("text.lakes", "validation", "row", "validation.jsonl:4"): "gold_not_in_pool",
        ("import.mmeb", "train", "row", "OK-VQA/original-00000-of-00001.parquet:4"): "dead_image",
        ("import.mmeb", "train", "document", "MSCOCO_t2i/original-00000-of-00001.parquet:0:0"): "same_content",
        ("import.mmeb", "train", "document", "MSCOCO_t2i/original-00000-of-00001.parquet:1:0"): "dead_image",
        ("assemble", "train", "question", "lakes train.json:30"): "same_id",
    }


def test_imports_carry_their_images(built: Path) -> None:
    rows = {row["query"]: row for row in table(built, "triplets", "train") if row["pool"] == "mmeb"}
    assert Counter(row["dataset"] for row in rows.values()) == {"mmeb/OK-VQA": 4, "mmeb/MSCOCO_t2i": 2}
    asked = rows["<|image|>\nWhat is in picture 2?"]
    assert len(asked["query_images"]) == len(asked["query_image_ids"]) == 1
    assert asked["query_images"][0]["bytes"].startswith(b"\x89PNG")
    assert asked["positives"] == [{"doc_id": asked["positive_id"], "rank": None, "score": None, "origin": "imported"}]
    assert asked["negative_ranks"] == asked["negative_scores"] == [None]
    documents = {row["doc_id"]: row for row in table(built, "corpus", "mmeb")}
    assert documents[rows["Find picture 1."]["positive_id"]]["kind"] == rows["Find picture 1."]["kind"] == "single"
    assert len(rows["Find picture 1."]["negative_ids"]) == len(rows["Find picture 3."]["negative_ids"]) == 1


def test_all_builders_come_joined_out_of_one_mixture(built: Path) -> None:
    mixture = nyxqa.load("mixture", built, split="train")
    assert mixture["position"] == list(range(len(mixture)))
    counts = Counter(mixture["dataset"])
    assert counts["mmeb/OK-VQA"] == 8
    assert counts["mmeb/MSCOCO_t2i"] == 2
    assert 20 < counts["lakes"] < 40
    assert "nyxqa_published" not in counts
    row = next(row for row in mixture if row["dataset"] == "mmeb/MSCOCO_t2i")
    assert (row["positive"]["text"], len(row["positive"]["images"])) == ("<|image|>", 1)
    row = next(row for row in mixture if row["dataset"] == "lakes")
    assert row["positive"]["text"].startswith('"Lake ')
    assert len(row["negatives"]) == len(row["negative_ids"])


def test_hotpotqa_mmeb_and_nyxqa_rows_come_out_of_one_load(own: Path, tmp_path: Path) -> None:
    own.write_text(own.read_text().partition("[mixture]")[0] + "[mixture]\n")
    run("train", recipe=own, out=tmp_path / "out", workers=1)
    mixture = nyxqa.load("mixture", tmp_path / "out", split="train")
    assert set(mixture["dataset"]) == {"lakes", "mmeb/OK-VQA", "mmeb/MSCOCO_t2i", "nyxqa_published"}
    row = next(row for row in mixture if row["dataset"] == "nyxqa_published")
    assert row["positive"]["text"].startswith("Here <|image|> is place")
    assert [len(side["images"]) for side in (row["positive"], *row["negatives"])] == [1, 1, 0]


def test_reports_stand_in_manifest_card_and_report(built: Path) -> None:
    summary = read_manifest(built).summary
    mined = summary["mining"]["lakes train"]
    assert (mined["questions"], mined["triplets"], mined["holding"]) == (33, 31, 31)
    assert mined["dropped"] == {"answer_not_retrieved": 1, "empty_text": 1}
    repaired = summary["repairs"]["nyxqa_published train"]
    assert (repaired["rows"], repaired["imported"]) == (3, 3)
    assert repaired["repaired"]["choices"] == {"parsed_list": 3}
    assert summary["repairs"]["mmeb train"]["lost"] == {"dead_image": 1, "same_content": 1}
    assert summary["overlaps"] == {"lakes": {"train and validation": 2}}
    card, report = (built / "README.md").read_text(), render(make_report(built))
    for text in (card, report):
        assert "31 triplets of 33 questions" in text
        assert "3 of 3 rows imported" in text
        assert "train and validation" in text


def test_workers_change_no_byte_and_a_repeat_does_nothing(recipe: Path, built: Path, tmp_path: Path) -> None:
    run("all", recipe=recipe, out=tmp_path / "out", workers=2)
    assert published(tmp_path / "out") == published(built)
    before = states(tmp_path / "out")
    assert not run("all", recipe=recipe, out=tmp_path / "out", workers=2).changed
    assert states(tmp_path / "out") == before


@pytest.mark.parametrize("order", [("train", "validation"), ("validation", "train")])
def test_splits_one_by_one_give_what_all_at_once_gives(
    order: tuple[Any, ...], recipe: Path, built: Path, tmp_path: Path
) -> None:
    for split in order:
        run(split, recipe=recipe, out=tmp_path / "out", workers=1)
    assert published(tmp_path / "out") == published(built)


def test_a_changed_set_makes_exactly_its_split_stale(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("all", recipe=own, out=out, workers=1)
    lines = (own.parent / "validation.jsonl").read_text().splitlines(keepends=True)
    (own.parent / "validation.jsonl").write_text("".join(lines[:3]))
    with pytest.raises(UsageError, match=r"split validation in .* was made with other data parameters"):
        run("train", recipe=own, out=out, workers=1)
    assert run("validation", recipe=own, out=out, workers=1).changed
    assert len(table(out, "triplets", "validation")) == 3
    own.write_text(own.read_text().replace("lakes = 1.5", "lakes = 0.5"))
    with pytest.raises(UsageError, match=r"split train in "):
        run("validation", recipe=own, out=out, workers=1)


def test_another_mixture_redoes_nothing_but_assembling(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("train", recipe=own, out=out, workers=1)
    steps = {path for path in (out / ".work" / "steps").glob("*/*") if "assemble" not in path.parent.name}
    own.write_text(own.read_text().replace("lakes = 1.5", "lakes = 0.0"))
    run("train", recipe=own, out=out, workers=1)
    assert "lakes" not in {row["dataset"] for row in table(out, "mixture")}
    after = {path for path in (out / ".work" / "steps").glob("*/*") if "assemble" not in path.parent.name}
    assert after == steps


def test_pages_and_sets_stand_in_one_dataset(own: Path, tmp_path: Path) -> None:
    write_source(own.parent, many_pages(60))
    mixture = MIXTURE.replace("weights = {", "weights = { nyxqa = 1.0,")
    own.write_text(RECIPE + own.read_text().partition("[mixture]")[0] + mixture)
    for split in ("train", "validation"):
        run(split, recipe=own, out=tmp_path / "out", workers=1)  # type: ignore[arg-type]
    assert check(tmp_path / "out").failed == FAILED
    rows = table(tmp_path / "out", "triplets", "train")
    keys = [(row["dataset"], row["query_id"]) for row in rows]
    assert keys == sorted(keys)
    assert {"lakes", "mmeb/OK-VQA", "nyxqa", "nyxqa_published"} <= {row["dataset"] for row in rows}
    asked = [row for row in rows if row["dataset"] == "nyxqa"]
    assert len(asked) == sum(row["dataset"] == "nyxqa" for row in table(tmp_path / "out", "qa", "train"))
    assert {row["dataset"] for row in table(tmp_path / "out", "preview")} == {row["dataset"] for row in rows}


def test_a_dense_encoder_gives_the_same_bytes_by_one_and_two_workers(own: Path, tmp_path: Path) -> None:
    model = make_tiny_bert(tmp_path / "model")
    own.write_text(TEXTS.replace("license", f'encoder = "e5:{model}?prefixes=off"\nlicense', 1))
    for workers in (1, 2):
        run("all", recipe=own, out=tmp_path / str(workers), workers=workers)
    assert published(tmp_path / "1") == published(tmp_path / "2")
    miners = {row["miner"] for row in table(tmp_path / "1", "triplets")}
    assert miners == {"e5:model?prefixes=off", "bm25"}
    assert str(tmp_path) not in (tmp_path / "1" / "manifest.json").read_text()


def test_all_passages_are_published_if_asked_for(own: Path, tmp_path: Path) -> None:
    own.write_text(TEXTS.replace("license", 'keep = "all"\nlicense', 1))
    run("train", recipe=own, out=tmp_path / "out", workers=1)
    assert [row["external_id"] for row in table(tmp_path / "out", "corpus")] == [str(n) for n in range(60)]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["recipe"]["text"][0]["passages"] == (
        "flashrag:passages.jsonl.gz"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("lakes = 1.5", "laks = 1.5"), r"\[mixture\] names dataset 'laks'.*did you mean 'lakes'"),
        (('split = "validation"', 'split = "train"'), "occurs twice for split train"),
        (('name = "lakes"', 'name = "mmeb"'), "choose another"),
        (('positive = "gold"', "top_k = 19"), "negatives up to rank 20 but top_k = 19"),
        (('positive = "gold"', 'license = "CC-BY-4.0"\n#'), "sections of one pool need equal license"),
        (("hotpotqa:train.json", "hotpot:train.json"), "unknown kind 'hotpot'"),
    ],
    ids=["mixture", "name", "kind", "top_k", "license", "source"],
)
def test_what_the_recipe_tells_is_said_before_anything_is_done(
    change: tuple[str, str], message: str, own: Path, tmp_path: Path
) -> None:
    text = own.read_text().replace(*change)
    if "CC-BY" in change[1]:
        text = text.replace('#\nlicense = "CC0-1.0"', "#")
    own.write_text(text)
    with pytest.raises(UsageError, match=message):
        run("train", recipe=own, out=tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


def test_a_split_without_sets_and_a_pool_without_passages_are_errors(own: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="nothing in the recipe belongs to split test; its sets have train, validation"
    ):
        run("test", recipe=own, out=tmp_path / "out", workers=1)
    write_text(own.parent / "none.jsonl", '{"id": 1, "contents": ""}\n')
    own.write_text(TEXTS.replace("passages.jsonl.gz", "none.jsonl"))
    with pytest.raises(WorldError, match=r"has no passage: stage passages\.lakes dropped most: 1 row \("):
        run("train", recipe=own, out=tmp_path / "out", workers=1)


def test_a_source_that_only_looks_the_same_is_read_again_on_rescan(own: Path, tmp_path: Path) -> None:
    own.write_text(TEXTS)
    file = own.parent / "validation.jsonl"
    run("validation", recipe=own, out=tmp_path / "out", workers=1)
    state = file.stat()
    file.write_text(file.read_text().replace("lake 40?", "lake 4o?"))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not run("validation", recipe=own, out=tmp_path / "out", workers=1).changed
    assert run("validation", recipe=own, out=tmp_path / "out", workers=1, rescan=True).changed
    assert any("4o" in row["query"] for row in table(tmp_path / "out", "triplets"))


def test_more_passages_change_the_pool(own: Path, tmp_path: Path) -> None:
    own.write_text(TEXTS)
    run("train", recipe=own, out=tmp_path / "out", workers=1)
    write_passages(own.parent, 61)
    assert run("train", recipe=own, out=tmp_path / "out", workers=1).changed
    entry = next(entry for entry in read_manifest(tmp_path / "out").stages if entry.name == "passages.lakes")
    assert (entry.rows_in, entry.rows_out, entry.dropped) == (64, 61, 3)
