"""Verbs in their forms, so that a statement can be turned into a question."""

from __future__ import annotations

import re

from nyxqa.builders.vlm.extractive.vocabulary import word_list


def _forms(text: str) -> dict[str, tuple[str, str]]:
    """``base: past participle; ...`` as a table."""
    pairs = (entry.split(":") for entry in text.split(";"))
    return {base.strip(): (forms.split()[0], forms.split()[1]) for base, forms in pairs}


_REGULAR = word_list(
    """abolish accept achieve acquire add adopt advocate affect aim allow annex appear apply appoint arrive assist
    attack attempt attract base belong border capture carry cause cease change claim collect colonize combine
    command compete complete compose comprise conduct connect conquer consist constitute construct contain continue
    contribute control convert cover create cross declare dedicate defeat defend define deliver demand denote depend
    depict derive describe design destroy develop devote die direct discover dissolve divide dominate earn edit
    educate elect employ enable encourage end enjoy enter escape establish evolve exceed exist expand experience
    explain explore export express extend face feature flourish focus follow force found function gain gather
    generate govern graduate happen help host identify implement import improve include increase influence inherit
    inspire introduce invade invent involve issue join kill launch live locate maintain marry measure merge migrate
    mix move name need number obtain occupy occur open operate oppose order organize originate oversee perform
    persuade pioneer play portray possess practice present preserve proclaim produce promote propose protect prove
    provide publish rank reach receive recognize record refer reflect reform refuse regain reign reject relate
    release rely remain remove replace represent require reside resign result retain retire return reveal reject
    rule save score separate serve settle share sign sponsor span star start stop study succeed suffer support
    surround survive teach tend train transform translate travel treat turn unify unite use utilize visit vote want
    wield win witness work"""
)
_IRREGULAR = _forms(
    """become: became become; begin: began begun; bear: bore borne; beat: beat beaten; break: broke broken; bring:
    brought brought; build: built built; buy: bought bought; come: came come; draw: drew drawn; drive: drove driven;
    fall: fell fallen; fight: fought fought; find: found found; flee: fled fled; flow: flowed flowed; fly: flew
    flown; give: gave given; go: went gone; grow: grew grown; hold: held held; keep: kept kept; lead: led led;
    leave: left left; lie: lay lain; lose: lost lost; make: made made; mean: meant meant; meet: met met; overthrow:
    overthrew overthrown; rise: rose risen; run: ran run; see: saw seen; seek: sought sought; sell: sold sold; send:
    sent sent; set: set set; show: showed shown; sing: sang sung; speak: spoke spoken; spend: spent spent; stand:
    stood stood; take: took taken; teach: taught taught; tell: told told; undergo: underwent undergone; win: won
    won; write: wrote written; wear: wore worn; feed: fed fed; lay: laid laid; get: got got; spread: spread spread;
    eat: ate eaten; swim: swam swum; begin: began begun; rule: ruled ruled"""
)


def _past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ied"
    return {"stop": "stopped", "span": "spanned", "star": "starred"}.get(base, base + "ed")


def _third(base: str) -> str:
    if re.search(r"(?:s|x|z|ch|sh|o)$", base):
        return base + "es"
    return base[:-1] + "ies" if re.search(r"[^aeiou]y$", base) else base + "s"


# Finite form -> the auxiliary that asks with it and the base form.
FINITE: dict[str, tuple[str, str]] = {}
for _base in [*_REGULAR, *_IRREGULAR]:
    FINITE.setdefault(_third(_base), ("does", _base))
for _base in _REGULAR:
    FINITE.setdefault(_past(_base), ("did", _base))
for _base, _irregular in _IRREGULAR.items():
    FINITE[_irregular[0]] = ("did", _base)
FINITE.pop("set", None)
FINITE.pop("spread", None)
FINITE.pop("beat", None)
PLURAL_FINITE = {base: ("do", base) for base in [*_REGULAR, *_IRREGULAR]}
PARTICIPLES = frozenset([*map(_past, _REGULAR), *(forms[1] for forms in _IRREGULAR.values()), "born", "known"])
# All forms of a verb by its base.
FORMS: dict[str, frozenset[str]] = {base: frozenset((_past(base), _third(base))) for base in _REGULAR}
FORMS |= {base: frozenset((*forms, _third(base))) for base, forms in _IRREGULAR.items()}
