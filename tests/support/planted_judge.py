"""A question set in which some negatives answer their question, and a scripted judge that errs at known rates."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.vlm_server import Act, Payload, prompt_text

RECIPE = """
[judge]
most = 6

[[text]]
name = "towers"
questions = "flashrag:questions.jsonl"
passages = "flashrag:passages.jsonl"
positive = "gold"
negatives = [1, 8]
exclude = ["equal"]
keep = "all"
license = "CC0-1.0"

[vlm]
model = "openai:model@http://127.0.0.1:9/v1"
concurrency = 8
"""
_TOWER = re.compile(r"tower varn(\d+)")


def chance(*parts: object) -> float:
    """A number in [0, 1) that depends on ``parts`` alone."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6], "big") / 2**48


@dataclass
class Towers:
    """Questions after the height of towers.

    :param planted: Share of the passages about a tower, besides its own, that tell its height as well.
    """

    questions: int = 60
    others: int = 6
    planted: float = 0.3

    def height(self, number: int) -> str:
        """The answer."""
        return f"{100 + number} spans"

    def tells(self, number: int, other: int) -> bool:
        """Whether a further passage about a tower tells its height."""
        return chance("planted", number, other) < self.planted

    def write(self, folder: Path) -> Path:
        """Write the files; gives the recipe."""
        passages, questions = [], []
        for number in range(self.questions):
            own = f"The tower varn{number} is old. The height of tower varn{number} is {self.height(number)}."
            passages.append({"id": f"{number}", "contents": f'"Tower {number}"\n{own}'})
            question = {"id": f"q{number}", "question": f"What is the height of tower varn{number}?"}
            answers = {"golden_answers": [self.height(number)], "metadata": {"passage_id": f"{number}"}}
            questions.append({**question, **answers})
            for other in range(self.others):
                told = f"It measures {self.height(number)}" if self.tells(number, other) else "Nobody measured it"
                text = f"Guide {other} on the height of tower varn{number}: {told}, says guide {number}.{other}."
                passages.append({"id": f"{number}.{other}", "contents": f'"Guide {number}.{other}"\n{text}'})
        for name, rows in (("passages", passages), ("questions", questions)):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        recipe = folder / "recipe.toml"
        recipe.write_text(RECIPE)
        return recipe


@dataclass
class Judge:
    """Replies: right with the given sensitivity and specificity; of the wrong ones every third hedges.

    :param refusals: Share of the requests that it refuses.
    """

    towers: Towers
    sensitivity: float = 0.85
    specificity: float = 0.95
    refusals: float = 0.05
    seen: list[str] = field(default_factory=list)

    def act(self, number: int, payload: Payload) -> Act:
        """Whether a request is refused, whatever its place in the order."""
        refused = chance("refusal", prompt_text(payload)) < self.refusals
        return Act("refusal") if refused else Act()

    def __call__(self, payload: Payload) -> str:
        text = prompt_text(payload)
        self.seen.append(text)
        head, _, question = text.rpartition("\nQuestion: ")
        found = _TOWER.search(question)
        if found is None:
            return json.dumps({"answer": "1911"})
        height = self.towers.height(int(found.group(1)))
        tells = height in head
        luck = chance("luck", text)
        if tells and luck >= self.sensitivity:
            hedge = f"it might be {height} but other guides of Varn give quite different numbers"
            return json.dumps({"answer": hedge if luck * 1000 % 3 < 1 else "unknown"})
        if not tells and luck >= self.specificity:
            return json.dumps({"answer": height})
        return json.dumps({"answer": height if tells else "unknown"})
