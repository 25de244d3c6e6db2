"""The pages of the browser in a real Chromium, over a sound dataset and over one of hostile texts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from nyxqa.builders.browse.pages.rows import PAGE
from nyxqa.builders.report.views import run_sql
from nyxqa.schemas.verdicts import Verdict, VerdictWriter, verdict_file
from tests.support.browse_server import Served, served
from tests.support.chromium import BIDI, HOSTILE_TEXT, Chromium
from tests.support.hostile_dataset import make_hostile
from tests.support.published import table
from tests.support.restamp import rewrite

TYPED = HOSTILE_TEXT.replace(BIDI, "")  # what the user typed stands in its field as it was typed
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload=\"parent.hostile('stored svg')\"/>"


@pytest.fixture(scope="module")
def site(built_sample: Path) -> Iterator[Served]:
    with served(built_sample) as running:
        yield running


@pytest.fixture(scope="module")
def hostile(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with hostile text in every field, one stored picture that is none, and a hostile verdict."""
    out = tmp_path_factory.mktemp("hostile") / "out"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    make_hostile(out)

    def plant(rows: list[dict[str, object]]) -> None:
        one = next(row for row in rows if row["kind"] == "single")
        one["images"] = [{"bytes": SVG, "path": None}]

    rewrite(out, "corpus", "web", plant)
    row = table(out, "triplets", "train")[0]
    for name, said in (("anna", "accept"), ("ben", "reject")):
        with VerdictWriter(verdict_file(out, name)) as writer:
            reasons = (HOSTILE_TEXT,) if said == "reject" else ()
            writer.add(
                Verdict(row["query_id"], row["dataset"], "train", said, reasons, (), HOSTILE_TEXT, row["row_hash"])
            )
    return out


def paths_of(out: Path) -> list[str]:
    """An address of every page."""
    row = table(out, "triplets", "train")[0]
    document = table(out, "corpus", "web")[0]
    dropped = table(out, "ledger")[0]
    image = next(one["image_ids"][0] for one in table(out, "corpus", "web") if one["image_ids"])
    return [
        *("/", "/rows", "/rows?where=negative_holds_answer", "/drops", "/clusters", "/leaks", "/reviews", "/sql"),
        f"/rows?where={quote(TYPED)}",
        f"/row/{row['query_id']}",
        f"/item/{document['doc_id']}",
        f"/item/{document['page_id']}",
        f"/item/{image}",
        f"/item/{quote(dropped['item_id'], safe='')}",
        f"/drops/{quote(dropped['stage'], safe='')}/{quote(dropped['reason'], safe='')}",
        f"/clusters/{document['cluster']}",
        "/sql?query=" + quote("SELECT * FROM triplets LIMIT 20"),
        "/sql?query=" + quote(f"SELECT '{TYPED.replace(chr(39), chr(34))}' AS \"{HOSTILE_TEXT[:20]}\""),
        f"/image/{image}",
        f"/nothing{quote(HOSTILE_TEXT)}",
    ]


def test_hostile_texts_run_nothing_and_ask_nobody(hostile: Path, chromium: Chromium) -> None:
    with served(hostile, "carl") as running, chromium.visit(running.url) as visit:
        page = visit.page
        page.wait_for_selector("#row[data-place='0'] .doc")
        shown = [page.content()]
        page.keyboard.press("a")
        page.wait_for_selector("#row[data-place='1'] .doc")
        for path in [*paths_of(hostile), "/review/conflicts"]:
            page.goto(running.access.origin + path)
            shown.append(page.content())
        assert (visit.ran, visit.foreign, visit.errors) == ([], [], [])
    whole = "".join(shown)
    assert "&lt;script&gt;hostile" in whole  # it was there to run
    assert '<span class="ctl">U+202E</span>' in whole
    assert BIDI not in whole
    assert "{{ 7 * 7 }}" in whole


def test_a_stored_picture_that_is_none_is_not_sent(hostile: Path) -> None:
    documents = table(hostile, "corpus", "web")
    one = next(row for row in documents if row["images"] and row["images"][0]["bytes"] == SVG)
    with served(hostile) as running:
        status, text, headers = running.ask(f"/image/{one['image_ids'][0]}?pool=web&doc={one['doc_id']}")
    assert (status, headers["content-type"].split(";")[0]) == (415, "text/plain")
    assert "svg" not in text


def test_every_number_of_the_first_page_is_what_its_query_gives(site: Served, built_sample: Path) -> None:
    status, text, _ = site.ask("/")
    assert status == 200
    tiles = re.findall(r'<div class="value">(?:<a[^>]*>)?(\d+).*?title="([^"]+)"', text, re.DOTALL)
    assert len(tiles) > 8
    for number, query in tiles:
        answer = run_sql(built_sample, query.replace("&#39;", "'"))
        assert answer.column(0)[0].as_py() == int(number), query
    drops = re.findall(r'<td class="n">(\d+)</td><td><a class="sql" href="/sql\?query=([^"]+)"', text)
    assert drops
    for number, query in drops:
        _, answer, _ = site.ask(f"/sql?query={query}")
        assert f"<td>{number}</td>" in answer


