"""Lines that say of themselves that they are no content go; what a manual says in similar words stays."""

from __future__ import annotations

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import read_html
from tests.builders.sources.test_html_main import MORE, STORY, page

LINK = "<a href='/b'>{}</a>"


def text(html: str) -> str:
    return "\n".join(part["text"] or f"<{part['image']}>" for part in read_html(html.encode(), TextCleaner()).parts)


def read_between(line: str) -> str:
    return text(page(f"<article><h1>The lock</h1><p>{STORY}</p>{line}<p>{MORE}</p></article>"))


PLAIN = read_between("")


@pytest.mark.parametrize(
    "line",
    [
        "<div>Advertisement</div>",
        "<center>Anzeige</center>",
        "<p>РЕКЛАМА</p>",
        "<div>Share on WhatsApp</div>",
        "<p>3 comments</p>",
        "<div>Skip to main content</div>",
        f"<p>Read more: {LINK.format('Boats that waited eleven days')}</p>",
        f"<p>[Related: {LINK.format('A baker melts the ice of a gate')}]</p>",
        f"<p><strong>Lesen Sie auch:</strong> {LINK.format('Zehn Brücken am Fluss')}</p>",
        f"<p>Leia também: {LINK.format('Dez pontes sobre o rio')}</p>",
        "<p>Follow The Gate on <a href='https://x.example'>Twitter</a> and Facebook.</p>",
        "<p><em>Sign up <a href='/s'>here</a> for our weekly newsletter.</em></p>",
        "<p>Published 18 November 2019, 9:28 AM</p>",
        "<div>Nov. 20, 2019, 9:28 AM UTC</div>",
        "<p>Schlagwörter: <a href='/t/tor'>Tor</a>, <a href='/t/eis'>Eis</a></p>",
        "<p>Posted in <a href='/c'>Locks and gates</a></p>",
        "<div>Vorheriger Beitrag: <a href='/p'>Zehn Brücken am Fluss</a></div>",
        "<p><a href='/r'>Antworten</a></p>",
        "<h3>Schreibe einen Kommentar</h3>",
        "<p>Your email address will not be published. Required fields are marked *</p>",
        "<div class='byline'>By Ada Lind, correspondent</div>",
        "<div class='entry-meta'><span class='date'>3 May</span> in <a href='/c'>Locks</a></div>",
        "<div class='post-author'><h5>Ada Lind</h5><p>Ada has written about locks since 1999.</p></div>",
        "<div class='elementor-widget elementor-widget-share-buttons'><span>Share on facebook</span></div>",
        "<div class='print-header'>https://gate.example/lock</div>",
    ],
)
def test_a_line_that_is_no_content_goes(line: str) -> None:
    assert read_between(line) == PLAIN


def test_the_name_of_the_manual_above_each_of_its_pages_goes() -> None:
    for name in (
        "<div id='titlearea'><table><tr><td id='projectname'>{}</td></tr></table></div>",
        "<p class='site-title'>{}</p>",
    ):
        html = page(
            f"<div id='top'>{name.format('The manual of locks')}</div><h1>The lock</h1><p>{STORY}</p><p>{MORE}</p>"
        )
        assert text(html) == PLAIN


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (f"<p>See also {LINK.format('the chapter on gates')}.</p>", "the chapter on gates"),
        ("<p>Follow the steps on page 4 to subscribe a reader to the list.</p>", "subscribe a reader"),
        ("<p>Comments start with a number sign.</p>", "Comments start"),
        (f"<p>Tags: a gate has a tag of brass, as {LINK.format('the list')} says.</p>", "a tag of brass"),
        ("<ul><li>Email</li><li>Print</li></ul>", "Email"),
        ("<h2>18 November 2019</h2>", "18 November 2019"),
        ("<p>On 18 November 2019 the gate was opened by hand.</p>", "18 November 2019"),
        ("<p>By hand it takes four hours.</p>", "By hand"),
        ("<pre>Read more: comments</pre>", "Read more: comments"),
        ("<table><tr><td>Ad</td><td>tag 3</td></tr></table>", "Ad"),
        ("<dl><dt id='isDate'>isDate(value)</dt><dd>Whether it is a date.</dd></dl>", "isDate(value)"),
        (
            "<p>It opened on <span class='date'>3 May 1902</span> and closed when the first ice of winter came.</p>",
            "3 May 1902",
        ),
        ("<p>More: the stove burns 4 kg of coal a day, and in hard frost it burns 9 kg of it.</p>", "9 kg"),
        ("<p>To receive the newsletter, edit lists.conf.</p><p>x</p>", "x"),
        ("<h3>More</h3><p>The lower basin holds eleven boats side by side, the upper one holds six.</p>", "More"),
    ],
)
def test_what_a_manual_says_stays(line: str, kept: str) -> None:
    assert kept in read_between(line)


def test_a_heading_goes_with_the_links_to_other_articles_below_it() -> None:
    links = "".join(f"<li><a href='/{number}'>Lock number {number} is open</a></li>" for number in range(3))
    for heading in ("<h3>More Great Lock Stories</h3>", "<p><strong>You may also like…</strong></p>"):
        assert read_between(f"{heading}<ul>{links}</ul>") == PLAIN


def test_a_heading_of_that_kind_goes_alone_at_the_end_of_a_section() -> None:
    assert (
        text(page(f"<article><h1>The lock</h1><p>{STORY}</p><p>{MORE}</p><h4>Related stories</h4></article>")) == PLAIN
    )


def test_a_byline_goes_before_the_text_and_the_same_words_stay_within_it() -> None:
    assert "By Ada Lind" not in text(page(f"<h1>The lock</h1><p>By Ada Lind</p><p>{STORY}</p><p>{MORE}</p>"))
    assert "By Ada Lind" in text(page(f"<h1>The lock</h1><p>{STORY}</p><p>By Ada Lind</p><p>{MORE}</p>"))
