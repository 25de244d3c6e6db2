"""What is read of an HTML page."""

from __future__ import annotations

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import HtmlPage, RefusedHtmlError, read_html
from tests.support.ingest import shown


def read(html: str | bytes) -> HtmlPage:
    return read_html(html if isinstance(html, bytes) else html.encode(), TextCleaner())


def lines(html: str | bytes) -> list[str]:
    return shown(read(html).parts)


def test_a_page_in_order() -> None:
    page = read(
        """<!doctype html><html lang="en-GB"><head><title> How &amp;
        why </title><style>p {}</style></head><body>
        <header><a href="/">Site</a></header><nav><ul><li>Home</li></ul></nav>
        <main><h1>How<a class="headerlink" href="#">\u00b6</a></h1>
        <p>First <b>bold</b>
        text<br>and more.</p><ul><li>one</li><li><p>two <i>it</i></p></li></ul>
        <p>After <img src="a.png" alt=" A  cat "> it.</p>
        <h2>Code</h2><pre>def f():
    return  1</pre><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td><p>2</p></td></tr></table>
        <script>x()</script><form><input><button>Go</button></form></main>
        <aside>Related</aside><footer>Imprint</footer></body></html>"""
    )
    assert (page.title, page.language) == ("How & why", "en-GB")
    assert shown(page.parts) == [
        "How\n\nFirst bold text\nand more.\n- one\n- two it\n\nAfter",
        "<a.png>",
        "it.",
        "Code\n\ndef f():\n    return  1\na | b\n1 | 2",
    ]
    assert [part["section"] for part in page.parts] == ["How", "How", "How", "Code"]
    assert page.parts[1]["caption"] == "A cat"


@pytest.mark.parametrize(
    "around",
    [
        "<nav>Menu</nav>{}<footer>Menu</footer>",
        "<div role='navigation'>Menu</div>{}",
        "<div class='x sphinxsidebar'>Menu</div>{}",
        "<div hidden>Menu</div>{}<p style='color:red; display : none'>Menu</p>",
        "<p>Menu</p><main>{}</main>Menu",
        "<p>Menu</p><article>{}</article>",
        "<div>Menu</div><div class='document wide'>{}</div>",
        "<div>Menu</div><div id='content'>{}</div>",
        "<main></main>{}",
        "<a rel='nofollow next' href='x'>Menu</a>{}",
        "<div class='contents local topic'>Menu</div>{}",
        "<svg><text>Menu</text></svg><noscript>Menu</noscript><template>Menu</template><select><option>Menu</select>{}",
    ],
)
def test_what_is_around_the_content_goes(around: str) -> None:
    assert lines(f"<body>{around.format('<p>Content, at last.</p>')}</body>") == ["Content, at last."]


@pytest.mark.parametrize(
    ("image", "reference", "caption"),
    [
        ("<img src='a.png' title=' T '>", "a.png", "T"),
        ("<img data-src='b.png' alt=''>", "b.png", ""),
        ("<img src='data:image/gif;base64,AA' data-src='b.png'>", "b.png", ""),
        ("<img src='data:image/gif;base64,AA'>", "data:image/gif;base64,AA", ""),
        ("<img srcset='c.png 1x, d.png 2x'>", "d.png", ""),
        ("<img src='a.png' alt='../_images/plot_1.png'>", "a.png", ""),
        ("<figure><img src='a.png'><figcaption>Two <b>cats</b></figcaption></figure>", "a.png", "Two cats"),
        ("<figure><img src='a.png' alt='x.jpg'><figcaption>F</figcaption></figure>", "a.png", "F"),
    ],
)
def test_images(image: str, reference: str, caption: str) -> None:
    part = read(f"<p>{image}</p>").parts[0]
    assert (part["image"], part["caption"], part["text"]) == (reference, caption, None)


def test_an_image_without_reference_is_none() -> None:
    assert lines("<p>a<img alt='nothing'>b</p>") == ["ab"]


