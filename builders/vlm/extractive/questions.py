"""Selects the clozes of a document that become its questions, and writes questions over two images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, combinations

from nyxqa.builders.vlm.extractive.cloze import BLANK, Cloze
from nyxqa.builders.vlm.extractive.pictures import picture_questions
from nyxqa.builders.vlm.extractive.self_contained import is_prose
from nyxqa.builders.vlm.extractive.spans import find_spans
from nyxqa.builders.vlm.extractive.tables import table_questions
from nyxqa.builders.vlm.extractive.text_questions import text_questions
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, are_synonyms, word_list
from nyxqa.builders.vlm.protocol import QaPair, VlmDocument
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import words

_SHEET_WORDS = 60  # a longer caption of a picture that is a whole document is the text of a sheet
_DIFFERING = {"colour": "Which colour", "shape": "Which shape", "orientation": "Which orientation of lines"}


def draft_questions(document: VlmDocument, limit: int) -> list[QaPair]:
    """At most ``limit`` questions on ``document`` and as many over two of its images, in reading order."""
    used_answers: set[str] = set()
    captions = [(n, image.caption) for n, image in enumerate(document.content.images, 1) if is_prose(image.caption)]
    sheet = _text_of_sheet(document)
    about_images = _best(() if sheet else picture_questions(document), limit, used_answers)
    text = sheet or document.content.text
    told = chain(text_questions(text, document.title), table_questions(text, document.title))
    about_text = _best(told, limit, used_answers)
    room = max(limit - len(about_text), (limit + 1) // 2)
    about_images = sorted(sorted(about_images, key=_rank)[:room], key=lambda cloze: cloze.place)
    about_text = sorted(sorted(about_text, key=_rank)[: limit - len(about_images)], key=lambda cloze: cloze.place)
    pairs = [QaPair(_asked(cloze, ""), cloze.answer) for cloze in about_text]
    pairs += [QaPair(_asked(cloze, f" for <image{cloze.place}>"), cloze.answer) for cloze in about_images]
    over_two = (pair for first, second in combinations(captions, 2) for pair in _two_image_questions(first, second))
    return pairs + _distinct(over_two, limit)


def _text_of_sheet(document: VlmDocument) -> str:
    """What is written on the picture of a sheet, if that is the document; else ""."""
    images = document.content.images
    alone = len(images) == 1 and document.content.text.strip() == PLACEHOLDER
    return images[0].caption if alone and len(words(images[0].caption)) >= _SHEET_WORDS else ""


def _asked(cloze: Cloze, where: str) -> str:
    """The question of a cloze, or what is a question already."""
    return f"Fill in the blank{where}: {cloze.text}" if BLANK in cloze.text else cloze.text


def _rank(cloze: Cloze) -> tuple[float, int, str]:
    return (-cloze.score, cloze.place, cloze.text)


def _best(clozes: Iterable[Cloze], limit: int, used_answers: set[str]) -> list[Cloze]:
    """The best cloze of each sentence first, then the second best ones; no answer twice."""
    ranked = sorted(clozes, key=_rank)
    chosen: list[Cloze] = []
    used: dict[int, int] = {}
    for per_sentence in (1, 2):
        for cloze in ranked:
            answer = normalise_answer(cloze.answer)
            if len(chosen) < limit and answer not in used_answers and used.get(cloze.place, 0) < per_sentence:
                chosen.append(cloze)
                used_answers.add(answer)
                used[cloze.place] = used.get(cloze.place, 0) + 1
    return chosen


def _distinct(pairs: Iterable[QaPair], limit: int) -> list[QaPair]:
    kept: dict[str, QaPair] = {}
    for pair in pairs:
        if len(kept) < limit:
            kept.setdefault(normalise_answer(pair.answer), pair)
    return list(kept.values())


def _two_image_questions(first: tuple[int, str], second: tuple[int, str]) -> Iterator[QaPair]:
    """Questions about what two captioned images share and how they differ."""
    (i, left), (j, right) = first, second
    for kind, which in _DIFFERING.items():
        here, there = _of_kind(left, kind), _of_kind(right, kind)
        if not here or not there:
            continue
        for one, other, a, b in ((here, there, i, j), (there, here, j, i)):
            only = [word for word in one if not any(are_synonyms(word, w) for w in other)]
            if len(only) == 1 and len(one) > 1:
                yield QaPair(f"{which} appears in <image{a}> but not in <image{b}>?", only[0])
        shared = [word for word in here if word in there]
        if len(shared) == 1 and (len(here) > 1 or len(there) > 1):
            yield QaPair(f"{which} appears in both <image{i}> and <image{j}>?", shared[0])
    yield from _both_blanks(first, second)


def _of_kind(caption: str, kind: str) -> list[str]:
    return list(dict.fromkeys(span.text.lower() for span in find_spans(caption) if span.kind == kind))


def _both_blanks(first: tuple[int, str], second: tuple[int, str]) -> Iterator[QaPair]:
    """One word that both captions contain once, blanked in both."""
    (i, left), (j, right) = first, second
    if left == right or min(len(words(left)), len(words(right))) < 5:
        return
    shared = [w for w in words(left) if w in words(right) and _is_content_word(w)]
    for word in sorted(set(shared), key=lambda w: (-len(w), w)):
        blanked = [re.sub(rf"\b{word}\b", BLANK, text, flags=re.IGNORECASE) for text in (left, right)]
        if all(text.count(BLANK) == 1 and word[:4] not in text.lower() for text in blanked):
            question = f"Which word fits both blanks? <image{i}>: {blanked[0]} <image{j}>: {blanked[1]}"
            yield QaPair(question, _spelling(word, left, right))
            return


_WEAK_WORDS = frozenset(
    word_list("drawn shown seen shows show looks made placed joined large small long short equal sides")
)


def _is_content_word(word: str) -> bool:
    return (
        len(word) > 3 and word.isalpha() and word not in STOP_WORDS | _WEAK_WORDS and not word.endswith(("ly", "ing"))
    )


def _spelling(word: str, left: str, right: str) -> str:
    """``word`` as a caption spells it inside a sentence."""
    found = re.findall(rf"(?<=\w )\b{word}\b", f"{left} {right}", re.IGNORECASE)
    return found[0] if found else word
