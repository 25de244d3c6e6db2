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
from pathlib import Path

import pytest

from nyxqa.build import estimate, run
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.manifest import read_manifest
from tests.support.pages import many_pages, write_recipe
from tests.support.published import table
from tests.support.running import ROOT, environment, nyxqa, published, states

FEW = {"web.limit": 40, "sample.min_tokens": 20, "text": []}


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


# The same bytes, wherever and however


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


# Run again


def test_a_finished_build_repeated_does_nothing(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = states(few)
    result = run("all", out=few, workers=2, settings=FEW)
    assert not result.changed
    assert capsys.readouterr().err == f"{few} is up to date\n"
    assert not run("train", out=few, workers=1, settings=FEW, as_json=True).changed
    last = json.loads(capsys.readouterr().out.splitlines()[-1])["build"]
    assert (last["out"], last["changed"]) == (str(few), False)
    assert sum(last["rows"].values()) == sum(entry.rows for entry in read_manifest(few).files.values())
    assert states(few) == before


def test_a_repeated_build_takes_little_more_than_its_start(few: Path) -> None:
    arguments = [
        "--split",
        "all",
        "--set",
        "web.limit=40",
        "--set",
        "sample.min_tokens=20",
        "--set",
        "text=[]",
        "--out",
        few,
    ]
    found = nyxqa("build", *arguments, timeout=30)
    assert found.returncode == 0
    assert found.stderr == f"{few} is up to date\n"
    code = "import sys,time; from nyxqa.build import run; t=time.process_time(); run('all', out=sys.argv[1], "
    code += "settings={'web.limit': 40, 'sample.min_tokens': 20, 'text': []}); print(time.process_time() - t)"
    took = subprocess.run(
        [sys.executable, "-c", code, few], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert float(took.stdout) < 3  # of the processor: the machine may have other work


def test_a_deleted_file_is_put_back_without_redoing_a_step(copy: Path) -> None:
    before = published(copy)
    (copy / "data" / "qa" / "test-00000-of-00001.parquet").unlink()
    (copy / "README.md").unlink()
    steps = states(copy / ".work" / "steps")
    run("all", out=copy, workers=1, settings=FEW)
    assert published(copy) == before
    after = states(copy / ".work" / "steps")
    made = {name for name in steps if not name.endswith("/manifest.json")}  # which holds the seconds of this run
    assert {name: after[name] for name in made} == {name: steps[name] for name in made}


def test_a_published_file_that_was_written_into_is_made_again(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Published files are links to the assembled ones: without a look at them the damage would be published again."""
    before = published(copy)
    name = "data/triplets/train-00000-of-00001.parquet"
    (assembled,) = (copy / ".work/steps/assemble.tables").glob(f"*/{name}")
    (copy / name).unlink()
    (copy / name).hardlink_to(assembled)
    others = {key: state for key, state in states(copy / ".work/steps").items() if not key.startswith("assemble")}
    with (copy / name).open("r+b") as stream:
        stream.write(bytes(100))
    assert run("all", out=copy, workers=1, settings=FEW).changed
    assert f"{copy / name} was modified after it was built; the tables are built again" in capsys.readouterr().err
    assert published(copy) == before
    after = states(copy / ".work/steps")
    assert {key: after[key] for key in others} == others
    assert not run("all", out=copy, workers=1, settings=FEW).changed


def test_a_dataset_without_its_work_folder_is_up_to_date_and_a_stranger_without_its_manifest(copy: Path) -> None:
    before = published(copy)
    shutil.rmtree(copy / ".work")
    assert not run("all", out=copy, workers=1, settings=FEW).changed
    (copy / "manifest.json").unlink()
    with pytest.raises(UsageError, match="was not written by nyxqa"):
        (copy / ".work" / "nyxqa.json").unlink()
        run("all", out=copy, workers=1, settings=FEW)
    assert published(copy) == before


def test_a_source_that_only_looks_the_same_is_read_again_on_rescan(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "source", many_pages(60))
    file = recipe.with_name("pages.jsonl")
    build = {"recipe": recipe, "out": tmp_path / "out", "workers": 1}
    run("train", **build)
    before, state = published(tmp_path / "out"), file.stat()
    text = file.read_text()
    letters = re.search(r"The (\w+)", text)
    assert letters
    word = letters.group(1)
    file.write_text(text.replace(word, word[::-1]))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not run("train", **build).changed
    assert run("train", **build, rescan=True).changed
    after = published(tmp_path / "out")
    assert after.keys() == before.keys()
    assert after != before
    run("train", recipe=recipe, out=tmp_path / "fresh", workers=1)
    assert published(tmp_path / "fresh") == after


# Splits one by one, and what changed


@pytest.mark.parametrize(
    "order", [("test", "train", "validation"), pytest.param(("train", "validation", "test"), marks=pytest.mark.slow)]
)
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
    arguments = [
        "--set",
        "web.limit=40",
        "--set",
        "sample.min_tokens=20",
        "--set",
        "text=[]",
        "--set",
        "dedup.threshold=0.7",
    ]
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
    kept = {"source.read", "source", "prefilter", "images.fetch", "images.store", "images"}
    kept |= {f"prefilter.{part}" for part in ("blocks", "frequent", "common", "contents", "copies")}
    assert {name for name in after if after[name] == before[name]} == kept
    assert states(steps / "images.store") == images
    assert max(row["n_tokens"] for row in table(copy, "corpus")) <= 120


# No leak between splits


def pages_by_split(out: Path) -> Iterator[tuple[str, str]]:
    for row in table(out, "corpus"):
        yield row["page_id"], row["split"]
        yield from ((place["page_id"], row["split"]) for place in row["also_at"])


def test_nothing_stands_in_two_splits(sample_build: Path, small_build: Path) -> None:
    for out in (sample_build, small_build):
        corpus = {row["doc_id"]: row for row in table(out, "corpus", "web")}
        places: dict[str, set[str]] = {}
        for page, split in pages_by_split(out):
            places.setdefault(page, set()).add(split)
        for row in corpus.values():
            for key in (row["cluster"], row["group"], *row["image_ids"]):
                places.setdefault(key, set()).add(row["split"])
        assert all(len(splits) == 1 for splits in places.values())
        for split in ("train", "validation", "test"):
            for row in table(out, "triplets", split):
                if row["pool"] != "web":  # a set keeps the splits of its publisher
                    continue
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
    with pytest.raises(WorldError, match=r"split validation stays empty: \d+ pages in 1 group") as error:
        run("all", recipe=recipe, out=tmp_path / "out", workers=1, settings={"images.common": 1.0})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_quotas_of_questions_fill_and_the_surplus_is_in_the_ledger(small_recipe: Path, tmp_path: Path) -> None:
    settings = {"split.validation": 3, "split.test": 2}
    result = run("all", recipe=small_recipe, out=tmp_path, workers=1, settings=settings)
    assert Counter(row["kind"] for row in table(tmp_path, "qa", "validation")) == dict.fromkeys(
        ("text", "single", "multi"), 3
    )
    assert Counter(row["kind"] for row in table(tmp_path, "qa", "test")) == dict.fromkeys(
        ("text", "single", "multi"), 2
    )
    over = [row for row in table(tmp_path, "ledger") if row["reason"] == "over_quota"]
    assert {row["split"] for row in over} == {"validation", "test"}
    assert "shortfall" not in result.manifest.summary
    sampled = {e.split: e.rows_out for e in result.manifest.stages if e.name == "sample"}
    assert sampled["validation"] <= 18
    assert sampled["test"] <= 12


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
        "import sys; from nyxqa.build import run; run('train', out=sys.argv[1], workers=1); "
        "heavy = {'torch', 'transformers', 'datasets', 'faiss'} & set(sys.modules); "
        # The resident set of this program alone: what getrusage gives includes that of the process which started it.
        "most = next(line for line in open('/proc/self/status') if line.startswith('VmHWM:')); "
        "print(sorted(heavy), most.split()[1])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    heavy, _, memory = found.stdout.strip().rpartition(" ")
    assert heavy == "[]"
    assert int(memory) < 0.75 * 2**20  # KiB


def test_an_option_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'surce' is not an option of a build; choose from recipe, out, source,"):
        run("train", out=tmp_path, surce="html:pages")  # type: ignore[call-arg]


@pytest.mark.parametrize("workers", [0, -1])
def test_so_many_workers_are_refused_as_on_the_command_line(workers: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"workers={workers} is not a number of processes"):
        run("train", out=tmp_path / "out", workers=workers)
    with pytest.raises(UsageError, match=f"workers={workers} is not a number of processes"):
        estimate("train", out=tmp_path / "out", workers=workers)
    assert not (tmp_path / "out").exists()
