from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import nyxqa.builders.publish.publish as module
from nyxqa.builders.publish.publish import complete_publishing, publish
from nyxqa.builders.runner.manifest import versions
from nyxqa.schemas.files import read_json
from nyxqa.schemas.manifest import FileEntry, Manifest, read_manifest

COUNTS = ("documents", "languages", "licenses", "images", "generators", "evidence", "negatives", "drops")
NAME = "data/triplets/train-00000-of-00001.parquet"


def manifest(name: str) -> Manifest:
    summary: dict[str, Any] = {key: {} for key in COUNTS}
    return Manifest({"name": name}, 42, versions(), {}, [], [], {NAME: FileEntry("0" * 64, 1)}, {}, {}, summary)


def assembled(out: Path, name: str) -> Path:
    file = out / ".work" / "steps" / name / NAME
    file.parent.mkdir(parents=True)
    file.write_text(name)
    return out / ".work" / "steps" / name


@pytest.fixture
def out(tmp_path: Path) -> Path:
    publish(assembled(tmp_path, "first"), tmp_path, manifest("first"))
    return tmp_path


def shown(out: Path) -> tuple[str, str]:
    return (out / NAME).read_text(), read_manifest(out).recipe["name"]


def test_a_publication_replaces_all_that_was_there(out: Path) -> None:
    assert shown(out) == ("first", "first")
    (out / "data" / "stale.parquet").touch()
    publish(assembled(out, "second"), out, manifest("second"))
    assert shown(out) == ("second", "second")
    assert not (out / "data" / "stale.parquet").exists()
    assert sorted(path.name for path in out.iterdir()) == [
        ".work",
        "README.md",
        "croissant.json",
        "data",
        "manifest.json",
    ]
    assert sorted(path.name for path in (out / ".work").iterdir()) == ["steps"]


@pytest.mark.parametrize(
    "stop", ["write_json", "shutil.rmtree", "write_card", "write_croissant", "flush_folder", "write_manifest"]
)
def test_stopped_anywhere_a_publication_is_whole_again_after_the_next_run(
    stop: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever call is the last one, what is shown afterwards is the old set or the new one, never a mixture."""
    second = assembled(out, "second")

    class KilledError(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise KilledError

    calls = iter([True, False]) if stop == "write_manifest" else iter([False])

    def maybe(*arguments: object) -> None:
        if not next(calls):
            raise KilledError
        real(*arguments)  # the copy beside the tables is written before anything is replaced

    owner, _, name = stop.rpartition(".")
    real = module.write_manifest
    with monkeypatch.context() as patch:
        patch.setattr(shutil if owner else module, name, maybe if name == "write_manifest" else kill)
        with pytest.raises(KilledError):
            publish(second, out, manifest("second"))
    begun = (out / ".work" / "publishing.json").exists()
    assert begun == (stop != "write_json")
    if begun:
        assert not (out / "manifest.json").exists()
    complete_publishing(out)
    assert shown(out) == (("second", "second") if begun else ("first", "first"))
    assert not (out / ".work" / "publishing.json").exists()


def test_a_publication_whose_tables_are_gone_is_forgotten(out: Path) -> None:
    second = assembled(out, "second")
    publish(second, out, manifest("second"))
    (out / ".work" / "publishing.json").write_text('{"assembled": ".work/steps/third"}')
    assert read_json(out / ".work" / "publishing.json")
    complete_publishing(out)
    assert shown(out) == ("second", "second")
    assert not (out / ".work" / "publishing.json").exists()
