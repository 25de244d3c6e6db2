"""A model behind an OpenAI-compatible endpoint: prompts out, answers stored, then read."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar, cast

from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.async_map import EventLoopThread
from nyxqa.builders.vlm.openai.budget import Usage
from nyxqa.builders.vlm.openai.endpoint import Endpoint, EndpointPolicy
from nyxqa.builders.vlm.openai.parsing import cut_strings, parse_answer, parse_options, parse_pairs
from nyxqa.builders.vlm.openai.request import (
    ANSWER_BOUND,
    QUESTION_BOUND,
    QUESTION_TOKENS,
    SHORT_BOUND,
    ChatReply,
    ChatRequest,
    Sampling,
)
from nyxqa.builders.vlm.openai.session import Session
from nyxqa.builders.vlm.prompt import (
    FICTIONAL_PLACE,
    as_text,
    content_parts,
    document_with_labels,
    load_prompt,
    numbered_documents,
    prompt_hashes,
)
from nyxqa.builders.vlm.protocol import (
    Answered,
    Conversation,
    Failed,
    QaPair,
    VlmDocument,
    VlmInfo,
    VlmRequest,
    advance,
)
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.recipe import VlmSection
from nyxqa.schemas.words import words as words_of

R = TypeVar("R")


class OpenAiVlm:
    """A ``Vlm`` that asks an endpoint; connections, thread and store are opened with the first question.

    :param model: Name of the model as the endpoint knows it.
    :param url: Base URL with ``/v1``.
    :param folder: Where answers are stored.
    :param retry_failed: Whether requests that failed in an earlier run are asked again.
    """

    def __init__(
        self,
        model: str,
        url: str,
        section: VlmSection,
        seed: int,
        folder: Path,
        *,
        retry_failed: bool = False,
        retry_policy: EndpointPolicy | None = None,
    ) -> None:
        self.info = VlmInfo(f"openai:{model}", prompt_hashes())
        self.usage = Usage()
        self._model, self._url, self._section, self._seed, self._folder = model, url, section, seed, folder
        self._retry_failed, self._retry_policy = (
            retry_failed,
            retry_policy if retry_policy is not None else EndpointPolicy(),
        )
        self._session: Session | None = None
        self._opening = Lock()

    def questions(self, sources: Iterable[VlmDocument], most: int) -> Iterator[Answered[list[QaPair]] | Failed]:
        """Questions on each document, then, where it has several images, questions over two or more of them."""
        asked: deque[tuple[int, bool]] = deque()

        def requests() -> Iterator[ChatRequest]:
            for source in sources:
                document = document_with_labels(source)
                several = len(source.content.images) > 1
                asked.append((2 if several else 1, FICTIONAL_PLACE in as_text(document)))
                for name in ("questions", "questions_multi") if several else ("questions",):
                    filled = load_prompt(name).fill(document=document, count=str(most))
                    yield ChatRequest(load_prompt(name), "pairs", filled, self._sampling(QUESTION_TOKENS), most)

        outcomes: list[Answered[list[QaPair]] | Failed] = []
        for reply in self._replies(requests()):
            count, invented = asked[0]
            outcomes.append(_pairs(reply, most, invented))
            if len(outcomes) == count:
                asked.popleft()
                yield _together(outcomes)
                outcomes = []

    def shorten(self, asks: Iterable[VlmRequest], words: int) -> Iterator[Answered[str] | Failed]:
        """The answer in at most ``words`` words; one that is short enough is not asked about."""
        short: deque[Answered[str] | None] = deque()

        def requests() -> Iterator[ChatRequest | None]:
            for ask in asks:
                done = 0 < len(words_of(ask.answer)) <= words
                short.append(Answered(ask.answer) if done else None)
                filled = load_prompt("shorten").fill(
                    question=content_parts(ask.question), answer=ask.answer, words=str(words)
                )
                yield None if done else ChatRequest(load_prompt("shorten"), "answer", filled, self._tokens())

        for reply in self._replies(requests()):
            kept = short.popleft()
            yield kept if kept is not None else _shortened(reply, words)

    def answer(self, asks: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        """An answer from the documents, or without any; an abstention is an empty string."""
        for reply in self._replies(map(self._answering, asks)):
            yield _answer(reply)

    def converse(self, talks: Iterable[Conversation[R]]) -> Iterator[R]:
        """What comes of each talk; questions are made in other threads, for they may read pictures."""
        session = self._opened()

        async def held(talk: Conversation[R]) -> R:
            ask, result = await asyncio.to_thread(advance, talk, None)
            while ask is not None:
                outcome = _answer(await session.outcome(self._answering(ask)))
                ask, result = await asyncio.to_thread(advance, talk, outcome)
            return cast(R, result)

        yield from session.over(held, talks)

    def distractors(
        self, asks: Iterable[VlmRequest], count: int, spare: int = 0
    ) -> Iterator[Answered[list[str]] | Failed]:
        """``count`` to ``count + spare`` wrong options, distinct from the key and from each other."""
        keys: deque[str] = deque()

        def requests() -> Iterator[ChatRequest]:
            for ask in asks:
                keys.append(ask.answer)
                filled = load_prompt("distractors").fill(
                    question=content_parts(ask.question),
                    answer=ask.answer,
                    documents=numbered_documents(ask.documents),
                    count=str(count + spare),
                )
                yield ChatRequest(load_prompt("distractors"), "options", filled, self._tokens(), count + spare)

        for reply in self._replies(requests()):
            yield _options(reply, keys.popleft(), count, count + spare)

    def totals(self) -> dict[str, int]:
        """Requests and tokens of all stored answers, earlier runs included."""
        return self._opened().store.totals()

    def failures(self) -> int:
        """Requests whose failure is stored."""
        return self._opened().store.failures()

    def close(self) -> None:
        """End the thread, drop the connections and give up the store."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _answering(self, ask: VlmRequest) -> ChatRequest:
        name = "answer" if ask.documents else "answer_closed"
        question = content_parts(ask.question)
        slots = (
            {"question": question, "documents": numbered_documents(ask.documents)}
            if ask.documents
            else {"question": question}
        )
        return ChatRequest(load_prompt(name), "answer", load_prompt(name).fill(**slots), self._tokens())

    def _tokens(self) -> Sampling:
        return self._sampling(self._section.answer_tokens)

    def _sampling(self, tokens: int) -> Sampling:
        return Sampling(tokens, self._section.max_pixels, self._seed)

    def _replies(self, requests: Iterable[ChatRequest | None]) -> Iterator[ChatReply | Failed]:
        return self._opened().replies(requests)

    def _opened(self) -> Session:
        with self._opening:  # several threads may ask first
            if self._session is None:
                self._session = self._open()
                weakref.finalize(self, Session.close, self._session)
            return self._session

    def _open(self) -> Session:
        section, loop = self._section, EventLoopThread()
        key = os.environ.get("NYXQA_API_KEY") or os.environ.get("OPENAI_API_KEY") or ""
        store = AnswerStore(self._folder)
        budget = (section.max_requests, section.max_tokens)
        connect = partial(
            Endpoint, self._model, self._url, key, section.concurrency, self._retry_policy, self.usage, budget
        )
        return Session(
            loop, connect, store, self._model, section.concurrency, self._retry_policy.streak, self._retry_failed
        )


