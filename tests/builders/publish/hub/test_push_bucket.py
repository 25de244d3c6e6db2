"""A push to S3: a copy of which each byte is sent once, and no manifest that names what is not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.builders.publish.hub.push import push
from nyxqa.schemas.errors import FormatError, LawError, UsageError, WorldError
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.web import s3_client
from nyxqa.schemas.writing import file_hash
from tests.support.restamp import rewrite
from tests.support.s3_server import S3Fault, S3Server

TARGET = "s3://pages/sets/one"


def send(out: Path, **options: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    done = push(out, TARGET, images="bytes", force=True, accept_findings=True, **options)
    return done.sent, done.removed


def fetched(s3: S3Server, folder: Path) -> Path:
    for key in s3.keys("sets/one/"):
        path = folder / key.removeprefix("sets/one/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get(key))
    return folder


def whole(s3: S3Server) -> None:
    """Assert that there is no manifest, or each of its files as it says."""
    text = s3.get("sets/one/manifest.json")
    keys = set(s3.keys("sets/one/"))
    for path in json.loads(text)["files"] if text else ():
        assert f"sets/one/{path}" in keys


def test_a_copy_is_the_dataset_and_is_sent_once(s3: S3Server, fit: Path, tmp_path: Path) -> None:
    s3.put("sets/one/data/notes.txt", b"ours")
    s3.put("sets/one-more/x", b"other")
    sent, removed = send(fit)
    assert set(sent) == {*read_manifest(fit).files, "manifest.json", "README.md", "report.json", "croissant.json"}
    assert not removed
    assert [request for request, _ in s3.asked("^PUT")][-1].startswith("PUT /pages/sets/one/manifest.json")
    copy = fetched(s3, tmp_path / "copy")
    for path in sent:
        assert file_hash(copy / path) == file_hash(fit / path)
    (copy / "data" / "notes.txt").unlink()
    open_published(copy)
    s3.requests.clear()
    assert send(fit) == ((), ())
    assert not s3.asked("^(PUT|POST|DELETE)")
    assert s3.get("sets/one/data/notes.txt") == b"ours"


def test_a_changed_dataset_replaces_what_differs(s3: S3Server, fit: Path, tmp_path: Path) -> None:
    send(fit)
    s3.put("sets/one/data/qa/train-00007-of-00009.parquet", b"of somebody else")
    changed = tmp_path / "changed"
    shutil.copytree(fit, changed)
    gone = "data/qa/test-00000-of-00001.parquet"
    rewrite(changed, "triplets", "train", lambda rows: rows[:-1])
    manifest = json.loads((changed / "manifest.json").read_text())
    del manifest["files"][gone]
    (changed / gone).unlink()
    (changed / "manifest.json").write_text(json.dumps(manifest))
    plan = push(changed, TARGET, images="bytes", force=True, accept_findings=True, dry_run=True)
    assert f"would remove {gone}" in plan.text(TARGET)
    assert s3.get(f"sets/one/{gone}")
    s3.requests.clear()
    sent, removed = send(changed)
    assert removed == (gone,)
    assert {path for path in sent if path.startswith("data/")} == {"data/triplets/train-00000-of-00001.parquet"}
    order = [request.partition("?")[0] for request, _ in s3.asked("^(PUT|POST)")]
    assert order[0] == "POST /pages"  # the manifest is deleted
    assert order[-1] == "PUT /pages/sets/one/manifest.json"
    assert s3.get("sets/one/data/qa/train-00007-of-00009.parquet") == b"of somebody else"


@pytest.mark.parametrize("after", [0, 3])
def test_a_push_that_ends_early_leaves_no_manifest_and_goes_on(
    after: int, s3: S3Server, fit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "RETRIES", 0)
    s3.faults.append(S3Fault("PUT /pages/sets/one", times=100, after=after))
    with pytest.raises(WorldError, match=r"^s3://pages/sets/one/\S+: .*SlowDown.*; run again to continue$"):
        send(fit)
    whole(s3)
    assert len(s3.keys("sets/one/")) == after
    s3.faults.clear()
    sent, _ = send(fit)
    assert len(sent) == len(read_manifest(fit).files) + 4 - after
    assert s3.get("sets/one/manifest.json")


def test_addresses_are_sent_in_place_of_images(s3: S3Server, fit: Path) -> None:
    with pytest.raises(UsageError, match="push it with --images bytes"):
        push(fit, TARGET, images="urls", force=True, accept_findings=True)
    assert not s3.asked("^(PUT|POST|DELETE)")


@pytest.mark.slow
def test_a_push_without_a_report_is_refused(s3: S3Server, dataset: Path) -> None:
    (dataset / "report.json").unlink(missing_ok=True)
    with pytest.raises(LawError, match=r"it has no report\.json"):
        push(dataset, TARGET, images="bytes", accept_findings=True)
    assert not s3.asked("^(PUT|POST|DELETE)")


def test_what_cannot_be_pushed_is_told(s3: S3Server, dataset: Path) -> None:
    with pytest.raises(UsageError, match=r"^--private, --revision: of the Hub alone; a push to s3:// takes none"):
        push(dataset, TARGET, private=True, revision="x")
    with pytest.raises(UsageError, match=r"^'s3://x' is not s3://BUCKET/KEY$"):
        push(dataset, "s3://x")
    with pytest.raises(WorldError, match=r"^s3://nobody/set: there is no such bucket$"):
        push(dataset, "s3://nobody/set", images="bytes", force=True, accept_findings=True)
    assert not s3.asked("^(PUT|POST|DELETE)")


def test_a_dataset_is_neither_built_on_s3_nor_read_from_it() -> None:
    with pytest.raises(UsageError, match=r"^--out s3://pages/set: a dataset is built in a folder on a disk; copy it"):
        run("train", out="s3://pages/set")
    with pytest.raises(
        FormatError, match=r"^s3:/pages/set: a dataset is read from a folder on a disk, or from the Hub;"
    ):
        load("triplets", "s3://pages/set")
