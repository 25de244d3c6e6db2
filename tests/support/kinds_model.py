"""A scripted model that asks questions of several types about pumps, and questions that need two documents."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.pages import name, row
from tests.support.vlm_server import Act, Payload, prompt_text

RECIPE = """
[web]
source = "jsonl:pages.jsonl"
[split]
validation = 0
test = 0.3
[sample]
min_tokens = 10
[synthesize]
max_questions = 6
[chunk]
max_tokens = {tokens}
[prefilter]
enabled = false
[dedup]
enabled = false
[negatives]
ranks = [1, 10]
[vlm]
model = "openai:model@http://127.0.0.1:9/v1"
concurrency = 8
"""
TYPES = {"fact": 0.4, "howto": 0.25, "why": 0.1, "compare": 0.1, "list": 0.1, "boolean": 0.05}
_PUMP = re.compile(r"Varn(\d+)x")
_MACHINE = re.compile(r"machine (\d+) in Quern")


def number_of(question: str) -> int:
    """Number of the pump that a question is about."""
    return int(_PUMP.findall(question)[-1])


def pump_page(number: int) -> dict[str, Any]:
    """A page of two sections, which a small limit of tokens cuts into two documents."""
    words = [name(number, place) for place in range(10)]
    first = (
        f"The pump of Varn{number}x was built by {words[0]} {words[1]} of {words[2]}. To start it, open the valve of "
        f"{words[3]}, turn the crank {number + 13} times, and close the lid of {words[4]} with care. It is loud "
        f"because its bearing of {words[5]} is worn."
    )
    second = (
        f"The maker of the pump of Varn{number}x was born in the town of Tarn{number}x and kept {words[6]}, "
        f"{words[7]} and {words[8]} in a garden near the mill of {words[9]} until the great storm of that year."
    )
    return row(f"https://example.org/{number:04d}", [first, second], [None, None], None, f"Pump {number}")


@dataclass
class Pumps:
    """Replies of the model.

    :param plain: Whether it knows nothing of types, as a model does that answers in the oldest form.
    :param edits: Whether it asks nothing but who built a pump, and edits that into who painted it.
    :param split_words: Whether it asks about every second pump in words that stand elsewhere.
    :param alone: Numbers of pumps of which one document alone answers the question that asks for two.
    """

    plain: bool = False
    edits: bool = False
    split_words: bool = False
    alone: frozenset[int] = frozenset()
    seen: list[str] = field(default_factory=list)

    def facts(self, number: int) -> dict[str, dict[str, Any]]:
        """The questions on a pump by type; nuggets of ``why`` are not listed, those of ``compare`` stand nowhere."""
        words = [name(number, place) for place in range(10)]
        pump = f"the pump of Varn{number}x"
        found = {
            "fact": {"question": f"Who built {pump}?", "answer": f"{words[0]} {words[1]}"},
            "howto": {
                "question": f"How is {pump} started?",
                "answer": f"Open the valve of {words[3]}, turn the crank {number + 13} times, and close the lid.",
                "nuggets": [f"open the valve of {words[3]}", f"turn the crank {number + 13} times", "Close the lid"],
            },
            "why": {"question": f"Why is {pump} loud?", "answer": f"Because its bearing of {words[5]} is worn."},
            "compare": {
                "question": f"In what does {pump} differ from a mill?",
                "answer": "One rests upon granite whereas another floats.",
                "nuggets": ["rests upon granite whereas another floats"],
            },
            "list": {
                "question": f"What did the maker of {pump} keep in the garden?",
                "answer": [words[8], words[6], words[7]],
            },
            "boolean": {"question": f"Is {pump} silent?", "answer": False},
        }
        return {kind: {**value, **({} if self.plain else {"type": kind})} for kind, value in found.items()}

    def __call__(self, payload: Payload) -> str:
        text = prompt_text(payload)
        self.seen.append(text)
        if '"pairs"' in text:
            return json.dumps({"pairs": self._pairs(text.rpartition("\nDocument")[2])})
        head, _, question = text.rpartition("\nQuestion: ")
        if '"options"' in text:
            return json.dumps({"options": [f"wrong {letter}" for letter in "abc"]})
        if text.startswith("Edit a quiz question"):
            return json.dumps({"answer": question.replace("built", "painted")})
        if text.startswith("Shorten"):
            return json.dumps({"answer": question.partition("\nAnswer: ")[2]})
        number = int((_PUMP.findall(question) or _MACHINE.findall(question))[-1])
        documents = head.rpartition("\nDocuments:\n")[2] if "\nDocuments:\n" in head else ""
        return json.dumps({"answer": self._answer(number, question, documents)})

    def _pairs(self, document: str) -> list[dict[str, Any]]:
        numbers = list(dict.fromkeys(map(int, _PUMP.findall(document))))
        if document.startswith("s:\n"):
            question = "In which town was the builder of the pump of Varn{}x born?"
            return [{"question": question.format(n), "answer": f"Tarn{n}x"} for n in numbers if "Tarn" in document]
        pairs = [pair for number in numbers for pair in self.facts(number).values()]
        if self.split_words and numbers and numbers[0] % 2:
            pairs[0]["question"] = f"Whose work is machine {numbers[0]} in Quern?"
        return pairs[:1] if self.edits else pairs

    def _answer(self, number: int, question: str, documents: str) -> Any:
        first, second = (
            f"pump of Varn{number}x was built" in documents,
            f"born in the town of Tarn{number}x" in documents,
        )
        if question.startswith("Who painted"):
            return "Ada Holt" if first and number % 3 == 0 else "unknown"
        if question.startswith("In which town"):
            return f"Tarn{number}x" if second and (first or number in self.alone) else "unknown"
        if question.startswith("Whose work"):
            question = self.facts(number)["fact"]["question"]
        answers = {pair["question"]: (kind, pair["answer"]) for kind, pair in self.facts(number).items()}
        kind, answer = answers[question]
        if not (second if kind == "list" else first):
            return "unknown"
        # Of every second pump it tells one step of three, and the rest in other words.
        return f"Open the valve of {name(number, 3)}." if kind == "howto" and number % 2 else answer


class PumpReader(Pumps):
    """A model that only answers, also with options. It tells nothing of "why"."""

    def __call__(self, payload: Payload) -> str:
        head, _, asked = prompt_text(payload).rpartition("\nQuestion: ")
        question = asked.partition("\nAnswer with one of")[0]
        if not _PUMP.search(question):
            return json.dumps({"answer": "1911"})  # to the request that asks whether the server answers
        if question.startswith("Who painted"):
            return json.dumps({"answer": "Ada Holt" if self.outcome(number_of(question)) == "guesses" else "unknown"})
        if question.startswith("Why"):
            return json.dumps({"answer": "Nobody has ever said so."})
        return json.dumps({"answer": self._answer(number_of(question), question, head.rpartition("\nDocuments:\n")[2])})

    @staticmethod
    def outcome(number: int) -> str:
        """What it does with a question that no document answers."""
        return ("abstains", "guesses", "refuses")[number // 3 % 3]

    def act(self, _: int, payload: Payload) -> Act:
        """Refusals, whatever the order of requests."""
        question = prompt_text(payload).rpartition("\nQuestion: ")[2]
        painted = question.startswith("Who painted")
        return Act("refusal") if painted and self.outcome(number_of(question)) == "refuses" else Act()
