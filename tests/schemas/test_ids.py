"""Ids, as literals: other people's code and published sets stand on them."""

from __future__ import annotations

import pytest

from nyxqa.schemas import ids
from nyxqa.schemas.chance import chance, keyed_hash

PICTURE = "2cea274d0bedc39ec4ab6ba9e59ec889e3ed6fb56a1cf088a64d9b383378dc97"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ids.image_id(b"picture"), PICTURE),
        (ids.doc_id("caf\u00e9 <|image|>", [PICTURE]), "be9ad24afa86f5747b9ccb74a3552e6b"),
        (ids.doc_id("", []), "e659ae2dcb57ac6e48f16d7b749cfdf3"),
        (ids.page_id_of_url("HTTPS://Example.org:443/a?b=1#top"), "b082734065d3b819fca660f55c3a32e8"),
        (ids.page_id_of_path("a/b.html"), "65ba5950ee05e1d84f157549c43a4e0d"),
        (ids.page_id_of_path("a/b.jsonl", 3), "cf7dd64b0246ed04a2c0f948e4fa2fe1"),
        (ids.page_id_of_passage("wiki", "17"), "e651d319b39887a4b52f9f3a99bba3ed"),
        (ids.qa_id("Who is <|image|>?", [PICTURE], "Ada", "d" * 32), "c5cb768f4cdf71c7809982f7bd2e0e01"),
        (ids.qa_id("Who?", [], "Ada", "d" * 32), "505c936686440c12c9278e993a0f1bf9"),
        (ids.query_id("hotpotqa", "5a8b57f2"), "c145191d914055ad75c10519ca88ff8f"),
        (ids.query_id("mmeb/OK-VQA", 12), "2f7d193887c78a07c7cea2aab55d84b9"),
        (ids.query_id("x", "12"), "d8ef980686ed4e361ca9ad2ab08fc0a4"),
        (ids.short_hash("prompt"), "cf07194ee232"),
    ],
)
def test_vectors(found: str, expected: str) -> None:
    assert found == expected


def test_composed_and_decomposed_text_is_one_document() -> None:
    assert ids.doc_id("cafe\u0301", []) == ids.doc_id("caf\u00e9", [])


def test_fields_do_not_run_into_each_other() -> None:
    assert ids.qa_id("ab", [], "c", "d") != ids.qa_id("a", [], "bc", "d")
    assert ids.doc_id("a", ["b", "c"]) != ids.doc_id("a", ["bc"])
    assert ids.query_id("a", 1) != ids.query_id("a", "1")
    assert ids.page_id_of_path("a", 1) != ids.page_id_of_path("a1")
    assert ids.doc_id("", []) != ids.doc_id("0", [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://EXAMPLE.org:80/Path?Q=1#part", "http://example.org/Path?Q=1"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("http://example.org:443/", "http://example.org:443/"),
        (" https://user:Pass@Example.org/x ", "https://user:Pass@example.org/x"),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
    ],
)
def test_urls_become_canonical(url: str, expected: str) -> None:
    assert ids.canonical_url(url) == expected
    assert ids.canonical_url(expected) == expected


@pytest.mark.parametrize("url", ["", "example.org/x", "/x", "mailto:a@example.org", "http://a:port/", "http://[1/"])
def test_what_is_no_absolute_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        ids.canonical_url(url)


def test_lots_depend_on_seed_stage_and_item_alone() -> None:
    assert keyed_hash(42, "split", "abc") == 11231739336628777942
    assert chance(42, "split", "abc") == 0.6088738094781909
    assert len({keyed_hash(seed, stage, item) for seed in (1, 2) for stage in ("a", "b") for item in ("x", "y")}) == 8
    drawn = [chance(42, "sample", str(i)) for i in range(4000)]
    assert 0 <= min(drawn) < max(drawn) < 1
    assert sum(drawn) / len(drawn) == pytest.approx(0.5, abs=0.02)
