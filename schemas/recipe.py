"""The recipe: everything that decides the output, as typed sections of one TOML file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Split = Literal["train", "validation", "test"]
SplitName = Literal[Split, "all"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]


def _ascending(ranks: list[int]) -> list[int]:
    if ranks[0] > ranks[1]:
        raise ValueError("the first rank must not exceed the last")
    return ranks


def _not_all(name: str) -> str:
    if name == "all":
        raise ValueError("'all' names every split and pool together; choose another name")
    return name


def _none_all_or_listed(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        return value
    raise ValueError(
        'give false (none), true (all) or a list of hosts, addresses and CIDR blocks in quotes, as ["10.0.0.0/8"]'
    )


Allowed = Annotated[bool | list[str], BeforeValidator(_none_all_or_listed)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$"), AfterValidator(_not_all)]
Size = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGT]i?B$")]
RankRange = Annotated[list[Positive], Field(min_length=2, max_length=2), AfterValidator(_ascending)]


class Section(BaseModel):
    """A TOML table: unknown keys and loose types are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Web(Section):
    """Where pages come from."""

    source: str
    limit: Positive | None = None
    every: Positive = 1
    license: str | None = None


class Prefilter(Section):
    """What is dropped before any image is fetched."""

    enabled: bool = True
    min_words: Annotated[int, Field(ge=0)] = 5
    languages: list[str] = []


class Images(Section):
    """How images are fetched, checked and kept; bytes and pixels are caps, ``timeout`` seconds for a whole request.

    ``allow_private`` lets URLs lead to addresses that are not of the public internet: none, all, or the listed hosts,
    addresses and CIDR blocks.
    """

    on_dead: Literal["image", "page"] = "image"
    common: Annotated[float, Field(gt=0, le=1)] = 0.01
    allow_private: Allowed = False
    timeout: Annotated[float, Field(gt=0)] = 10.0
    concurrency: Positive = 64
    per_host: Positive = 4
    max_bytes: Positive = 20_000_000
    max_pixels: Positive = 50_000_000


class Chunk(Section):
    """How pages become documents (Nyx paper: 200 text tokens, at most 5 images)."""

    max_tokens: Positive = 200
    max_images: Positive = 5
    tokenizer: str = "words"


class Dedup(Section):
    """Near-duplicates: Jaccard over word shingles, Hamming distance over 64-bit perceptual hashes."""

    enabled: bool = True
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    shingle: Positive = 3
    permutations: Positive = 50
    image_distance: Annotated[int, Field(ge=0, le=16)] = 4
    common: Annotated[float, Field(gt=0, le=1)] = 0.01


class Filters(Section):
    """SQL conditions that a row of the table must meet."""

    enabled: bool = True
    corpus: list[str] = []
    qa: list[str] = []
    decontaminate: list[str] = []


class SplitSection(Section):
    """Validation and test: both fractions of pages, or both numbers of questions per kind; 0 goes with either."""

    validation: Fraction | Positive = 0.1
    test: Fraction | Positive = 0.1

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
        """Splits that the pages are divided into, in their order; one of size 0 is none."""
        return ["train", *(name for name in ("validation", "test") if getattr(self, name))]


class Shares(Section):
    """Shares of the sampled documents by kind."""

    text: Annotated[float, Field(ge=0, le=1)]
    single: Annotated[float, Field(ge=0, le=1)]
    multi: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _sum_to_one(self) -> Shares:
        if abs(self.text + self.single + self.multi - 1) > 1e-6:
            raise ValueError("shares must sum to 1")
        return self


class Sample(Section):
    """Which documents of the train split are asked about; without ``count`` all of at least ``min_tokens``."""

    count: Positive | None = None
    shares: Shares | None = None
    min_tokens: Annotated[int, Field(ge=0)] = 40

    @model_validator(mode="after")
    def _shares_need_count(self) -> Sample:
        if self.shares is not None and self.count is None:
            raise ValueError("shares need count")
        return self


class Synthesize(Section):
    """Questions a document (Nyx step 4: at most 5)."""

    max_questions: Positive = 5


class Refine(Section):
    """Rules over questions and answers (Nyx steps 5 and 7)."""

    rules: Literal["repaired", "paper"] = "repaired"
    max_answer_words: Positive = 5


Keep = Literal["closed_book_wrong", "document_right", "images_needed", "text_needed"]


