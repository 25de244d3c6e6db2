"""Which sentences and captions a reader understands without the rest of their document."""

from __future__ import annotations

import re

from nyxqa.builders.vlm.extractive.spans import find_spans
from nyxqa.builders.vlm.extractive.vocabulary import word_list
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import sentences, words

MIN_WORDS, MAX_WORDS = 7, 45  # of a sentence: shorter ones say too little, longer ones are hard to read

# A sentence that begins with one of these depends on the one before it.
_DEPENDENT_OPENINGS = frozenset(
    word_list(
        """it its he his him she her they their them this these those that such there here another other others both one
    some many most several each however therefore thus consequently hence then also instead moreover furthermore
    additionally similarly likewise nevertheless nonetheless meanwhile afterwards later finally first firstly second
    secondly and but or so because which who whom whose we our you your i my if for example similarly conversely today
    currently now since superimposed according neither either all"""
    )
)
_BACKWARD_REFERENCE = re.compile(
    r"\b(?:this|these|those|aforementioned|former|latter|above|below|such)\b"
    r"|\b(?:as|see|mentioned|noted|described) (?:above|below|earlier|previously)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:it|its|he|his|him|she|her|they|their|them|we|our|you|your|I|my)\b")
# Questions about the page itself make no sense without it.
ABOUT_THE_PAGE = re.compile(
    r"\b(?:texts?|authors?|documents?|passages?|articles?|paragraphs?|contexts?|images?|pictures?|photos?|captions?"
    r"|pages?|click|website)\b",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Sr|Jr|Prof|Gen|Col|Lt|Mt|No|vs|ca?|cf|e\.g|i\.e|approx|fl|etc|pop|lit|b|d|r|Inc|Ltd|Co|Figs?"
    r"|[A-Z]\.[A-Z]))\.$"
)
# Bibliographies, code and tables are not prose: surnames with initials, journals, or signs that sentences lack.
_REFERENCE = re.compile(
    r"\b[A-Z][\w'\u2019-]+, [A-Z]\.|\b[A-Z]\. ?[A-Z][\w-]+, (?:and )?[A-Z]\.|&|\bet al\b"
    r"|\b(?:doi|DOI|arXiv|ISBN|ISSN)\b"
    r"|^\[\^?\w+\]|\bIEEE\b|\bTPAMI\b|\([Ee]ds?\.?\)|\bVolume \d+, Number|\bPress,? \d{4}"
    r"|\b(?:[Vv]ols?|pp?|[Nn]os?|[Ee]ds?|Proc|Conf|Trans|Appl|Int)\.|\b(?:In )?Proceedings\b|\bIEEE Transactions\b"
)
_CODE = re.compile(r"[|#={}\\]|>>>|\(\)|::|\w\.\w+\.\w|\w_\w")
_BULLET = re.compile(r"^(?:[-*\u2022\u2013+>]|\d{1,2}[.)])\s+")
_CITATION = re.compile(r"\s*\[\d{1,3}(?:\s*[,\u2013-]\s*\d{1,3})*\]")
# Every sentence has a verb; without an auxiliary or one of these endings it is a heading or a label.
# A participle or a plural is no verb: "kernel used for the matrix", "values of the curve".
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|may|might|must|will|would|shall|should|do|does|did"
    r"|(?!(?:used|based|called|named|defined|computed|applied|located|trained|required|related|needed|obtained)\b)"
    r"[a-z]+ed|(?:consists|belongs|refers|depends|lies|runs|ends|begins|stands|leads|occurs|flows|comes|goes|results"
    r"|extends|rises|serves|works|differs|applies|contains|includes|uses|shows|means|becomes|remains|makes|gives|takes"
    r"|forms|covers|holds|carries|lives|grows|lasts|turns|meets|joins|follows|connects|separates|appears|exists|plays"
    r"|provides|allows|requires|produces|describes|measures|passes|moves|marks|bears)"
    r"|wrote|became|began|made|won|took|led|gave|held|built|found|left|saw|rose|fell|fought|ran|grew|brought|came|went)"
    r"\b|\b[a-z]{2,}s (?:the|an?|its|his|her|their|all|every|each|two|three|four|five|no|that|it|them|one)\b"
)
# The verb of a relative clause is none of the sentence.
_RELATIVE = re.compile(r"\b(?:which|who|that)\s+\w+|\bwhere\s[^,.]*")
# A subject is missing, or a word that was left out leaves two others side by side.
_BROKEN = re.compile(r"^(?:In|For|From|On|With|To) [^,]+, (?:will|is|are|was|were|can|has)\b|\b([a-z]{2,}) \1\b", re.I)
# Labels of a figure's parts.
_LIST = re.compile(r"(?:^|,)(?:\s*[^\s,]+){1,3},(?:\s*[^\s,]+){1,3},(?:\s*[^\s,]+){1,3}(?:,|$)")
_FILE_NAME = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|bmp)\b|_|https?:", re.IGNORECASE)


def complete_sentences(text: str) -> list[str]:
    """Sentences of ``text`` with a proper beginning and end; those split after an abbreviation are rejoined."""
    joined: list[str] = []
    for piece in text.split(PLACEHOLDER):
        pending = ""
        for sentence in sentences(piece):
            # "1)" is a bullet at the beginning of a sentence only: not behind "Fig.".
            own = _CITATION.sub("", sentence if pending else _BULLET.sub("", sentence))
            pending = f"{pending} {own}" if pending else " ".join(own.split())
            if not _ABBREVIATION.search(pending):
                joined.append(pending)
                pending = ""
        if pending:
            joined.append(pending)
    return [s for s in joined if re.search(r"[.!?\u3002]['\"\u201d\u2019)\]]*$", s) and not s[0].islower()]


def is_prose(caption: str) -> bool:
    """Whether a caption is prose: not a file name, a formula or a list of the labels of a figure's parts."""
    return bool(caption.strip()) and not (_FILE_NAME.search(caption) or _CODE.search(caption) or _LIST.search(caption))


def is_self_contained(sentence: str, caption: bool = False) -> bool:
    """Whether a reader who sees nothing else knows what ``sentence`` is about."""
    tokens = words(sentence)
    if not MIN_WORDS <= len(tokens) <= MAX_WORDS or ABOUT_THE_PAGE.search(sentence) or "__" in sentence:
        return False
    if not caption and (_REFERENCE.search(sentence) or _CODE.search(sentence) or _BROKEN.search(sentence)):
        return False
    if not caption and not _VERB.search(_RELATIVE.sub(" ", sentence)):
        return False
    if sentence.count("(") != sentence.count(")") or sentence.count('"') % 2 or "<" in sentence:
        return False
    if tokens[0] in _DEPENDENT_OPENINGS or (_BACKWARD_REFERENCE.search(sentence) and not caption):
        return False
    pronoun = _PRONOUN.search(sentence)
    return pronoun is None or any(span.end <= pronoun.start() for span in find_spans(sentence) if span.kind == "name")
