"""Whether a question certainly refers to the document or to an image that its reader does not see.

Only phrases that have no other reading count: "in this document", "according to the passage". The works, texts,
pictures and authors of the world may be asked for; what is doubtful is left to the model of stage ``refine``.
"""

from __future__ import annotations

import re

_OF = r"(?!\s+(?:of|by|from|\d|[\"\u201c\u2018'])|\s+(?-i:[A-Z]))"  # "the text of the Edda", "the picture Casablanca"
_D = r"(?:texts?|documents?|passages?|articles?|excerpts?|snippets?|paragraphs?)"
_HERE = r"(?:this|these|(?:the\s+)?(?:given|above|following|provided|preceding|aforementioned))"
_TOLD = r"(?:mentioned|described|discussed|stated|listed|named|quoted|given|cited|referred\s+to|said|written|provided)"
_TELLS = (
    r"(?:say|state|mention|describe|tell|claim|argue|suggest|discuss|explain|refer|list|imply|conclude|mean|believe"
    r"|think|recommend|report|note)"
)
_DE = r"(?:Text(?:e?s)?|Dokument(?:e?s)?|Artikels?|Abschnitt(?:e?s)?|Absatz(?:es)?|Auszug(?:e?s)?|Textstelle)"
_FR = r"(?:texte|document|passage|paragraphe|article|extrait)"
_ES = r"(?:documento|texto|art\u00edculo|pasaje|p\u00e1rrafo|fragmento)"
_OF_DE, _OF_FR, _OF_ES = r"(?!\s+(?:\d|de[rs]\b|von\b))", r"(?!\s+(?:\d|d[eu]s?\b|d['\u2019]))", r"(?!\s+(?:\d|del?\b))"
_L = r"l['\u2019]"

_DOCUMENT = re.compile(
    "|".join(
        [
            rf"\b{_HERE}\s+(?:{_D}|pages?|sections?|captions?|contexts?|web\s?pages?)\b{_OF}",
            rf"\baccording\s+to\s+the\s+(?:{_D}|authors?|writer|page|section|caption|context)\b{_OF}",
            r"\bin\s+the\s+(?:texts?|documents?|articles?|excerpts?|snippets?|paragraphs?)(?=\s*(?:[?,.;:]|$))",
            rf"\b{_TOLD}\s+(?:in|by|on)\s+the\s+(?:{_D}|authors?|page|section|caption|context)\b{_OF}",
            rf"\b(?:does|do|did)\s+the\s+(?:{_D}|authors?|page|section|caption)\s+{_TELLS}\b",
            rf"^{_D}\s*:",
            r"\bthe\s+(?:texts?|documents?|articles?|excerpts?|snippets?|paragraphs?|authors?)\s*\?",
            rf"\bmain\s+(?:idea|topic|point|argument|theme|purpose|subject)\s+of\s+the\s+{_D}\b{_OF}",
            rf"\bdiese[mnrs]?\s+{_DE}\b",
            rf"\b(?:obigen|vorliegenden|gegebenen|folgenden)\s+{_DE}\b",
            rf"\b(?:laut|nach|gem\u00e4\u00df)\s+(?:dem\s+)?{_DE}\b{_OF_DE}",
            rf"\b(?:dem|des)\s+{_DE}\s+(?:zufolge|nach)\b|\b{_DE}\s+zufolge\b",
            rf"\bim\s+{_DE}\s+(?:erw\u00e4hnt|genannt|beschrieben|angegeben)",
            rf"\b(?:ce|cet)\s+{_FR}\b",
            rf"(?:\bselon|\bd['\u2019]apr\u00e8s)\s+(?:le\s+|{_L}){_FR}\b{_OF_FR}",
            rf"(?:\bselon|\bd['\u2019]apr\u00e8s)\s+{_L}auteure?\b{_OF_FR}",
            rf"\b(?:mentionn|cit|nomm|indiqu)\u00e9e?s?\s+dans\s+(?:le\s+|{_L}){_FR}\b{_OF_FR}",
            rf"\b(?:en|seg\u00fan|de)\s+(?:este|esta)\s+(?:{_ES}|p\u00e1gina|secci\u00f3n)\b",
            rf"\bseg\u00fan\s+el\s+(?:{_ES}|autor)\b{_OF_ES}",
            rf"\b(?:mencionad|descrit|citad|nombrad|indicad)[oa]s?\s+en\s+el\s+{_ES}\b{_OF_ES}",
        ]
    ),
    re.IGNORECASE,
)

_I = r"(?:images?|pictures?|photos?|photographs?|figures?|diagrams?)"
_IMAGE = re.compile(
    "|".join(
        [
            rf"\b{_HERE}\s+{_I}\b{_OF}",
            rf"\b(?:shown|seen|depicted|visible|displayed|pictured|illustrated)\s+(?:in|on)\s+the\s+{_I}\b{_OF}",
            r"\b(?:in|on|from)\s+the\s+(?:images?|pictures?|photos?|photographs?)\s*(?:[?,.;:]|$)",
            rf"\b(?:does|do)\s+the\s+{_I}\s+(?:show|depict|contain|display|represent|illustrate)\b",
            r"\b(?:image|picture|photo)\d",
            r"\bdiese[mnrs]?\s+(?:Bild|Foto|Abbildung)(?:e?s|ern?|en)?\b",
            r"\b(?:auf|in)\s+de[mr]\s+(?:Bild|Foto|Abbildung)(?:\s+(?:zu\s+sehen|gezeigt|abgebildet|dargestellt))?\s*[?,]",
            r"\bcette\s+(?:image|photo|photographie|figure)\b",
            rf"\b(?:sur|dans)\s+(?:{_L}|la\s+)(?:image|photo|photographie|figure)\s*[?,]",
            r"\besta\s+(?:imagen|foto|fotograf\u00eda|figura)\b",
            r"\ben\s+la\s+(?:imagen|foto|fotograf\u00eda|figura)\s*[?,]",
        ]
    ),
    re.IGNORECASE,
)


def refers_to_document(question: str) -> str | None:
    """The words by which ``question`` certainly refers to a document that its reader does not see."""
    found = _DOCUMENT.search(question)
    return None if found is None else found.group()


def refers_to_image(question: str) -> str | None:
    """The words by which ``question``, which cites no image, certainly refers to one."""
    found = _IMAGE.search(question)
    return None if found is None else found.group()