class Verify(Section):
    """Whether evidence is checked with the model, and which outcomes a question needs to be kept."""

    enabled: bool | Literal["auto"] = "auto"
    keep: list[Keep] = ["closed_book_wrong", "document_right"]


class Choices(Section):
    """Options of the multiple-choice form (Nyx step 8: the key and three distractors).

    With an ``e5:`` encoder, an option whose cosine to the key is ``paraphrase`` or more is no option.
    """

    count: Annotated[int, Field(ge=4, le=4)] = 4
    paraphrase: Annotated[float, Field(gt=0, le=1)] = 0.9


EXTRACTIVE = "extractive"  # the embedded rules in place of a model


class VlmSection(Section):
    """The model that writes, answers and judges, and the budget of the run."""

    model: str = EXTRACTIVE
    concurrency: Positive = 64
    max_pixels: Positive = 802_816
    answer_tokens: Positive = 256
    max_requests: Positive | None = None
    max_tokens: Positive | None = None

    @property
    def is_extractive(self) -> bool:
        """Whether the embedded rules stand in for a model: no endpoint is asked, and nothing is judged."""
        return self.model == EXTRACTIVE


class Negatives(Section):
    """Ranks are counted over the raw list (Nyx step 11: ranks 11-20, first 5)."""

    encoder: str = "bm25"
    ranks: RankRange = [11, 20]
    count: Positive = 5
    margin: Annotated[float, Field(gt=0, le=1)] | None = None
    exclude: list[Literal["page", "cluster", "equal"]] = ["page", "cluster", "equal"]


Settled = Literal["right_closed_book", "right_with_all", "wrong_with_all"]


class Feedback(Section):
    """Stage 2: candidates a question, documents a window, and which right ones are positives.

    Candidates are asked about in rank order until so many positives (one window, where only the first counts) and
    negatives are found. ``drop`` names the questions that teach nothing.
    """

    top_k: Positive = 30
    window: Positive = 1
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    positives: Literal["all", "first"] = "all"
    enough_positives: Positive = 1
    enough_negatives: Positive = 5
    drop: list[Settled] = ["right_closed_book", "right_with_all", "wrong_with_all"]


class TextSet(Section):
    """A question set over a passage pool."""

    name: Name
    questions: str
    passages: str
    split: Split = "train"
    count: Positive | None = None
    encoder: str = "bm25"
    top_k: Positive = 20
    positive: Literal["top1", "answer", "gold"] = "answer"
    negatives: RankRange = [11, 20]
    exclude: list[Literal["title", "answer", "equal"]] = ["title", "answer", "equal"]
    margin: Annotated[float, Field(gt=0, le=1)] | None = None
    pool: Name | None = None
    keep: Literal["referenced", "all"] = "referenced"
    instruction: str = ""
    license: str | None = None


class Import(Section):
    """A published set to read."""

    kind: Literal["mmeb", "mme5_hardneg", "mme5_synthetic", "nyxqa_published", "nyx_t2t"]
    path: str
    images: str | None = None


class Mixture(Section):
    """Weights and caps of the train mixture, by dataset."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    caps: dict[str, Positive] = {}


class DuckDb(Section):
    """What each DuckDB database of the build may use; decides nothing of its output.

    ``memory`` and ``spill`` (of the disk) are sizes, ``folder`` is where to spill, without it beside the database.
    """

    memory: Size = "1GB"
    threads: Positive = 2
    spill: Size | None = None
    folder: str | None = None


class Recipe(Section):
    """A whole recipe."""

    seed: int = 42
    web: Web | None = None
    prefilter: Prefilter = Prefilter()
    images: Images = Images()
    chunk: Chunk = Chunk()
    dedup: Dedup = Dedup()
    filters: Filters = Filters()
    split: SplitSection = SplitSection()
    sample: Sample = Sample()
    synthesize: Synthesize = Synthesize()
    refine: Refine = Refine()
    verify: Verify = Verify()
    choices: Choices = Choices()
    vlm: VlmSection = VlmSection()
    negatives: Negatives = Negatives()
    feedback: Feedback = Feedback()
    text: list[TextSet] = []
    imports: Annotated[list[Import], Field(alias="import")] = []
    mixture: Mixture | None = None
    duckdb: DuckDb = DuckDb()


def verifies(settings: Verify, vlm: VlmSection) -> bool:
    """Whether evidence is checked: ``auto`` means with a model that can judge."""
    return not vlm.is_extractive if settings.enabled == "auto" else settings.enabled
