"""A scripted model that asks for words of the documents it is shown, and knows an answer only where it can read it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.support.vlm_server import Payload, prompt_text

_SENTENCE = re.compile(r"[A-Z][^.\n\[\]<>|]{30,}?\.")
_WORD = re.compile(r"\b[a-z]{5,}\b")


@dataclass
class PageModel:
    """Asks for the longest word of a sentence; answers with it if the sentence is in the prompt, else "unknown".

    :param known: Sentence and word of each question that it asked.
    """

    known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, payload: Payload) -> str:
        text = prompt_text(payload)
        if '"pairs"' in text:
            return json.dumps({"pairs": self._pairs(text.rpartition("\nDocument:\n")[2])})
        head, _, question = text.rpartition("\nQuestion: ")
        name = next((one for one in self.known if one in question), None)
        if '"options"' in text:
            return json.dumps({"options": [f"no {letter * 4}" for letter in "abcde"]})
        if name is None:
            found = self._blank(question, head)
            return json.dumps({"answer": found})
        sentence, word = self.known[name]
        if "Shorten an answer" in text[:200]:
            return json.dumps({"answer": word})
        return json.dumps({"answer": word if sentence in head else "unknown"})

    def _pairs(self, document: str) -> list[dict[str, str]]:
        pairs = []
        for sentence in _SENTENCE.findall(document)[:3]:
            words = sorted(set(_WORD.findall(sentence)), key=lambda word: (-len(word), word))
            if words and f" {words[0]} " in sentence:
                asked = f"Which word belongs here: {sentence.replace(f' {words[0]} ', ' ____ ', 1)[:-1]}?"
                self.known[asked] = (sentence, words[0])
                pairs.append({"question": asked, "answer": words[0]})
        return pairs

    @staticmethod
    def _blank(question: str, head: str) -> str:
        """The word of a blank in a question of others, read off a document of the prompt."""
        before, blank, behind = question.partition("____")
        if not blank:
            return "unknown"
        left, right = before[-25:].rpartition(": ")[2], behind[:15].rstrip(" .?\n")
        found = re.search(re.escape(left.lstrip()) + r"(\w+)" + re.escape(right), head)
        return found[1] if found else "unknown"