def test_text_after_what_is_removed_stays() -> None:
    assert lines("<p>a <script>x</script>b<sup class='reference'>[1]</sup>. c <button>x</button> d</p>") == ["a b. c d"]
    assert lines("<p>2<sup>32</sup>, the 1<sup>st</sup>, a mark <a class='footnote-reference'>1</a>.</p>") == [
        "2^32, the 1st, a mark."
    ]


def test_layout_tables_are_no_rows() -> None:
    html = (
        "<table><tr><td><h2>Left</h2><p>one</p></td><td><table><tr><td>1</td><td>2</td></tr></table></td></tr></table>"
    )
    assert lines(html) == ["Left\n\none\n1 | 2"]


def test_definitions_and_citations() -> None:
    html = """<dl><dt>x<span class="classifier">int</span></dt><dd><p>Its side.</p></dd></dl>
    <dl><dt class="label"><span>7</span></dt><dd><p>A book.</p></dd></dl>"""
    assert lines(html) == ["x : int\nIts side.\n[7] A book."]


def test_control_characters_do_not_end_the_page() -> None:
    cleaner = TextCleaner()
    page = read_html(b"<p>a\x00b</p><p>c&#0;d <|image|> e</p>", cleaner)
    text = shown(page.parts)[0]
    assert text.startswith("ab\n\nc")
    assert text.endswith("d e")
    assert (cleaner.placeholders, cleaner.replaced >= 1) == (1, True)


@pytest.mark.parametrize("html", ["", "   ", "<html></html>", "<body><nav>x</nav></body>", "\x00", "<!-- x -->"])
def test_empty_pages(html: str) -> None:
    assert lines(html) == []


def test_no_html_at_all_is_text() -> None:
    assert lines("just text") == ["just text"]


def test_deep_and_long_pages() -> None:
    assert lines("<div>" * 2000 + "deep" + "</div>" * 2000) == ["deep"]
    assert lines("<div>" * 100_000 + "deep") == ["deep"]
    assert lines("<table>" * 5000 + "deep") == ["deep"]
    assert len(lines("".join(f"<p>{n}</p><img src='{n}.png'>" for n in range(500)))) == 1000


def test_unclosed_elements_that_a_parser_repeats_without_end_are_refused() -> None:
    page = "".join(f"<p><b id={n}>" for n in range(9000))
    with pytest.raises(RefusedHtmlError, match="too_large: elements that are not closed") as refused:
        read(page)
    assert refused.value.reason == "too_large"
    assert lines("".join(f"<p><b id={n}>x</b>" for n in range(9000)))[0].startswith("x\n\nx\n\n")


@pytest.mark.parametrize(("lang", "expected"), [("de", "de"), ("pt_BR", "pt-BR"), ("", None), ("<script>", None)])
def test_language(lang: str, expected: str | None) -> None:
    assert read(f'<html lang="{lang}"><p>x</p></html>').language == expected


@pytest.mark.parametrize("title", ["Radon transform \u2014 docs v0.19", "Docs | Radon transform", "radon Transform"])
def test_the_name_of_the_site_is_no_part_of_the_title(title: str) -> None:
    page = read(f"<html><head><title>{title}</title></head><body><h1>Radon transform</h1><p>Text.</p></body></html>")
    assert page.title == "Radon transform"


def test_bytes_that_fit_no_charset_are_counted() -> None:
    cleaner = TextCleaner()
    page = read_html("<meta charset=utf-8><p>\u00e9\u00e8\u00ea".encode() + b"a\xffb", cleaner)
    assert page.parts[0]["text"] == "\u00e9\u00e8\u00eaa\ufffdb"
    assert cleaner.replaced == 1
    assert read_html(b"<meta charset=utf-8><p>caf\xe9", cleaner).parts[0]["text"] == "caf\u00e9"
    assert cleaner.replaced == 1