def test_pages_of_rows_follow_each_other_by_key(site: Served, built_sample: Path) -> None:
    rows = [
        row["query_id"] for split in ("train", "validation", "test") for row in table(built_sample, "triplets", split)
    ]
    for first, expected in (("/rows", rows), ("/rows?where=true", sorted(rows)), ("/rows?sort=gap", sorted(rows))):
        found, path = [], first
        while path:
            _, text, _ = site.ask(path)
            page = re.findall(r'href="/row/([0-9a-f]{32})"', text)
            assert len(page) <= PAGE
            found += page
            following = re.search(r'rel="next" href="([^"]+)"', text)
            path = following[1].replace("&amp;", "&") if following else ""
        assert (found if first != "/rows?sort=gap" else sorted(found)) == expected


@pytest.mark.parametrize(
    ("where", "query"),
    [
        ("small_gap", "negative_scores[1] > 0.95 * positives[1].score"),
        ("no_negative", "len(negative_ids) = 0"),
        ("positive_not_first", "positives[1].rank > 1"),
        ("kind = 'multi'", "kind = 'multi'"),
    ],
)
def test_a_filter_shows_the_rows_that_meet_it(site: Served, built_sample: Path, where: str, query: str) -> None:
    answer = run_sql(built_sample, f"SELECT query_id FROM triplets WHERE {query} ORDER BY dataset, query_id LIMIT 50")
    _, text, _ = site.ask(f"/rows?where={quote(where)}")
    assert re.findall(r'href="/row/([0-9a-f]{32})"', text) == answer.column(0).to_pylist()


def test_a_negative_that_holds_the_answer_is_found_and_marked(built_sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    row = next(row for row in table(out, "triplets", "train") if len(row["negative_ids"]) > 1)
    doc = row["negative_ids"][1]

    def answered(rows: list[dict[str, object]]) -> None:
        for one in rows:
            one["answers"] = ["Zanzibar quince"] if one["query_id"] == row["query_id"] else ["nowhere to be found"]

    def told(rows: list[dict[str, object]]) -> None:
        for one in rows:
            if one["doc_id"] == doc:
                one["text"] = f"{one['text']} It grew a zanzibar  QUINCE, and Zanzibar quinces."

    rewrite(out, "triplets", "train", answered)
    rewrite(out, "corpus", "web", told)
    with served(out) as running:
        _, text, _ = running.ask("/rows?where=negative_holds_answer&split=train")
        assert re.findall(r'href="/row/([0-9a-f]{32})"', text) == [row["query_id"]]
        _, text, _ = running.ask(f"/row/{row['query_id']}")
    assert "answer \u00d71" in text
    assert "<mark>zanzibar  QUINCE</mark>, and Zanzibar quinces." in text


def test_a_duplicate_stands_beside_the_document_that_stays(site: Served, built_sample: Path) -> None:
    row = next(row for row in table(built_sample, "ledger") if row["reason"] == "near_duplicate")
    for path in (f"/item/{quote(row['item_id'])}", "/drops/dedup/near_duplicate"):
        status, text, _ = site.ask(path)
        assert status == 200
        assert text.count("<del>") >= 2  # a word on either side
    survivor = re.search(r"[0-9a-f]{32}", row["detail"])
    assert survivor is not None
    assert f'href="/item/{survivor[0]}"' in text


def test_a_query_may_become_a_filter(site: Served) -> None:
    query = "SELECT query_id FROM triplets WHERE split = 'test' ORDER BY query_id LIMIT 2"
    _, text, _ = site.ask(f"/sql?query={quote(query)}")
    link = re.search(r'id="filter" href="([^"]+)"', text)
    assert link is not None
    ids = re.findall(r"<td>([0-9a-f]{32})</td>", text)
    assert len(ids) == 2
    _, rows, _ = site.ask(link[1].replace("&amp;", "&"))
    assert re.findall(r'href="/row/([0-9a-f]{32})"', rows) == ids


def test_pages_fit_a_narrow_window(site: Served, built_sample: Path, chromium: Chromium) -> None:
    row = table(built_sample, "triplets", "train")[0]
    site.access.used = False
    with chromium.visit(site.url, width=400) as visit:
        for path in ("/", "/rows", f"/row/{row['query_id']}", "/drops/dedup/near_duplicate", "/sql"):
            visit.page.goto(site.access.origin + path)
            wide = visit.page.evaluate("() => document.documentElement.scrollWidth")
            assert wide <= 400, path
