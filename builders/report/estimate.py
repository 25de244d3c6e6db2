"""What a build needs from a model, computed before anything is spent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from textwrap import fill
from typing import Any

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.formatting import text_table
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.mining.judging import judges
from nyxqa.builders.qa.evidence import collects_evidence
from nyxqa.builders.report.price import Price
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.guidance import read_guidance
from nyxqa.builders.vlm.openai.request import QUESTION_TOKENS
from nyxqa.builders.vlm.prompt import (
    CAPTION_PROMPT,
    PromptPart,
    document_with_labels,
    merge_text_parts,
    numbered_documents,
    prompt_of,
    question_prompts,
)
from nyxqa.builders.vlm.protocol import VlmDocument, VlmImage
from nyxqa.schemas.content import Content
from nyxqa.schemas.images.decode import open_encoded
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.tables import QRELS

# A token is about four characters of English; a character of another script is counted as a token of its own.
_CHARACTERS = 4
# Vision encoders in use see squares of 28 x 28 pixels (Nyx step 4), each about one token.
_PATCH = 28 * 28
# Characters of a question, of a drafted answer and of a short answer, where none is written yet.
_QUESTION, _ANSWER, _SHORT = 120, 80, 30
_STAGES = ("synthesize", "refine", "verify", "choices", "judge")
_SOUGHT = 40  # documents of its page and first found that must not answer an edited question

HOW = (
    "At most: if every document yields all its questions, each cites all pictures of its document, every answer has "
    "to be shortened and no question is dropped. Prompt tokens: text at 4 characters a token (1 outside ASCII), "
    "pictures at 28 x 28 pixels a token within vlm.max_pixels, questions not yet written at 120 characters; negatives "
    "and documents to be judged are as long as the document of their question, or a passage of average length. "
    "Retries are not included; answers already stored are not subtracted."
)


@dataclass(frozen=True)
class Cost:
    """The cost of one or several requests.

    :param completion_tokens: Upper limit that the requests set.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    images: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def times(self, count: int) -> Cost:
        """The cost of ``count`` such requests."""
        return Cost(*(getattr(self, field.name) * count for field in fields(self)))


@dataclass(frozen=True)
class Estimate:
    """Costs by split and stage.

    :param model: The model as the recipe names it, without its URL.
    :param how: What the numbers include.
    """

    model: str
    costs: dict[tuple[str, str], Cost]
    how: str = HOW

    @property
    def total(self) -> Cost:
        """The sum over all stages and splits."""
        return sum(self.costs.values(), Cost())

    def text(self, price: Price | None = None) -> str:
        """A table for a terminal."""
        head = ("stage", "split", *(field.name.replace("_", " ") for field in fields(Cost)))
        rows = [(stage, split, *asdict(cost).values()) for (split, stage), cost in self.costs.items()]
        rows.append(("total", "", *asdict(self.total).values()))
        lines = [
            f"model {self.model}",
            *text_table(head, rows, {2, 3, 4, 5}),
            *self._cost_lines(price),
            fill(self.how, 100),
        ]
        return "\n".join(lines) + "\n"

    def json(self, price: Price | None = None) -> str:
        """One JSON object on one line."""
        stages = [{"split": split, "stage": stage, **asdict(cost)} for (split, stage), cost in self.costs.items()]
        value: dict[str, Any] = {"model": self.model, "stages": stages, "total": asdict(self.total), "how": self.how}
        if price is not None:
            value["cost"] = round(price.of(self.total.prompt_tokens, self.total.completion_tokens), 4)
        return json.dumps({"estimate": value}) + "\n"

    def _cost_lines(self, price: Price | None) -> list[str]:
        if price is None:
            return []
        cost = price.of(self.total.prompt_tokens, self.total.completion_tokens)
        return [f"cost at most {cost:,.2f} ({price.prompt:g} and {price.completion:g} for a million tokens)"]


def estimate_captions(recipe: Recipe, pages: StepOutput, packs: Path) -> dict[tuple[str, str], Cost]:
    """The cost of a caption for each different image that has none; nothing where the recipe names no model for them.

    :param pages: Rows of PAGES.
    """
    if not recipe.captions.model:
        return {}
    reader, prompt, seen = PackReader(packs), text_tokens(prompt_of(CAPTION_PROMPT).text), set[str]()
    total = Cost()
    for row in pages.rows(["parts"]):
        for image in (part["image"] for part in row["parts"] if part["image"] is not None):
            if not image["caption"] and image["image_id"] not in seen:
                seen.add(image["image_id"])
                tokens = picture_tokens(reader.read(image), recipe.vlm.max_pixels)
                total += Cost(1, prompt + tokens, recipe.vlm.answer_tokens, 1)
    return {("", "captions"): total}


