"""Images published by address: ids stay, bytes go, ``load`` fetches and never from a private address."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

import nyxqa
from nyxqa.builders.check.findings import Finding
from nyxqa.builders.check.images import IMAGE_CHECKS
from nyxqa.builders.check.structure import check
from nyxqa.builders.check.training_signal import NotMeasuredError, measure_training_signal
from nyxqa.builders.publish.card import write_card
from nyxqa.builders.publish.hub.image_urls import with_addresses
from nyxqa.builders.publish.hub.preconditions import require_passed_report
from nyxqa.schemas.credentials import marked_address
from nyxqa.schemas.errors import LawError, UsageError, WorldError
from nyxqa.schemas.loading import image_fetch
from nyxqa.schemas.loading.image_fetch import fetch_image, public_address
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.writing import file_hash
from tests.support.dataset_cache import use_cache
from tests.support.restamp import read, rewrite
from tests.support.tiny_dataset import TinyDataset, tiny_dataset


class _Images(BaseHTTPRequestHandler):
    known: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        data = self.known.get(self.path)
        self.send_response(404 if data is None else 200)
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def images() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Images)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def tiny(images: str) -> TinyDataset:
    tiny = tiny_dataset(full=True)
    for row in tiny.rows("corpus", "web"):
        row["image_urls"] = [f"{images}/{one}.png" for one in row["image_ids"]]
        for one, image in zip(row["image_ids"], row["images"], strict=True):
            _Images.known[f"/{one}.png"] = image["bytes"]
    return tiny


@pytest.fixture
def staged(tiny: TinyDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, tmp_path / "cache")
    tiny.write(tmp_path / "out")
    folder, manifest = with_addresses(tmp_path / "out", read_manifest(tmp_path / "out"))
    assert open_published(folder).manifest == manifest
    return folder


def test_only_the_bytes_change(staged: Path, tiny: TinyDataset) -> None:
    urls = {
        one: url
        for row in tiny.rows("corpus", "web")
        for one, url in zip(row["image_ids"], row["image_urls"], strict=True)
    }
    for table, splits in tiny.tables.items():
        if table == "preview":  # it names no image by its id
            continue
        for split, rows in splits.items():
            for found, row in zip(read(staged, table, split), rows, strict=True):
                for name in ("images", "query_images"):
                    if name in row:
                        ids = row["image_ids" if name == "images" else "query_image_ids"]
                        row = {**row, name: [{"bytes": None, "path": urls[one]} for one in ids]}
                assert found == row
    names = ("positive_images", "negative_1_images", "negative_2_images")
    stored = [image for row in read(staged, "preview", "train") for name in names for image in row[name]]
    assert stored
    assert {image["bytes"] for image in stored} == {None}
    assert {image["path"] for image in stored} <= set(urls.values())


def test_load_fetches(staged: Path, tiny: TinyDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_fetch, "public_address", lambda host, port: host)
    expected = {row["doc_id"]: [image["bytes"] for image in row["images"]] for row in tiny.rows("corpus", "web")}
    rows = nyxqa.load("triplets", staged, split="train", images="bytes")
    checked = 0
    for row in rows:
        if row["pool"] == "web":
            assert row["positive"]["images"] == expected[row["positive_id"]]
            checked += len(row["positive"]["images"])
    assert checked > 0
    decoded = nyxqa.load("corpus", staged, split="web", join=False)
    streamed = nyxqa.load("corpus", staged, split="web", join=False, streaming=True)
    for stored in (decoded, streamed):
        for row in stored:
            found = [image.tobytes() for image in row["images"]]
            assert found == [Image.open(io.BytesIO(one)).tobytes() for one in expected[row["doc_id"]]]


@pytest.mark.parametrize(
    ("column", "what"), [("positive", "document [0-9a-f]{32}"), ("query", "row triplets/[0-9a-f]{32}")]
)
def test_an_address_that_answers_nothing_is_said_with_its_document_or_row(
    staged: Path, tiny: TinyDataset, monkeypatch: pytest.MonkeyPatch, column: str, what: str
) -> None:
    monkeypatch.setattr(image_fetch, "public_address", lambda host, port: host)
    rows = nyxqa.load("triplets", staged, split="train").select_columns(["query_id", column])
    monkeypatch.setattr(_Images, "known", {})
    with pytest.raises(WorldError, match=rf"{what}: image http://.*\.png cannot be fetched: .*answered 404"):
        list(rows)


def _found(folder: Path) -> dict[str, Finding]:
    return {one.name: one for one in check(folder).findings}


def test_check_takes_addresses_for_images_and_counts_them(
    built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    out = shutil.copytree(built_sample, tmp_path / "out", ignore=shutil.ignore_patterns(".work"))

    rewrite(out, "corpus", "web", lambda rows: [{**row, "image_urls": _urls(row)} for row in rows])
    count = len({one for row in read(out, "corpus", "web") for one in row["image_ids"]})
    folder, manifest = with_addresses(out, read_manifest(out))
    write_card(folder, manifest)
    found = _found(folder)
    assert [name for name, one in found.items() if one.status == "failed"] == []
    for name in IMAGE_CHECKS:
        told = f"{count} images are published by address and were not fetched"
        assert (found[name].status, found[name].reason) == ("not run", told)
    assert found["preview_rows"].status == found["doc_ids"].status == found["nulls"].status == "ok"
    with pytest.raises(NotMeasuredError, match="published by address"):
        measure_training_signal(folder, manifest)

    def without(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        (row, *_) = [row for row in rows if row["images"]]
        row["images"][0] = {"bytes": None, "path": None}
        return rows

    rewrite(folder, "corpus", "web", without)
    damaged = _found(folder)
    assert (damaged["nulls"].count, damaged["images_decode"].count) == (1, 1)
    rewrite(out, "corpus", "web", without)
    damaged = _found(out)
    assert damaged["nulls"].count == damaged["image_ids"].count == damaged["images_decode"].count == 1


def test_the_report_goes_along_and_names_both_forms(fit: Path) -> None:
    """A set published by address can be pushed on: its images cannot be trained on again to make another report."""
    report = json.loads((fit / "report.json").read_bytes())
    rewrite(fit, "corpus", "web", lambda rows: [{**row, "image_urls": _urls(row)} for row in rows])
    (fit / "report.json").write_text(json.dumps({**report, "manifest_sha256": file_hash(fit / "manifest.json")}))
    folder, _ = with_addresses(fit, read_manifest(fit))
    carried = json.loads((folder / "report.json").read_bytes())
    assert carried["manifest_sha256"] == file_hash(fit / "manifest.json")
    assert carried["published_as"] == {"images": "urls", "manifest_sha256": file_hash(folder / "manifest.json")}
    require_passed_report(folder)
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text() + "\n")
    with pytest.raises(LawError, match="about other bytes"):
        require_passed_report(folder)


def _urls(row: dict[str, Any]) -> list[str]:
    return [f"https://example.org/{one}.png" for one in row["image_ids"]]


def test_private_address_is_not_asked(staged: Path) -> None:
    rows = nyxqa.load("corpus", staged, split="web", join=False)
    with pytest.raises(WorldError, match=r"127\.0\.0\.1, which is not a public address"):
        list(rows)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "192.168.0.1", "100.64.0.1"])
def test_addresses_that_are_not_public(host: str) -> None:
    with pytest.raises(WorldError, match="not a public address"):
        public_address(host, 80)


def test_redirect_to_a_private_address(images: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host = images.removeprefix("http://")
    allowed = {"127.0.0.1"}

    def once(name: str, port: int) -> str:
        allowed.discard(name) if name in allowed else public_address(name, port)
        return name

    monkeypatch.setattr(image_fetch, "public_address", once)
    with pytest.raises(WorldError, match="not a public address"):
        fetch_image(f"http://{host}/to/http://127.0.0.1:1/x.png")


@pytest.mark.parametrize(("url", "line"), [("file:///etc/hosts", "only http"), ("ftp://a/b", "only http")])
def test_other_schemes(url: str, line: str) -> None:
    with pytest.raises(WorldError, match=line):
        fetch_image(url)


def test_answers_that_are_no_image(images: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_fetch, "public_address", lambda host, port: host)
    with pytest.raises(WorldError, match="answered 404"):
        fetch_image(f"{images}/nothing.png")
    with pytest.raises(WorldError, match="redirects"):
        fetch_image(f"{images}/to//to//to//to//to//to//to//to//to/x")
    monkeypatch.setattr(image_fetch, "MOST_BYTES", 10)
    _Images.known["/large.png"] = bytes(100)
    with pytest.raises(WorldError, match="more than 10 bytes"):
        fetch_image(f"{images}/large.png")
    with pytest.raises(WorldError, match="cannot be fetched"):
        fetch_image("http://127.0.0.1:1/x.png")


def test_image_without_address_is_refused(tiny: TinyDataset, tmp_path: Path) -> None:
    row = next(row for row in tiny.rows("corpus", "web") if row["image_ids"])
    row["image_urls"] = ["images/local.png"] * len(row["image_ids"])
    tiny.write(tmp_path / "out")
    with pytest.raises(UsageError, match=f"document {row['doc_id']}: image .* has no http address"):
        with_addresses(tmp_path / "out", read_manifest(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["summary"] == {}


def test_an_image_whose_url_held_credentials_is_refused(tiny: TinyDataset, tmp_path: Path) -> None:
    row = next(row for row in tiny.rows("corpus", "web") if row["image_ids"])
    row["image_urls"] = [marked_address("https://x.org/a.png?token=hush")] * len(row["image_ids"])
    tiny.write(tmp_path / "out")
    with pytest.raises(UsageError, match=f"{row['doc_id']}: image .* its URL held credentials.* --images bytes"):
        with_addresses(tmp_path / "out", read_manifest(tmp_path / "out"))
