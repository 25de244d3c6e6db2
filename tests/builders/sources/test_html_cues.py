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
        "<p>7 min read</p>",
        "<div>Lesezeit: 5 Minuten</div>",
        "<div><span>3 days ago</span> | <span>4 min read</span></div>",
        "<p>Request a demo</p>",
        "<div>Jetzt anmelden</div>",
        "<p>Pin it for later!</p>",
        "<div>Oops! Something went wrong while submitting the form.</div>",
        f"<p>{LINK.format('Compare ropes of ten makers')}</p>",
        "<p>In partnership with</p>",
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


@pytest.mark.parametrize(
    "line",
    [
        "<div class='article__meta'>by Ada Lind and others at the lock</div>",
        "<h3 class='byline'>By Ada Lind</h3>",
        "<div class='figure__credit'>Ada Lind / Photos of Gates</div>",
        "<div class='gallery-controls'><span>1 of 6</span> <span>next</span></div>",
        "<div class='control-bar'><p>The gate in winter, seen from the mill</p></div>",
        "<div class='user-panel'>Register as a reader of the gate</div>",
        "<div class='d-none d-print-block'>This document is subject to copyright.</div>",
        "<div class='breadcrumb'><a href='/'>Home</a> Locks and gates of the river Osten</div>",
        "<div class='right-rail'><h5>More of the gate</h5><p>A boat waited eleven days at the bridge.</p></div>",
        "<div>Zum Inhalt springen</div>",
        "<p>Добавить комментарий</p>",
        "<p>シェア</p>",
        "<h3>Читайте также</h3><ul><li><a href='/1'>Лодки ждали</a></li><li><a href='/2'>Лёд на воротах</a></li></ul>",
        "<h3>相关文章</h3><ul><li><a href='/1'>船闸的冬天</a></li><li><a href='/2'>河上的十座桥</a></li></ul>",
        "<h3>Related posts</h3><ul><li>Ice. <a href='/1'>Boats</a></li><li>Coal. <a href='/2'>Bread</a></li></ul>",
    ],
)
def test_lines_of_other_content_managers_and_languages_go(line: str) -> None:
    assert read_between(line) == PLAIN


def test_a_loose_line_between_the_blocks_of_an_element_goes() -> None:
    for line in ("Updated 1:39 am EST, Wednesday, November 20, 2019", "By Ada Lind \u2014 November 18, 2019"):
        html = page(f"<article><div><h1>The lock</h1>{line}</div><p>{STORY}</p><p>{MORE}</p></article>")
        assert text(html) == PLAIN
    html = page(
        f"<article><h1>The lock</h1><div>18 tons of coal burn in it.<p>{STORY}</p></div><p>{MORE}</p></article>"
    )
    assert "18 tons" in text(html)


def test_a_heading_goes_with_what_it_stood_over_unless_sections_follow() -> None:
    comments = "<div class='comments'><p>I have seen the stove myself, in 1963.</p></div>"
    assert read_between(f"<h2>Two answers</h2>{comments}<h2>Further</h2>").count("Two answers") == 0
    menu = "<table class='menu'><tr><td><a href='#a'>The stove of the gate</a></td></tr></table>"
    kept = read_between(f"<h2>1 Stoves</h2>{menu}<h3>1.1 The stove</h3><p>It burns 4 kg of coal a day.</p>")
    assert "1 Stoves" in kept


def test_a_text_that_a_page_holds_twice_is_read_once() -> None:
    copy = "The gate in the winter of 1902, with the baker of Osten in front of it and his oven behind."
    pairs = (
        f"<div class='desktop'><p>{copy}</p></div><div class='mobile'><p>{copy}</p></div>",
        f"<div class='caption-full'>{copy}</div><div class='caption-truncated'>{copy[:60]}\u2026</div>",
        f"<div class='caption-truncated'>{copy[:60]}...</div><div class='caption-full'>{copy}</div>",
    )
    for pair in pairs:
        assert read_between(f"<div>{pair}</div>").count("The gate in the winter") == 1
    assert read_between(f"<p>{copy}</p><p>{copy}</p>").count(copy) == 2
    other = copy.replace("1902", "1903")
    assert "1903" in read_between(f"<div><div>{copy}</div><div>{other}</div></div>")


@pytest.mark.parametrize(
    "said",
    ["Photo: Ada Lind", "Image credit: River Museum", "Source", "Bild: Ole Berg / Flickr", "Ada Lind / Getty Images"],
)
def test_a_caption_that_names_an_owner_alone_goes(said: str) -> None:
    figure = f"<figure><img src='a.png' alt='The gate'><figcaption>{said}</figcaption></figure>"
    assert said not in read_between(figure)
    assert "<a.png>" in read_between(figure)


@pytest.mark.parametrize(
    "said",
    [
        "Photos from the day on which the gate came free",
        "Source of the river above the lock",
        "Image: the gate is lifted by two cranes",
        "Foto von der Schleuse im Winter",
    ],
)
def test_a_caption_that_tells_of_the_picture_stays(said: str) -> None:
    assert said in read_between(f"<figure><img src='a.png'><figcaption>{said}</figcaption></figure>")


@pytest.mark.parametrize(
    "line",
    [
        "<h2>Contact us</h2><p>The keeper answers letters on Sundays.</p>",
        "<ul><li>Learn more</li><li>Sign in</li></ul>",
        "<table><tr><th>Button</th><th>Does</th></tr><tr><td>Sign in</td><td>opens the gate</td></tr></table>",
        "<p>See also the rules of the lower gate.</p>",
        "<p>15 minutes</p>",
    ],
)
def test_what_a_manual_says_in_the_words_of_a_button_stays(line: str) -> None:
    shown = text(page(line)).split()
    assert shown and set(shown) <= set(read_between(line).split())
