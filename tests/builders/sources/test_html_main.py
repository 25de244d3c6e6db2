"""Which text of a page is its content: by how much of it an element holds, not by names alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_main import drop_clutter
from nyxqa.builders.sources.html_page import read_html
from nyxqa.builders.sources.html_tree import parse_html

STORY = (
    "The lock at Brenna lifts boats by nine metres and was dug by hand between 1871 and 1878. A keeper lives beside it "
    "and opens the upper gate at seven. In 1902 the gate froze shut for eleven days, and the boats waited "
    "in the lower basin until a baker from the village melted the ice with the coals of his oven."
)
MORE = (
    "Since then a stove stands beside the gate. The keeper's daughter counted 4,120 boats in 1950, and a third of them "
    "carried timber from the hills to the paper mill at Osten, which closed when the railway came. Today the lock is "
    "open to canoes alone, and the stove is lit once a year, on the day on which the gate came free again."
)


def text(html: str) -> str:
    return "\n".join(part["text"] or f"<{part['image']}>" for part in read_html(html.encode(), TextCleaner()).parts)


def page(body: str) -> str:
    return f"<!doctype html><html><head><title>Lock</title></head><body>{body}</body></html>"


@pytest.mark.parametrize(
    "around",
    [
        "<nav><ul><li><div>Start</nav>{}",
        "<aside><table><tr><td>Adverts</aside>{}",
        "<footer><div><span>Press</footer>{}",
        "<button><div>Menu</button>{}",
        "<embed src='a.swf'>{}",
        "<p>A word before.</p></body></html>{}",
        "<p>A word before.</p></body><section>{}</section>",
        "<form action='/' id='Form1'><input name='q'><div class='wrap'>{}</div></form>",
        "<form><main>{}</main></form>",
        "<div class='post share'>{}</div>",
        "<div class='sidebar'>{}</div>",
        "<section class='comments'>{}</section>",
        "<header>{}</header>",
        "<div hidden>{}</div>",
        "<div style='display:none'>{}</div>",
        "{}<h2 id='main'>Today</h2><p>Canoes pass for free.</p>",
        "{}<div class='card'><div class='document'>Bring a towel.</div></div>",
        "<main></main>{}",
        "<main><p>Loading</p></main>{}",
        "{}<article class='teaser'><h3>Ten bridges</h3><p>Read on.</p></article>",
        "{}<article><p>A fine text, thank you for it!</p></article>",
    ],
)
def test_a_name_takes_no_text_along(around: str) -> None:
    read = text(page(around.format(f"<h1>The lock</h1><p>{STORY}</p><p>{MORE}</p>")))
    assert STORY in read
    assert MORE in read
    assert "The lock" in read


@pytest.mark.parametrize(
    "box",
    [
        "<div class='sidebar'><p class='title'>Coal</p><p>{}</p></div>",
        "<aside class='topic'><p>{}</p></aside>",
        "<aside role='note'><p>{}</p></aside>",
        "<aside class='footnote-list'><aside class='footnote' role='doc-footnote'><p>{}</p></aside></aside>",
        "<div class='alert alert-warning' role='alert'><h4>Warning</h4>{}</div>",
        "<div class='sidebarblock'><div class='content'>{}</div></div>",
        "<div class='admonition note'><p>{}</p></div>",
        "<aside class='example'><pre>{}</pre></aside>",
        "<section id='sharing'><h2>Sharing</h2><p>{}</p></section>",
        "<section id='comments'><h2>Comments</h2><p>{}</p></section>",
        "<div class='section' id='related-tools'><h2>Related tools</h2><p>{}</p></div>",
        "<details><summary>More</summary><p>{}</p></details>",
        "<h2><button>Open</button></h2><p>{}</p>",
    ],
)
@pytest.mark.parametrize("main", ["<main><h1>The lock</h1>{}</main>", "<h1>The lock</h1>{}"])
def test_boxes_of_the_text_stay(box: str, main: str) -> None:
    note = "Never open both gates at once, or the basin runs dry."
    read = text(page(main.format(f"<p>{STORY}</p>{box.format(note)}<p>{MORE}</p>")))
    assert read.index(STORY) < read.index(note) < read.index(MORE)


@pytest.mark.parametrize(
    "clutter",
    [
        "<nav><a href='/'>GONE</a></nav>",
        "<ul class='main-menu'><li><a href='/'>GONE</a></li><li><a href='/b'>Boats</a></li></ul>",
        "<div id='comments'><h3>3 comments</h3><p>GONE is what I say to that, and I say it loudly.</p></div>",
        "<div class='related-posts'><h3>Read on</h3><p>GONE with the boats: a mill in eleven pictures.</p></div>",
        "<div class='share-buttons'><a href='x'>GONE</a><a href='y'>Mail</a></div>",
        "<div class='newsletter-signup'><p>GONE are the days without our letter, so leave your address here.</p></div>",
        "<div id='cookie-banner' role='dialog'><p>GONE are the cookies that you do not accept on this page.</p></div>",
        "<footer><p>GONE 2020 the friends of the lock, all rights reserved by them.</p></footer>",
        "<div class='ol sidebar'><h4>Archive</h4><p>GONE are the years that this box lists.</p></div>",
        "<div class='box'><a href='/1'>GONE is the ice</a> <a href='/2'>The mill burns down</a></div>",
        "<div><div class='k'><a href='/1'>GONE</a><p>A line.</p></div>"
        "<div class='k'><a href='/2'>Ice</a><p>A line.</p></div>"
        "<div class='k'><a href='/3'>Mill</a><p>A line.</p></div></div>",
        "<div aria-hidden='true'>GONE</div>",
        "<form role='search'><label>GONE</label><input></form>",
        "<a rel='next' href='2.html'>GONE</a>",
    ],
)
@pytest.mark.parametrize("place", ["{1}<div class='col'>{0}</div>", "<div class='col'>{0}</div>{1}"])
def test_what_stands_around_the_text_goes(clutter: str, place: str) -> None:
    content = f"<h1>The lock</h1><p>{STORY}</p><p>{MORE}</p>"
    read = text(page(place.format(content, clutter)))
    assert read == f"The lock\n\n{STORY}\n\n{MORE}"


def test_a_header_keeps_title_and_abstract_but_no_menu() -> None:
    header = "<header><nav><a href='/'>Home</a></nav><h1>The lock</h1><p>What a lock is for.</p></header>"
    assert text(page(f"{header}<div id='x'><p>{STORY}</p></div>")) == f"The lock\n\nWhat a lock is for.\n\n{STORY}"


def test_a_title_outside_the_article_comes_first() -> None:
    above = "<div class='top'><h1>The lock</h1></div><div class='cols'><article>"
    assert text(page(f"{above}<p>{STORY}</p></article><div><a href='/'>Home</a></div></div>")) == f"The lock\n\n{STORY}"


def test_an_index_keeps_its_links() -> None:
    items = "".join(f"<li><a href='{n}.html'>Lock number {n}</a></li>" for n in range(9))
    read = text(page(f"<div class='x'><h1>Locks</h1><p>All of them.</p></div><div class='list'><ul>{items}</ul></div>"))
    assert "Lock number 8" in read


@pytest.mark.parametrize(
    "line",
    [
        "<p>Next: <a rel='next' href='b'>Gates</a>, Previous: <a rel='prev' href='a'>Top</a></p>",
        "<div class='header'><p>Up: <a href='t' rel='up'>Top</a> [<a rel='contents' href='c'>All</a>]</p></div>",
        "<table><tr><td>Next: <a rel='next' href='b'>Gates</a></td></tr></table>",
    ],
)
def test_lines_that_lead_on_go_whole(line: str) -> None:
    assert text(page(f"{line}<h1>The lock</h1><p>{STORY}</p>{line}")) == f"The lock\n\n{STORY}"


def test_steps_grow_with_the_page() -> None:
    """Counted in calls of the tree's walk and look-ups: a page ten times as long takes about ten times as many."""

    def steps(lines: int) -> int:
        listing = "".join(
            f"<span class='linenos'>{n}</span> <a href='#{n}'>x</a><sup>{n}</sup>\n" for n in range(lines)
        )
        boxes = "".join(f"<div class='related'><p>{n}</p></div><aside>{n}</aside>" for n in range(lines))
        tree = parse_html(page(f"<pre>{listing}</pre><p>{listing}</p>{boxes}"))
        calls = 0
        children, ancestors = tree.children, tree.ancestors

        def counted(method: Callable[[int], Iterator[int]]) -> Callable[[int], Iterator[int]]:
            def call(node: int) -> Iterator[int]:
                nonlocal calls
                for found in method(node):
                    calls += 1
                    yield found

            return call

        tree.children, tree.ancestors = counted(children), counted(ancestors)  # type: ignore[method-assign]
        drop_clutter(tree)
        return calls

    assert steps(2000) < 12 * steps(200)