def estimate_seeds(recipe: Recipe, seeds: Mapping[str, StepOutput], packs: Path) -> Estimate:
    """The cost of synthesis, refinement, verification, choices and judging for the seeds of each split.

    :param packs: Folder of the image packs; only the headers of pictures are read.
    """
    model = recipe.vlm.model.partition("@http")[0]
    judged = [split for split in seeds if split in QRELS.splits and recipe.qrels.systems]
    edits = ["unanswerable"] if recipe.synthesize.unanswerable else []
    stages = {split: (*_STAGES, *edits, *(["qrels"] if split in judged else [])) for split in seeds}
    costs = {(split, stage): Cost() for split, listed in stages.items() for stage in listed}
    if not make_provider(recipe.vlm.model).info.is_local:
        reader = PackReader(packs)
        for split, parts in seeds.items():
            for row in parts.rows(["doc_id", "text", "images", "title", "language"]):
                for stage, cost in _of_document(recipe, _source(row), _image_tokens(row, reader, recipe)):
                    if stage in stages[split]:
                        costs[split, stage] += cost
    return Estimate(model, costs)


def _source(row: Mapping[str, Any]) -> VlmDocument:
    pictures = tuple(VlmImage(image["image_id"], image["caption"]) for image in row["images"])
    return VlmDocument(row["doc_id"], Content(row["text"], pictures), row["title"], row["language"])


def _image_tokens(row: Mapping[str, Any], reader: PackReader, recipe: Recipe) -> dict[str, int]:
    """Number of tokens of each picture, by its id."""
    return {
        locator["image_id"]: picture_tokens(reader.read(locator), recipe.vlm.max_pixels) for locator in row["images"]
    }


def picture_tokens(data: bytes, max_pixels: int) -> int:
    """Number of tokens of a picture; only its header is read."""
    with open_encoded(data) as image:
        return -(-min(image.width * image.height, max_pixels) // _PATCH)


def _of_document(recipe: Recipe, source: VlmDocument, tokens: Mapping[str, int]) -> Iterator[tuple[str, Cost]]:
    """Cost of each stage for one document."""
    pictures = source.content.images
    most = recipe.synthesize.max_questions
    short = recipe.vlm.answer_tokens
    own = read_guidance(recipe.synthesize).prompts()
    names = question_prompts(source, own)
    several = recipe.synthesize.hops  # the second document of a page is taken to be as long as the first

    def cost(name: str, completion: int, **slots: str | Iterable[PromptPart]) -> Cost:
        parts = prompt_of(name, own.get(name, "")).fill(**slots)
        shown = [part for part in parts if isinstance(part, VlmImage)]
        text = sum(text_tokens(part) for part in parts if isinstance(part, str))
        return Cost(1, text + sum(tokens[picture.image_id] for picture in shown), completion, len(shown))

    for name in names:
        yield (
            "synthesize",
            cost(name, QUESTION_TOKENS, document=document_with_labels(source) * several, count=str(most), types=""),
        )
    question = merge_text_parts(["x" * _QUESTION, *pictures])
    document = numbered_documents([source] * several)
    text_only, images_only = ([part for part in document if isinstance(part, kind)] for kind in (str, VlmImage))
    asked = most * len(names)
    words = str(recipe.refine.max_answer_words)
    yield (
        "refine",
        cost("shorten", short, documents=text_only, question=question, answer="x" * _ANSWER, words=words).times(asked),
    )
    if collects_evidence(recipe.verify, make_provider(recipe.verify.model or recipe.vlm.model).info):
        views = cost("answer_closed", short, question=question) + cost(
            "answer", short, question=question, documents=document
        )
        if pictures:
            views += cost("answer", short, question=[question[0]], documents=text_only)
            views += cost("answer", short, question=question, documents=images_only)
        if several > 1:
            views += cost("answer", short, question=question, documents=numbered_documents([source])).times(several)
        yield "verify", views.times(asked)
    judgement = cost("answer", short, question=question, documents=document)
    yield "qrels", judgement.times(asked * recipe.qrels.most)
    if share := recipe.synthesize.unanswerable:
        edited = math.ceil(asked * share)
        edit = cost("unanswerable", short, documents=text_only, question=question)
        yield "unanswerable", edit.times(edited) + judgement.times(edited * _SOUGHT)
    count = str(recipe.choices.count - 1)
    slots = {"question": question, "documents": document, "answer": "x" * _SHORT, "count": count}
    yield "choices", cost("distractors", short, **slots).times(asked)
    if judges(recipe.judge, make_provider(recipe.vlm.model).info):
        judged = min(recipe.judge.most, recipe.negatives.count) + (recipe.judge.positives == "drop")
        yield "judge", cost("answer", short, question=question, documents=document).times(asked * judged)


def text_tokens(text: str) -> int:
    """Approximate number of tokens of a text."""
    plain = sum(character.isascii() for character in text)
    return -(-plain // _CHARACTERS) + len(text) - plain
