"""Stage ``images`` over whole sources."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nyxqa.builders.engine.accounting import MOST
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.images.decode import StoredImage, stored_image
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.stages.common_images import common_hashes
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.recipe import Images, Web
from tests.support.ingest import (
    StoppingExecutor,
    drops,
    encoded,
    files_of,
    ingest,
    ingest_with_packs,
    make_run,
    picture,
    shown,
    write_jsonl,
)


def page(*parts: str, **columns: Any) -> dict[str, Any]:
    """An OBELICS-shaped row; parts in angle brackets are images."""
    is_image = [part.startswith("<") for part in parts]
    return {
        "texts": [None if image else part for part, image in zip(parts, is_image, strict=True)],
        "images": [part[1:-1] if image else None for part, image in zip(parts, is_image, strict=True)],
        "metadata": [
            {"alt_text": f"caption of {part}"} if image else None for part, image in zip(parts, is_image, strict=True)
        ],
        **columns,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "images").mkdir(parents=True)
    for seed in range(10):
        (folder / "images" / f"{seed}.png").write_bytes(encoded(picture(seed)))
    (folder / "cut.png").write_bytes(encoded(picture(0, (200, 160)))[:-900])
    (folder / "dot.gif").write_bytes(encoded(picture(0, (1, 1)), "GIF"))
    (folder / "v.svg").write_text("<svg/>")
    (tmp_path / "secret.png").write_bytes(encoded(picture(0)))
    return folder


def read(folder: Path, work: Path, rows: list[Any], settings: Images | None = None) -> StepOutput:
    file = write_jsonl(folder / "pages.jsonl", rows)
    return ingest(make_run(work), Web(source=f"jsonl:{file}"), settings)


def notes(work: Path) -> list[tuple[str, str, str]]:
    found = drops(work, stage="images")
    return [(row["item_type"], row["item_id"].rpartition(":")[2], row["reason"]) for row in found]


def test_images_are_stored_with_what_is_known_of_them(folder: Path, tmp_path: Path) -> None:
    inline = encoded(picture(77))
    data = f"data:image/png;base64,{base64.b64encode(inline).decode()}"
    rows = [page("a", "<images/1.png>", "b", f"<{data}>"), page("<images/2.png>", "<images/1.png>")]
    file = write_jsonl(folder / "pages.jsonl", rows)
    run, web, settings = make_run(tmp_path / "w"), Web(source=f"jsonl:{file}"), Images()
    pages, folder_of_packs = ingest_with_packs(run, web, settings)
    stored = list(pages.rows())
    assert [shown(row["parts"]) for row in stored] == [
        ["a", "<images/1.png>", "b", "<>"],
        ["<images/2.png>", "<images/1.png>"],
    ]
    one, other = stored[0]["parts"][1]["image"], stored[1]["parts"][1]["image"]
    assert one == other
    assert one["caption"] == "caption of <images/1.png>"
    with PackReader(folder_of_packs) as packs:
        assert packs.read(one) == (folder / "images/1.png").read_bytes()
        assert image_id(packs.read(one)) == one["image_id"]
        assert packs.read(stored[0]["parts"][3]["image"]) == inline
    assert notes(tmp_path / "w") == []


def test_an_image_is_decoded_once_a_shard_whether_it_lives_or_not(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []

    def counting(data: bytes, max_pixels: int) -> StoredImage:
        decoded.append(len(data))
        return stored_image(data, max_pixels)

    monkeypatch.setattr("nyxqa.builders.stages.images.stored_image", counting)
    (folder / "again.png").write_bytes((folder / "cut.png").read_bytes())
    rows = [page(f"page {n}", "<images/1.png>", "<cut.png>", "<again.png>") for n in range(4)]
    pages = list(read(folder, tmp_path / "w", rows).rows())
    assert len(decoded) == 2
    assert [len(row["parts"]) for row in pages] == [2, 2, 2, 2]
    said = sorted(row["detail"].split(":")[0] for row in drops(tmp_path / "w", stage="images"))
    assert said == ["again.png"] * 4 + ["cut.png"] * 4


def test_dead_images_go_and_the_page_lives(folder: Path, tmp_path: Path) -> None:
    references = {
        "<images/0.png>": None,
        "<none.png>": "missing_file",
        "<../secret.png>": "outside_source",
        "<cut.png>": "truncated",
        "<dot.gif>": "too_small",
        "<v.svg>": "unsupported_format",
        "<http://127.0.0.1/a.png>": "private_address",
        "<mailto:x>": "bad_reference",
        "<images/1.png>": None,
    }
    rows = [page("text", *references, "end"), page("<none.png>"), page("fine")]
    (first, last) = read(folder, tmp_path / "w", rows).rows()
    assert shown(first["parts"]) == ["text", "<images/0.png>", "<images/1.png>", "end"]
    assert shown(last["parts"]) == ["fine"]
    dead = [("image", str(n), reason) for n, reason in enumerate(references.values()) if reason]
    found = drops(tmp_path / "w", parent_id=first["page_id"])
    assert [(row["item_type"], row["item_id"].rpartition(":")[2], row["reason"]) for row in found] == dead
    assert [row["reason"] for row in drops(tmp_path / "w", item_type="page")] == ["empty"]
    assert not [row for row in found if str(tmp_path) in row["detail"]]


def test_caps_on_bytes_and_pixels(folder: Path, tmp_path: Path) -> None:
    size = (folder / "images/1.png").stat().st_size
    rows = [page("x", "<images/1.png>")]
    read(folder, tmp_path / "bytes", rows, Images(max_bytes=size - 1))
    assert notes(tmp_path / "bytes") == [("image", "0", "too_many_bytes")]
    read(folder, tmp_path / "pixels", rows, Images(max_pixels=48 * 40 - 1))
    assert notes(tmp_path / "pixels") == [("image", "0", "too_many_pixels")]
    read(folder, tmp_path / "both", rows, Images(max_bytes=size, max_pixels=48 * 40))
    assert notes(tmp_path / "both") == []


def test_a_dead_image_can_drop_its_page(folder: Path, tmp_path: Path) -> None:
    rows = [page("a", "<images/1.png>"), page("b", "<images/2.png>", "<none.png>", "<v.svg>")]
    kept = list(read(folder, tmp_path / "w", rows, Images(on_dead="page")).rows())
    assert [shown(row["parts"]) for row in kept] == [["a", "<images/1.png>"]]
    (drop,) = drops(tmp_path / "w")
    assert (drop["item_type"], drop["reason"]) == ("page", "dead_image")
    assert drop["detail"] == f"{drop['item_id']}:1: missing_file: none.png"


def test_common_images_go_with_their_placeholders(folder: Path, tmp_path: Path) -> None:
    rows = [page(f"text {n}", "<none.png>", "<images/0.png>", "<images/1.png>", "<images/0.png>") for n in range(5)]
    rows += [page("text 5", "<images/0.png>"), page("<images/0.png>")]
    kept = list(read(folder, tmp_path / "w", rows).rows())
    assert [shown(row["parts"]) for row in kept] == [
        *[[f"text {n}", "<images/1.png>"] for n in range(5)],
        ["text 5"],
    ]
    first = drops(tmp_path / "w", parent_id=kept[0]["page_id"])
    assert [(row["item_id"].rpartition(":")[2], row["reason"]) for row in first] == [
        ("0", "missing_file"),
        ("1", "common_image"),
    ]
    digest = image_id((folder / "images/0.png").read_bytes())
    assert first[1]["detail"] == f"2 times: image {digest} or one like it is on 7 pages"
    assert [row["reason"] for row in drops(tmp_path / "w", item_type="page")] == ["empty"]


def test_the_name_of_a_common_image_counts_every_dead_one(folder: Path, tmp_path: Path) -> None:
    """The ledger has one row for the dead images of a page, whose numbers still count."""
    dead = [f"<none-{n}.png>" for n in range(MOST + 1)]
    rows = [page(f"text {n}", "<no.png>", "<no.png>", *dead, "<images/0.png>") for n in range(6)]
    kept = list(read(folder, tmp_path / "w", rows).rows())
    listed = drops(tmp_path / "w", parent_id=kept[0]["page_id"])
    assert [(row["item_id"].rpartition(":")[2], row["reason"]) for row in listed] == [
        ("0", "missing_file"),
        (str(MOST + 3), "common_image"),
    ]
    assert listed[0]["detail"] == f"{MOST + 3} times: the first: no.png"


def test_no_credential_of_an_image_is_stored(folder: Path, tmp_path: Path) -> None:
    urls = ["http://me:hush@127.0.0.1:9/a.png?b=1", f"http://[::1/{'a' * 110}?token=hush", "img/a.png?sig=hush"]
    read(folder, tmp_path / "w", [page("text", *(f"<{url}>" for url in urls))], Images(timeout=1.0))
    listed = [row["detail"] for row in drops(tmp_path / "w")]
    assert len(listed) == len(urls)
    assert not [detail for detail in listed if "hush" in detail or "me:" in detail]


def test_common_means_a_share_of_pages_but_more_than_five(folder: Path, tmp_path: Path) -> None:
    rows = [page(f"text {n}", *(["<images/0.png>"] if n < 6 else [])) for n in range(20)]
    for share, left in ((0.01, 0), (0.29, 0), (0.3, 6)):
        pages = read(folder, tmp_path / f"w{share}", rows, Images(common=share))
        assert sum(part["image"] is not None for row in pages.rows() for part in row["parts"]) == left


def test_common_enters_only_the_second_step(folder: Path, tmp_path: Path) -> None:
    web = Web(source=f"jsonl:{write_jsonl(folder / 'pages.jsonl', [page('x')])}")

    def fingerprints(settings: Images) -> list[str]:
        run = PlannedRun(tmp_path)
        ingest_with_packs(run, web, settings)
        return [step.fingerprint for step in run.steps]

    plain = fingerprints(Images())
    assert fingerprints(Images(common=0.5))[:4] == plain[:4]
    assert fingerprints(Images(common=0.5))[4] != plain[4]
    assert fingerprints(Images(timeout=3.0, concurrency=3, per_host=1)) == plain
    assert fingerprints(Images(max_pixels=77))[:3] == plain[:3]
    assert fingerprints(Images(max_pixels=77))[3] != plain[3]
    assert fingerprints(Images(max_bytes=77))[2] != plain[2]
    assert fingerprints(Images(allow_private=["10.0.0.0/8"]))[2] != plain[2]


def test_a_page_with_five_hundred_images(folder: Path, tmp_path: Path) -> None:
    for seed in range(20):
        (folder / f"{seed}.png").write_bytes(encoded(picture(seed)))
    parts = [part for n in range(500) for part in (f"text {n}", f"<{n % 20}.png>")]
    rows = [page("before", "<images/1.png>"), page(*parts), page("after", "<images/2.png>")]
    kept = list(read(folder, tmp_path / "w", rows).rows())
    assert [shown(row["parts"]) for row in kept] == [["before", "<images/1.png>"], parts, ["after", "<images/2.png>"]]


def test_html_references(folder: Path, tmp_path: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/p.html").write_text(
        "<main><p>x</p><img src='../images/1.png?v=1'><img src='/images/2.png'><img src='/../secret.png'></main>"
    )
    (kept,) = ingest(make_run(tmp_path / "w"), Web(source=f"html:{folder}")).rows()
    assert shown(kept["parts"]) == ["x", "<images/1.png>", "<images/2.png>"]
    assert notes(tmp_path / "w") == [("image", "2", "outside_source")]


def test_shards_without_a_page(folder: Path, tmp_path: Path) -> None:
    rows = [page(f"text {n}", "<images/1.png>", url=f"http://x.org/{n % 256}") for n in range(300)]
    stored = read(folder, tmp_path / "w", rows, Images(common=1.0))
    assert [len(list(stored.files())), len(stored)] == [2, 256]


def test_stored_bytes_of_the_pack_are_those_of_the_files(folder: Path, tmp_path: Path) -> None:
    web = Web(
        source=f"jsonl:{write_jsonl(folder / 'pages.jsonl', [page('x', *[f'<images/{n}.png>' for n in range(10)])])}"
    )
    _, packs = ingest_with_packs(make_run(tmp_path / "w"), web, Images())
    pack = (packs / "pack-000000.bin").read_bytes()
    assert pack == b"".join((folder / "images" / f"{n}.png").read_bytes() for n in range(10))


def test_golden_output(tmp_path: Path) -> None:
    """If this fails on purpose, raise the version of the step whose output changed."""
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(2):
        rows = b"".join(bytes([0, *((x * y * (7 + 30 * number)) % 256 for x in range(16))]) for y in range(16))
        (folder / f"{number}.png").write_bytes(grey_png(16, rows))
    pages = [
        page(f"text {n}", "<0.png>", "<1.png>" if n == 3 else "<none.png>", url=f"http://x.org/{n}") for n in range(7)
    ]
    run, web = make_run(tmp_path / "w"), Web(source=f"jsonl:{write_jsonl(folder / 'pages.jsonl', pages)}")
    found = ingest(run, web)
    versions = [report.step.version for report in run.reports]
    content = json.dumps([list(found.rows()), drops(tmp_path / "w")], sort_keys=True)
    assert (versions[2:], hashlib.sha256(content.encode()).hexdigest()[:16]) == ([2, 5, 3], "90191b5ed5927eda")


def grey_png(side: int, rows: bytes) -> bytes:
    """A PNG whose bytes no library decides."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    stored = (
        b"\x78\x01\x01"
        + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF)
        + rows
        + struct.pack(">I", zlib.adler32(rows))
    )
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


