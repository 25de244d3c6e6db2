from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.engine.workdir import output_folder
from nyxqa.schemas.errors import NyxqaError, UsageError, WorldError
from nyxqa.schemas.manifest import Manifest, write_manifest
from tests.support.running import nyxqa

EMPTY = Manifest({}, 42, {}, {}, [], [], {}, {}, {})


def test_a_new_an_empty_and_its_own_folder_are_taken(tmp_path: Path) -> None:
    for _ in range(2):
        with output_folder(tmp_path / "a" / "b") as work:
            assert work == tmp_path / "a" / "b" / ".work"
            (tmp_path / "a" / "b" / "data").mkdir(exist_ok=True)
    (tmp_path / "empty").mkdir()
    with output_folder(tmp_path / "empty") as work:
        assert work.is_dir()


def test_a_dataset_that_lost_its_work_folder_is_taken(tmp_path: Path) -> None:
    write_manifest(tmp_path, EMPTY)
    (tmp_path / "data").mkdir()
    with output_folder(tmp_path) as work:
        assert work.is_dir()


@pytest.mark.parametrize("file", ["thesis.tex", "manifest.json", "data"])
def test_a_folder_with_anything_else_is_refused_and_left_alone(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text('{"manifest_version": 3, "format": 1}')
    with pytest.raises(UsageError, match="is not empty and was not written by nyxqa"), output_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="is a file"), output_folder(file):
        pass


def test_a_path_that_cannot_be_written_is_met_in_the_world(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorldError, match="cannot write to"), output_folder(tmp_path / "file" / "out"):
        pass


def test_a_question_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="question mark"), output_folder(tmp_path / "what?"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_build_at_a_time(tmp_path: Path) -> None:
    with output_folder(tmp_path), pytest.raises(WorldError, match="another build uses"), output_folder(tmp_path):
        pass
    with output_folder(tmp_path) as work:
        assert work.is_dir()


def test_an_error_gives_the_folder_back(tmp_path: Path) -> None:
    with pytest.raises(NyxqaError, match="inside"), output_folder(tmp_path):
        raise WorldError("inside")
    with output_folder(tmp_path):
        pass


def test_the_command_line_has_the_exit_codes(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").touch()
    found = nyxqa("build", "--split", "train", "--out", foreign)
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)
    assert "was not written by nyxqa" in found.stderr
    found = nyxqa("build", "--split", "train", "--out", foreign / "thesis.tex" / "out")
    assert (found.returncode, found.stderr.count("\n")) == (1, 1)
    assert "cannot write to" in found.stderr
    with output_folder(tmp_path / "locked"):
        found = nyxqa("build", "--split", "train", "--out", tmp_path / "locked")
    assert (found.returncode, found.stderr.count("\n")) == (1, 1)
    assert "another build uses" in found.stderr
