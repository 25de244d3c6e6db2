"""Whole builds, held against the laws of the dataset."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from nyxqa.build import run
from nyxqa.builders.stages import STAGES
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.ids import doc_id, image_id, qa_id
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.words import words
from tests.support.pages import many_pages, write_recipe
from tests.support.running import ROOT, environment, nyxqa, published, states

FEW = {"web.limit": 40, "sample.min_tokens": 20}


def table(out: Path, name: str, *splits: str) -> list[dict[str, Any]]:
    manifest = read_manifest(out)
    files = [file for split in splits or manifest.splits(name) for file in manifest.paths(name, split)]
    return [row for file in files for row in pq.read_table(out / file).to_pylist()]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pages of the sample, all splits."""
    out = tmp_path_factory.mktemp("few") / "out"
    run("all", out=out, workers=1, settings=FEW)
    return out


@pytest.fixture
def copy(few: Path, tmp_path: Path) -> Path:
    """A copy of the few pages' build to be spoilt."""
    shutil.copytree(few, tmp_path / "out", symlinks=True)
    return tmp_path / "out"


# Law 1


def test_the_ledger_adds_up_to_the_manifest(sample_build: Path, small_build: Path) -> None:
    for out in (sample_build, small_build):
        manifest = read_manifest(out)
        ledger = table(out, "ledger")
        dropped = Counter((row["stage"], row["split"], row["item_type"]) for row in ledger)
        for entry in manifest.stages:
            assert entry.rows_in == entry.parents + entry.dropped + entry.not_sampled, entry
            assert entry.dropped == dropped[entry.name, entry.split, entry.unit_in], entry
        assert {entry.name for entry in manifest.stages} == set(STAGES)
        assert [e.name for e in manifest.stages if e.split in ("", "train")] == list(STAGES)
        for row in ledger:
            assert row["stage"] in STAGES
            assert (row["split"] == "") == (STAGES.index(row["stage"]) <= STAGES.index("split"))
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
        chain = [entry for entry in entries if entry.split in ("", split)]
        for before, after in pairwise(chain):
            if after.name != "sample":  # takes only the documents of its split
                assert after.rows_in == before.rows_out, (before.name, after.name)
    documents = next(entry.rows_out for entry in entries if entry.name == "split")
    assert sum(entry.rows_in for entry in entries if entry.name == "sample") == documents


# Law 2 and the tables


def test_placeholders_and_images_agree_everywhere(sample_build: Path, small_build: Path) -> None:
    for out in (sample_build, small_build):
        contents: list[tuple[str, list[Any]]] = [(row["text"], row["images"]) for row in table(out, "corpus")]
        contents += [(row["question"], row["images"]) for row in table(out, "qa")]
        contents += [(row["query"], row["query_images"]) for row in table(out, "triplets")]
        for row in table(out, "preview"):
            contents += [(side["text"], side["images"]) for side in (row["query"], row["positive"], *row["negatives"])]
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
    assert {row["query_id"] for row in triplets} == asked.keys()
    assert all(row["positive_id"] == asked[row["query_id"]]["doc_id"] for row in triplets)


def test_urls_captions_and_ids_come_through_and_no_content_is_there_twice(sample_build: Path) -> None:
    corpus = table(sample_build, "corpus")
    assert all(row["url"].startswith("https://sample.nyxqa.org/") for row in corpus)
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
        for name, key in (("qa", "qa_id"), ("triplets", "query_id")):
            ids = [row[key] for row in table(sample_build, name, split)]
            assert ids == sorted(ids)
    places: dict[str, list[int]] = {}
    for row in table(sample_build, "corpus"):
        places.setdefault(row["page_id"], []).append(row["chunk"])
    assert all(chunks == sorted(chunks) for chunks in places.values())
    keys = [(STAGES.index(r["stage"]), r["split"], r["item_type"], r["item_id"]) for r in table(sample_build, "ledger")]
    assert keys == sorted(keys)


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


# Law 3


def test_workers_folder_and_working_directory_change_no_byte(
    small_build: Path, small_recipe: Path, tmp_path: Path
) -> None:
    found = nyxqa(
        "build", "--split", "all", "--recipe", small_recipe, "--out", "it's [o] *", "--workers", 2, cwd=tmp_path
    )
    assert found.returncode == 0, found.stderr
    assert published(tmp_path / "it's [o] *") == published(small_build)
    assert found.stdout == ""
    assert "Warning" not in found.stderr


def test_a_source_elsewhere_changes_no_byte(small_build: Path, tmp_path: Path) -> None:
    run("all", recipe=write_recipe(tmp_path / "source", many_pages(300)), out=tmp_path / "out", workers=1)
    assert published(tmp_path / "out") == published(small_build)


# Law 4


