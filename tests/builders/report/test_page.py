"""The report as a page: its numbers, and that text of others stays text."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.report import queries
from nyxqa.builders.report.check_report import TRAINING_SIGNAL, write_report
from nyxqa.builders.report.numbers import Numbers, compute_numbers
from nyxqa.builders.report.page import PAGE, css, render_body, render_page, write_page
from nyxqa.builders.report.views import run_sql
from tests.support.chromium import FOREIGN, HOSTILE, Chromium
from tests.support.hostile_dataset import make_hostile
from tests.support.restamp import Row, read, rewrite

MINUS, TIMES = "\u2212", "\u00d7"
MEASURED = {"mean": 0.4301, "low": 0.3812, "high": 0.4704, "count": 500}
SIGNAL = {
    "model": "tiny",
    "judged": "mrr",
    "questions": 500,
    "means": {"data": {"mrr": 0.885}, "shuffled": {"mrr": 0.456}, "bm25": {"mrr": 0.901}},
    "gains": {"shuffled": {"mrr": MEASURED}, "bm25": {"mrr": {**MEASURED, "mean": -0.016, "low": -0.03, "high": 0.01}}},
}


@pytest.fixture(scope="module")
def numbers(built_sample: Path) -> Numbers:
    return compute_numbers(built_sample)


@pytest.fixture(scope="module")
def page(numbers: Numbers) -> str:
    return render_page(numbers)


@pytest.fixture(scope="module")
def hostile(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a dataset whose every text attacks it."""
    out = tmp_path_factory.mktemp("hostile") / "dataset"
    shutil.copytree(built_sample, out)  # with the working rows, of which examples are made
    make_hostile(out)
    return write_page(out)


def sections(page: str) -> Iterator[tuple[str, str, list[str]]]:
    """Id, text and queries of each section."""
    for found in re.finditer(r'<section [^>]*id="([^"]+)">(.*?)</section>', page, re.S):
        asked = [unescape(one) for one in re.findall(r"<pre>(.*?)</pre>", found[2], re.S)]
        shown = re.sub(r"<details><summary>SQL.*?</details>", " ", found[2], flags=re.S)
        text = unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<title>.*?</title>", " ", shown)))
        yield found[1], " ".join(text.split()), asked


def rows_of(out: Path, table: str) -> list[Row]:
    names = ("train", "validation", "test") if table != "corpus" else ("web",)
    return [{**row, "of": split} for split in names for row in read(out, table, split)]


def test_every_number_equals_the_sql_beside_it(built_sample: Path, page: str) -> None:
    asked = 0
    for name, text, own in sections(page):
        shown = Counter(re.findall(r"\d[\d,]*", text))
        for query in own:
            asked += 1
            counts = [row[-1] if name != "difficulty" else row[2] for row in _values(built_sample, query)]
            if name in ("tile-evidence", "tile-holding"):
                counts = [sum(column) for column in list(zip(*_values(built_sample, query), strict=True))[-2:]]
            elif name == "tile-triplets":
                counts = list(_by_first(_values(built_sample, query)).values())
            elif name == "tile-documents":
                counts = [sum(counts)]
            missing = [count for count in counts if count and f"{count:,}" not in shown]
            assert missing == [], (name, query, text)
    assert asked == 15


