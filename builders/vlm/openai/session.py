"""A model in use: the thread that talks to it, its stored answers, and when it counts as dead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.async_map import EventLoopThread, OrderedMap
from nyxqa.builders.vlm.openai.endpoint import Endpoint
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest
from nyxqa.builders.vlm.protocol import ENDPOINT_FAILURES, Failed
from nyxqa.schemas.errors import BudgetError, WorldError

T = TypeVar("T")
R = TypeVar("R")

_SKIPPED = Failed("skipped")


class Session:
    """Answers requests from the store, else from the endpoint.

    :param connect: Makes the endpoint; called when the first request is sent.
    :param streak: Failures in a row, without an answer between them, on which the endpoint counts as dead.
    :param retry_failed: Whether stored failures are asked again, each once.
    """

    def __init__(
        self,
        loop: EventLoopThread,
        connect: Callable[[], Endpoint],
        store: AnswerStore,
        model: str,
        concurrency: int,
        streak: int,
        retry_failed: bool,
    ) -> None:
        self.store = store
        self._loop, self._connect, self._model = loop, connect, model
        self._concurrency, self._streak, self._retry_failed = concurrency, streak, retry_failed
        self._endpoint: Endpoint | None = None
        self._retried: set[str] = set()
        self._unproven: list[tuple[str, Failed]] = []
        # Equal requests are asked once: with two answers the result would depend on which came last.
        self._under_way: dict[str, asyncio.Future[ChatReply | Failed]] = {}
        self._closed = False

    def replies(self, requests: Iterable[ChatRequest | None]) -> Iterator[ChatReply | Failed]:
        """An outcome for each request, in order; None passes through as a failure that nobody reads.

        :raises WorldError: If the endpoint is dead or refuses.
        :raises BudgetError: If the budget is spent; what was under way is stored.
        """
        yield from self.over(self.outcome, requests)

    def over(self, work: Callable[[T], Coroutine[Any, Any, R]], items: Iterable[T]) -> Iterator[R]:
        """What ``work``, which may ask for any number of outcomes in turn, makes of each item, in order."""
        yield from OrderedMap(self._loop, work, self._concurrency, BudgetError).over(items)
        self._settle()

    async def outcome(self, request: ChatRequest | None) -> ChatReply | Failed:
        """The outcome of one request; for work under ``over``."""
        if request is None:
            return _SKIPPED
        key = request.key(self._model)
        known = self._known(key)
        if known is not None:
            return known
        owner = self._under_way.get(key)
        if owner is not None:
            await asyncio.wait({owner})
            return owner.result()
        # A task of its own: whoever asks may go on to other requests.
        owner = self._under_way[key] = asyncio.ensure_future(self._asked(key, request))
        try:
            return await owner
        finally:
            del self._under_way[key]

    async def _asked(self, key: str, request: ChatRequest) -> ChatReply | Failed:
        if self._endpoint is None:
            self._endpoint = self._connect()
        outcome = await self._endpoint.ask(request)
        if isinstance(outcome, ChatReply):
            self.store.keep(key, outcome)
            self._settle()
        else:
            self._failed(key, outcome)
        return outcome

    def _known(self, key: str) -> ChatReply | Failed | None:
        answer = self.store.answer(key)
        if answer is not None or (self._retry_failed and key not in self._retried):
            return answer
        return self.store.failure(key)

    def _failed(self, key: str, outcome: Failed) -> None:
        """Note a failure; it is stored once an answer proves that the fault was not the endpoint's."""
        self._retried.add(key)
        if outcome.reason not in ENDPOINT_FAILURES:
            self.store.keep_failure(key, outcome)
            return
        self._unproven.append((key, outcome))
        if len(self._unproven) >= self._streak:
            reasons = ", ".join(sorted({f"{failed.reason} ({failed.detail})" for _, failed in self._unproven})[:3])
            raise WorldError(
                f"{len(self._unproven)} requests in a row got no answer from {self._model}: {reasons}; "
                "look at the server and run again"
            )

    def _settle(self) -> None:
        """Store the failures noted so far."""
        unproven, self._unproven = self._unproven, []
        for key, failed in unproven:
            self.store.keep_failure(key, failed)

    def close(self) -> None:
        """End connections, thread and store; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._endpoint is not None:
            self._loop.submit(self._endpoint.close()).result(timeout=5)
        self._loop.stop()
        self.store.close()
