"""The sections of a recipe about pages: how they are read, become documents, are deduplicated, filtered and split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from nyxqa.schemas.images.decode import MAX_PIXELS
from nyxqa.schemas.recipe_types import Fraction, Hosts, Positive, PositiveShare, Section


class Web(Section):
    """Where pages come from."""

    source: str = Field(
        description="source of the pages: sample, html:DIR, markdown:DIR, pdf:DIR, pdf:FILE, docling:DIR, jsonl:FILE, "
        "jsonl:DIR, obelics[:DIR]; jsonl: and obelics: also at s3://BUCKET/KEY"
    )
    limit: Positive | None = Field(None, description="maximum number of pages to read; all if not set")
    every: Positive = Field(1, description="read every n-th page")
    license: str | None = Field(None, description="licence of pages that do not state one themselves")


class Prefilter(Section):
    """What is dropped before any image is fetched."""

    enabled: bool = Field(True, description="whether duplicate and short pages are dropped")
    min_words: Annotated[int, Field(ge=0)] = Field(5, description="minimum number of words of a page")
    languages: list[str] = Field([], description="BCP-47 tags of the languages to keep; any if empty")
    common: PositiveShare = Field(
        0.01,
        description="drop blocks of text on more than this share of the pages (and on over 5) that differ otherwise",
    )
    keep: list[str] = Field([], description="regular expressions; a block in which one is found is never common")


class Pdf(Section):
    """How PDF files are read."""

    render: bool = Field(False, description="whether a sheet without a usable text layer becomes an image of it")
    dpi: Annotated[int, Field(ge=36, le=600)] = Field(150, description="resolution of rendered sheets and drawings")
    ocr: bool = Field(
        False, description="whether text of sheets without a text layer is read from their image, as its caption"
    )


class Images(Section):
    """How images are fetched, checked and stored."""

    fetch: bool = Field(True, description="whether images are fetched from URLs; if not, those at URLs are dropped")
    noai: Literal["honour", "ignore"] = Field(
        "honour", description="what the header X-Robots-Tag with noai or noimageai does: drop the image, or nothing"
    )
    on_dead: Literal["image", "page"] = Field("image", description="what a dead image drops: itself or its page")
    common: PositiveShare = Field(0.01, description="drop images on more than this share of the pages (and on over 5)")
    allow_private: Hosts = Field(
        False,
        description="addresses outside the public internet that may be fetched: false (none), true (all), or a list of "
        "hosts, addresses and CIDR blocks",
    )
    timeout: Annotated[float, Field(gt=0)] = Field(10.0, description="seconds for a whole request")
    concurrency: Positive = Field(64, description="maximum number of concurrent requests")
    per_host: Positive = Field(4, description="maximum number of concurrent requests to one host")
    max_bytes: Positive = Field(20_000_000, description="maximum size of an image file in bytes")
    max_pixels: Positive = Field(50_000_000, le=MAX_PIXELS, description="maximum number of pixels of an image")


class Captions(Section):
    """Captions that a model writes for images without one, so that text encoders read them (Nyx step 12)."""

    model: str = Field("", description="the model, openai:MODEL@URL; none if empty")


class Chunk(Section):
    """How pages become documents (Nyx paper: 200 text tokens, at most 5 images)."""

    max_tokens: Positive = Field(200, description="maximum number of text tokens of a document; images do not count")
    max_images: Positive = Field(5, description="maximum number of images of a document; the next one starts another")
    tokenizer: str = Field(
        "words",
        description="tokenizer that counts: words, a tokenizer.json, or a Hub name; A|B: the first that can be had",
    )
    unit: Literal["tokens", "page"] = Field(
        "tokens",
        description="tokens: documents of at most max_tokens; page: every image, such as a sheet of a PDF, is a "
        "document with its text as caption",
    )


class Dedup(Section):
    """Near-duplicates: Jaccard over word shingles, Hamming distance over 64-bit perceptual hashes."""

    enabled: bool = Field(True, description="whether near-duplicates are removed; clusters are always computed")
    threshold: PositiveShare = Field(0.8, description="minimum Jaccard similarity of near-duplicate texts")
    shingle: Positive = Field(3, description="words of a shingle")
    permutations: Positive = Field(50, description="length of a MinHash signature")
    image_distance: Annotated[int, Field(ge=0, le=16)] = Field(
        4, description="maximum Hamming distance of the perceptual hashes of near-duplicate images"
    )
    common: PositiveShare = Field(
        0.01, description="reduce a text on more than this share of the pages (and on over 5) to one document"
    )


class Filters(Section):
    """SQL conditions that a row must meet, and benchmarks that it must not contain."""

    enabled: bool = Field(True, description="whether the filters are applied")
    corpus: list[str] = Field([], description="SQL conditions over the columns of table corpus, image bytes excluded")
    qa: list[str] = Field([], description="SQL conditions over the columns of table qa")
    decontaminate: list[str] = Field([], description="benchmark files or folders that the data must not contain")
    difficulty: Literal["", "label", "drop"] = Field(
        "", description="what becomes of page questions whose document a retriever finds first: a label, or they go"
    )
    difficulty_encoder: str = Field("bm25", description="the retriever that decides whether a question is easy")
    secrets: Literal["drop", "mask", "report"] | None = Field(
        None, description="what becomes of pages with secrets or personal data; not looked for if not set"
    )


class SplitSection(Section):
    """Sizes of validation and test: both fractions of pages, or both questions per kind; 0 goes with either."""

    validation: Fraction | Positive = Field(0.1, description="fraction of the pages, or number of questions per kind")
    test: Fraction | Positive = Field(0.1, description="fraction of the pages, or number of questions per kind")

    @model_validator(mode="after")
    def _one_unit(self) -> SplitSection:
        sizes = [size for size in (self.validation, self.test) if size]
        if len({isinstance(size, int) for size in sizes}) > 1:
            raise ValueError("validation and test must both be fractions of pages or both be questions per kind")
        if not self.by_questions and self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing for train")
        return self

    @property
    def by_questions(self) -> bool:
        """Whether the sizes are numbers of questions per kind."""
        return any(isinstance(size, int) for size in (self.validation, self.test))

    @property
    def splits(self) -> list[str]:
        """Splits that the pages are divided into, in order; a split of size 0 is left out."""
        return ["train", *(name for name in ("validation", "test") if getattr(self, name))]
