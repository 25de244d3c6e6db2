"""A scripted model for any published dataset, right exactly when its prompt shows a document that answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nyxqa.schemas.content import PLACEHOLDER
from tests.support.facts import as_sent, payload_parts
from tests.support.published import table
from tests.support.vlm_server import Payload

Key = tuple[str, tuple[str, ...]]


@dataclass
class Oracle:
    """Knows the answers of questions and which documents tell them."""

    answers: dict[Key, str] = field(default_factory=dict)
    telling: dict[Key, list[list[str]]] = field(default_factory=dict)

    def learn(self, question: str, images: Iterable[bytes], answer: str, documents: Collection[str]) -> None:
        """Take one question.

        :param documents: Texts of the documents that tell its answer.
        """
        key = _key([piece for part in _alternating(question, [as_sent(image) for image in images]) for piece in part])
        self.answers[key] = answer
        pieces = [[piece.strip() for piece in text.split(PLACEHOLDER) if piece.strip()] for text in documents]
        self.telling[key] = [*self.telling.get(key, []), *pieces]

    def reply(self, payload: Payload) -> str:
        """What the model answers."""
        parts = list(payload_parts(payload))
        at = max(number for number, part in enumerate(parts) if isinstance(part, str) and "\nQuestion: " in part)
        head, _, start = str(parts[at]).rpartition("\nQuestion: ")
        key = _key([start, *parts[at + 1 :]])
        shown = "".join(part for part in [*parts[:at], head] if isinstance(part, str)).rpartition("\nDocuments:\n")[2]
        told = any(all(piece in shown for piece in pieces) for pieces in self.telling[key])
        return json.dumps(
            {"answer": self.answers[key] if told and "\nDocuments:\n" in head + str(parts[0]) else "unknown"}
        )


def _alternating(question: str, images: list[bytes]) -> Iterable[list[str | bytes]]:
    for number, piece in enumerate(question.split(PLACEHOLDER)):
        yield [images[number - 1], piece] if number else [piece]


def _key(parts: Iterable[str | bytes]) -> Key:
    listed = list(parts)
    text = PLACEHOLDER.join("".join(part for part in group if isinstance(part, str)) for group in _groups(listed))
    return text.strip(), tuple(hashlib.sha256(part).hexdigest() for part in listed if isinstance(part, bytes))


def _groups(parts: list[str | bytes]) -> list[list[str | bytes]]:
    groups: list[list[str | bytes]] = [[]]
    for part in parts:
        if isinstance(part, bytes):
            groups.append([])
        else:
            groups[-1].append(part)
    return groups


def oracle_of(out: Path) -> Oracle:
    """An oracle that is right with the positives of the train triplets of a dataset."""
    oracle = Oracle()
    texts = {row["doc_id"]: row["text"] for row in table(out, "corpus")}
    for row in table(out, "triplets", "train"):
        images = [image["bytes"] for image in row["query_images"]]
        oracle.learn(row["query"], images, row["answers"][0], [texts[one["doc_id"]] for one in row["positives"]])
    return oracle
