"""Work that grows with the size of a page and no faster, counted in calls and not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.sources import html_tree
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import RefusedHtmlError, read_html
from tests.support.ingest import encoded, picture

WORDS = "The tower of the town was built of stone in 1310 and still stands near the river today."

PAGES: dict[str, Callable[[int], str]] = {
    "navs": lambda n: "<nav>a</nav> b " * n,
    "line numbers": lambda n: "<pre>" + "<span class=linenos>1</span>x = 1\n" * n + "</pre>",
    "anchor signs": lambda n: "<h2>Head<a class=headerlink href=#x>\u00b6</a></h2>" * n,
    "attributes": lambda n: "<p " + " ".join(f"a{i}=1" for i in range(n)) + ">x</p>",
    "open divs": lambda n: "<div>" * n,
    "ends of nothing": lambda n: "</div></p>" * n,
    "cells": lambda n: "<table><tr>" + "<td>1" * n + "</table>",
    "rows": lambda n: "<table>" + "<tr><td>1<td>2" * n + "</table>",
    "items": lambda n: "<ul>" + "<li>one" * n + "</ul>",
    "images": lambda n: "<img src=a.png alt=b>" * n,
    "srcset": lambda n: "<img srcset='" + ", ".join(f"a{i}.png {i + 1}w" for i in range(n)) + "'>",
    "comments": lambda n: "a<!--b-->" * n,
    "entities": lambda n: "&amp;" * n,
    "links": lambda n: "<a href=x>y</a> " * n,
    "line breaks": lambda n: "a<br>" * n,
}


def calls(work: Callable[[], object]) -> int:
    """Calls of Python and C functions in ``work``."""
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("make", PAGES.values(), ids=PAGES.keys())
def test_calls_grow_with_the_page(make: Callable[[int], str]) -> None:
    small, large = (f"<p>{WORDS}</p>{make(n)}".encode() for n in (500, 2000))
    few, many = (calls(lambda data=data: read_html(data, TextCleaner())) for data in (small, large))  # type: ignore[misc]
    assert many < 5 * few + 1000


REPEATED = {
    "two in paragraphs": "<b id={n}><i id={n}><p>x",
    "fonts": "<font size={n}><p>x",
    "in tables": "<table><b id={n}>",
    "small and large": "<big id={n}><small id={n}><li>x",
}


@pytest.mark.parametrize("unit", REPEATED.values(), ids=REPEATED.keys())
def test_what_is_not_closed_is_not_repeated_without_end(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_tree, "FEW_NODES", 20_000)
    page = f"<p>{WORDS}</p>{''.join(unit.format(n=n) for n in range(1000))}".encode()

    def refused() -> None:
        with pytest.raises(RefusedHtmlError, match="too_large: elements that are not closed make more than 2"):
            read_html(page, TextCleaner())

    assert calls(refused) < 300_000


def test_a_page_with_some_elements_that_are_not_closed_is_read() -> None:
    page = "<font size=2><b><font color=red>" + f"<p>{WORDS}</p>" * 2000
    assert len(read_html(page.encode(), TextCleaner()).parts) > 0


MERGED = {
    "many tags": lambda n: "".join(f"<html a{i}=1>" for i in range(n)),
    "many attributes": lambda n: "<p><body " + " ".join(f"a{i}" for i in range(10 * n)) + ">",
    "in quotes": lambda n: '<html a"=">" ' + " ".join(f"a{i}" for i in range(10 * n)) + "><html>",
    "a tag without an end": lambda n: "<html><body " + "a " * 150_000,
}


@pytest.mark.parametrize("make", MERGED.values(), ids=MERGED.keys())
def test_attributes_that_are_merged_are_counted(make: Callable[[int], str]) -> None:
    with pytest.raises(RefusedHtmlError, match=r"too_large: .*(html|body)"):
        read_html(make(1000).encode(), TextCleaner())


def test_pages_one_behind_the_other_are_read() -> None:
    page = f"<html><body class=a><p>{WORDS}</p></body></html>" * 200 + "<html lang=de>"
    read = read_html(page.encode(), TextCleaner())
    assert (read.language, len(read.parts)) == ("de", 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_calls_grow_with_the_segments_of_an_image(kind: str) -> None:
    plain = encoded(picture(), kind)
    more = {
        "JPEG": (2, b"\xff\xfe\0\x06text"),
        "PNG": (33, b"\0\0\0\x04prVttext\xf5\x1b\x1b\x1b"),
        "WEBP": (len(plain), b"PRIV\x04\0\0\0text"),
    }
    place, segment = more[kind]
    few, many = (
        calls(lambda n=n: stored_image(_sized(plain[:place] + segment * n + plain[place:]), 10_000))  # type: ignore[misc]
        for n in (500, 2000)
    )
    assert many < 5 * few + 1000


def _sized(data: bytes) -> bytes:
    """A WebP whose header states its true size; another file as it is."""
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:] if data[:4] == b"RIFF" else data