def test_workers_and_kills_change_nothing(folder: Path, tmp_path: Path) -> None:
    rows = [page(f"text {n}", *[f"<images/{n % 10}.png>"] * 9, f"<{n}.png>") for n in range(120)]
    web = Web(source=f"jsonl:{write_jsonl(folder / 'pages.jsonl', rows)}")
    ingest(make_run(tmp_path / "one"), web)
    ingest(make_run(tmp_path / "two", workers=2), web)
    for shards in (3, 1, 1):
        run = make_run(tmp_path / "killed")
        run._executors["workers"] = StoppingExecutor(shards)
        with pytest.raises(KeyboardInterrupt):
            ingest(run, web)
    ingest(make_run(tmp_path / "killed", workers=2), web)
    expected = files_of(tmp_path / "one")
    assert sum(name.endswith(".bin") for name in expected) == 3
    assert files_of(tmp_path / "two") == expected
    assert files_of(tmp_path / "killed") == expected


def seen(pages: list[list[int]]) -> Any:
    return np.array([[page, phash] for page, hashes in enumerate(pages) for phash in hashes], np.int64).reshape(-1, 2)


# Hashes of pictures with structure: half of their bits are set.
CHESS = 0x5A5A_5A5A_5A5A_5A5A
NEAR = CHESS ^ 0b101
FAR = 0x0F0F_0F0F_F0F0_F0F0 - 2**64 if 0x0F0F_0F0F_F0F0_F0F0 >= 2**63 else 0x0F0F_0F0F_F0F0_F0F0


