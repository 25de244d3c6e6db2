"""Whole pages as content managers, forums, shops and hand-made sites build them: their text stays, the rest goes."""

from __future__ import annotations

import re

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import read_html
from tests.builders.sources.test_html_main import MORE, STORY, page
from tests.support.site_pages import SITE_PAGES


def text(html: str) -> str:
    return "\n".join(part["text"] or "" for part in read_html(html.encode(), TextCleaner()).parts)


@pytest.mark.parametrize("site", SITE_PAGES)
def test_the_text_of_a_site_stays_and_what_is_around_it_goes(site: str) -> None:
    html = SITE_PAGES[site]
    read = text(html)
    expected = set(re.findall(r"KEEP\w+", html.partition("<body")[2]))
    assert len(expected) >= 4
    assert expected - set(re.findall(r"KEEP\w+", read)) == set()
    assert re.findall(r"GONE\w+", read) == []


@pytest.mark.parametrize(
    "kept",
    [
        "<p>All rules hold at night as well, in this order:</p><ul><li><a href='/r/1'>The rules of the upper gate of "
        "Brenna</a></li><li><a href='/r/2'>The rules of the lower gate of Brenna</a></li></ul>",
        "<h2>Links</h2><ul><li><a href='/r/1'>The rules of the upper gate of Brenna</a></li><li><a href='/r/2'>The "
        "rules of the lower gate of Brenna</a></li></ul>",
        "<p><a href='https://gate.example/rules-of-the-upper-gate.pdf'>The rules of the upper gate of Brenna</a></p>",
        "<p><a href='upper.html'>The rules of the upper gate of Brenna</a></p>",
        "<h2>About the author of the rules</h2><p>The rules of the upper gate were written by a baker.</p>",
        "<div class='f'><p>We send the rules of the upper gate.</p><form><input type='email'></form></div>",
    ],
)
def test_links_and_boxes_that_belong_to_the_text_stay(kept: str) -> None:
    html = page(f"<article><h1>The lock</h1><p>{STORY}</p><p>{MORE}</p>{kept}<p>{STORY}</p><p>{MORE}</p></article>")
    assert "rules of the upper gate" in text(html)


def test_a_description_list_loses_terms_whose_description_is_no_content() -> None:
    listed = "<dl><dt>Written</dt><dd class='author-name'>Ada Lind</dd><dt>Length</dt><dd>nine metres</dd></dl>"
    read = text(page(f"<article><h1>The lock</h1><p>{STORY}</p>{listed}<p>{MORE}</p></article>"))
    assert "Written" not in read
    assert "Length" in read
    assert "nine metres" in read


def test_the_page_titles_above_a_layout_table_and_its_columns_stay_while_the_menu_goes() -> None:
    menu = "<td><table><tr><td><b>Menu</b></td></tr><tr><td><a href='/a'>Gates</a> <a href='/b'>Boats</a>"
    menu += "</td></tr></table></td>"
    html = page(
        "<table><tr><td><h1>Locks of the river</h1><h2>The lock at Brenna</h2></td></tr></table>"
        f"<table><tr>{menu}<td><p>{STORY}</p><p>{MORE}</p></td></tr></table>"
    )
    assert text(html).split() == f"Locks of the river The lock at Brenna {STORY} {MORE}".split()


@pytest.mark.parametrize("tag", ["main", "article", "div role='main'"])
def test_hidden_panels_of_tabs_in_an_article_are_read(tag: str) -> None:
    """Docusaurus, sphinx-tabs: all panels but the first have the attribute."""
    html = f"""<body><div role=tabpanel hidden><p>Most read this week in the whole valley of Brenna.</p></div><{tag}>
    <h1>Gates</h1>{STORY}<div class=tabs-container><ul role=tablist class=tabs><li role=tab>Linux</li><li role=tab>Mac
    </li></ul><div role=tabpanel class=tabItem_x><p>Open the KEEPone gate.</p></div><div role=tabpanel hidden>
    <pre>close --KEEPtwo</pre></div></div><p hidden>Not for GONEthree readers.</p></{tag.split()[0]}></body>"""
    read = text(html)
    assert "KEEPone" in read and "KEEPtwo" in read
    assert "GONEthree" not in read and "Most read" not in read


