"""A card made anew keeps what people wrote, and only that."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCardData
from huggingface_hub.repocard import metadata_load

from nyxqa.builders.publish.card import BEGIN, END, merge_card, render_card, split_front_matter, write_card
from nyxqa.builders.runner.manifest import versions
from nyxqa.builders.vlm.prompt import load_prompt
from nyxqa.schemas.manifest import FileEntry, Manifest, read_manifest
from tests.support.dataset_cache import use_cache
from tests.support.snippets import fenced, run_snippet

FRESH = f"---\nlicense: mit\ntags:\n- nyxqa\nconfigs: []\n---\n{BEGIN}\nnew\n{END}\n"


def test_first_card_and_repetition() -> None:
    once = merge_card("", FRESH)
    assert split_front_matter(once) == ({"license": "mit", "tags": ["nyxqa"], "configs": []}, f"{BEGIN}\nnew\n{END}\n")
    assert merge_card(once, FRESH) == once


def test_prose_stays_on_both_sides() -> None:
    old = f"---\nlicense: x\nconfigs: [1]\ndataset_info: 3\nviewer: false\n---\nabove\n{BEGIN}\nold\n{END}\nbelow\n"
    head, body = split_front_matter(merge_card(old, FRESH))
    assert body == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"
    assert head == {"license": "mit", "tags": ["nyxqa"], "configs": [], "viewer": False}


def test_card_without_marks_is_all_prose() -> None:
    merged = merge_card("# Mine\n\ntext\n", FRESH)
    assert split_front_matter(merged)[1] == f"# Mine\n\ntext\n{BEGIN}\nnew\n{END}\n"
    assert merge_card(merged, FRESH) == merged


def test_lists_are_united_and_names_are_kept() -> None:
    old = "---\npretty_name: Ours\ntags: [flags, nyxqa]\n---\n"
    head, _ = split_front_matter(merge_card(old, FRESH.replace("license: mit", "license: mit\npretty_name: Theirs")))
    assert (head["pretty_name"], head["tags"]) == ("Ours", ["nyxqa", "flags"])


def test_broken_head_and_lost_end_mark() -> None:
    assert split_front_matter("---\n[a\n---\nbody\n") == ({}, "body\n")
    assert merge_card(f"{BEGIN}\nold", FRESH).endswith(f"{BEGIN}\nnew\n{END}\n")


def _summary(**counts: object) -> dict[str, object]:
    names = ("documents", "languages", "licenses", "images", "generators", "evidence", "negatives", "drops")
    return {**{name: {} for name in names}, **counts}


def _with_prompts(counts: dict[str, int]) -> str:
    file = {"data/triplets/train-00000-of-00001.parquet": FileEntry("0" * 64, 1)}
    return render_card(Manifest({}, 42, versions(), {}, [], [], file, {}, {}, _summary(prompts=counts)))


def test_prompts_stand_with_hash_and_text_in_the_order_of_asking() -> None:
    known, other = load_prompt("questions"), load_prompt("answer")
    card = _with_prompts({f"answer {other.hash}": 3, f"questions {known.hash}": 5, "questions 0123abcd": 2})
    rows = [line for line in card.splitlines() if line.startswith(("| questions ", "| answer "))]
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| questions", "`0123abcd`", "2"],
        ["| questions", f"`{known.hash}`", "5"],
        ["| answer", f"`{other.hash}`", "3"],
    ]
    assert card.count(known.text) == 1
    assert "`questions` with hash `0123abcd` is part of the nyxqa version that used it" in card
    assert "No published question was written by a prompted model" not in card
    assert "No published question was written by a prompted model" in _with_prompts({})


def test_rendered_card_is_generated_as_a_whole(built_sample: Path, tmp_path: Path) -> None:
    manifest: Manifest = read_manifest(built_sample)
    head, body = split_front_matter(render_card(manifest, "ann/set"))
    assert body.startswith(BEGIN)
    assert body.rstrip().endswith(END)
    assert yaml.safe_load(DatasetCardData(**head).to_yaml()) == head
    write_card(tmp_path, manifest)
    first = (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text(first + "\nOur own words.\n")
    write_card(tmp_path, manifest)
    assert (tmp_path / "README.md").read_text() == first + "\nOur own words.\n"
    assert metadata_load(tmp_path / "README.md") == split_front_matter(first)[0]


def test_the_snippets_of_a_card_run(built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name the default folder of a build, and say that it stands for this one."""
    use_cache(monkeypatch, tmp_path / "cache")
    out = tmp_path / "nyxqa_data"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    (out / "README.md").unlink()
    write_card(out, read_manifest(out))
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "Here `nyxqa_data` stands for the path of this folder." in text
    assert "stands for the path" not in render_card(read_manifest(out), "ann/set")
    monkeypatch.chdir(tmp_path)
    (code,) = fenced(text, "python")
    triplets = run_snippet(code)["triplets"]
    assert triplets[0]["positive"]["text"]
    (call,) = re.findall(r"`(datasets\.load_dataset\(.*?\))`", text)
    assert len(run_snippet(f"import datasets\nrows = {call}")["rows"])
    (recipe,) = fenced(text, "toml")
    assert tomllib.loads(recipe)["seed"] == 42
