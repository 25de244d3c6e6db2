"""The tree of a page is the one that browsers build."""

from __future__ import annotations

import pytest

from nyxqa.builders.sources.html_tree import Tree, parse_html


def outline(tree: Tree, root: int = 0) -> str:
    """The tree in brackets, without ``html`` and ``head``."""
    out = ""
    for node in tree.walk(root):
        tag = tree.tags[node if node >= 0 else ~node]
        if tag in ("html", "head"):
            continue
        if node < 0:
            out += ")"
        else:
            out += f"{tag}(" if tag else repr(tree.texts[node])
    return out


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<nav><div>a</nav>b", "body(nav(div('a'))'b')"),
        ("<header><div><span>a</header>b", "body(header(div(span('a')))'b')"),
        ("<button><div>a</button>b", "body(button(div('a'))'b')"),
        ("<form><div>a</form>b", "body(form(div('a''b')))"),
        ("<embed src=x>b", "body(embed()'b')"),
        ("<body><p>a</body></html><p>b", "body(p('a')p('b'))"),
        ("<table><tr><td>1<p>2</table>", "body(table(tbody(tr(td('1'p('2'))))))"),
        ("<table>a<tr><td>1</table>", "body('a'table(tbody(tr(td('1')))))"),
        ("<p>a<p>b<!-- c -->d", "body(p('a')p('b''d'))"),
        ("<ul><li>a<li>b</ul>", "body(ul(li('a')li('b')))"),
        ("<b>a<p>b</b>c</p>", "body(b('a')p(b('b')'c'))"),
    ],
)
def test_unclosed_and_misplaced_elements(html: str, expected: str) -> None:
    assert outline(parse_html(html)) == expected.replace("'a''b'", "'ab'")


def test_navigation() -> None:
    tree = parse_html("<div id=a class=' x  y ' hidden><p>one <b>two</b></p>three</div><p>four")
    div, bold = tree.find(0, "div"), tree.find(0, "b", "i")
    assert div is not None
    assert bold is not None
    assert (tree.get(div, "id"), tree.classes(div), tree.has(div, "hidden"), tree.get(div, "title")) == (
        "a",
        ["x", "y"],
        True,
        "",
    )
    assert [tree.tags[node] for node in tree.ancestors(bold)] == ["p", "div", "body", "html"]
    assert [tree.tags[node] or tree.texts[node] for node in tree.children(div)] == ["p", "three"]
    assert tree.text(div) == "one twothree"
    tree.dropped[bold] = 1
    assert tree.text(div) == "one three"
    assert tree.find(div, "table") is None


def test_words_of_code_are_no_nodes_but_line_numbers_and_links_are() -> None:
    html = (
        '<pre><span></span><span class="k">if</span> <span class="n">a<span class="p">:</span></span>\n'
        '<span class="ln">2</span><a name="x"><span class="mi">1</span></a><span class="kwd">b</span></pre>'
        '<span class="k">c</span>'
    )
    expected = "body(pre(span()'if a:\\n'span('2')a('1')span('b'))span('c'))"
    assert outline(parse_html(html)) == expected
    assert outline(parse_html("<pre><pre><span class=k>a</span>b</pre>c<span class=k>d</span></pre>e")) == (
        "body(pre(pre('ab')'cd')'e')"
    )
