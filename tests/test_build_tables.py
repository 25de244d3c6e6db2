"""The tables of whole builds: ledger, content, ids, order."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from nyxqa.builders.stages.names import FEEDBACK, OPTIONAL_STAGES, REVIEW, STAGES, with_sets
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import doc_id, image_id, qa_id
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.words import words
from tests.support.published import table

SETS = ["passages.wiki", "text.wiki"]  # of the sample


def stages_of(out: Path) -> list[str]:
    """The stages of a build in their order; these builds have no verdicts and no stage that is left out by default."""
    left_out = {FEEDBACK, REVIEW, *OPTIONAL_STAGES}
    return [name for name in with_sets(entry.name for entry in read_manifest(out).stages) if name not in left_out]


# The ledger


def test_the_ledger_adds_up_to_the_manifest(sample_build: Path, small_build: Path) -> None:
    for out in (sample_build, small_build):
        manifest = read_manifest(out)
        ledger = table(out, "ledger")
        dropped = Counter((row["stage"], row["split"], row["item_type"]) for row in ledger)
        for entry in manifest.stages:
            assert entry.rows_in == entry.parents + entry.dropped + entry.not_sampled, entry
            assert entry.dropped == dropped[entry.name, entry.split, entry.unit_in], entry
        stages = stages_of(out)
        assert {entry.name for entry in manifest.stages} == set(stages)
        assert [e.name for e in manifest.stages if e.split in ("", "train")] == stages
        for row in ledger:
            before_split = stages.index(row["stage"]) <= stages.index("split")
            assert (row["split"] == "") == (before_split or row["stage"].startswith("passages."))
            assert "\n" not in row["detail"]
            assert len(row["detail"]) <= 500
            assert str(out.parent) not in row["detail"]


def test_what_was_planted_is_in_the_ledger(small_build: Path) -> None:
    reasons = {(row["stage"], row["reason"]) for row in table(small_build, "ledger")}
    assert {("source", "same_page"), ("prefilter", "same_page_content"), ("prefilter", "too_short")} <= reasons
    assert ("choices", "too_few_distractors") in reasons
    assert [row["item_type"] for row in table(small_build, "ledger") if row["stage"] == "images"] == ["image"]


def test_rows_flow_from_stage_to_stage(sample_build: Path) -> None:
    entries = read_manifest(sample_build).stages
    for split in ("train", "validation", "test"):
        chain = [entry for entry in entries if entry.split in ("", split) and entry.name in STAGES]
        sets = [entry.rows_out for entry in entries if entry.name == "text.wiki" and entry.split == split]
        assert chain[-1].rows_in == chain[-2].rows_out + sum(sets)
        assert bool(sets) == (split != "test")
        for before, after in pairwise(chain[:-1]):
            if after.name != "sample":  # takes only the documents of its split
                assert after.rows_in == before.rows_out, (before.name, after.name)
    documents = next(entry.rows_out for entry in entries if entry.name == "split")
    assert sum(entry.rows_in for entry in entries if entry.name == "sample") == documents


# Content and the tables


def test_placeholders_and_images_agree_everywhere(sample_build: Path, small_build: Path) -> None:
    for out in (sample_build, small_build):
        contents: list[tuple[str, list[Any]]] = [(row["text"], row["images"]) for row in table(out, "corpus")]
        contents += [(row["question"], row["images"]) for row in table(out, "qa")]
        contents += [(row["query"], row["query_images"]) for row in table(out, "triplets")]
        for row in table(out, "preview"):
            names = ("query", "positive", "negative_1", "negative_2", "negative_3")
            contents += [(row[name], row[f"{name}_images"]) for name in names]
        assert sum(len(images) for _, images in contents) > 100
        assert all(text.count(PLACEHOLDER) == len(images) for text, images in contents)


def test_ids_are_those_of_the_content(sample_build: Path) -> None:
    for row in table(sample_build, "corpus"):
        assert row["image_ids"] == [image_id(image["bytes"]) for image in row["images"]]
        assert row["doc_id"] == doc_id(row["text"], row["image_ids"])
        assert len(row["image_phashes"]) == len(row["captions"]) == len(row["image_urls"]) == len(row["images"])
    asked = {row["qa_id"]: row for row in table(sample_build, "qa")}
    for key, row in asked.items():
        assert key == qa_id(row["question"], row["image_ids"], row["answer"], row["doc_id"])
    triplets = table(sample_build, "triplets")
    own = [row for row in triplets if row["dataset"] == "nyxqa"]
    assert {row["query_id"] for row in own} == asked.keys()
    assert all(row["positive_id"] == asked[row["query_id"]]["doc_id"] for row in own)
    assert {row["dataset"] for row in triplets} == {"nyxqa", "wiki"}


def test_urls_captions_and_ids_come_through_and_no_content_is_there_twice(sample_build: Path) -> None:
    corpus = table(sample_build, "corpus")
    assert all(row["url"].startswith("https://sample.nyxqa.org/") for row in table(sample_build, "corpus", "web"))
    assert sum(bool(caption) for row in corpus for caption in row["captions"]) > 100
    assert len({row["doc_id"] for row in corpus}) == len(corpus)
    contents = {(row["text"], tuple(row["image_ids"])) for row in corpus}
    assert len(contents) == len(corpus)
    questions = [(tuple(words(row["question"])), tuple(row["image_ids"])) for row in table(sample_build, "qa")]
    assert len(set(questions)) == len(questions)


def test_questions_hold_their_rules(sample_build: Path, small_build: Path) -> None:
    for out in (sample_build, small_build):
        for row in table(out, "qa"):
            assert 1 <= len(words(row["answer"])) <= 5
            assert row["choices"][row["label"]] == row["answer"]
            assert len({normalise_answer(option) for option in row["choices"]}) == 4
            assert row["answer"] in row["answers"]
            assert not any(option in row["question"].split("\n") for option in row["choices"])
            assert row["evidence"] is None


def test_documents_keep_the_limits(sample_build: Path) -> None:
    for row in table(sample_build, "corpus"):
        assert row["n_tokens"] == len(words(row["text"].replace(PLACEHOLDER, " "))) <= 200
        assert len(row["images"]) <= 5
        assert row["text"] == row["text"].strip()


def test_rows_are_in_their_order(sample_build: Path) -> None:
    for split in ("train", "validation", "test"):
        for name, keys in (("qa", ("qa_id",)), ("triplets", ("dataset", "query_id"))):
            ids = [tuple(row[key] for key in keys) for row in table(sample_build, name, split)]
            assert ids == sorted(ids)
    places: dict[str, list[int]] = {}
    for row in table(sample_build, "corpus"):
        places.setdefault(row["page_id"], []).append(row["chunk"])
    assert all(chunks == sorted(chunks) for chunks in places.values())
    stages = stages_of(sample_build)
    assert stages[-3:-1] == SETS
    places_of_rows = [
        (stages.index(r["stage"]), r["split"], r["item_type"], r["item_id"]) for r in table(sample_build, "ledger")
    ]
    assert places_of_rows == sorted(places_of_rows)


def test_the_sample_has_questions_enough(sample_build: Path) -> None:
    manifest = read_manifest(sample_build)
    rows = {split: sum(manifest.files[f].rows for f in manifest.paths("qa", split)) for split in manifest.splits("qa")}
    assert rows["train"] >= 100
    assert rows["validation"] >= 40
    assert rows["test"] >= 1
    assert set(manifest.certificate.values()) == {0}
    assert sum(manifest.files[file].rows for file in manifest.paths("preview", "train")) == min(200, rows["train"])


def test_the_manifest_knows_no_path_of_this_machine(small_build: Path, small_recipe: Path) -> None:
    text = (small_build / "manifest.json").read_text()
    assert str(small_recipe.parent) not in text
    assert json.loads(text)["recipe"]["web"]["source"] == "jsonl:pages.jsonl"


def test_the_options_of_the_sample_hardly_tell_the_key(sample_build: Path) -> None:
    found = read_manifest(sample_build).summary["probe"]
    assert found["questions"] > 600
    assert found["high"] < 0.33
