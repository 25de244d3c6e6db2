"""Numbers, formulas and tables keep their meaning."""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import pytest

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_blocks import _Reader
from nyxqa.builders.sources.html_page import read_html
from nyxqa.builders.sources.html_tree import parse_html


def text(html: str) -> str:
    parts = read_html(f"<!doctype html><body>{html}</body>".encode(), TextCleaner()).parts
    return "\n".join(part["text"] or f"<{part['image']}>" for part in parts)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("10<sup>-12</sup>", "10^-12"),
        ("10<sup>\u2212<b>9</b></sup>", "10^-9"),
        ("10<sup><i>6</i></sup> m", "10^6 m"),
        ("2<sup>1/2</sup>", "2^(1/2)"),
        ("2<sup>n + 1</sup>", "2^(n + 1)"),
        ("x<sup>2</sup>", "x^2"),
        ("(a+b)<sup>2</sup>", "(a+b)^2"),
        ("10<sup>6.5</sup>", "10^6.5"),
        ("e<sup>x</sup>", "e^x"),
        ("<i>r</i><sup>2</sup>", "r^2"),
        ("10<sup>3</sup>5", "10^(3)5"),
        ("H<sub>2</sub>O", "H_2O"),
        ("CO<sub>2</sub>", "CO_2"),
        ("log<sub>2</sub>8", "log_(2)8"),
        ("x<sub>i+1</sub>", "x_(i+1)"),
        ("1<sup>st</sup>, 2<sup>nd</sup> and 14<sup>th</sup>", "1st, 2nd and 14th"),
        ("M<sup>me</sup> Curie", "Mme Curie"),
        ("Acme<sup>TM</sup>", "AcmeTM"),
        ("see <sup>above</sup>", "see above"),
    ],
)
def test_superscripts_and_subscripts(html: str, expected: str) -> None:
    assert text(f"<p>{html}</p>") == expected


@pytest.mark.parametrize(
    "mark",
    [
        "<sup id='fnref:2'><a href='#fn:2' rel='footnote'>2</a></sup>",
        "<sup><a href='#fn2'>2</a></sup>",
        "<a class='footnote-ref' href='#fn2' role='doc-noteref'><sup>2</sup></a>",
        "<sup class='reference' id='cite_ref-2'><a href='#cite_note-2'>[2]</a></sup>",
        "<a class='footnote-reference brackets' href='#f2'>2</a>",
        "<sup class='footnote'>[<a id='_footnoteref_2' href='#_footnotedef_2'>2</a>]</sup>",
        "<sup><a href='notes.html#n2'>*</a></sup>",
        "<a href='#user-content-fn-2' data-footnote-ref>2</a>",
    ],
)
def test_footnote_marks_join_no_number(mark: str) -> None:
    assert (
        text(f"<p>It was built in 1924{mark} and closed in 1931{mark}.</p>")
        == "It was built in 1924 and closed in 1931."
    )


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<math><mfrac><mn>3</mn><mn>4</mn></mfrac></math>", "3/4"),
        ("<math><mn>5</mn><mfrac><mn>3</mn><mn>4</mn></mfrac></math>", "5 3/4"),
        ("<math><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac></math>", "(a+1)/b"),
        ("<math><msup><mn>10</mn><mrow><mo>\u2212</mo><mn>23</mn></mrow></msup></math>", "10^-23"),
        ("<math><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup></math>", "x_i^2"),
        ("<math><mroot><mn>8</mn><mn>3</mn></mroot></math>", "root(8, 3)"),
        ("<math><msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt></math>", "sqrt(x+1)"),
        ("<math><munderover><mo>\u2211</mo><mi>i</mi><mi>n</mi></munderover><mi>i</mi></math>", "\u2211_i^ni"),
        ("<math><mn>6</mn><mo>\u2062</mo><mi>x</mi></math>", "6x"),
        ("<math><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable></math>", "[1, 0]"),
        ("<math alttext='{\\displaystyle a^{2}+b^{2}}'><mi>a</mi></math>", "a^{2}+b^{2}"),
        (
            "<math><semantics><mi>x</mi><annotation encoding='application/x-tex'>\\vec{x}</annotation></semantics></math>",
            "\\vec{x}",
        ),
        (
            "<span class='katex'><span class='katex-mathml'><math><semantics><mi>x</mi><annotation encoding="
            "'application/x-tex'>x_1</annotation></semantics></math></span><span class='katex-html' aria-hidden='true'>"
            "x1</span></span>",
            "x_1",
        ),
        (
            "<span class='mwe-math-element'><span style='display: none;'><math alttext='{\\displaystyle v=1}'><mi>v</mi>"
            "</math></span><img class='mwe-math-fallback-image-inline' aria-hidden='true' alt='v=1' src='a.svg'></span>",
            "v=1",
        ),
        ("<img class='math' src='_images/math/1.png' alt='\\alpha + 1'>", "\\alpha + 1"),
        ("<img class='latex' src='https://s0.wp.com/latex.php' alt='x^2'>", "x^2"),
        (
            "<span class='MathJax_Preview'>x2</span><span class='MathJax'><nobr aria-hidden='true'>x2</nobr></span>"
            "<script type='math/tex'>x^2</script>",
            "x^2",
        ),
        (
            "<mjx-container><mjx-math aria-hidden='true'>x2</mjx-math><mjx-assistive-mml><math><msup><mi>x</mi><mn>2</mn>"
            "</msup></math></mjx-assistive-mml></mjx-container>",
            "x^2",
        ),
    ],
)
def test_formulas(html: str, expected: str) -> None:
    assert text(f"<p>So {html} it is.</p>") == f"So {expected} it is."


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("<tr><th></th><th>A</th><th>B</th></tr><tr><th>x</th><td>1</td><td>2</td></tr>", " | A | B\nx | 1 | 2"),
        ("<tr><td>x</td><td></td><td>2</td></tr>", "x |  | 2"),
        ("<tr><td>x</td><td> </td><td>&nbsp;</td></tr><tr><td></td></tr>", "x"),
        ("<tr><th colspan=2>A</th><th>B</th></tr><tr><td>1<td>2<td>3</tr>", "A |  | B\n1 | 2 | 3"),
        ("<tr><th rowspan=2>A</th><td>1</td></tr><tr><td>2</td></tr>", "A | 1\n | 2"),
        ("<tr><td>Steps<td><ol><li>Open it<li>Wait</ol></tr>", "Steps | Open it; Wait"),
        ("<tr><td>Steps<td><ul><li>Open it</li> <li><p>Wait</p></li></ul></tr>", "Steps | Open it; Wait"),
        ("<tr><td><p>one</p><p>two</p><td>a<br>b</tr>", "one two | a b"),
        ("<caption>Rain</caption><tr><td>a<td>b</tr>", "Rain\na | b"),
        ("<tr><td>10<sup>3</sup><td>10<sup>-6</sup></tr>", "10^3 | 10^-6"),
        ("<tr><td colspan=100000000>a<td>b</tr>", "a |" + "  |" * 99 + " b"),
    ],
)
def test_tables_keep_their_columns(rows: str, expected: str) -> None:
    assert text(f"<table>{rows}</table>") == expected


