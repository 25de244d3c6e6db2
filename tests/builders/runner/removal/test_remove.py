"""Take-downs: every kind of key, and no byte of the removed below the folder."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from nyxqa.builders.runner.removal.remove import remove
from nyxqa.cli import main
from nyxqa.schemas.errors import NyxqaError, UsageError
from nyxqa.schemas.manifest import read_manifest
from tests.builders.runner.removal.conftest import GONE
from tests.support.byte_search import files_with
from tests.support.pages import picture, sentences
from tests.support.published import table
from tests.support.running import states
from tests.support.verdicts import line, write_verdicts


def image_of(out: Path, page_url: str) -> tuple[str, bytes]:
    """Id and bytes of an image of a page."""
    for one in table(out, "corpus", "web"):
        if one["url"] == page_url and one["images"]:
            return one["image_ids"][0], one["images"][0]["bytes"]
    raise AssertionError(page_url)


def test_every_kind_of_key_leaves_no_byte(out: Path, tmp_path: Path) -> None:
    corpus = table(out, "corpus", "web")
    inline_id, inline_bytes = image_of(out, "https://example.org/inline")
    local_id, local_bytes = image_of(out, "https://example.org/0003")
    of_list = next(one["page_id"] for one in corpus if one["url"] == "https://example.org/0033")
    triplets = table(out, "triplets", "train")
    documents = {one["doc_id"]: one for one in corpus}
    urls = [f"https://example.org/00{number}" for number in GONE.values()]
    told = next(one for one in triplets if documents[one["positive_id"]]["url"] in urls)
    kept = next(one for one in triplets if documents[one["positive_id"]]["url"] < "https://example.org/0029")
    write_verdicts(out, "ann", line(told, "reject", note="names Anna Muster"), line(kept, "accept"))
    (out / "evaluation").mkdir()
    (out / "evaluation" / "bm25.json").write_text(json.dumps(sentences(30)))
    (out / ".work" / "scratch.txt").write_text(sentences(31)[0])
    listed = tmp_path / "list.txt"
    listed.write_text(f"# asked for on Monday\n{of_list}\nnobody.example.com\nurl https://example.org/never\n")
    needles = {f"{kind} {n}": text.encode() for kind, p in GONE.items() for n, text in enumerate(sentences(p))}
    needles |= {
        "host page": sentences(36)[1].encode(),
        "inline": inline_bytes,
        "inline, encoded": base64.b64encode(picture("inline"))[:200],
        "local": local_bytes,
        "url": b"example.org/0030",
        "host name": b"gone.example.net",
        "note": b"Anna Muster",
    }
    assert files_with(out, needles).keys() >= needles.keys() - {"inline, encoded"}

    done = remove(
        out,
        urls=["https://EXAMPLE.org:443/0030#top", "https://example.org/0034"],
        pages=[next(one["page_id"] for one in corpus if one["url"] == f"https://example.org/00{n}") for n in (31, 35)],
        images=[inline_id, local_id],
        hosts=["gone.example.net"],
        files=[listed],
        workers=1,
    )

    assert files_with(out, needles) == {}
    assert (done.pages, done.images, done.unknown, done.changed) == (8, 2, 2, True)
    left = {one["url"] for one in table(out, "corpus", "web")}
    assert {"https://example.org/inline", "https://example.org/0003", "https://example.org/other"} <= left
    shared = " ".join(one["text"] for one in table(out, "corpus", "web") if one["url"] == "https://example.org/other")
    assert all(text in shared for text in sentences(52)), "what the other page has of its own stays"
    gone = [one for one in table(out, "ledger") if one["reason"] == "removed"]
    assert {(one["item_type"], one["detail"]) for one in gone} >= {("row", ""), ("image", "")}
    assert [one["item_type"] for one in gone].count("row") == 8
    assert (out / "review" / "ann.jsonl").read_text() == line(kept, "accept")
    assert not (out / "evaluation").exists()
    for entry in read_manifest(out).stages:
        assert entry.rows_in == entry.parents + entry.dropped + entry.not_sampled

    before = {file: file.stat().st_mtime_ns for file in out.rglob("*") if file.is_file() and file.name != "lock"}
    again = remove(out, urls=["https://example.org/0030"], workers=1)
    assert not again.changed
    assert {f: f.stat().st_mtime_ns for f in before if f.exists()} == before


def test_a_name_that_is_not_there_is_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--url https://example\.org/nowhere: nothing in .* has this name"):
        remove(out, urls=["https://example.org/nowhere", "https://example.org/0001"])
    with pytest.raises(UsageError, match="nothing to remove: give --url, --page, --image, --host or --file LIST"):
        remove(out)
    with pytest.raises(UsageError, match=r"a host is a name such as example\.org"):
        remove(out, hosts=["https://example.org/"])
    with pytest.raises(NyxqaError, match="cannot be read: No such file or directory; a page of the source is named"):
        remove(out, files=[tmp_path / "missing.txt"])
    assert not (out / "removals.jsonl").exists()


def test_what_leaves_too_few_pages_is_refused_before_anything_is_changed(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = states(out)
    with pytest.raises(SystemExit) as left:
        main(
            ["remove", str(out), "--host", "example.org", "--host", "gone.example.net", "--host", "mirror.example.com"]
        )
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nyxqa: this takes every page of {out}, so nothing was removed: no dataset can be built")
    assert f"delete the whole folder (rm -r {out}" in line
    keep = ("https://example.org/0001", "https://example.org/0002")
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{url}\n" for one in table(out, "corpus", "web") if (url := one["url"]) not in keep))
    with pytest.raises(UsageError, match=r"this leaves 2 pages for the splits train, validation, test of .*, or name"):
        remove(out, files=[listed])
    assert states(out) == before
    assert read_manifest(out).splits("triplets") == ["test", "train", "validation"]
