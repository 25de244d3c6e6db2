"""Which clozes of a document become its questions, and questions over two pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from nyxqa.builders.vlm.extractive.cloze import BLANK, Cloze, caption_clozes, text_clozes
from nyxqa.builders.vlm.extractive.self_contained import is_prose
from nyxqa.builders.vlm.extractive.spans import find_spans
from nyxqa.builders.vlm.extractive.vocabulary import STOP_WORDS, are_synonyms, word_list
from nyxqa.builders.vlm.protocol import QaPair, VlmDocument
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.words import words

_DIFFERING = {"colour": "Which colour", "shape": "Which shape", "orientation": "Which orientation of lines"}


def draft_questions(source: VlmDocument, most: int) -> list[QaPair]:
    """At most ``most`` questions on ``source`` and as many over two of its pictures, in reading order."""
    taken: set[str] = set()
    captions = [(n, picture.caption) for n, picture in enumerate(source.content.images, 1) if is_prose(picture.caption)]
    pictured = _best((c for n, caption in captions for c in caption_clozes(caption, n)), most, taken)
    texts = _best(text_clozes(source.content.text, source.title), most, taken)
    room = max(most - len(texts), (most + 1) // 2)
    pictured = sorted(sorted(pictured, key=_rank)[:room], key=lambda cloze: cloze.place)
    texts = sorted(sorted(texts, key=_rank)[: most - len(pictured)], key=lambda cloze: cloze.place)
    pairs = [QaPair(f"Fill in the blank: {cloze.text}", cloze.answer) for cloze in texts]
    pairs += [QaPair(f"Fill in the blank for <image{cloze.place}>: {cloze.text}", cloze.answer) for cloze in pictured]
    over_two = (pair for first, second in combinations(captions, 2) for pair in _over_two(first, second))
    return pairs + _distinct(over_two, most)


def _rank(cloze: Cloze) -> tuple[float, int, str]:
    return (-cloze.score, cloze.place, cloze.text)


def _best(clozes: Iterable[Cloze], most: int, taken: set[str]) -> list[Cloze]:
    """The best cloze of each sentence first, then second ones; no answer twice."""
    ranked = sorted(clozes, key=_rank)
    chosen: list[Cloze] = []
    used: dict[int, int] = {}
    for limit in (1, 2):
        for cloze in ranked:
            answer = normalise_answer(cloze.answer)
            if len(chosen) < most and answer not in taken and used.get(cloze.place, 0) < limit:
                chosen.append(cloze)
                taken.add(answer)
                used[cloze.place] = used.get(cloze.place, 0) + 1
    return chosen


def _distinct(pairs: Iterable[QaPair], most: int) -> list[QaPair]:
    kept: dict[str, QaPair] = {}
    for pair in pairs:
        if len(kept) < most:
            kept.setdefault(normalise_answer(pair.answer), pair)
    return list(kept.values())


def _over_two(first: tuple[int, str], second: tuple[int, str]) -> Iterator[QaPair]:
    """What tells two captioned pictures apart, and what they share."""
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
    """One word that both captions use once, blanked in both."""
    (i, left), (j, right) = first, second
    if left == right or min(len(words(left)), len(words(right))) < 5:
        return
    shared = [w for w in words(left) if w in words(right) and _telling(w)]
    for word in sorted(set(shared), key=lambda w: (-len(w), w)):
        blanked = [re.sub(rf"\b{word}\b", BLANK, text, flags=re.IGNORECASE) for text in (left, right)]
        if all(text.count(BLANK) == 1 and word[:4] not in text.lower() for text in blanked):
            question = f"Which word fits both blanks? <image{i}>: {blanked[0]} <image{j}>: {blanked[1]}"
            yield QaPair(question, _spelt(word, left, right))
            return


_PALE = frozenset(word_list("drawn shown seen shows show looks made placed joined large small long short equal sides"))


def _telling(word: str) -> bool:
    return len(word) > 3 and word.isalpha() and word not in STOP_WORDS | _PALE and not word.endswith(("ly", "ing"))


def _spelt(word: str, left: str, right: str) -> str:
    """``word`` as a caption writes it inside a sentence."""
    found = re.findall(rf"(?<=\w )\b{word}\b", f"{left} {right}", re.IGNORECASE)
    return found[0] if found else word
