"""Stage ``source`` over HTML folders and JSONL files."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.sources import factory, jsonl
from nyxqa.builders.sources.factory import open_source
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.ids import page_id_of_path, page_id_of_url
from nyxqa.schemas.recipe import Web
from tests.support.ingest import (
    StoppingExecutor,
    drops,
    files_of,
    make_run,
    shown,
    source_pages,
    text_row,
    write_jsonl,
)


def read(work: Path, spec: str, **settings: Any) -> list[dict[str, Any]]:
    return list(source_pages(make_run(work), Web(source=spec, **settings)).rows())


def fates(work: Path) -> list[tuple[str, str]]:
    return [(row["item_id"], row["reason"]) for row in drops(work, item_type="row")]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    for name, html in {
        "b.html": "<html lang=en><title>B</title><p>page b</p>",
        "a.HTM": "<p>page a</p>",
        "sub/c.html": "<p>page c</p><img src='../x.png' alt='cap'>",
        "empty.html": "<script>x</script>",
        "x.png": "no page",
        ".git/d.html": "<p>hidden</p>",
        "out/.work/w": "",
        "out/e.html": "<p>made by a build</p>",
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(html)
    return folder


def test_html_pages_by_path(site: Path, tmp_path: Path) -> None:
    rows = read(tmp_path / "w", f"html:{site}", license="CC0-1.0")
    assert [row["row"] for row in rows] == ["a.HTM", "b.html", "sub/c.html"]
    assert [row["page_id"] for row in rows] == [page_id_of_path(row["path"]) for row in rows]
    assert shown(rows[2]["parts"]) == ["page c", "<../x.png>"]
    assert (rows[1]["title"], rows[1]["language"], rows[1]["url"]) == ("B", "en", None)
    assert {(row["license"], row["source"]) for row in rows} == {("CC0-1.0", "html")}
    assert fates(tmp_path / "w") == [("empty.html", "empty")]


def test_html_pages_that_are_not_read(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.html").write_text("<p>secret</p>")
    (site / "link.html").symlink_to("../secret.html")
    (site / "dangling.html").symlink_to("nowhere.html")
    Path(os.fsdecode(os.fsencode(site) + b"/\xff.html")).write_text("<p>x</p>")
    (site / "repeated.html").write_text("".join(f"<p><b id={n}>" for n in range(1000)))
    (site / "long.html").write_text(f"<p>{'word ' * 100}</p>")
    (site / "large.html").write_text(f"<p>{'<b>' * 900}</p>")
    monkeypatch.setattr("nyxqa.builders.sources.html_page.MAX_TEXT", 400)
    monkeypatch.setattr("nyxqa.builders.sources.folder.MAX_RAW", 30_000)
    monkeypatch.setattr("nyxqa.builders.sources.html_tree.MAX_NODES", 1_000_000)
    rows = read(tmp_path / "w", f"html:{site}")
    assert [row["row"] for row in rows] == ["a.HTM", "b.html", "sub/c.html"]
    assert fates(tmp_path / "w") == [
        ("\\xff.html", "bad_name"),
        ("empty.html", "empty"),
        ("large.html", "empty"),
        ("link.html", "outside_source"),
        ("long.html", "too_large"),
        ("repeated.html", "too_large"),
    ]


def test_the_fingerprint_knows_pages_and_images(site: Path, tmp_path: Path) -> None:
    def fingerprint() -> str:
        return source_pages(PlannedRun(tmp_path), Web(source=f"html:{site}")).fingerprint

    first = fingerprint()
    assert fingerprint() == first
    (site / "x.png").write_bytes(b"another image")
    second = fingerprint()
    os.utime(site / "b.html", ns=(1, 1))
    assert len({first, second, fingerprint()}) == 3
    (site / ".git/d.html").write_text("changed")
    (site / "out/e.html").write_text("changed")
    os.utime(site / "b.html", ns=(1, 1))
    assert fingerprint() == source_pages(PlannedRun(tmp_path), Web(source=f"html:{site}/")).fingerprint


def test_jsonl_rows(tmp_path: Path) -> None:
    row = {
        "texts": ["One  text", None, None, "two", " "],
        "images": [None, "https://x.org/a.png", "b.png", None, None],
        "metadata": json.dumps([None, {"alt_text": "a  cat", "format": "png"}, {"alt_text": None}, None, None]),
        "general_metadata": json.dumps({"url": "HTTP://X.org:80/p#top", "warc": {"offset": 1}}),
        "title": "T",
        "language": "en",
        "license": "MIT",
        "more": [1],
    }
    plain = {"texts": ["x"], "images": [None], "metadata": [None], "general_metadata": None}
    file = write_jsonl(tmp_path / "pages.jsonl", [row, "", plain])
    first, second = read(tmp_path / "w", f"jsonl:{file}", license="CC0-1.0")
    assert shown(first["parts"]) == ["One text", "<https://x.org/a.png>", "<b.png>", "two"]
    assert [part["caption"] for part in first["parts"]] == ["", "a cat", "", ""]
    assert first["page_id"] == page_id_of_url("http://x.org/p")
    assert (first["url"], first["title"], first["language"]) == ("HTTP://X.org:80/p#top", "T", "en")
    assert (first["license"], second["license"]) == ("MIT", "CC0-1.0")
    assert (second["row"], second["path"]) == ("pages.jsonl:3", "pages.jsonl")
    assert second["page_id"] == page_id_of_path("pages.jsonl", 2)


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ('{"texts": [}', "bad_json", "p.jsonl line 1 column 12"),
        ("[1]", "bad_row", "an object is needed, not a list"),
        ("{}", "bad_row", "column texts is missing"),
        ('{"texts": "x", "images": []}', "bad_row", "column texts: a list is needed, not a string"),
        ('{"texts": [1], "images": [null]}', "bad_row", "column texts, entry 0: a string or null"),
        ('{"texts": ["a", "b"], "images": [null]}', "bad_row", "texts and images differ in length: 2 and 1"),
        ('{"texts": ["a"], "images": ["b"]}', "bad_row", "entry 0: exactly one of texts and images must be set, both"),
        ('{"texts": [null], "images": [null]}', "bad_row", "entry 0: exactly one of texts and images must be set, nei"),
        ('{"texts": ["a"], "images": [null], "metadata": "[1"}', "bad_row", "column metadata: not valid JSON"),
        ('{"texts": ["a"], "images": [null], "metadata": "[]"}', "bad_row", "texts and metadata differ in length"),
        ('{"texts": ["a"], "images": [null], "metadata": {}}', "bad_row", "column metadata: a list is needed"),
        ('{"texts": ["a"], "images": [null], "general_metadata": "7"}', "bad_row", "column general_metadata: an obj"),
        ('{"texts": ["a"], "images": [null], "url": "no url"}', "bad_row", "column url: not an absolute URL"),
        ('{"texts": ["a"], "images": [null], "title": 7}', "bad_row", "column title: a string or null"),
        ('{"texts": [" "], "images": [null]}', "empty", "neither text nor image"),
        ("[" * 100_000, "bad_json", "recursion"),
        ('{"texts": ["a"], "images": [null], "n": ' + "9" * 5000 + "}", "bad_json", "p.jsonl line 1"),
        (b'{"texts": ["\xff"], "images": [null]}', "bad_json", "p.jsonl line 1 byte 13: not UTF-8"),
    ],
)
def test_bad_rows_are_dropped_alone(tmp_path: Path, line: str | bytes, reason: str, detail: str) -> None:
    file = tmp_path / "p.jsonl"
    raw = line if isinstance(line, bytes) else line.encode()
    file.write_bytes(raw + b"\n" + json.dumps(text_row("good")).encode())
    rows = read(tmp_path / "w", f"jsonl:{file}")
    assert [row["row"] for row in rows] == ["p.jsonl:2"]
    (drop,) = drops(tmp_path / "w")
    assert (drop["item_type"], drop["item_id"], drop["reason"]) == ("row", "p.jsonl:1", reason)
    assert detail in drop["detail"]


def test_dirty_text_is_cleaned_and_noted(tmp_path: Path) -> None:
    row = {
        "texts": ["a\x00b \ud800 <|image|> c", None, "<|image|>"],
        "images": [None, "x.png", None],
        "title": "T<|image|>",
    }
    (page,) = read(tmp_path / "w", f"jsonl:{write_jsonl(tmp_path / 'p.jsonl', [row])}")
    assert shown(page["parts"]) == ["ab \ufffd c", "<x.png>"]
    assert page["title"] == "T"
    notes = drops(tmp_path / "w")
    assert [(note["item_type"], note["item_id"], note["parent_id"], note["reason"]) for note in notes] == [
        ("image", f"{page['page_id']}:0", page["page_id"], "stray_placeholder"),
        ("page", page["page_id"], "p.jsonl:1", "text_cleaned"),
    ]
    assert notes[0]["detail"] == "3 times: placeholder in the page's text"


def test_what_repeats_in_a_page_is_one_row_with_its_count(tmp_path: Path) -> None:
    rows = [{"texts": [f"text {n} " + "<|image|>" * 1500], "images": [None]} for n in range(48)]
    pages = read(tmp_path / "w", f"jsonl:{write_jsonl(tmp_path / 'p.jsonl', rows)}")
    notes = drops(tmp_path / "w")
    assert sorted(note["parent_id"] for note in notes) == sorted(page["page_id"] for page in pages)
    assert {note["detail"] for note in notes} == {"1500 times: placeholder in the page's text"}


def test_a_page_has_its_url_without_credentials_and_the_id_of_the_whole_url(tmp_path: Path) -> None:
    urls = ["https://me:hush@x.org/a?token=hush&b=1", "https://x.org/a?b=1"]
    rows = [text_row("text", url=url) for url in urls]
    pages = read(tmp_path / "w", f"jsonl:{write_jsonl(tmp_path / 'p.jsonl', rows)}")
    assert [page["url"] for page in pages] == [urls[1], urls[1]]
    assert [page["page_id"] for page in pages] == [page_id_of_url(url) for url in urls]


def test_gzip_and_sampling(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl.gz"
    lines = "".join(json.dumps(text_row(f"text {n}")) + "\n" for n in range(20))
    file.write_bytes(gzip.compress(lines.encode(), mtime=0))
    rows = read(tmp_path / "w", f"jsonl:{file}", every=3, limit=4)
    assert [row["row"] for row in rows] == [f"p.jsonl.gz:{n}" for n in (1, 4, 7, 10)]


def test_a_page_comes_once(tmp_path: Path) -> None:
    urls = [f"http://x.org/{n % 300}" for n in range(700)]
    file = write_jsonl(tmp_path / "p.jsonl", [text_row(f"text {n}", url=url) for n, url in enumerate(urls)])
    run = make_run(tmp_path / "w")
    pages = source_pages(run, Web(source=f"jsonl:{file}"))
    assert [row["parts"][0]["text"] for row in pages.rows()] == [f"text {n}" for n in range(300)]
    assert len(pages.files()) == 3
    repeats = drops(tmp_path / "w", reason="same_page")
    assert len(repeats) == 400
    by_row = {row["item_id"]: row["detail"] for row in repeats}
    assert by_row["p.jsonl:301"] == by_row["p.jsonl:601"] == "the page of p.jsonl:1"
    assert [report.counts.dropped for report in run.reports if report.counts] == [0, 400]


def test_a_page_of_fifty_megabytes_is_too_large(tmp_path: Path) -> None:
    rows = [text_row("x" * 50_000_000), text_row("good")]
    file = write_jsonl(tmp_path / "p.jsonl", rows)
    assert len(read(tmp_path / "w", f"jsonl:{file}")) == 1
    site = tmp_path / "site"
    site.mkdir()
    (site / "a.html").write_text(f"<p>{'line of text ' * 500}</p>\n" * 7_700)
    (site / "b.html").write_text("<p>good</p>")
    assert len(read(tmp_path / "h", f"html:{site}")) == 1
    assert fates(tmp_path / "w") == [("p.jsonl:1", "too_large")]
    assert fates(tmp_path / "h") == [("a.html", "too_large")]


def test_a_line_without_end_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_RAW", 100)
    file = write_jsonl(tmp_path / "p.jsonl", [text_row("a"), text_row("x" * 1000), text_row("b"), text_row("y" * 1000)])
    rows = read(tmp_path / "w", f"jsonl:{file}")
    assert [row["row"] for row in rows] == ["p.jsonl:1", "p.jsonl:3"]
    assert fates(tmp_path / "w") == [("p.jsonl:2", "too_large"), ("p.jsonl:4", "too_large")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.jsonl", None, "does not exist"),
        ("empty.jsonl", b"", "is empty"),
        ("blank.jsonl", b"\n \n", "has no page: it has no row"),
        ("bad.jsonl", b"{\n[]\n", r"has no page: all rows were dropped \(bad_json 1, bad_row 1\), the first because"),
        ("cut.jsonl.gz", gzip.compress(b'{"texts": []}\n' * 99, mtime=0)[:-20], "cannot be read to its end"),
        ("no.jsonl.gz", b"this is no gzip file", "cannot be read to its end"),
        (".", None, r"has no file \*.jsonl"),
    ],
)
def test_jsonl_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WorldError, match=message) as caught:
        read(tmp_path / "w", f"jsonl:{tmp_path / name}")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads every file")
def test_files_without_permission(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "p.jsonl", [text_row("x")])
    file.chmod(0)
    with pytest.raises(WorldError, match="Permission denied"):
        read(tmp_path / "w", f"jsonl:{file}")


def test_html_folders_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.txt").write_text("x")
    for folder, message in (("none", "does not exist"), ("site", "has no page"), ("site/a.txt", "is not a folder")):
        with pytest.raises(WorldError, match=message):
            read(tmp_path / "w", f"html:{tmp_path / folder}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("htm:x", "did you mean 'html'"),
        ("josnl:x", "did you mean 'jsonl'"),
        ("x.jsonl", "unknown source"),
        ("html", "has no path; use html:DIR"),
        ("jsonl:", "has no path; use jsonl:FILE"),
        ("sample:x", "takes no path"),
    ],
)
def test_specs_that_name_no_source(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_source(Web(source=spec))


def test_the_docs_list_every_kind() -> None:
    text = (Path(__file__).parents[3] / "docs" / "recipe.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith("| `source`"))
    assert [kind for kind in factory._SOURCES if f"`{kind}" not in row] == []


def test_only_html_links_are_relative_to_the_root(tmp_path: Path) -> None:
    specs = ("sample", "html:a", "jsonl:a", "obelics:a", "obelics")
    assert [open_source(Web(source=spec)).root_relative_links for spec in specs] == [False, True, False, False, False]


def test_the_sample_is_a_jsonl_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert factory.SAMPLE.parts[-3:] == ("builders", "sample_pages", "pages.jsonl")
    monkeypatch.setattr(factory, "SAMPLE", write_jsonl(tmp_path / "pages.jsonl", [text_row("a")]))
    (row,) = read(tmp_path / "w", "sample")
    assert (row["source"], row["page_id"]) == ("sample", page_id_of_path("pages.jsonl", 0))


def test_golden_output(site: Path, tmp_path: Path) -> None:
    """If this fails on purpose, raise the version of the step whose output changed."""
    rows = [text_row("a\x00  b\n\n\n\nc <|image|>", url="http://X.org/"), text_row("e\u0301", url="http://x.org"), "{"]
    file = write_jsonl(tmp_path / "p.jsonl", [*rows, text_row("again", url="http://x.org/#top")])
    run = make_run(tmp_path / "w")
    content = [list(source_pages(run, Web(source=spec)).rows()) for spec in (f"html:{site}", f"jsonl:{file}")]
    digest = hashlib.sha256(json.dumps([content, drops(tmp_path / "w")], sort_keys=True).encode()).hexdigest()
    versions = [report.step.version for report in run.reports]
    assert (versions, digest[:16]) == ([16, 1, 16, 1], "6ddc07e224457f74")


def test_workers_and_kills_change_nothing(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "p.jsonl", [text_row(f"t {n}", url=f"http://x.org/{n % 500}") for n in range(1000)])
    web = Web(source=f"jsonl:{file}")
    source_pages(make_run(tmp_path / "one"), web)
    source_pages(make_run(tmp_path / "two", workers=2), web)
    for shards in (1, 2, 3):
        run = make_run(tmp_path / "killed")
        run._executors["workers"] = StoppingExecutor(shards)
        with pytest.raises(KeyboardInterrupt):
            source_pages(run, web)
    source_pages(make_run(tmp_path / "killed", workers=2), web)
    expected = files_of(tmp_path / "one")
    assert len(expected) == 2 * (4 + 4 + 1) + 3  # parts, markers, whole steps, ledgers of repeats
    assert files_of(tmp_path / "two") == expected
    assert files_of(tmp_path / "killed") == expected


def test_compressed_pages_are_read_whatever_their_name(tmp_path: Path) -> None:
    page = b"<p>The old mill stands by the river."
    (tmp_path / "site").mkdir()
    for name, data in (("a.html", gzip.compress(page)), ("b.html.GZ", gzip.compress(page)), ("c.htm", page)):
        (tmp_path / "site" / name).write_bytes(data)
    (tmp_path / "site" / "d.html").write_bytes(gzip.compress(page)[:-12])
    rows = read(tmp_path / "w", f"html:{tmp_path / 'site'}")
    assert [(row["path"], shown(row["parts"])) for row in rows] == [
        (name, ["The old mill stands by the river."]) for name in ("a.html", "b.html.GZ", "c.htm")
    ]
    assert [(row["item_id"], row["reason"]) for row in drops(tmp_path / "w")] == [("d.html", "unreadable")]


def test_rows_of_zstandard_files_are_read(tmp_path: Path) -> None:
    lines = write_jsonl(tmp_path / "plain.jsonl", [text_row(f"page {n}") for n in range(3)]).read_bytes()
    (tmp_path / "p.jsonl.zst").write_bytes(pa.compress(lines, "zstd", asbytes=True))
    rows = read(tmp_path / "w", f"jsonl:{tmp_path / 'p.jsonl.zst'}")
    assert [shown(row["parts"]) for row in rows] == [["page 0"], ["page 1"], ["page 2"]]
    (tmp_path / "p.jsonl.zst").write_bytes(pa.compress(lines, "zstd", asbytes=True)[:-3])
    with pytest.raises(WorldError, match="cannot be read to its end"):
        read(tmp_path / "w2", f"jsonl:{tmp_path / 'p.jsonl.zst'}")
