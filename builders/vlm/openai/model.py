"""A model behind an OpenAI-compatible endpoint: prompts are sent, answers stored, then read."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar, cast

from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.async_map import EventLoopThread
from nyxqa.builders.vlm.openai.batch.records import BATCHES
from nyxqa.builders.vlm.openai.connection import connect_model
from nyxqa.builders.vlm.openai.limits import FIRST_LIMIT, EndpointPolicy, Usage
from nyxqa.builders.vlm.openai.names import model_info
from nyxqa.builders.vlm.openai.outcomes import (
    answer_outcome,
    as_facts,
    merged_outcome,
    options_outcome,
    pairs_outcome,
    refined_outcome,
)
from nyxqa.builders.vlm.openai.request import QUESTION_TOKENS, WITH_QUESTION, ChatReply, ChatRequest, Sampling
from nyxqa.builders.vlm.openai.session import Session
from nyxqa.builders.vlm.prompt import (
    CAPTION_PROMPT,
    FICTIONAL_PLACE,
    LONG_WORDS,
    UNANSWERABLE_PROMPT,
    answer_size,
    as_text,
    content_parts,
    document_with_labels,
    form_prompt,
    listed_types,
    load_prompt,
    numbered_documents,
    prompt_of,
    question_prompts,
    text_of_document,
)
from nyxqa.builders.vlm.protocol import (
    NO_PROMPTS,
    Answered,
    AnswerForm,
    Conversation,
    Failed,
    QaPair,
    VlmDocument,
    VlmImage,
    VlmRequest,
    advance,
)
from nyxqa.schemas.recipe import VlmSection

R = TypeVar("R")


class OpenAiVlm:
    """A ``Vlm`` behind an endpoint; connections, thread and store are opened with the first request.

    :param model: Name of the model as the endpoint knows it.
    :param url: Base URL with ``/v1``.
    :param store_folder: Folder of stored answers.
    :param retry_failed: Whether requests that failed in an earlier run are sent again.
    """

    def __init__(
        self,
        model: str,
        url: str,
        settings: VlmSection,
        seed: int,
        store_folder: Path,
        *,
        retry_failed: bool = False,
        retry_policy: EndpointPolicy | None = None,
    ) -> None:
        self.info = model_info(model)
        self.usage = Usage()
        self._model, self._url, self._settings, self._seed = model, url, settings, seed
        self._store_folder, self._retry_failed = store_folder, retry_failed
        self._retry_policy = EndpointPolicy() if retry_policy is None else retry_policy
        self._open_session: Session | None = None
        self._opening = Lock()

    def questions(
        self, documents: Iterable[VlmDocument], limit: int, prompts: Mapping[str, str] = NO_PROMPTS
    ) -> Iterator[Answered[list[QaPair]] | Failed]:
        """Questions on each document, then, if it has several images, questions over two or more of them."""
        pending: deque[tuple[int, bool, bool]] = deque()

        def requests() -> Iterator[ChatRequest]:
            for document in documents:
                parts = document_with_labels(document)
                names = question_prompts(document, prompts)
                pending.append((len(names), FICTIONAL_PLACE in as_text(parts), bool(document.types)))
                for name in names:
                    asked = prompt_of(name, prompts.get(name, ""))
                    filled = asked.fill(document=parts, count=str(limit), types=listed_types(document))
                    long = bool(document.types) and name == "questions"
                    yield ChatRequest(asked, "pairs", filled, self._sampling(QUESTION_TOKENS), limit, long)

        outcomes: list[Answered[list[QaPair]] | Failed] = []
        for reply in self._replies(requests()):
            count, names_fictional_place, long = pending[0]
            outcome = pairs_outcome(reply, limit, names_fictional_place, long and not outcomes)
            outcomes.append(as_facts(outcome) if long and outcomes else outcome)
            if len(outcomes) == count:
                pending.popleft()
                yield merged_outcome(outcomes)
                outcomes = []

    def refine(self, requests: Iterable[VlmRequest], words: int) -> Iterator[Answered[QaPair] | Failed]:
        """Every pair: the answer in at most ``words`` words, the question rewritten where it needs its document.

        The model reads the document's text; of pictures only those that the question cites.
        """
        sent: deque[tuple[int, bool, AnswerForm]] = deque()

        def chat_requests() -> Iterator[ChatRequest]:
            for request in requests:
                form = request.form
                prompt, limit = form_prompt("shorten", form), LONG_WORDS if form == "long" else words
                sent.append((limit, answer_size(request.answer, form) > limit, form))
                filled = prompt.fill(
                    documents=numbered_documents(map(text_of_document, request.documents)),
                    question=content_parts(request.question),
                    answer=request.answer,
                    words=str(limit),
                )
                yield ChatRequest(prompt, "answer", filled, self._sampling(), WITH_QUESTION, form != "short")

        for reply in self._replies(chat_requests()):
            yield refined_outcome(reply, *sent.popleft())

    def answer(self, requests: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        """An answer from the documents, or without any; an abstention is an empty string."""
        forms: deque[AnswerForm] = deque()

        def chat_requests() -> Iterator[ChatRequest]:
            for request in requests:
                forms.append(request.form)
                yield self._answer_request(request)

        for reply in self._replies(chat_requests()):
            yield answer_outcome(reply, forms.popleft())

    def captions(self, images: Iterable[VlmImage]) -> Iterator[Answered[str] | Failed]:
        """A caption of each image; an empty string where nothing can be made out."""
        prompt = load_prompt(CAPTION_PROMPT)
        requests = (ChatRequest(prompt, "answer", prompt.fill(question=[one]), self._sampling()) for one in images)
        for reply in self._replies(requests):
            yield answer_outcome(reply)

    def edit(self, requests: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        """Questions edited so that their documents no longer answer them; the model reads the text of these."""
        prompt = load_prompt(UNANSWERABLE_PROMPT)

        def chat_requests() -> Iterator[ChatRequest]:
            for request in requests:
                shown = numbered_documents(map(text_of_document, request.documents))
                filled = prompt.fill(documents=shown, question=content_parts(request.question))
                yield ChatRequest(prompt, "answer", filled, self._sampling(), long=True)

        for reply in self._replies(chat_requests()):
            yield answer_outcome(reply, "long")

    def converse(self, conversations: Iterable[Conversation[R]]) -> Iterator[R]:
        """The result of each conversation; generators run in other threads, because they may read images."""
        session = self._session()

        async def run(conversation: Conversation[R]) -> R:
            request, result = await asyncio.to_thread(advance, conversation, None)
            while request is not None:
                reply = await session.outcome(self._answer_request(request))
                outcome = answer_outcome(reply, request.form)
                request, result = await asyncio.to_thread(advance, conversation, outcome)
            return cast(R, result)

        yield from session.map(run, conversations)

    def distractors(
        self, requests: Iterable[VlmRequest], count: int, spare: int = 0
    ) -> Iterator[Answered[list[str]] | Failed]:
        """``count`` to ``count + spare`` wrong options, distinct from the key and from each other."""
        keys: deque[str] = deque()
        prompt = load_prompt("distractors")

        def chat_requests() -> Iterator[ChatRequest]:
            for request in requests:
                keys.append(request.answer)
                filled = prompt.fill(
                    question=content_parts(request.question),
                    answer=request.answer,
                    documents=numbered_documents(request.documents),
                    count=str(count + spare),
                )
                yield ChatRequest(prompt, "options", filled, self._sampling(), count + spare)

        for reply in self._replies(chat_requests()):
            yield options_outcome(reply, keys.popleft(), count, count + spare)

    def probe(self, pictures: bool) -> None:
        """One tiny request, and one with a picture where pictures will be sent, counted in usage and budget.

        :raises WorldError: If the server does not answer, refuses the key or the model, or takes no pictures.
        :raises BudgetError: If the budget is spent.
        """
        self._session().probe(pictures)

    def collect(self) -> None:
        """Take in what batches answered since the last run, which may have ended anywhere.

        :raises PendingError: If requests are asked in batches and one has not ended.
        :raises WorldError: If the server does not answer or refused all batches.
        """
        if self._settings.batch or (self._store_folder / BATCHES).exists():
            self._session().collect()

    def submit(self) -> str:
        """Submit the requests that were queued; returns a line that says so.

        :raises BudgetError: If the budget allows no request.
        :raises WorldError: If the server does not answer or refuses.
        """
        return self._session().submit()

    def notes(self) -> list[str]:
        """What was agreed with the server since the last call, one line for each form of request."""
        return [] if self._open_session is None else self._open_session.notes()

    def totals(self) -> dict[str, int]:
        """Requests and tokens of all stored answers, earlier runs included."""
        return self._session().store.totals()

    def failures(self) -> int:
        """Number of stored failures."""
        return self._session().store.failures()

    def close(self) -> None:
        """End the thread, close the connections and release the store."""
        if self._open_session is not None:
            self._open_session.close()
            self._open_session = None

    def _answer_request(self, request: VlmRequest) -> ChatRequest:
        prompt = form_prompt("answer" if request.documents else "answer_closed", request.form)
        slots = {"question": content_parts(request.question)}
        if request.documents:
            slots["documents"] = numbered_documents(request.documents)
        return ChatRequest(prompt, "answer", prompt.fill(**slots), self._sampling(), long=request.form != "short")

    def _sampling(self, tokens: int | None = None) -> Sampling:
        limit = self._settings.answer_tokens if tokens is None else tokens
        return Sampling(limit, self._settings.max_pixels, self._seed)

    def _replies(self, requests: Iterable[ChatRequest | None]) -> Iterator[ChatReply | Failed]:
        return self._session().replies(requests)

    def _session(self) -> Session:
        with self._opening:  # several threads may send the first request at once
            if self._open_session is None:
                self._open_session = self._new_session()
                weakref.finalize(self, Session.close, self._open_session)
            return self._open_session

    def _new_session(self) -> Session:
        settings, loop = self._settings, EventLoopThread()
        key = os.environ.get("NYXQA_API_KEY") or os.environ.get("OPENAI_API_KEY") or ""
        store = AnswerStore(self._store_folder)
        # No reference to this object: an open store is closed as soon as nobody uses the model any more.
        connect = partial(
            connect_model, self._model, self._url, key, settings, self._retry_policy, self.usage, store,
            self._store_folder, self._seed,
        )  # fmt: skip
        streak = self._retry_policy.streak
        return Session(
            loop,
            connect,
            store,
            self._model,
            min(settings.concurrency, FIRST_LIMIT),
            streak,
            self._retry_failed,
            settings.batch,
        )
