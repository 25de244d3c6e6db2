"""The contract of a model that writes questions, answers them and judges evidence.

A provider is one module that implements ``VlmProvider`` and ``Vlm``, and one line of ``factory.py``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import VlmSection

AnswerForm = Literal["short", "list", "long"]

NO_PROMPTS: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class VlmImage:
    """An image of a document.

    :param caption: Its best caption; a model without vision reads it in place of the pixels.
    :param data: Encoded bytes (JPEG, PNG or WebP); empty for a model that needs no images.
    """

    image_id: str
    caption: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class VlmDocument:
    """A document that a model reads.

    :param key: Its id.
    :param content: Text and images.
    :param types: Types of the questions to write about it, with the number of each; facts if empty.
    """

    key: str
    content: Content[VlmImage]
    title: str | None = None
    language: str | None = None
    types: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class QaPair:
    """A question and its answer as written; images of the document are cited as ``<imageN>`` from 1.

    :param type: Type of the question, as the model says; empty where it says none.
    :param nuggets: What a complete answer tells, one fact each.
    """

    question: str
    answer: str
    type: str = ""
    nuggets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VlmRequest:
    """A question to answer, to refine with its answer, or to write distractors for.

    :param key: Its id.
    :param question: Text and images of the question.
    :param answer: The known answer; empty when the model is to answer.
    :param documents: What the model may read, in this order; empty means closed-book.
    :param form: What kind of answer the question asks for.
    """

    key: str
    question: Content[VlmImage]
    answer: str = ""
    documents: tuple[VlmDocument, ...] = ()
    form: AnswerForm = "short"


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """A usable answer.

    :param left_out: Ids of images that the model did not see, because its server refused them.
    :param tokens: Prompt and completion tokens of the reply, as the server counts them; 0 if it does not.
    """

    value: T
    left_out: tuple[str, ...] = ()
    tokens: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer: a ledger reason and a detail without raw model text."""

    reason: str
    detail: str = ""


# Reasons that may be the endpoint's fault; a refusal by the model or a broken image does not indicate one.
ENDPOINT_FAILURES = frozenset({"server_error", "no_answer", "bad_answer", "refused_request"})

# Requests each of which may depend on the answers before it; the generator returns the result.
Conversation = Generator[VlmRequest, Answered[str] | Failed, R]


def advance(
    conversation: Conversation[R], outcome: Answered[str] | Failed | None
) -> tuple[VlmRequest | None, R | None]:
    """The next request of a conversation, or its result.

    :param outcome: Outcome of the previous request; None to start.
    :return: (request, None) while it goes on, (None, result) at its end.
    """
    try:
        return (next(conversation) if outcome is None else conversation.send(outcome)), None
    except StopIteration as end:
        return None, end.value


@dataclass(frozen=True)
class VlmInfo:
    """What callers may know of a model before they use it.

    :param generator: Value of column ``generator``: ``extractive`` or ``openai:MODEL``.
    :param prompts: Short hash of each prompt by its name; empty for a model without prompts.
    :param version: Raised whenever the same requests would give other answers, or the same answers be read differently.
    :param is_local: Whether it runs in this process: no endpoint is contacted and nothing is spent.
    :param can_judge: Whether its answers are evidence (``verify.enabled = "auto"``, feedback).
    :param needs_images: Whether images must carry bytes.
    :param where: Where shards of a step that uses it run; an endpoint's answer store has one owner, the driver process.
    """

    generator: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    is_local: bool = False
    can_judge: bool = True
    needs_images: bool = True
    where: Where = "threads"


class VlmProvider(Protocol):
    """A model as the recipe names it: making one opens no connection and loads no weights."""

    @property
    def info(self) -> VlmInfo:
        """Name, prompts and abilities."""
        ...

    def open(self, settings: VlmSection, seed: int, store_folder: Path, *, retry_failed: bool = False) -> Vlm:
        """The model, ready for requests.

        :param store_folder: Folder of stored answers; one process owns it at a time.
        :param retry_failed: Whether requests that failed in an earlier run are sent again.
        """
        ...


class Vlm(Protocol):
    """Every method yields one outcome per item, in input order, and never raises for a bad answer."""

    info: VlmInfo

    def questions(
        self, documents: Iterable[VlmDocument], limit: int, prompts: Mapping[str, str] = NO_PROMPTS
    ) -> Iterator[Answered[list[QaPair]] | Failed]:
        """At most ``limit`` context-independent questions on each document, and as many over two or more images.

        :param prompts: Texts of prompts by name, in place of the shipped ones; one that is empty is not asked.
        """
        ...

    def refine(self, requests: Iterable[VlmRequest], words: int) -> Iterator[Answered[QaPair] | Failed]:
        """Each pair with an answer of at most ``words`` words; its question is "" where it stays as it is.

        In a list each item has at most ``words``; an answer in sentences has at most ``LONG_WORDS``.

        A rewritten question cites the images of the one before as ``<imageN>``, N from 1 in their order.
        """
        ...

    def answer(self, requests: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        """An answer to each question from its documents; an abstention is an empty string."""
        ...

    def converse(self, conversations: Iterable[Conversation[R]]) -> Iterator[R]:
        """The result of each conversation: sequential within one, many conversations at a time."""
        ...

    def distractors(
        self, requests: Iterable[VlmRequest], count: int, spare: int = 0
    ) -> Iterator[Answered[list[str]] | Failed]:
        """``count`` wrong but plausible options for each question, and up to ``spare`` more to choose from."""
        ...

    def totals(self) -> dict[str, int]:
        """``requests``, ``prompt_tokens`` and ``completion_tokens`` of all stored answers."""
        ...

    def failures(self) -> int:
        """Number of stored failures, which can be retried."""
        ...

    def close(self) -> None:
        """Release threads, connections and files; the next request opens them again."""
        ...


@runtime_checkable
class ServedVlm(Protocol):
    """What a model behind a server can do besides."""

    def probe(self, pictures: bool) -> None:
        """Ask one tiny question, and one about a picture if ``pictures``; both are counted.

        :raises WorldError: If the server does not answer, refuses the key or the model, or takes no pictures.
        :raises BudgetError: If the budget is spent.
        """
        ...

    def collect(self) -> None:
        """Take in the answers of batches that have ended.

        :raises PendingError: If requests are asked in batches and one has not ended.
        :raises WorldError: If the server does not answer or refused all batches.
        """
        ...

    def submit(self) -> str:
        """Submit the requests that wait for a batch, after a step ended with ``PendingError``; returns a line.

        :raises BudgetError: If the budget allows no request.
        :raises WorldError: If the server does not answer or refuses.
        """
        ...

    def notes(self) -> list[str]:
        """What was agreed with the server since the last call, a line each."""
        ...


@runtime_checkable
class EditingVlm(Protocol):
    """What a model that writes can do besides."""

    def edit(self, requests: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        """Each question edited so that its documents no longer answer it; an empty string where that cannot be done.

        It cites the images of the one before as ``<imageN>``, N from 1 in their order.
        """
        ...


@runtime_checkable
class CaptioningVlm(Protocol):
    """What a model that sees pictures can do besides."""

    def captions(self, images: Iterable[VlmImage]) -> Iterator[Answered[str] | Failed]:
        """A caption of each image, in order; an empty string where nothing can be made out."""
        ...
