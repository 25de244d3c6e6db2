"""Sections of a recipe about questions of pages: how they are written, refined, verified, given options, updated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from nyxqa.schemas.recipe_types import Fraction, Positive, PositiveShare, QuestionType, Section, Share

Keep = Literal["closed_book_wrong", "document_right", "images_needed", "text_needed"]


class Synthesize(Section):
    """How questions are written (Nyx step 4: at most 5 per document)."""

    max_questions: Positive = Field(5, description="maximum number of questions per document")
    hops: Annotated[int, Field(ge=1, le=2)] = Field(
        1, description="2: questions need two documents of one page together, and ask about no single document"
    )
    types: dict[QuestionType, Share] = Field(
        {}, description="shares of the types of questions: fact, howto, why, compare, list, boolean; facts if empty"
    )
    unanswerable: Fraction = Field(
        0.0, description="share of the questions of which an edited form is added that no document answers"
    )
    style: str = Field("", description="file of own queries, one a line: examples of the style, never asked again")
    instructions: str = Field("", description="instructions to the model besides its prompt")
    languages: list[str] = Field([], description="languages of the questions; that of the document if empty")
    prompt: str = Field("", description="file of a prompt with {document} and {count}, in place of the shipped one")

    @model_validator(mode="after")
    def _shares_of_types(self) -> Synthesize:
        if self.types and abs(sum(self.types.values()) - 1) > 1e-6:
            raise ValueError("the shares of types must sum to 1")
        return self

    @property
    def has_kinds(self) -> bool:
        """Whether questions have a type, need two documents or may be unanswerable, so that rows say so."""
        return bool(self.types) or self.hops > 1 or self.unanswerable > 0


class Refine(Section):
    """Rules over questions and answers (Nyx steps 5 and 7)."""

    rules: Literal["repaired", "paper"] = Field(
        "repaired", description="repaired: only what is certain goes by rule; paper: the paper's substrings"
    )
    max_answer_words: Positive = Field(5, description="maximum number of words of an answer")


class Verify(Section):
    """Whether the model checks that a question needs its evidence."""

    enabled: bool | Literal["auto"] = Field("auto", description="whether to check; auto: if the model can judge")
    keep: list[Keep] = Field(
        ["closed_book_wrong", "document_right"], description="outcomes that a question must have to be retained"
    )
    model: str = Field("", description="the model that checks, openai:MODEL@URL; vlm.model if empty")


class Choices(Section):
    """Options of the multiple-choice form (Nyx step 8: the key and three distractors)."""

    count: Annotated[int, Field(ge=4, le=4)] = Field(4, description="number of options")
    paraphrase: PositiveShare = Field(
        0.9, description="with an e5: encoder, the cosine to the key from which an option counts as a paraphrase of it"
    )


class Update(Section):
    """What ``nyxqa build --update`` does with a published dataset whose pages changed."""

    grow: list[Literal["train", "validation", "test"]] = Field(
        ["train"],
        description="splits that take in added pages, and questions about added and changed documents; the questions "
        "of the others only ever retire",
    )
    stale: Literal["verify", "retire"] = Field(
        "verify", description="what becomes of a question whose document changed: verified again, or retired"
    )
    negatives: Literal["changed", "better", "all"] = Field(
        "changed",
        description="whose negatives are mined again: questions of which a document changed, also those for which "
        "a new document ranks among them, or all",
    )