URL = "<div class='url'>\u2192 <a href='https://gate.example/rules'>https://gate.example/rules</a></div>"


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        (URL, "https://gate.example/rules"),
        (
            "<div class='subsubsection-level-extent' id='Suggested-tools'>"
            "<div class='header'><p>Previous: <a href='#a' rel='prev'>Ropes</a>"
            "Up: <a href='#b' rel='up'>Gates</a> [<a href='#c'>Contents</a>]</p>"
            "</div><h5>1.1 Suggested tools</h5>"
            "<p>A boat hook of two metres and a rope of eleven are enough for the lower gate.</p></div>",
            "A boat hook",
        ),
        (
            "<table class='related'><tr><th>Related gates</th></tr>"
            "<tr><td><ul><li><a href='/u'>Upper</a></li></ul></td></tr></table>",
            "Upper",
        ),
    ],
)
def test_what_stands_between_the_paragraphs_of_a_section_stays(box: str, kept: str) -> None:
    around = f"<div class='section'><h2>Gates</h2><p>{STORY}</p>{{}}<p>{MORE}</p></div>"
    inside = f"<div class='section'><div>Gates</div><div class='para'>{STORY} {{}}</div></div><p>{MORE}</p>"
    for html in (around, inside):
        assert kept in text(page(html.format(box)))