def test_a_finished_build_repeated_does_nothing(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = states(few)
    result = run("all", out=few, workers=2, settings=FEW)
    assert not result.changed
    assert capsys.readouterr().err == f"{few} is up to date\n"
    assert not run("train", out=few, workers=1, settings=FEW).changed
    assert states(few) == before


def test_a_repeated_build_takes_little_more_than_its_start(few: Path) -> None:
    arguments = ["--split", "all", "--set", "web.limit=40", "--set", "sample.min_tokens=20", "--out", few]
    found = nyxqa("build", *arguments, timeout=30)
    assert found.returncode == 0
    assert found.stderr == f"{few} is up to date\n"
    code = "import sys,time; from nyxqa.build import run; t=time.perf_counter(); run('all', out=sys.argv[1], "
    code += "settings={'web.limit': 40, 'sample.min_tokens': 20}); print(time.perf_counter() - t)"
    took = subprocess.run(
        [sys.executable, "-c", code, few], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert float(took.stdout) < 3


def test_a_deleted_file_is_put_back_without_redoing_a_step(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = published(copy)
    (copy / "data" / "qa" / "test-00000-of-00001.parquet").unlink()
    (copy / "README.md").unlink()
    steps = states(copy / ".work" / "steps")
    run("all", out=copy, workers=1, settings=FEW)
    assert published(copy) == before
    after = states(copy / ".work" / "steps")
    made = {name for name in steps if not name.endswith("/manifest.json")}  # which holds the seconds of this run
    assert {name: after[name] for name in made} == {name: steps[name] for name in made}


def test_a_build_without_its_work_folder_is_made_again(copy: Path) -> None:
    before = published(copy)
    shutil.rmtree(copy / ".work")
    assert not run("all", out=copy, workers=1, settings=FEW).changed
    (copy / "manifest.json").unlink()
    with pytest.raises(UsageError, match="not a folder of nyxqa"):
        (copy / ".work" / "nyxqa.json").unlink()
        run("all", out=copy, workers=1, settings=FEW)
    assert published(copy) == before


def test_a_source_that_only_looks_the_same_is_read_again_on_rescan(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "source", many_pages(60))
    file = recipe.with_name("pages.jsonl")
    build = {"recipe": recipe, "out": tmp_path / "out", "workers": 1}
    run("all", **build)
    before, state = published(tmp_path / "out"), file.stat()
    text = file.read_text()
    letters = re.search(r"The (\w+)", text)
    assert letters
    word = letters.group(1)
    file.write_text(text.replace(word, word[::-1]))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not run("all", **build).changed
    assert run("train", **build, rescan=True).changed
    after = published(tmp_path / "out")
    assert after.keys() == before.keys()
    assert after != before
    run("all", recipe=recipe, out=tmp_path / "fresh", workers=1)
    assert published(tmp_path / "fresh") == after


# Law 5


@pytest.mark.parametrize("order", [("train", "validation", "test"), ("test", "train", "validation")])
def test_splits_one_by_one_give_what_all_at_once_gives(order: tuple[str, ...], few: Path, tmp_path: Path) -> None:
    for split in order:
        run(split, out=tmp_path / "out", workers=1, settings=FEW)  # type: ignore[arg-type]
    assert published(tmp_path / "out") == published(few)


def test_a_split_alone_asks_the_model_about_that_split_only(tmp_path: Path) -> None:
    run("validation", out=tmp_path, workers=1, settings=FEW)
    asked = {path.name for path in (tmp_path / ".work" / "steps").iterdir() if path.name.startswith("synthesize")}
    assert asked == {"synthesize.validation"}
    manifest = read_manifest(tmp_path)
    assert manifest.splits("qa") == ["validation"]
    assert manifest.splits("preview") == []
    assert {row["split"] for row in table(tmp_path, "corpus")} == {"train", "validation", "test"}


def test_other_data_parameters_leave_no_stale_split(copy: Path) -> None:
    before = states(copy)
    other = {**FEW, "dedup.threshold": 0.7}
    with pytest.raises(UsageError, match=r"split train, test in .* was made with other data parameters"):
        run("validation", out=copy, workers=1, settings=other)
    assert states(copy) == before
    run("validation", out=copy, workers=1, settings=other, drop_stale=True)
    assert read_manifest(copy).splits("qa") == ["validation"]
    assert not list((copy / "data" / "preview").glob("*"))
    run("all", out=copy, workers=1, settings=FEW)
    assert set(before) - set(states(copy)) == set()
    assert read_manifest(copy).splits("qa") == ["test", "train", "validation"]


def test_the_command_line_refuses_a_stale_split_with_exit_2(copy: Path) -> None:
    before = states(copy)
    arguments = ["--set", "web.limit=40", "--set", "sample.min_tokens=20", "--set", "dedup.threshold=0.7"]
    found = nyxqa("build", "--split", "validation", "--out", copy, *arguments)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert "--split all" in found.stderr
    assert "--drop-stale" in found.stderr
    assert states(copy) == before


def test_all_rebuilds_what_changed(copy: Path, tmp_path: Path) -> None:
    other = {**FEW, "negatives.count": 2}
    run("all", out=copy, workers=1, settings=other)
    run("all", out=tmp_path / "fresh", workers=1, settings=other)
    assert published(copy) == published(tmp_path / "fresh")


def test_another_source_of_the_same_name_is_another_set(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "source", many_pages(60))
    run("train", recipe=recipe, out=tmp_path / "out", workers=1)
    write_recipe(tmp_path / "source", many_pages(61))
    with pytest.raises(UsageError, match="or another source"):
        run("validation", recipe=recipe, out=tmp_path / "out", workers=1)
    assert run("train", recipe=recipe, out=tmp_path / "out", workers=1).changed


def test_a_changed_chunk_redoes_chunk_and_what_follows_but_not_images(copy: Path) -> None:
    steps = copy / ".work" / "steps"
    before = {path.name: {own.name for own in path.iterdir()} for path in steps.iterdir()}
    images = states(steps / "images.store")
    run("all", out=copy, workers=1, settings={**FEW, "chunk.max_tokens": 120})
    after = {path.name: {own.name for own in path.iterdir()} for path in steps.iterdir()}
    kept = {"source.read", "source", "prefilter.copies", "prefilter", "images.store", "images"}
    assert {name for name in after if after[name] == before[name]} == kept
    assert states(steps / "images.store") == images
    assert max(row["n_tokens"] for row in table(copy, "corpus")) <= 120


# Law 6


def pages_by_split(out: Path) -> Iterator[tuple[str, str]]:
    for row in table(out, "corpus"):
        yield row["page_id"], row["split"]
        yield from ((place["page_id"], row["split"]) for place in row["also_at"])


def test_nothing_stands_in_two_splits(sample_build: Path, small_build: Path) -> None:
    for out in (sample_build, small_build):
        corpus = {row["doc_id"]: row for row in table(out, "corpus")}
        places: dict[str, set[str]] = {}
        for page, split in pages_by_split(out):
            places.setdefault(page, set()).add(split)
        for row in corpus.values():
            for key in (row["cluster"], row["group"], *row["image_ids"]):
                places.setdefault(key, set()).add(row["split"])
        assert all(len(splits) == 1 for splits in places.values())
        for split in ("train", "validation", "test"):
            for row in table(out, "triplets", split):
                near = [row["positive_id"], *row["negative_ids"], *(p["doc_id"] for p in row["positives"])]
                assert {corpus[doc]["split"] for doc in near} == {split}
                assert row["positive_id"] not in row["negative_ids"]
                assert len(row["negative_ids"]) == len(row["negative_ranks"]) == len(row["negative_scores"])


def test_a_split_that_cannot_be_filled_is_an_error_with_the_reason(tmp_path: Path) -> None:
    rows = many_pages(30)
    for row in rows:
        row["images"] = [*row["images"], "images/shared.png"]
        row["texts"] = [*row["texts"], None]
        row["metadata"] = json.dumps([None] * len(row["texts"]))
    recipe = write_recipe(tmp_path / "source", rows)
    with pytest.raises(WorldError, match=r"split validation stays empty: \d+ pages in 1 groups") as error:
        run("all", recipe=recipe, out=tmp_path / "out", workers=1, settings={"images.common": 1.0})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_quotas_of_questions_fill_and_the_surplus_is_in_the_ledger(small_recipe: Path, tmp_path: Path) -> None:
    settings = {"split.validation": 6, "split.test": 3}
    result = run("all", recipe=small_recipe, out=tmp_path, workers=1, settings=settings)
    assert Counter(row["kind"] for row in table(tmp_path, "qa", "validation")) == dict.fromkeys(
        ("text", "single", "multi"), 6
    )
    assert Counter(row["kind"] for row in table(tmp_path, "qa", "test")) == dict.fromkeys(
        ("text", "single", "multi"), 3
    )
    over = [row for row in table(tmp_path, "ledger") if row["reason"] == "over_quota"]
    assert {row["split"] for row in over} == {"validation", "test"}
    assert "shortfall" not in result.manifest.summary
    sampled = {e.split: e.rows_out for e in result.manifest.stages if e.name == "sample"}
    assert sampled["validation"] <= 36
    assert sampled["test"] <= 18


def test_a_quota_that_cannot_be_filled_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path / "source", many_pages(120))
    result = run(
        "all", recipe=recipe, out=tmp_path / "out", workers=1, settings={"split.validation": 30, "split.test": 5}
    )
    lacks = result.manifest.summary["shortfall"]["validation"]
    assert lacks["multi"] > 0
    assert f"{lacks['multi']} of kind multi" in capsys.readouterr().err


# Embedded defaults


def test_the_sample_needs_no_torch_and_little_memory(tmp_path: Path) -> None:
    code = (
        "import sys, resource; from nyxqa.build import run; run('train', out=sys.argv[1], workers=1); "
        "heavy = {'torch', 'transformers', 'datasets', 'faiss'} & set(sys.modules); "
        "print(sorted(heavy), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    heavy, _, memory = found.stdout.strip().rpartition(" ")
    assert heavy == "[]"
    assert int(memory) < 1.5 * 2**20  # KiB
