"""Images of pages as browsers load them."""

from __future__ import annotations

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import read_html
from nyxqa.builders.sources.image_candidates import is_placeholder, srcset_references
from tests.support.ingest import shown

DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def page(html: str, head: str = "", files: frozenset[str] = frozenset()) -> list[dict[str, object]]:
    text = f"<html><head>{head}</head><body><h1>Mill</h1><p>The mill stands by the river.</p>{html}</body></html>"
    return read_html(text.encode(), TextCleaner(), files.__contains__).parts


def images(html: str, head: str = "", files: frozenset[str] = frozenset()) -> list[str]:
    return [line[1:-1] for line in shown(page(html, head, files)) if line.startswith("<")]


@pytest.mark.parametrize(
    "html",
    [
        '<img src="mill.jpg">',
        '<img src="loader.gif" data-src="mill.jpg">',
        f'<img src="{DOT}" data-original="mill.jpg">',
        '<img data-lazy="mill.jpg">',
        '<img src="low.jpg" data-full-src="mill.jpg">',
        '<img src="blank.png" data-photo="mill.jpg">',
        f'<img src="{DOT}" data-picture-set="mill.jpg 640w">',
        f'<img src="{DOT}" srcset="mill.jpg 300w">',
        f'<img src="{DOT}" srcset="{DOT}" data-srcset="mill-300.jpg 300w, mill.jpg 900w">',
        '<img src="" sizes="50vw" srcset="mill-300.jpg 300w,mill.jpg 1200w,huge.jpg 6000w">',
        '<img src="small.jpg" srcset="mill.jpg 2x">',
        f'<img src="{DOT}"><noscript><img src="mill.jpg"></noscript>',
        f'<div><span><img src="{DOT}"></span></div><noscript><p><img src="mill.jpg" alt="Mill"></p></noscript>',
        f'<noscript><img src="mill.jpg"></noscript><img class="lazy" src="{DOT}">',
        '<noscript><img src="mill-300x200.jpg"></noscript><img data-src="mill.jpg">',
        '<noscript><img src="mill.jpg" alt="Mill"></noscript><p>The sluice.</p>',
        '<img src="mill.jpg"><noscript><img src="count.gif" width="1" height="1"></noscript>',
        '<picture><source srcset="mill.jpg"><img alt="Mill"></picture>',
        f'<picture><source data-srcset="mill.jpg 2x"><img src="{DOT}"></picture>',
        '<picture><source media="(max-width: 600px)" srcset="s.jpg">'
        '<source media="(min-width: 900px)" srcset="mill.jpg"><img src="m.jpg"></picture>',
        '<picture><source type="image/svg+xml" srcset="x.svg"><source srcset="mill.jpg"></picture>',
        '<amp-img src="mill.jpg" width="3" height="2"></amp-img>',
        '<amp-img srcset="mill.jpg 1x"><noscript><img src="other.jpg"></noscript></amp-img>',
        '<object data="mill.jpg" type="image/jpeg">Mill</object>',
        '<object data="mill.svg" type="image/svg+xml"><img src="mill.jpg"></object>',
        '<button type="button" class="lightbox"><img src="mill.jpg"></button>',
        '<figure data-src="mill.jpg"></figure>',
        '<span data-src="mill.jpg" data-alt="Mill"></span>',
        '<img src="mi\nll.jpg">',
        '<img src=" mill.jpg\t">',
    ],
)
def test_each_way_of_loading_a_picture_shows_it_once(html: str) -> None:
    assert images(html) == ["mill.jpg"]


def test_files_of_the_source_win_over_addresses_in_the_web() -> None:
    saved = '<img src="page_files/mill.jpg" srcset="https://e.org/mill-2000.jpg 2000w, https://e.org/mill.jpg 500w">'
    assert images(saved, files=frozenset(("page_files/mill.jpg",))) == ["page_files/mill.jpg"]
    assert images(saved) == ["https://e.org/mill-2000.jpg"]


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        ("/html/2/", "a.png", "/html/2/a.png"),
        ("../", "img/a.png", "../img/a.png"),
        ("img/index.html", "a.png", "img/a.png"),
        ("/html/2/", "/a.png", "/a.png"),
        ("https://e.org/x/y.html", "a.png", "https://e.org/x/a.png"),
        ("//e.org/x/", "../a.png", "https://e.org/a.png"),
        ("https://e.org/x/", "/a.png", "https://e.org/a.png"),
        ("https://e.org/x/", "//f.org/a.png", "//f.org/a.png"),
        ("https:\\\\e.org\\x\\", "a.png", "https://e.org/x/a.png"),
        ("data:text/plain,x", "a.png", "a.png"),
        ("https://[e.org/", "a.png", "a.png"),
        ("", "img\\a.png", "img/a.png"),
        ("", "http:\\\\e.org\\a.png", "http://e.org/a.png"),
        ("", "a.png?x=1\\2", "a.png?x=1\\2"),
    ],
)
def test_references_are_resolved_as_browsers_do(base: str, reference: str, expected: str) -> None:
    head = f'<base target="_top"><base href="{base}"><base href="/other/">' if base else ""
    assert images(f'<img src="{reference}">', head) == [expected]