def test_a_sidebar_stays_between_paragraphs_that_hold_a_link_of_their_own_line() -> None:
    paragraph = f"<div class='para'>{{}} {URL}</div>"
    sidebar = (
        "<div class='sidebar'><p class='title'>EXTRA</p><div class='para'>Canoes pass without waiting.</div></div>"
    )
    html = f"<div class='section'>{paragraph.format(STORY)}{sidebar}{paragraph.format(MORE)}</div>"
    assert "Canoes pass" in text(page(html))


def test_the_first_section_of_a_manual_page_stays_although_it_stands_in_the_head() -> None:
    head = (
        "<div id='header'><h1>gate(1)</h1><h2>NAME</h2><div class='sectionbody'><p>gate - open a lock</p></div></div>"
    )
    html = f"{head}<div id='content'><h2>DESCRIPTION</h2><p>{STORY}</p><p>{MORE}</p></div>"
    assert text(page(html)).startswith("gate(1)\nNAME\n\ngate - open a lock\nDESCRIPTION\n")


@pytest.mark.parametrize(
    "end",
    [
        "<div class='refsect1' id='x'><h2>See Also</h2><a href='/o'>OPEN GATE</a>, <a href='/c'>CLOSE GATE</a></div>",
        "<div class='footnotes'><div class='footnote'>[2] See <a href='/p'>Rules, OPEN GATE, part 7</a></div></div>",
    ],
)
def test_a_section_or_footnote_of_links_stays(end: str) -> None:
    html = f"<div class='main'><div class='refsect1'><h2>Gates</h2><p>{STORY}</p><p>{MORE}</p></div>{end}</div>"
    assert "OPEN GATE" in text(page(html))


def test_a_footer_with_more_text_than_a_short_article_goes() -> None:
    legal = "".join(
        f"<p>Paragraph {number} of the terms of this gate says who may pass it.</p>" for number in range(20)
    )
    html = page(f"<div class='top'><h1>The lock</h1><p>{STORY}</p></div><div class='page-footer-wrap'>{legal}</div>")
    assert text(html) == text(page(f"<h1>The lock</h1><p>{STORY}</p>"))


def test_hidden_copies_do_not_bring_themselves_back() -> None:
    body = f"<p>{STORY}</p><p>{MORE}</p><p>{MORE.upper()}</p><p>{STORY.upper()}</p>"
    hidden = "".join(f"<div style='display:none'><p>{number} {STORY} {MORE} {MORE}</p></div>" for number in range(9))
    assert text(page(f"<h1>The lock</h1>{body}{hidden}")) == text(page(f"<h1>The lock</h1>{body}"))


def test_an_element_that_has_a_column_beside_it_is_not_that_column() -> None:
    html = page(f"<h1>The lock</h1><section class='grid grid--with-right-rail'><p>{STORY}</p><p>{MORE}</p></section>")
    assert "paper mill" in text(html)
