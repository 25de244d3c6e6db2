"""Lines within the content that say of themselves that they are none of it: invitations, advertisements, credits.

Names of elements are looked at elsewhere; here the words decide, so only short blocks are looked at, and what a manual
could say as well ("See also", "Related modules", "Follow the steps below") stays.
"""

from __future__ import annotations

import re
from itertools import chain, islice

from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_LINE = 160  # characters; a longer block is not looked at
_CREDIT = 120
_SHORT = 60
_NODES = 24  # of a block that is looked at
_PARAGRAPH = 100  # characters of prose with which the article has begun
_NEARBY = 6  # siblings behind a heading
_LINKED = 0.5
_SOME_LINKED = 0.3
_MOSTLY_LINKED = 0.9
_IN_TEXT = frozenset(("p", "div", "li", "center", "section", "aside", "ul", "ol", *HEADINGS))
_INLINE = frozenset(("a", "b", "code", "em", "i", "img", "kbd", "samp", "strong", "sub", "sup", "tt", "var"))
# Elements of a line that stands in a block beside other blocks, without one of its own.
_LOOSE = frozenset(("a", "b", "em", "font", "i", "label", "small", "span", "strong", "time", "u"))
_HOLDERS = frozenset(("article", "body", "center", "div", "header", "main", "section"))
_PASSED_OVER = _INLINE | {"pre", "table", "dl", "figure", "blockquote"}