def _values(out: Path, query: str) -> list[tuple[Any, ...]]:
    table = run_sql(out, query)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _by_first(rows: list[tuple[Any, ...]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row[0]] += row[-1]
    return counts


def test_numbers_equal_counts_over_the_rows(numbers: Numbers, built_sample: Path) -> None:
    corpus, qa, triplets = (rows_of(built_sample, table) for table in ("corpus", "qa", "triplets"))
    ledger = read(built_sample, "ledger", "rows")
    assert numbers.triplets == Counter((row["of"], row["dataset"]) for row in triplets)
    assert numbers.documents == Counter(("web", row["split"], row["kind"]) for row in corpus)
    assert numbers.images == len({image for row in corpus for image in row["image_ids"]})
    assert numbers.questions == Counter((row["of"], row["dataset"]) for row in qa)
    assert numbers.verified == (0, len(qa))
    assert numbers.negatives == Counter(len(row["negative_ids"]) for row in triplets)
    found = {(one.stage, one.reason, one.item_type): one.count for one in numbers.reasons}
    assert found == Counter((row["stage"], row["reason"], row["item_type"]) for row in ledger)
    assert numbers.tokens.total == numbers.images_of_document.total == len(corpus)
    images = Counter(len(row["image_ids"]) for row in corpus)
    assert dict(zip(numbers.images_of_document.labels, numbers.images_of_document.counts, strict=True)) == {
        str(number): images[number] for number in range(max(images) + 1)
    }


def test_scores_and_ranks_equal_those_of_the_rows(numbers: Numbers, built_sample: Path) -> None:
    triplets = rows_of(built_sample, "triplets")
    first = [next(p for p in row["positives"] if p["doc_id"] == row["positive_id"]) for row in triplets]
    assert numbers.ranks.counts[0] == sum(one["rank"] == 1 for one in first)
    assert numbers.ranks.total == len(triplets)
    gaps = [1 - max(row["negative_scores"]) / one["score"] for row, one in zip(triplets, first, strict=True)]
    bins = Counter(min(int(gap // 0.05), 19) if gap >= 0 else -1 for gap in gaps)
    assert (numbers.gaps.below, sum(numbers.gaps.counts)) == (bins[-1], len(gaps) - bins[-1])
    differ = sum(abs(count - bins[number]) for number, count in enumerate(numbers.gaps.counts))
    assert differ <= 2  # single and double precision part at an edge
    for row in numbers.difficulty:
        ranks = [one["rank"] for one, own in zip(first, triplets, strict=True) if own["of"] == row.split]
        assert (row.triplets, row.found, row.first) == (len(ranks), len(ranks), ranks.count(1))
        assert row.mrr == pytest.approx(sum(1 / rank for rank in ranks) / len(ranks))


def test_negatives_that_hold_the_answer(numbers: Numbers, built_sample: Path) -> None:
    def folded(text: str) -> str:
        return f" {re.sub(r'[^a-z0-9]+', ' ', text.lower()).strip()} "

    texts = {row["doc_id"]: folded(row["text"]) for row in rows_of(built_sample, "corpus")}
    searched = [row for row in rows_of(built_sample, "triplets") if row["negative_ids"] and row["answers"]]
    holding = [
        row
        for row in searched
        if any(folded(answer) in texts[one] for one in row["negative_ids"] for answer in row["answers"])
    ]
    assert numbers.holding == {"nyxqa": (len(holding), len(searched))}
    found = {row[2] for row in _values(built_sample, queries.HOLDING_ROWS)}
    assert found == {row["query_id"] for row in holding}


@pytest.mark.parametrize(
    ("answer", "text", "holds"),
    [
        ("Paris", "It is PARIS, of course.", True),
        ("art", "a part of it", False),
        ("yes", "yes it is", False),
        ("35 mm", "a 35-mm film", True),
        ("\u6771\u4eac", "\u65e5\u672c\u306e\u9996\u90fd\u306f\u6771\u4eac\u3067\u3059\u3002", True),
        ("?!", "what?!", False),
    ],
)
def test_an_answer_is_sought_word_for_word(dataset: Path, answer: str, text: str, holds: bool) -> None:
    query = read(dataset, "triplets", "test")[0]

    def one_answer(rows: list[Row]) -> None:
        rows[0]["answers"] = [answer]

    def one_text(rows: list[Row]) -> None:
        for row in rows:
            row["text"] = text if row["doc_id"] == query["negative_ids"][0] else "nothing"

    rewrite(dataset, "triplets", "test", one_answer)
    rewrite(dataset, "corpus", "web", one_text)
    found = {row[2] for row in _values(dataset, queries.HOLDING_ROWS)}
    assert (query["query_id"] in found) is holds


def test_examples_have_the_text_of_what_was_dropped(numbers: Numbers) -> None:
    questions = next(one for one in numbers.reasons if one.reason == "too_few_distractors")
    assert len(questions.examples) == 3
    assert questions.examples[0].detail in ("0 of 3 wrong options found", "1 of 3 wrong options found", "2 of 3 wrong options found")  # fmt: skip # noqa: E501
    assert all(len(one.text) > 30 and ": " in one.text for one in questions.examples)
    images = next(one for one in numbers.reasons if one.item_type == "image")
    assert (images.counted, {one.text for one in images.examples}) == (False, {""})


def test_a_page_holds_no_script_and_nothing_from_elsewhere(page: str) -> None:
    assert "<script" not in page
    assert re.findall(r"""(?:src|href)=["'](?!data:,)[^"']*""", page) == []
    assert "url(" not in css()
    assert " style=" not in page
    assert len(page.encode()) < 200_000


def test_a_stage_loses_its_own_share(page: str, numbers: Numbers) -> None:
    entry = next(one for one in numbers.stages if one.name == "choices" and one.split == "train")
    funnel = next(text for name, text, _ in sections(page) if name == "funnel")
    assert f"choices {entry.rows_in:,} questions {MINUS}{entry.dropped:,} → {entry.rows_out:,}" in funnel
    assert TIMES in funnel  # chunk and synthesize fan out


def test_the_training_signal_stands_beside_bm25(dataset: Path) -> None:
    assert compute_numbers(dataset).unmeasured == "not measured yet; run nyxqa check"
    write_report(dataset, {TRAINING_SIGNAL: SIGNAL, "findings": []})
    measured = {name: text for name, text, _ in sections(write_page(dataset).read_text())}
    assert "+0.43 MRR tiny over shuffled positives (+0.38 to +0.47): 0.89; BM25 0.90" in measured["tile-signal"]
    assert "0.885" in measured["signal"]
    assert "Over shuffled positives +0.430 (+0.381 to +0.470)" in measured["signal"]
    rewrite(dataset, "ledger", "rows", lambda rows: rows[1:])
    assert compute_numbers(dataset).unmeasured == "measured on other data; run nyxqa check"


def test_an_equal_page_is_not_written_again(dataset: Path) -> None:
    path = write_page(dataset)
    before = path.stat().st_mtime_ns
    assert write_page(dataset) == dataset / PAGE
    assert path.stat().st_mtime_ns == before


def test_links_of_an_app_are_escaped(numbers: Numbers) -> None:
    body = render_body(numbers, lambda one: f"/drops/{one.stage}/{one.reason}?a=1&b=\"'<")
    assert "?a=1&amp;b=&#34;&#39;&lt;" in body
    assert "<style" not in body


def test_hostile_text_stays_text(chromium: Chromium, hostile: Path) -> None:
    with chromium.visit(hostile) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        visit.page.wait_for_timeout(300)
        shown = visit.page.inner_text("main")
        elements = visit.page.evaluate("[...document.querySelectorAll('body *')].map(one => one.localName)")
    assert (visit.ran, visit.foreign, visit.errors) == ([], [], [])
    assert not {"script", "iframe", "img", "object", "textarea", "style"} & set(elements)
    for name in ("script", "img", "svg", "iframe", "template"):
        assert HOSTILE[name].split()[0] in shown, name
    assert "{{ 7 * 7 }}" in shown
    assert "report⟨U+202E⟩gpj.exe" in shown
    assert "escape ⟨U+001B⟩]0;title⟨U+0007⟩" in shown
    assert hostile.stat().st_size < 2_000_000


def test_the_browser_would_tell(chromium: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<body>" + " ".join(HOSTILE.values()))
    with chromium.visit(page) as visit:
        visit.page.wait_for_timeout(300)
    assert {"script", "img", "svg", "iframe", "breakout"} <= set(visit.ran)
    assert f"{FOREIGN}/img.png" in visit.foreign


@pytest.mark.parametrize("width", [400, 1400])
def test_a_page_is_as_wide_as_its_window(chromium: Chromium, hostile: Path, width: int) -> None:
    with chromium.visit(hostile, width=width, dark=width == 400) as visit:
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert wide <= width
    assert background == ("rgb(20, 23, 29)" if width == 400 else "rgb(251, 251, 250)")
