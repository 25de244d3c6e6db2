"""The border between stages and the model that writes, answers and judges."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from nyxqa.schemas.content import Content

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a document as a model may need it: what is said of it and its bytes."""

    image_id: str
    caption: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that a model reads.

    :param key: Its id.
    :param content: Text and pictures.
    """

    key: str
    content: Content[Picture]
    title: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its answer as written; images of the document are cited as ``<imageN>`` from 1."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to be answered or given distractors.

    :param key: Its id.
    :param question: Text and pictures of the question.
    :param answer: The known answer; empty when it is asked for.
    :param documents: What the model may read, in this order; empty means closed-book.
    """

    key: str
    question: Content[Picture]
    answer: str = ""
    documents: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """A usable answer."""

    value: T


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer: a ledger reason and a detail without raw model text."""

    reason: str
    detail: str = ""


# Reasons that may lie with the endpoint; a refusal by the model or a broken image says nothing about it.
ENDPOINT_FAILURES = frozenset({"server_error", "no_answer", "bad_answer", "refused_request"})

# Questions of which each may depend on the answers before it; what comes of them is the generator's return value.
Conversation = Generator[Ask, Answered[str] | Failed, R]


def advance(talk: Conversation[R], outcome: Answered[str] | Failed | None) -> tuple[Ask | None, R | None]:
    """The next question of a talk, or what came of it.

    :param outcome: Of the question before; None to begin.
    """
    try:
        return (next(talk) if outcome is None else talk.send(outcome)), None
    except StopIteration as end:
        return None, end.value


@dataclass(frozen=True)
class VlmInfo:
    """What a model is called and which prompts it uses.

    :param generator: Value of column ``generator``: ``extractive`` or ``openai:MODEL``.
    :param prompts: Short hash of each prompt by its name; empty for a model without prompts.
    :param needs_images: Whether pictures must carry bytes.
    :param version: Raised whenever a model without prompts would answer otherwise.
    :param verifies: Whether its answers say anything about evidence (``verify.enabled = "auto"``).
    """

    generator: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    needs_images: bool = True
    verifies: bool = True
    version: int = 1


class Vlm(Protocol):
    """Every method answers in the order of its input, one outcome an item, and never raises for a bad answer."""

    info: VlmInfo

    def questions(self, sources: Iterable[Source], most: int) -> Iterator[Answered[list[Pair]] | Failed]:
        """At most ``most`` context-independent questions on each document, and as many over two or more images."""
        ...

    def shorten(self, asks: Iterable[Ask], words: int) -> Iterator[Answered[str] | Failed]:
        """The answer in at most ``words`` words."""
        ...

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answered[str] | Failed]:
        """An answer to each question from its documents; an abstention is an empty string."""
        ...

    def converse(self, talks: Iterable[Conversation[R]]) -> Iterator[R]:
        """What comes of each talk; questions of one talk are answered in turn, many talks are under way at a time."""
        ...

    def distractors(self, asks: Iterable[Ask], count: int, spare: int = 0) -> Iterator[Answered[list[str]] | Failed]:
        """``count`` wrong but plausible options for each question, and up to ``spare`` more to choose from."""
        ...

    def totals(self) -> dict[str, int]:
        """``requests``, ``prompt_tokens`` and ``completion_tokens`` of all stored answers."""
        ...

    def failures(self) -> int:
        """Number of questions that got no usable answer and can be asked again."""
        ...

    def close(self) -> None:
        """Give up threads, connections and files; the next question opens them again."""
        ...