# The whole text of a block, whatever it holds.
_ALONE = re.compile(
    r"(?:advert(?:isement|ising)?s?|sponsored|ad|anzeigen?|werbung|publicidade?|publicit\u00e9|pubblicit\u00e0|"
    r"reklama?|"
    r"\u0440\u0435\u043a\u043b\u0430\u043c\u0430|iklan|advertentie|annonse?|"
    r"(?:back|return) to (?:the )?top|skip to (?:\w+ )?content|comments(?: \(\+\))?|"
    r"kommentar (?:schreiben|verfassen|hinterlassen|abgeben)|(?:schreibe? (?:einen|ein)|ihr|dein) kommentar|"
    r"(?:artikel|seite|beitrag) drucken|(?:artikel|beitrag|seite)? ?teilen|laisser un commentaire|deja un comentario|"
    r"deixe um coment\u00e1rio|lascia un commento|leave a reply(?: cancel reply)?|partager|compartir|"
    r"compartilhar|condividi|"
    r"\u043f\u043e\u0434\u0435\u043b\u0438\u0442\u044c\u0441\u044f|"
    r"(?:your email address will not be published|(?:deine|ihre) e-mail-adresse wird nicht ver\u00f6ffentlicht)\b.*|"
    r"nach oben|haut de page|loading(?:\.{3}|\u2026)?|"
    r"share (?:this|on|via|with)(?: \w+){0,3}|like this|tweet|pin it|tell us what you think\W*|"
    r"(?:post|leave|write|add) (?:a )?(?:comment|reply)(?: \(\+\))?|"
    r"(?:no|\d+) (?:comments?|replies|kommentare?|likes?|views?|shares)|"
    r"this slideshow requires javascript|please enable javascript[\w ,]*|enlarge image|continue reading below|"
    r"media playback is (?:not supported|unsupported)[\w ]*|read later|text size|join the conversation|"
    r"no comments(?: yet)?|be the first to comment|log ?in(?: or|/)? (?:register|sign up)|jump to navigation|"
    r"zum inhalt springen|zur navigation springen|aller au contenu|saltar al contenido|ir al contenido|"
    r"vai al contenuto|ir para o conte\u00fado|naar de inhoud|"
    r"\u043f\u0435\u0440\u0435\u0439\u0442\u0438 \u043a "
    r"\u0441\u043e\u0434\u0435\u0440\u0436\u0438\u043c\u043e\u043c\u0443|"
    r"\u0434\u043e\u0431\u0430\u0432\u0438\u0442\u044c "
    r"(?:\u043a\u043e\u043c\u043c\u0435\u043d\u0442\u0430\u0440\u0438\u0439|\u043e\u0442\u0437\u044b\u0432)|"
    r"\u5206\u4eab|\u5e7f\u544a|\u5ee3\u544a|\u53d1\u8868\u8bc4\u8bba|\u8fd4\u56de\u9876\u90e8|"
    r"\u30b7\u30a7\u30a2|\u5e83\u544a|"
    r"\u30c8\u30c3\u30d7\u3078\u623b\u308b|\u30b3\u30e1\u30f3\u30c8\u3092\u6b8b\u3059|"
    r"story continues below(?: advertisement)?)[\s:.!]*",
    re.IGNORECASE,
)
# The start of a line that is mostly links.
_LEADS_AWAY = re.compile(
    r"\W*(?:read (?:more|next|also)|also read|see more\s*:|watch(?: now)?|related(?: (?:story|stories|articles?|"
    r"posts?|"
    r"video|news))?\s*:|more\s*:|more from|more on this|don.t miss|up next|sign up|subscribe|follow us|click here|"
    r"lesen sie auch|lesen sie mehr|mehr zum thema|auch interessant|lire aussi|\u00e0 lire|lea tambi\u00e9n|le puede "
    r"interesar|leia (?:tamb\u00e9m|mais)|veja tamb\u00e9m|leggi anche|lees ook|czytaj (?:te\u017c|wi\u0119cej)|"
    r"\u0447\u0438\u0442\u0430\u0439\u0442\u0435 \u0442\u0430\u043a\u0436\u0435)(?!\w)",
    re.IGNORECASE,
)
# A line of links behind a label, and links that are buttons.
_LABELLED = re.compile(
    r"(?:tags|schlagw(?:\u00f6|oe)rter|stichw\u00f6rter|kategorien?|categor(?:y|ies)|filed (?:under|in)|"
    r"posted (?:in|on|by)|tagged(?: with)?|abgelegt (?:in|unter)|ver\u00f6ffentlicht (?:in|am|unter|von)|"
    r"verschlagwortet(?: mit)?|publi\u00e9 (?:dans|le|par)|mots-cl\u00e9s|\u00e9tiquettes?|etiquetas?|"
    r"categor[\u00edi]as?|"
    r"publicado (?:en|em|por)|archiviato in|geplaatst (?:in|op|door)|trackbacks?|permalinks?|bookmark the permalink|"
    r"(?:previous|next|older|newer) (?:post|article|entry|story)|(?:vorheriger|n\u00e4chster|\u00e4lterer|neuerer) "
    r"(?:beitrag|artikel)|article (?:pr\u00e9c\u00e9dent|suivant)|entrada (?:anterior|siguiente))(?!\w)",
    re.IGNORECASE,
)
_BUTTONS = re.compile(
    r"\W*(?:reply|antworten|r\u00e9pondre|responder|rispondi|print|drucken|imprimer|imprimir|e-?mail|facebook|"
    r"twitter|"
    r"linkedin|whatsapp|pinterest|xing|reddit|telegram|flattr|rss|kommentare?|commentaires?|comentarios|commenti|"
    r"whatsapp|print this(?: page)?|google\+|tumblr|"
    r"gef\u00e4llt mir|cancel reply|antwort abbrechen)\W*",
    re.IGNORECASE,
)
# An invitation with a link, whatever part of it is the link.
_INVITES = re.compile(
    r"(?:follow|like|find|join) .{2,60} on (?:facebook|twitter|x\b|instagram|youtube|linkedin|telegram|whatsapp)|"
    r"(?:sign up|subscribe|get|join|receive)\b.{2,90}\b(?:newsletters?|inbox|email alerts?|news alerts?)\b",
    re.IGNORECASE,
)
# A heading over links to other articles.
_OVER_LINKS = re.compile(
    r"\W*(?:related (?:stories|articles?|posts?|news|content|coverage|reading)|"
    r"more (?:great )?(?:\w+ )?(?:stories|news|articles|posts)(?: like this(?: one)?)?|"
    r"more (?:from|in) [\w .&-]+|you (?:may|might) (?:also )?(?:like|be interested in|enjoy)|"
    r"recommended(?: for you| articles| stories)?|read next|up next|don.t miss|"
    r"most (?:read|popular|viewed|commented)(?: \w+)?|popular (?:posts|stories|articles|on [\w ]+)|"
    r"trending(?: now| news| stories)?|"
    r"(?:latest|recent|top) (?:news|stories|posts|articles)|more|sponsored links|"
    r"das k\u00f6nnte (?:sie|dich|euch) auch interessieren|"
    r"mehr zum thema|\u00e4hnliche (?:artikel|beitr\u00e4ge)|meistgelesen|articles? "
    r"(?:similaires|li\u00e9s|r\u00e9cents)|\u00e0 lire aussi|art\u00edculos relacionados|noticias relacionadas|"
    r"voc\u00ea pode gostar|leia tamb\u00e9m|articoli correlati|potrebbe interessarti|"
    r"te puede interesar|leer tambi\u00e9n|lo m\u00e1s le\u00eddo|m\u00e1s le\u00eddas|les plus lus|"
    r"sur le m\u00eame sujet|pi\u00f9 letti|"
    r"lees ook|meest gelezen|auch interessant|weitere (?:artikel|beitr\u00e4ge|themen|meldungen)|meist ?gelesen\w*|"
    r"\u0447\u0438\u0442\u0430\u0439\u0442\u0435 \u0442\u0430\u043a\u0436\u0435|"
    r"\u043f\u043e\u0445\u043e\u0436\u0438\u0435 (?:\u0441\u0442\u0430\u0442\u044c\u0438|"
    r"\u0437\u0430\u043f\u0438\u0441\u0438)|"
    r"\u0441\u0430\u043c\u044b\u0435 \u043f\u043e\u043f\u0443\u043b\u044f\u0440\u043d\u044b\u0435[\w ]*|"
    r"\u043f\u043e \u0442\u0435\u043c\u0435|"
    r"\u76f8\u5173(?:\u6587\u7ae0|\u9605\u8bfb|\u65b0\u95fb)|\u70ed\u95e8\u6587\u7ae0|\u63a8\u8350\u9605\u8bfb|"
    r"\u95a2\u9023(?:\u8a18\u4e8b|\u30ea\u30f3\u30af)|"
    r"\u4eba\u6c17\u8a18\u4e8b|\u3042\u308f\u305b\u3066\u8aad\u307f\u305f\u3044)[\s:.\u2026]*",
    re.IGNORECASE,
)
_MONTHS = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|m\u00e4r|mai|okt|dez|janv|f\u00e9vr|avr|juin|juil|ao\u00fbt|d\u00e9c|ene|abr|"
    "ago|dic|fev|set|out|gen|mag|giu|lug|ott"
)
_DAY_FIRST = rf"\d{{1,2}}\.?\s+(?:de\s+)?(?:{_MONTHS})\w*\.?,?"
_MONTH_FIRST = rf"(?:{_MONTHS})\w*\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?"
_DATE = rf"(?:{_DAY_FIRST}|{_MONTH_FIRST})\s+(?:de\s+)?\d{{4}}"
# A date with what stands beside it in a byline: weekday, time, zone.
_DATED = re.compile(
    rf"(?:(?:first |last |originally )?(?:published|updated|posted|modified)\b.{{0,48}}(?:\d{{4}}|ago)\b.{{0,60}}|"
    rf"(?:[\w\u00e0-\u00ff-]+,?\s+)?{_DATE}(?:[\s,|/@\u2022\u00b7-]+(?:at\s+)?\d{{1,2}}[:.]\d\d\s*(?:[ap]\.?m\.?)?\s*\w{{0,4}})?)",
    re.IGNORECASE | re.DOTALL,
)
_BY = re.compile(
    r"(?:by|von|par|por|di|door)\s*:?\s+\w[\w.'\u2019-]*(?:,? (?:and |und |et |y |e )?\w[\w.'\u2019-]*){1,6}",
    re.IGNORECASE,
)
# Who wrote it and when, in one line.
_BY_AND_WHEN = re.compile(
    rf"(?:by|von|par|por|di|door)\s*:?\s+\w.{{2,60}}?[\s,|\u2013\u2014-]+"
    rf"(?:(?:on |am |le |publiziert am |\u00fcber )?(?:[\w\u00e0-\u00ff-]+,?\s+)?{_DATE}|\d{{4}}-\d\d-\d\d)"
    r"(?:\W+(?:at\s+)?\d{1,2}[:.]\d\d\s*(?:[ap]\.?m\.?)?\s*\w{0,4})?\W*",
    re.IGNORECASE | re.DOTALL,
)
_FRONT_PAGE = re.compile(r"/|https?://[^/]+/?")
_LINKED_DATE = re.compile(rf"(?:[\w\u00e0-\u00ff-]+,?\s+)?{_DATE}\W.*", re.IGNORECASE | re.DOTALL)


