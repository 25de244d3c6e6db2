"""A made dataset of questions about facts, and a scripted model that is right exactly when its prompt holds the fact.

Which documents hold the fact of a question is decided here, so a test knows every label beforehand: a fact is told by
text, by a picture, by both together, known without any document, or never known. Other documents only mention it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nyxqa.builders.runner.manifest import versions
from nyxqa.builders.vlm.openai.images import DataUris
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import PLACEHOLDER, kind_of
from nyxqa.schemas.ids import doc_id, image_id, qa_id, query_id, row_hash
from nyxqa.schemas.manifest import Manifest, write_manifest
from nyxqa.schemas.recipe import VlmSection
from tests.support.tiny_dataset import TinyDataset, document, png
from tests.support.vlm_server import Payload

Row = dict[str, Any]
Told = Literal["text", "picture", "both", "closed", "never"]
# The kinds of questions, in turn; ``shown`` carries a picture, ``options`` has nothing but options.
KINDS = ("text", "picture", "both", "closed", "never", "shown", "options", "passage")
_COLOURS = ("red", "green", "blue", "white")
_CODE = re.compile(r"zq\d+x")


@dataclass(frozen=True)
class Fact:
    """What one question asks for.

    :param mentioned: Ordinals of the documents of its pool that mention it, the holders first.
    """

    number: int
    kind: str
    mentioned: tuple[int, ...]
    holders: int

    @property
    def code(self) -> str:
        """A word that stands in no other question."""
        return f"zq{self.number}x"

    @property
    def value(self) -> str:
        """The answer."""
        return f"{_COLOURS[self.number % 4]} stone {self.number}"

    @property
    def told(self) -> Told:
        """By what it is told."""
        found: dict[str, Told] = {"picture": "picture", "both": "both", "closed": "closed", "never": "never"}
        return found.get(self.kind, "text")

    @property
    def pool(self) -> str:
        """Pool of its documents."""
        return "wiki" if self.kind == "passage" else "web"

    @property
    def choices(self) -> list[str]:
        """Options with the right one at ``number % 4``."""
        wrong = [f"wrongly{self.number}{letter}" for letter in "xyz"]
        return [*wrong[: self.number % 4], self.value, *wrong[self.number % 4 :]]

    def line(self, ordinal: int, holds: bool) -> str:
        """What a document says of it: every other holder of a fact of both kinds lacks one of them."""
        if self.told == "text":
            return f"Here {self.code} is {self.value}." if holds else f"Here {self.code} is not told."
        if self.told == "both":
            return f"Half of {self.code} is said." if holds or ordinal % 2 else f"Of {self.code} nothing is said."
        return f"Here {self.code} is named."

    def pictured(self, ordinal: int, holds: bool) -> bool:
        """Whether the first picture of a document shows it."""
        return self.told in ("picture", "both") and (holds or (self.told == "both" and ordinal % 2 == 0))


@dataclass
class Facts:
    """Questions and documents.

    :param questions: Number of questions.
    :param documents: Documents of each pool; every second one of ``web`` has a picture.
    :param pixels: Width and height of the pictures; noise of 100 takes 30 KB.
    """

    questions: int = 500
    documents: int = 200
    pixels: int = 8
    tiny: TinyDataset = field(init=False)

    def __post_init__(self) -> None:
        self.pools = {pool: [self._document(pool, n) for n in range(self.documents)] for pool in ("web", "wiki")}
        away = [document(1, split, n) for split in ("validation", "test") for n in range(3)]
        triplets = sorted(map(self._triplet, self.facts), key=lambda row: (row["dataset"], row["query_id"]))
        qa = sorted((self._question(one) for one in self.facts if one.pool == "web"), key=lambda row: row["qa_id"])
        self.tiny = TinyDataset(
            {
                "corpus": {"web": [*self.pools["web"], *away], "wiki": self.pools["wiki"]},
                "qa": {"train": qa},
                "triplets": {"train": triplets},
            }
        )

    @cached_property
    def facts(self) -> list[Fact]:
        """One a question."""
        return [self._fact(number) for number in range(self.questions)]

    def _fact(self, number: int) -> Fact:
        kind = KINDS[number % len(KINDS)]
        pictured = kind in ("picture", "both", "shown")
        order = sorted(range(self.documents), key=lambda n: keyed_hash(7, f"fact/{number}", str(n)))
        drawn = [n for n in order if not pictured or n % 2 == 0]
        # One question in five of those told by text has documents that all hold it.
        every = kind == "text" and number % 5 == 0
        mentioned = tuple(drawn[: 12 if every else 9])
        return Fact(number, kind, mentioned, len(mentioned) if every else 1 + keyed_hash(7, "holders", str(number)) % 3)

    @cached_property
    def _lines(self) -> dict[tuple[str, int], list[tuple[Fact, bool]]]:
        found: dict[tuple[str, int], list[tuple[Fact, bool]]] = {}
        for fact in self.facts:
            for place, ordinal in enumerate(fact.mentioned):
                found.setdefault((fact.pool, ordinal), []).append((fact, place < fact.holders))
        return found

    def _document(self, pool: str, ordinal: int) -> Row:
        pictured = pool == "web" and ordinal % 2 == 0
        row = document(0, "train" if pool == "web" else "", ordinal, pool, int(pictured))
        if pictured and self.pixels != 8:
            data = png(ordinal, self.pixels)
            row |= {"images": [{"bytes": data, "path": None}], "image_ids": [image_id(data)]}
        lines = [f"Document {ordinal} of {pool}.", *(PLACEHOLDER for _ in row["images"])]
        lines += [fact.line(ordinal, holds) for fact, holds in self._lines.get((pool, ordinal), [])]
        if ordinal == self.documents - 1:  # what a query with options in it would find first
            lines += [option for fact in self.facts if fact.kind == "options" for option in fact.choices[1:]]
        text = "\n".join(lines)
        own = doc_id(text, row["image_ids"])
        same = {"doc_id": own, "cluster": own, "also_at": []}
        return {
            **row,
            **same,
            "text": text,
            "n_tokens": len(text.split()),
            **({"group": own} if pool == "wiki" else {}),
        }

    def ids(self, fact: Fact) -> tuple[str, str]:
        """Dataset and query id."""
        if fact.pool == "wiki":
            return "wiki", query_id("wiki", fact.code)
        question, images = self._asked(fact)
        return "nyxqa", qa_id(question, [image_id(one) for one in images], fact.value, self.source(fact)["doc_id"])

    def source(self, fact: Fact) -> Row:
        """The document that the triplet names as its positive."""
        return self.pools[fact.pool][fact.mentioned[0]]

    def holders(self, fact: Fact) -> set[str]:
        """Documents with which the model must be right."""
        if fact.told == "never":
            return set()
        documents = self.pools[fact.pool]
        if fact.told == "closed":
            return {row["doc_id"] for row in documents}
        return {documents[ordinal]["doc_id"] for ordinal in fact.mentioned[: fact.holders]}

    def _asked(self, fact: Fact) -> tuple[str, list[bytes]]:
        if fact.kind == "shown":
            return f"What is {fact.code} beside {PLACEHOLDER}?", [
                image["bytes"] for image in self.source(fact)["images"]
            ]
        return f"What is {fact.code}?", []

    def _triplet(self, fact: Fact) -> Row:
        dataset, own = self.ids(fact)
        question, images = self._asked(fact)
        source = self.source(fact)["doc_id"]
        return {
            "query_id": own,
            "dataset": dataset,
            "pool": fact.pool,
            "instruction": "Find the page that tells it." if fact.pool == "wiki" else "",
            "query": question,
            "query_images": [{"bytes": one, "path": None} for one in images],
            "query_image_ids": [image_id(one) for one in images],
            "answers": [] if fact.kind == "options" else [fact.value],
            "positive_id": source,
            "positives": [{"doc_id": source, "rank": None, "score": None, "origin": "source"}],
            "negative_ids": [],
            "negative_ranks": [],
            "negative_scores": [],
            "miner": "bm25",
            "kind": self.source(fact)["kind"],
            "reviews": 0,
            "row_hash": row_hash(own, source, []),
            "needs": "any",
        }

    def _question(self, fact: Fact) -> Row:
        row = self._triplet(fact)
        source = self.source(fact)
        names = ("questions", "questions_multi", "shorten", "answer", "answer_closed", "distractors")
        return {
            **{"qa_id": row["query_id"], "question": row["query"], "images": row["query_images"]},
            **{"image_ids": row["query_image_ids"], "answer": fact.value, "answers": row["answers"]},
            **{
                "answer_long": fact.value,
                "choices": fact.choices,
                "label": fact.number % 4,
                "doc_id": source["doc_id"],
            },
            **{"page_id": source["page_id"], "kind": kind_of(len(source["images"])), "source": "sample"},
            **{"generator": "made", "prompts": dict.fromkeys(names, ""), "evidence": None},
            **{
                "dataset": row["dataset"],
                "pool": fact.pool,
                "reviews": 0,
                "type": "",
                "nuggets": [],
                "answerable": True,
            },
        }

    def write(self, root: Path, **recipe: Any) -> Manifest:
        """Publish into ``root``; all passages of ``wiki`` are published and searched."""
        wiki = {"name": "wiki", "pool": None, "keep": "all", "license": None}
        sections = {"text": [{**wiki, "questions": "q", "passages": "p"}]}
        manifest = replace(self.tiny.write(root), recipe={"seed": 42, **sections, **recipe}, versions=versions())
        write_manifest(root, manifest)
        return manifest

    @cached_property
    def _pictures(self) -> dict[bytes, str]:
        found = {as_sent(image["bytes"]): row["doc_id"] for row in self.pools["web"] for image in row["images"]}
        return found

    @cached_property
    def _shown(self) -> dict[str, set[str]]:
        """Codes that the picture of a document shows."""
        return {
            self.pools[pool][ordinal]["doc_id"]: {fact.code for fact, holds in lines if fact.pictured(ordinal, holds)}
            for (pool, ordinal), lines in self._lines.items()
        }

    def reply(self, payload: Payload) -> str:
        """What the model answers."""
        content = payload["messages"][0]["content"]
        parts: Iterable[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "".join(part["text"] if part["type"] == "text" else f"[shows {self._of(part)}]" for part in parts)
        head, _, question = text.rpartition("\nQuestion: ")
        (code,) = set(_CODE.findall(question))
        fact = self.facts[int(code[2:-1])]
        documents = head.rpartition("\nDocuments:\n")[2] if "\nDocuments:\n" in head else ""
        if not self._knows(fact, documents):
            return json.dumps({"answer": "unknown"})
        if fact.kind == "options":
            letter = re.findall(rf"\((\w)\) {re.escape(fact.value)}\b", question)[0]
            return json.dumps({"answer": letter if fact.number % 2 else f"({letter}) {fact.value}"})
        return json.dumps({"answer": fact.value.upper() if fact.number % 3 else f"the {fact.value}."})

    def _of(self, part: dict[str, Any]) -> str:
        return self._pictures[base64.b64decode(part["image_url"]["url"].partition("base64,")[2])]

    def _knows(self, fact: Fact, documents: str) -> bool:
        shown = any(fact.code in self._shown.get(one, ()) for one in re.findall(r"\[shows (\w+)\]", documents))
        return {
            "text": f"{fact.code} is {fact.value}." in documents,
            "picture": shown,
            "both": shown and f"Half of {fact.code} is said." in documents,
            "closed": True,
            "never": False,
        }[fact.told]


def other_picture(seed: int) -> bytes:
    """A picture of no document."""
    return png(10_000 + seed)


def payload_parts(payload: Payload) -> Sequence[str | bytes]:
    """Texts and decoded pictures of a message, in its order."""
    content = payload["messages"][0]["content"]
    if isinstance(content, str):
        return [content]
    return [
        part["text"] if part["type"] == "text" else base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
        for part in content
    ]


def as_sent(image: bytes) -> bytes:
    """An image as the model receives it: PNG or JPEG, whatever format the dataset stores."""
    uri = DataUris().of(VlmImage(hashlib.sha256(image).hexdigest(), "", image), VlmSection().max_pixels, shrink=True)
    return base64.b64decode(uri.partition("base64,")[2])