@pytest.mark.parametrize("name", ["language-", "language-js codeBlock_x", "languages-all toolbar"])
def test_listings_that_name_their_language_are_read(name: str) -> None:
    """VitePress, Prism: it is no menu of languages."""
    listing = f"<div class='{name}'><button></button><span class=lang>js</span><pre><code>open()</code></pre></div>"
    menu = "<div class='language-switcher'><a href='/de/'>Deutsch</a><a href='/fr/'>Fran\u00e7ais</a></div>"
    read = text(f"<body>{menu}<main><h1>Gates</h1>{STORY}{listing}</main></body>")
    assert "open()" in read and "Deutsch" not in read


@pytest.mark.parametrize(
    "banner",
    [
        "<div class='theme-doc-version-banner alert alert--warning' role=alert><div>This is GONEone documentation for "
        "<b>2.0</b>.</div><div>For up-to-date GONEtwo see the <b><a href='/'>latest</a></b></div></div>",
        "<span class='theme-doc-version-badge badge badge--secondary'>Version: GONEone</span>",
        "<div class='bd-header-version-warning warning'><p>This is GONEone for a development version.</p></div>",
        "<div class='md-banner md-banner--warning'><div>You are not viewing the latest GONEone version.</div></div>",
        "<div class='rst-versions'><span>GONEone v: stable</span></div>",
    ],
)
def test_notes_on_the_version_of_a_manual_go(banner: str) -> None:
    note = "<div class='theme-admonition alert--warning'><p>Never open KEEPone gates by night.</p></div>"
    read = text(f"<body><main><article>{banner}<h1>Gates</h1>{STORY}{note}</article></main></body>")
    assert "KEEPone" in read and "GONE" not in read


def test_sections_of_short_parts_with_links_are_no_cards() -> None:
    """Release notes of Sphinx: a section that its heading names, of three parts with links to issues."""
    parts = "".join(
        f"<section id=id{n}><h3>Part {n}</h3><ul><li>The KEEP{n} gate opens (<a href='https://x.example/{n}'>issue "
        f"{n} of the upper gate</a>)</li></ul></section>"
        for n in range(4)
    )
    notes = f"<section id=notes-for-gate-1-1-2><h2>Notes for Gate 1.1.2</h2>{parts}</section>"
    first = f"<section id=gates><h1>Gates</h1>{STORY}</section>"
    read = text(f"<body><div role=main><div>{first}{notes}</div></div></body>")
    assert [n for n in range(4) if f"KEEP{n}" in read] == [0, 1, 2, 3]


def test_tables_of_linked_names_below_a_heading_stay() -> None:
    """gtk-doc: properties and signals, each table in a box of its own."""
    rows = "".join(
        f"<tr><td class=property_type><a href='x#g'>GateKeeperWidget</a></td><td class=property_name><a href='#p{n}'>"
        f"KEEP{n}-is-open</a></td><td class=property_flags>Read / Write</td></tr>"
        for n in range(3)
    )
    table = f"<div class=refsect1><h2>Properties</h2><div class=informaltable><table>{rows}</table></div></div>"
    read = text(f"<body><div class=refentry><h1>Gates</h1>{STORY}{MORE}{table}</div></body>")
    assert [n for n in range(3) if f"KEEP{n}" in read] == [0, 1, 2]


def test_the_name_of_a_page_before_its_column_stays_where_no_heading_says_it() -> None:
    """Doxygen: the name is in a ``div``, and sections begin with h1."""
    body = f"<div class=contents><p>{'The lock keeper writes each level down. ' * 40}</p><h1>Gates</h1>{STORY}</div>"
    html = f"""<head><title>River: KEEPname of locks</title></head><body><div class=top><a href='/'>GONEmenu</a></div>
    <div><div class=header><div class=title>KEEPname of locks</div></div>{body}</div></body>"""
    read = text(html)
    assert "KEEPname" in read and "GONE" not in read