def drop_cue_lines(tree: Tree, measure: Measure, root: int, title: int | None) -> None:
    """Drop the lines below ``root`` whose words say that they are no content; ``title`` stays."""
    node, begun = root + 1, False
    if tree.tags[root] in _HOLDERS:
        _drop_loose_lines(tree, measure, root, begun)
    while node < tree.ends[root]:
        tag = tree.tags[node]
        if tree.dropped[node] or tag in _PASSED_OVER or node == title:
            node = tree.ends[node]
            continue
        if tag in _HOLDERS:
            _drop_loose_lines(tree, measure, node, begun)
        if tag in _IN_TEXT and 0 < measure.chars(node) <= _LINE and tree.ends[node] - node <= _NODES:
            text = " ".join(tree.text(node).split())
            linked = measure.links(node)
            if (
                _is_cue(linked, text)
                or (tag not in HEADINGS and _is_credit(text, begun, linked))
                or (not begun and title is not None and tree.ends[node] <= title and linked >= _LINKED)
                or (tag == "h1" and linked >= _MOSTLY_LINKED and _leads_home(tree, node))
            ):
                tree.dropped[node] = tree.find(node, "img", "math") is None
            elif len(text) <= _SHORT and _OVER_LINKS.fullmatch(text):
                _drop_with_links(tree, measure, node)
            if tree.dropped[node] or tree.find(node, *BLOCKS) is None:
                node = tree.ends[node]
                continue
        elif tag == "p" and measure.prose(node) >= _PARAGRAPH:
            begun = True
        node += 1