_ENDLESS = Failed("unparsable", "cut off at the limit of characters")


def _unparsable(reply: ChatReply) -> Failed:
    return Failed("unparsable", "cut off at the limit of tokens" if reply.truncated else "not in the form asked for")


def _pairs(reply: ChatReply | Failed, most: int, invented: bool) -> Answered[list[QaPair]] | Failed:
    """The first ``most`` pairs that are whole and the model's own.

    :param invented: Whether the document itself names what the prompt's examples are about.
    """
    if isinstance(reply, Failed):
        return reply
    pairs = parse_pairs(reply.text, reply.truncated)
    if pairs is None:
        return _unparsable(reply)
    if not pairs:
        return Failed("no_question", "the model found nothing to ask")
    questions, answers = cut_strings(reply.text, QUESTION_BOUND), cut_strings(reply.text, ANSWER_BOUND)
    whole = [pair for pair in pairs if pair.question not in questions and pair.answer not in answers]
    own = [pair for pair in whole if invented or FICTIONAL_PLACE not in f"{pair.question} {pair.answer}"]
    if own:
        return Answered(own[:most])
    return Failed("no_question", "the model copied examples of its prompt") if whole else _ENDLESS


def _together(outcomes: list[Answered[list[QaPair]] | Failed]) -> Answered[list[QaPair]] | Failed:
    """The pairs of both prompts, none twice; a failure only where neither gave any."""
    pairs = [pair for outcome in outcomes if isinstance(outcome, Answered) for pair in outcome.value]
    if pairs:
        return Answered(list(dict.fromkeys(pairs)))
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    return next((failure for failure in failures if failure.reason != "no_question"), failures[0])


def _answer(reply: ChatReply | Failed) -> Answered[str] | Failed:
    if isinstance(reply, Failed):
        return reply
    answer = parse_answer(reply.text)
    if answer is None:
        return _unparsable(reply)
    return _ENDLESS if answer in cut_strings(reply.text, SHORT_BOUND) else Answered(answer)


def _shortened(reply: ChatReply | Failed, words: int) -> Answered[str] | Failed:
    outcome = _answer(reply)
    if isinstance(outcome, Failed):
        return outcome
    size = len(words_of(outcome.value))
    if size == 0:
        return Failed("too_long", f"the model cannot say it in {words} words")
    return outcome if size <= words else Failed("too_long", f"{size} words, limit {words}")


def _options(reply: ChatReply | Failed, key: str, least: int, most: int) -> Answered[list[str]] | Failed:
    if isinstance(reply, Failed):
        return reply
    options = parse_options(reply.text)
    if options is None:
        return _unparsable(reply)
    cut = cut_strings(reply.text, SHORT_BOUND)
    distinct = {normalise_answer(option): option for option in reversed(options) if option not in cut}
    kept = [o for o in reversed(distinct.values()) if normalise_answer(o) not in ("", normalise_answer(key))]
    return Answered(kept[:most]) if len(kept) >= least else Failed("too_few_distractors", f"{len(kept)} of {least}")
