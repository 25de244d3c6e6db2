"""The recipe: everything that decides the output, as typed sections of one TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from nyxqa.schemas.recipe_pages import Captions as Captions
from nyxqa.schemas.recipe_pages import Chunk as Chunk
from nyxqa.schemas.recipe_pages import Dedup as Dedup
from nyxqa.schemas.recipe_pages import Filters as Filters
from nyxqa.schemas.recipe_pages import Images as Images
from nyxqa.schemas.recipe_pages import Pdf as Pdf
from nyxqa.schemas.recipe_pages import Prefilter as Prefilter
from nyxqa.schemas.recipe_pages import SplitSection as SplitSection
from nyxqa.schemas.recipe_pages import Web as Web
from nyxqa.schemas.recipe_questions import Choices as Choices
from nyxqa.schemas.recipe_questions import Keep as Keep
from nyxqa.schemas.recipe_questions import Refine as Refine
from nyxqa.schemas.recipe_questions import Synthesize as Synthesize
from nyxqa.schemas.recipe_questions import Update as Update
from nyxqa.schemas.recipe_questions import Verify as Verify
from nyxqa.schemas.recipe_sets import Import as Import
from nyxqa.schemas.recipe_sets import QaSet as QaSet
from nyxqa.schemas.recipe_sets import TextSet as TextSet
from nyxqa.schemas.recipe_train import Train
from nyxqa.schemas.recipe_types import (
    Positive,
    PositiveShare,
    RankRange,
    Section,
    Share,
    Size,
)

EXTRACTIVE = "extractive"  # the embedded rules in place of a model

Settled = Literal["right_closed_book", "right_with_all", "wrong_with_all"]


class Shares(Section):
    """Shares of the sampled documents by kind."""

    text: Share = Field(description="share of documents without images")
    single: Share = Field(description="share of documents with one image")
    multi: Share = Field(description="share of documents with several images")

    @model_validator(mode="after")
    def _sum_to_one(self) -> Shares:
        if abs(self.text + self.single + self.multi - 1) > 1e-6:
            raise ValueError("shares must sum to 1")
        return self


class Sample(Section):
    """Train documents that questions are written about; without ``count`` all of at least ``min_tokens``."""

    count: Positive | None = Field(None, description="number of train documents; all if not set")
    shares: Shares | None = Field(None, description="shares of the kinds of documents; as they come if not set")
    min_tokens: Annotated[int, Field(ge=0)] = Field(
        40, description="minimum number of text tokens of a document that questions are written about, in every split"
    )

    @model_validator(mode="after")
    def _shares_need_count(self) -> Sample:
        if self.shares is not None and self.count is None:
            raise ValueError("shares need count")
        return self


class VlmSection(Section):
    """The model that writes, answers and judges, and the budget of the run."""

    model: str = Field(EXTRACTIVE, description="extractive (no model), or openai:MODEL@URL, or openai:MODEL@URL1,URL2")
    batch: bool = Field(False, description="ask through the server's batch API; runs end with 4 until all is answered")
    concurrency: Positive = Field(256, description="maximum number of concurrent requests to one server")
    max_pixels: Positive = Field(802_816, description="maximum number of pixels of an image as the model sees it")
    answer_tokens: Positive = Field(256, description="maximum number of tokens of an answer")
    max_requests: Positive | None = Field(None, description="maximum number of requests of one run, retries included")
    max_tokens: Positive | None = Field(None, description="maximum number of prompt and completion tokens of one run")


class Negatives(Section):
    """How hard negatives of page questions are mined (Nyx step 11: ranks 11-20, first 5)."""

    encoder: str = Field("bm25", description="retriever: bm25, tiny[:PATH], e5:MODEL, nyx:PATH or hf:PATH")
    ranks: RankRange = Field([11, 20], description="first and last rank of a negative, counted over the raw list")
    count: Positive = Field(5, description="maximum number of negatives of a question")
    margin: PositiveShare | None = Field(
        None, description="maximum score of a negative as a share of the positive's score; no limit if not set"
    )
    exclude: list[Literal["page", "cluster", "equal", "answer"]] = Field(
        ["page", "cluster", "equal", "answer"],
        description="documents that are never negatives: of the positive's page, of its cluster, of equal text, or "
        "that hold the answer",
    )
    instruction: str = Field("", description="task instruction of each question of a page")
    per_query: bool = Field(
        False, description="whether a question that lacks negatives is searched deeper, down to rank 10 x count"
    )


class Judge(Section):
    """Whether the model is asked of each negative if it answers the question, and what becomes of one that does."""

    enabled: bool | Literal["auto"] = Field("auto", description="whether to judge; auto: if the model can judge")
    most: Positive = Field(5, description="number of negatives of a question that are judged, the best first")
    policy: Literal["rlhn", "arhn"] = Field(
        "rlhn",
        description="rlhn: every negative that answers becomes a positive; arhn: one ranked above the positive does, "
        "one below it is left out",
    )
    negatives: Literal["positive", "remove", "keep"] = Field(
        "positive", description="what a negative that answers becomes: a positive, left out, or it stays"
    )
    positives: Literal["keep", "drop"] = Field(
        "keep", description="whether a question stays whose positive does not answer it; drop judges the positive too"
    )


class Review(Section):
    """Which verdicts of people are applied, and how."""

    files: list[str] = Field(
        ["review/*.jsonl"], description="files of verdicts, sought from the folder of the dataset; none turns it off"
    )
    need: Positive = Field(1, description="number of verdicts that a row needs before they count")
    conflict: Literal["keep", "drop", "error"] = Field(
        "keep", description="what becomes of a row that some reviewers accept and others reject"
    )
    relevant: Literal["remove", "positive"] = Field(
        "remove", description="what becomes of a negative that answers too: it is removed, or a positive"
    )


class Qrels(Section):
    """Judgements of validation and test: the first documents of several retrievers, judged by the model."""

    systems: list[str] = Field(
        [], description="retrievers whose first documents are judged, at least three; none turns it off"
    )
    depth: Positive = Field(20, description="number of first documents of each retriever")
    most: Positive = Field(20, description="maximum number of judged documents of a question, best first")

    @model_validator(mode="after")
    def _three_systems(self) -> Qrels:
        if 0 < len(set(self.systems)) < 3 or len(set(self.systems)) < len(self.systems):
            raise ValueError("systems must be at least three different retrievers, or none")
        return self


class Feedback(Section):
    """Stage 2: how many candidates a question gets, and which of those answered correctly are positives.

    Candidates are sent to the model in rank order until there are enough positives (``enough_positives``; one window,
    where only the first counts) and enough negatives.
    """

    top_k: Positive = Field(30, description="number of candidates of a question")
    window: Positive = Field(1, description="number of documents shown to the model at once")
    stride: Positive = Field(
        1, description="candidates from the start of one window to that of the next; at most window"
    )
    threshold: PositiveShare = Field(0.5, description="minimum F1 of a correct answer")
    positives: Literal["all", "first", "window_first"] = Field(
        "all",
        description="positives: the documents of all right windows, of the first, or the first document of the first",
    )
    negatives: Literal["wrong", "rest"] = Field(
        "wrong", description="negatives: documents that made the model wrong, or all candidates but the positives"
    )
    enough_positives: Positive = Field(1, description="number of positives after which no more are searched for")
    enough_negatives: Positive = Field(5, description="number of negatives after which no more are searched for")
    drop: list[Settled] = Field(
        ["right_closed_book", "right_with_all", "wrong_with_all"],
        description="outcomes that carry no training signal, whose questions are dropped",
    )
    datasets: list[str] = Field([], description="datasets whose questions are asked; all if empty")
    caps: dict[str, Positive] = Field({}, description="maximum number of questions of a dataset, chosen by keyed hash")
    options: bool = Field(False, description="whether the model sees the options of questions that have them")

    @model_validator(mode="after")
    def _stride_within_window(self) -> Feedback:
        if self.stride > self.window:
            raise ValueError("stride must not exceed window, or candidates between windows would never be shown")
        return self

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Feedback:
        """The settings that a manifest holds; before ``stride`` windows did not overlap."""
        return cls.model_validate({"stride": values.get("window", 1), **values})


class Mixture(Section):
    """Weights and caps of the train mixture, by dataset."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="how often each row of a dataset occurs; 1 if not listed, 0 leaves the dataset out"
    )
    caps: dict[str, Positive] = Field({}, description="maximum number of rows of a dataset, chosen by keyed hash")