def _drop_loose_lines(tree: Tree, measure: Measure, holder: int, begun: bool) -> None:
    """Drop such lines that stand in a block between its other blocks."""
    line: list[int] = []
    beside = False
    for child in chain(tree.children(holder), (tree.ends[holder],)):
        if child < tree.ends[holder] and (tree.tags[child] in _LOOSE or not tree.tags[child]):
            line.append(child)
            continue
        beside = beside or child < tree.ends[holder]
        if beside and line and line[-1] - line[0] <= _NODES:
            _drop_loose_line(tree, measure, line, begun)
        line = []


def _drop_loose_line(tree: Tree, measure: Measure, line: list[int], begun: bool) -> None:
    chars = sum(map(measure.chars, line))
    start, end = line[0], tree.ends[line[-1]]
    if not 0 < chars <= _LINE or end - start > _NODES:
        return
    text = " ".join("".join(map(tree.text, line)).split())
    linked = sum(measure.chars(node) * measure.links(node) for node in line) / chars
    if (_is_cue(linked, text) or _is_credit(text, begun, linked)) and "img" not in tree.tags[start:end]:
        for node in line:
            tree.dropped[node] = 1


def _leads_home(tree: Tree, node: int) -> bool:
    """Whether a heading is the name of a site, which links to its front page."""
    link = tree.find(node, "a")
    return link is not None and _FRONT_PAGE.fullmatch(tree.get(link, "href")) is not None


def _is_cue(linked: float, text: str) -> bool:
    if len(text) <= _CREDIT and _ALONE.fullmatch(text):
        return True
    if not linked:
        return False
    if (linked >= _LINKED and _LEADS_AWAY.match(text)) or (linked >= _SOME_LINKED and _LABELLED.match(text)):
        return True
    return (linked >= _MOSTLY_LINKED and _BUTTONS.fullmatch(text) is not None) or _INVITES.search(text) is not None


def _is_credit(text: str, begun: bool, linked: float) -> bool:
    """Whether a line is when a page was published, or, before its text has begun, who wrote it."""
    if len(text) > _CREDIT:
        return False
    if any(map(str.isdigit, text)):
        if _DATED.fullmatch(text) or (linked >= _SOME_LINKED and _LINKED_DATE.fullmatch(text)):
            return True
        return not begun and _BY_AND_WHEN.fullmatch(text) is not None
    return not begun and _BY.fullmatch(text) is not None


def _drop_with_links(tree: Tree, measure: Measure, node: int) -> None:
    """Drop a heading with the links below it, or with nothing below it; it stays if something else follows it."""
    below = (other for other in tree.children(tree.parents[node]) if other > node and measure.chars(other))
    following = list(islice(below, _NEARBY))
    links = []
    for other in following:
        if tree.dropped[other]:
            continue
        listed = tree.tags[other] in ("ul", "ol") and _all_lead_away(tree, measure, other)
        if tree.tags[other] in HEADINGS or (measure.links(other) < _LINKED and not listed):
            break
        links.append(other)
    if links or not following:
        for other in (node, *links):
            tree.dropped[other] = 1


def _all_lead_away(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether each item of a list is a line with a link in it."""
    items = [item for item in tree.children(node) if measure.chars(item)]
    return len(items) > 1 and all(measure.links(item) > 0 and measure.chars(item) <= _LINE for item in items)