@pytest.mark.parametrize(
    ("html", "caption", "origin"),
    [
        (
            '<figure><img src="a.png" alt="Figure 1"><figcaption>The <b>old</b> mill</figcaption></figure>',
            "The old mill",
            "figure",
        ),
        ('<div class="figure"><a><img src="a.png"></a><p class="caption">The mill</p></div>', "The mill", "figure"),
        (
            '<div class="wp-caption"><img src="a.png"><p class="wp-caption-text">The mill</p></div>',
            "The mill",
            "figure",
        ),
        ('<img src="a.png" alt="The mill" title="A title">', "The mill", "alt"),
        ('<img src="a.png" alt="a.png" title="A title">', "A title", "title"),
        ('<img src="a.png">', "", ""),
        ('<object data="a.png" type="image/png">The mill</object>', "The mill", "alt"),
    ],
)
def test_captions_say_what_they_were(html: str, caption: str, origin: str) -> None:
    (part,) = [part for part in page(html) if part["image"]]
    assert (part["caption"], part["caption_origin"]) == (caption, origin)


def test_the_caption_of_several_images_serves_those_without_words() -> None:
    html = '<figure><img src="a.png" alt="The wheel"><img src="b.png"><figcaption>The mill</figcaption></figure>'
    parts = [part for part in page(html) if part["image"]]
    assert [(part["caption"], part["caption_origin"]) for part in parts] == [
        ("The wheel", "alt"),
        ("The mill", "figure"),
    ]


def test_placeholders_are_told_from_pictures() -> None:
    for name in ("blank.gif", "/img/1x1.png", "spacer-10x10.gif", "lazy_placeholder.svg?v=2", DOT, "about:blank", ""):
        assert is_placeholder(name)
    for name in ("grey-heron.jpg", "loading-dock.png", "pixel-art.gif", "2024.jpg", "a.png"):
        assert not is_placeholder(name)


def test_srcsets_give_the_largest_sensible_first() -> None:
    assert srcset_references(" a.png , b.png 2x,c.png 9x ") == ["b.png", "a.png", "c.png"]
    assert srcset_references("a,b.png 100w, data:image/png;base64,AA 50w") == ["a,b.png", "data:image/png;base64,AA"]
    assert srcset_references(", ,") == []


def test_many_images_take_time_linear_in_their_number() -> None:
    """Each would take minutes if an image looked at all others of its picture, figure or page."""
    figure = "<figure>" + '<img src="a.png">' * 4_000 + "</figure>"
    picture = "<picture>" + '<source srcset="a.png"><img>' * 4_000 + "</picture>"
    nested = '<div data-src="a.png">' * 4_000
    for html, count in ((figure, 4_000), (picture, 4_000), (nested, 1)):
        assert len(images(html)) >= count or html is nested
    assert len(srcset_references("a.png 1w," * 100_000)) == 100_000


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ('<figure style="background-image: url(a.png)"></figure>', ["a.png"]),
        ("<div class='hero' style=\"background:#fff url('a.jpg?w=9') no-repeat\"></div>", ["a.jpg?w=9"]),
        (
            '<div class="gallery-item"><a class="gallery-photo" style="background-image:url(a.png)"></a></div>',
            ["a.png"],
        ),
        ('<div role="img" aria-label="The mill" style="background-image:url(&quot;a.png&quot;)"></div>', ["a.png"]),
        ('<div class="cover" style="background-image:url(a.png)">\n<h2>The mill</h2></div>', ["a.png"]),
        ('<div class="thumb lazy" data-bg="a.png"></div>', ["a.png"]),
        # Decoration: behind a text, an icon, or a placeholder.
        ('<div style="background-image:url(a.png)"><p>Behind a text.</p></div>', []),
        ('<span class="icon" style="background:url(a.png)"></span>', []),
        ('<div class="hero" style="background:url(spacer.gif)"></div>', []),
        ('<div class="hero" style="background:linear-gradient(red, blue)"></div>', []),
        ('<svg viewBox="0 0 9 9"><title>The mill</title><image href="a.png" width="9"/></svg>', ["a.png"]),
        ('<svg><image xlink:href="a.png"></image></svg>', ["a.png"]),
        ('<svg><path d="M0 0"/><use href="#icon"/></svg>', []),
        ('<video poster="a.jpg" controls><source src="a.mp4">No video here.</video>', ["a.jpg"]),
        ("<video><source src='a.mp4'></video>", []),
        ('<form><input type="image" src="a.png" alt="Search"></form>', []),
    ],
)
def test_backgrounds_posters_and_drawings_that_are_pictures_of_the_content(html: str, shown: list[str]) -> None:
    assert images(html) == shown


def test_pictures_without_an_image_element_are_captioned() -> None:
    html = (
        '<div role="img" aria-label="The mill" style="background-image:url(a.png)"></div>'
        "<svg><title>The wheel</title><image href=b.png /></svg>"
        '<figure><video poster="c.png"></video><figcaption>The pump</figcaption></figure>'
    )
    found = [(part["image"], part["caption"], part["caption_origin"]) for part in page(html) if part["image"]]
    assert found == [("a.png", "The mill", "alt"), ("b.png", "The wheel", "alt"), ("c.png", "The pump", "figure")]