@pytest.mark.parametrize(
    "code",
    [
        "<pre><span class='lineno'> 1</span>x = 2\n<span class='lineno'> 2</span>y = 3\n</pre>",
        "<pre><span class='line'><span class='ln'>1</span><span class='cl'>x = 2\n</span></span><span class='line'>"
        "<span class='ln'>2</span><span class='cl'>y = 3\n</span></span></pre>",
        "<table class='rouge-table'><tr><td class='rouge-gutter gl'><pre>1\n2\n</pre></td><td><pre>x = 2\ny = 3\n</pre></td>"
        "</tr></table>",
        "<div><pre class='line-numbers'>1\n2</pre><pre>x = 2\ny = 3</pre></div>",
    ],
)
def test_line_numbers_are_no_code(code: str) -> None:
    assert text(code) == "x = 2\ny = 3"


@pytest.mark.parametrize(
    "sign",
    [
        "<a class='anchor' href='#care'>#</a>",
        "<a href='#care' aria-label='Link'>\u00a7</a>",
        "<a class='headerlink' href='#care' title='Link'>\u00b6</a>",
        "<a href='#care'>\U0001f517</a>",
        "<a class='x' href='#care'><span>Permalink</span></a>",
        "<a href='#care'></a>",
    ],
)
def test_anchor_signs_are_no_heading(sign: str) -> None:
    assert text(f"<h2>Care {sign}</h2><p>Oil it.</p>") == "Care\n\nOil it."
    assert text(f"<h2>{sign} Care</h2><p>Oil it.</p>") == "Care\n\nOil it."


def test_sections_after_headings_with_more_than_text() -> None:
    html = (
        "<h1>Pump</h1><p>a</p><h2><div>Safe <img src='w.png'> use</div></h2><p>b</p><h2><img src='x.png'></h2><p>c</p>"
    )
    parts = read_html(html.encode(), TextCleaner()).parts
    assert [(part["text"] or part["image"], part["section"]) for part in parts] == [
        ("Pump\n\na", "Pump"),
        ("Safe", "Safe use"),
        ("w.png", "Safe use"),
        ("use\n\nb", "Safe use"),
        ("x.png", "Safe use"),
        ("c", "Safe use"),
    ]


def test_menu_is_a_list_and_quotes_are_marked() -> None:
    assert text("<p>Do this:</p><menu><li>Open it.<li>Wait.</menu><p><q>Now</q>, she said.</p>") == (
        "Do this:\n- Open it.\n- Wait.\n\n\u201cNow\u201d, she said."
    )


class _Counting(list[str]):
    """A list that counts how many entries are read by index or slice."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.read += len(found) if isinstance(key, slice) else 1
        return found


def test_long_paragraphs_are_read_once() -> None:
    """A superscript looks at the word before it, not at the whole paragraph."""

    def read(count: int) -> int:
        tree = parse_html("<p>" + "x<sup>2</sup> <a href='#n'>1</a>, " * count)
        reader = _Reader(tree, TextCleaner())
        reader._inline = pieces = _Counting()
        reader.read(0)
        return pieces.read

    assert 0 < read(2000) <= 11 * read(200)