class DuckDb(Section):
    """Resources of each DuckDB database of the build; they do not affect its output."""

    memory: Size = Field("1GB", description="maximum memory, as a size")
    threads: Positive = Field(2, description="number of threads")
    spill: Size | None = Field(None, description="maximum disk space for spilling, as a size; no limit if not set")
    folder: str | None = Field(None, description="folder to spill to; beside the database if not set")


class Recipe(Section):
    """A whole recipe."""

    seed: int = Field(42, description="seed of every random choice")
    web: Web | None = Field(None, description="pages to build from; none if not set")
    prefilter: Prefilter = Field(Prefilter(), description="what is dropped before any image is fetched")
    pdf: Pdf = Field(Pdf(), description="how PDF files are read")
    images: Images = Field(Images(), description="how images are fetched, checked and stored")
    captions: Captions = Field(Captions(), description="captions for images that have none")
    chunk: Chunk = Field(Chunk(), description="how pages become documents")
    dedup: Dedup = Field(Dedup(), description="near-duplicates")
    filters: Filters = Field(Filters(), description="SQL conditions and benchmarks")
    split: SplitSection = Field(SplitSection(), description="sizes of validation and test")
    sample: Sample = Field(Sample(), description="train documents that questions are written about")
    synthesize: Synthesize = Field(Synthesize(), description="how questions are written")
    refine: Refine = Field(Refine(), description="rules over questions and answers")
    verify: Verify = Field(Verify(), description="whether the model checks that a question needs its evidence")
    choices: Choices = Field(Choices(), description="options of the multiple-choice form")
    vlm: VlmSection = Field(VlmSection(), description="the model that writes, answers and judges")
    negatives: Negatives = Field(Negatives(), description="how hard negatives of page questions are mined")
    judge: Judge = Field(Judge(), description="whether negatives answer their question, as the model says")
    review: Review = Field(Review(), description="verdicts of people, of nyxqa review")
    qrels: Qrels = Field(Qrels(), description="judgements of validation and test")
    update: Update = Field(Update(), description="what an update does with a published dataset")
    feedback: Feedback = Field(Feedback(), description="stage 2: candidates labelled by the model's answers")
    text: list[TextSet] = Field([], description="question sets over passage pools")
    qa: list[QaSet] = Field([], description="questions over corpora of texts, tables and images")
    imports: list[Import] = Field([], alias="import", description="published training sets to read")
    mixture: Mixture | None = Field(None, description="weights and caps of the train mixture; no mixture if not set")
    train: Train = Field(Train(), description="how a retriever is trained; no data, so no build reads it")
    duckdb: DuckDb = Field(DuckDb(), description="resources of each DuckDB database")
