"""Crafted HTML pages, each with its expected end: text, or the reason of its ledger row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import RefusedHtmlError, read_html

WORDS = "The tower of the town was built of stone in 1310 and still stands near the river today."


def page(body: str, head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>".encode("utf-8", "surrogatepass")


def article(body: str) -> bytes:
    return page(f"<p>{WORDS}</p>{body}")


# Pages whose text must hold WORDS once, and of which nothing but text is wanted.
READ: dict[str, Callable[[], bytes]] = {
    "plain": lambda: article(""),
    "never closed": lambda: f"<p>{WORDS}".encode(),
    "5,000 open divs": lambda: ("<div>" * 5000 + f"<p>{WORDS}</p>").encode(),
    "5,000 ends of nothing": lambda: article("</div>" * 5000),
    "5,000 navs": lambda: article("<nav>a</nav>" * 5000),
    "5,000 line numbers": lambda: article("<pre>" + "<span class=ln>1</span>x\n" * 5000 + "</pre>"),
    "20,000 attributes": lambda: article("<p " + " ".join(f"a{i}=1" for i in range(20_000)) + ">more</p>"),
    "an attribute of 1 MB": lambda: article(f"<p title='{'a' * 1_000_000}'>more</p>"),
    "a name of 100 kB": lambda: article(f"<{'x' * 100_000}>more"),
    "a comment without an end": lambda: article("<!-- "),
    "10,000 comments": lambda: article("<!--a-->" * 10_000),
    "a script without an end": lambda: article("<script>"),
    "a style without an end": lambda: article("<style>"),
    "a script that writes": lambda: article("<script>document.write('secret')</script>"),
    "an entity bomb": lambda: b"<!DOCTYPE a [<!ENTITY b 'cc'><!ENTITY d '&b;&b;'>]>" + article("&d;"),
    "an external entity": lambda: b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>" + article("&b;"),
    "a declaration of XML": lambda: b"<?xml version='1.0' encoding='utf-8'?>" + article(""),
    "10,000 entities": lambda: article("&amp;" * 10_000),
    "an entity of no character": lambda: article("&#0;&#x110000;&#xd800;&bogus;"),
    "zeros": lambda: article("a\0b"),
    "escape characters": lambda: article("\x1b[2J\x07"),
    "surrogates": lambda: article("\ud800"),
    "broken UTF-8": lambda: article("") + b"\xff\xfe\xfa",
    "an unknown charset": lambda: page(f"<p>{WORDS}</p>", "<meta charset=martian>"),
    "a charset that is a program": lambda: page(f"<p>{WORDS}</p>", "<meta charset='unicode_escape'>"),
    "a charset that is no text": lambda: page(f"<p>{WORDS}</p>", "<meta charset=zip>"),
    "a charset of idna": lambda: page(f"<p>{WORDS}</p>", "<meta charset=idna>"),
    "a base that is no URL": lambda: page(f"<p>{WORDS}</p>", "<base href='http://[::1'>"),
    "a literal placeholder": lambda: article("<p>a <|image|> b</p>"),
    "a nested placeholder": lambda: article("<p>&lt;|im&lt;|image|&gt;age|&gt;</p>"),
    "2,000 images": lambda: article("<img src=a.png>" * 2000),
    "an image of no source": lambda: article("<img><img src=''><img src=' '>"),
    "an image of a bad URL": lambda: article("<img src='http://[::1'><img src='//'><img src='http://a:99999/'>"),
    "a srcset of 10,000": lambda: article("<img srcset='" + ", ".join(f"a{i}.png {i}w" for i in range(10_000)) + "'>"),
    "200 tables in each other": lambda: article("<table><tr><td>" * 200),
    "a row of 5,000 cells": lambda: article("<table><tr>" + "<td>1" * 5000 + "</table>"),
    "a cell over a billion columns": lambda: article("<table><tr><td colspan=1000000000 rowspan=1000000000>1</table>"),
    "1,000 lists in each other": lambda: article("<ul><li>" * 1000),
    "1,000 bold in each other": lambda: article("<b>" * 1000 + "x"),
    "1,000 links in each other": lambda: article("<a href=x>" * 1000 + "x"),
    "forms in forms": lambda: article("<form>" * 1000),
    "frames": lambda: article("<iframe src='file:///etc/passwd'></iframe>"),
    "an object": lambda: article("<object data='file:///etc/passwd'></object>"),
    "a template": lambda: article("<template><p>hidden</p></template>"),
    "a noscript": lambda: article("<noscript><img src='http://127.0.0.1/'></noscript>"),
    "math": lambda: article("<math><mi>" * 500),
    "svg": lambda: article("<svg><foreignObject><p>x</p></foreignObject></svg>"),
    "plaintext": lambda: article("<plaintext>rest"),
    "words without spaces": lambda: article(f"<p>{'a' * 300_000}</p>"),
    "combining characters": lambda: article("<p>e" + "\u0301" * 20_000 + "</p>"),
}


def text_of(data: bytes) -> str:
    parts = read_html(data, TextCleaner()).parts
    return "\n".join(part["text"] for part in parts if part["text"] is not None)


@pytest.mark.parametrize("make", READ.values(), ids=READ.keys())
def test_read(make: Callable[[], bytes]) -> None:
    text = text_of(make())
    assert text.count(WORDS) == 1
    for never in ("<|image|>", "root:x:", "\0", "\x1b", "secret"):
        assert never not in text


@pytest.mark.parametrize("data", [b"", b" ", b"\0" * 1000, b"<html>", b"<!DOCTYPE html>", b"\xef\xbb\xbf", b"</p>"])
def test_pages_of_nothing_have_no_parts(data: bytes) -> None:
    assert [part for part in read_html(data, TextCleaner()).parts if (part["text"] or "").strip()] == []


def test_what_a_parser_would_multiply_is_refused_or_read() -> None:
    """Each unclosed formatting element is opened again in each paragraph, as the standard wants."""
    try:
        text = text_of(page("<font a=1>" + "".join(f"<p><b id={i}><i id={i}>x" for i in range(150))))
    except RefusedHtmlError as error:
        assert error.reason and "\n" not in error.detail
    else:
        assert text.count("x") == 150