def test_an_image_and_those_near_it_are_counted_together(tmp_path: Path) -> None:
    pages = [[CHESS]] * 3 + [[NEAR]] * 3 + [[FAR]] * 5
    assert common_hashes(seen(pages), 5, 4, tmp_path) == {CHESS: 6, NEAR: 6}
    assert common_hashes(seen(pages), 5, 1, tmp_path) == {}
    assert common_hashes(seen(pages), 4, 0, tmp_path) == {FAR: 5}


def test_a_page_with_an_image_and_one_near_it_counts_once(tmp_path: Path) -> None:
    assert common_hashes(seen([[CHESS, NEAR]] * 5 + [[FAR]]), 5, 4, tmp_path) == {}


def test_likeness_is_not_passed_on(tmp_path: Path) -> None:
    chain = [CHESS ^ ((1 << (4 * step)) - 1) for step in range(8)]
    pages = [[phash] for phash in chain]
    assert common_hashes(seen(pages), 5, 4, tmp_path) == {}


def test_flat_pictures_are_near_equal_ones_only(tmp_path: Path) -> None:
    assert common_hashes(seen([[0]] * 3 + [[1]] * 3), 5, 4, tmp_path) == {}
    assert common_hashes(seen([[0]] * 6 + [[1]]), 5, 4, tmp_path) == {0: 6}
