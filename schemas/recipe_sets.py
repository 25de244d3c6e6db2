"""Sections of a recipe for question sets: ``[[text]]``, ``[[qa]]`` and ``[[import]]``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nyxqa.schemas.recipe_types import (
    ImportKind,
    Name,
    Positive,
    PositiveShare,
    RankRange,
    Section,
    Split,
)

KeepDocuments = Literal["referenced", "all", "retrieved"]


class TextSet(Section):
    """A question set over a passage pool."""

    name: Name = Field(description="name of the dataset")
    questions: str = Field(description="file of questions: hotpotqa:, 2wiki:, musique: or flashrag:FILE, or hf:NAME")
    passages: str = Field(description="file of passages: flashrag:, psgs: or parquet:FILE, or hf:NAME")
    split: Split = Field("train", description="split that the questions go to")
    count: Positive | None = Field(None, description="number of questions; all if not set")
    encoder: str = Field("bm25", description="retriever: bm25, tiny[:PATH], e5:MODEL, nyx:PATH or hf:PATH")
    top_k: Positive = Field(20, description="number of passages retrieved per question")
    positive: Literal["top1", "answer", "gold"] = Field(
        "answer", description="positive: the first passage, the first that holds an answer, or the annotated one"
    )
    negatives: RankRange = Field([11, 20], description="first and last rank of a negative")
    exclude: list[Literal["title", "answer", "equal"]] = Field(
        ["title", "answer", "equal"],
        description="passages that are never negatives: of a positive's title, that hold an answer, of equal text",
    )
    margin: PositiveShare | None = Field(
        None, description="maximum score of a negative as a share of the positive's score; no limit if not set"
    )
    pool: Name | None = Field(None, description="pool that the passages go to; the name of the set if not set")
    keep: KeepDocuments = Field(
        "referenced",
        description="passages that are published: those that a row refers to, all, or (retrieved) also the top_k of "
        "every question",
    )
    instruction: str = Field("", description="task instruction of each question")
    license: str | None = Field(None, description="licence of the passages")


class QaSet(Section):
    """Questions, with images and options if they have any, over a corpus of texts, tables and images."""

    name: Name = Field(description="name of the dataset")
    questions: str = Field(
        description="source of questions: jsonl:FILE (JSON lines or Parquet), mmqa:DIR, scienceqa:DIR, nyxqa:DIR, "
        "mteb:DIR, or hf:NAME (in the layout of MTEB)"
    )
    corpus: str | list[str] = Field(
        [], description="one or several sources of documents, of the same kinds; that of the questions if not set"
    )
    split: Split | None = Field(None, description="split that is read; all that the source has if not set")
    count: Positive | None = Field(None, description="number of questions of each split; all if not set")
    pool: Name | None = Field(None, description="pool that the documents go to; the name of the set if not set")
    encoder: str = Field("bm25", description="retriever: bm25, tiny[:PATH], e5:MODEL, nyx:PATH or hf:PATH")
    top_k: Positive = Field(20, description="number of documents retrieved per question")
    negatives: RankRange = Field([11, 20], description="first and last rank of a negative")
    exclude: list[Literal["title", "answer", "equal"]] = Field(
        ["title", "answer", "equal"],
        description="documents that are never negatives: of a positive's title, that hold an answer, of equal text",
    )
    margin: PositiveShare | None = Field(
        None, description="maximum score of a negative as a share of the positive's score; no limit if not set"
    )
    keep: KeepDocuments = Field(
        "all",
        description="documents that are published: all, those that a row refers to, or (retrieved) also the top_k of "
        "every question",
    )
    instruction: str = Field("", description="task instruction of each question")
    license: str | None = Field(None, description="licence of the documents that state none themselves")

    @property
    def corpora(self) -> list[str]:
        """The sources of documents."""
        listed = [self.corpus] if isinstance(self.corpus, str) else list(self.corpus)
        return list(dict.fromkeys(listed or [self.questions]))


class Import(Section):
    """A published training set to read."""

    kind: ImportKind = Field(description="format of the set")
    path: str = Field(description="file or folder of the set, or hf:NAME")
    images: str | None = Field(None, description="folder or archive of its images")
