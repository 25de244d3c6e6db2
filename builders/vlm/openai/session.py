"""Requests answered from the store, else from the endpoint, and when the endpoint counts as dead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.async_map import EventLoopThread, OrderedAsyncMap
from nyxqa.builders.vlm.openai.batch.batches import NotAnsweredError
from nyxqa.builders.vlm.openai.connection import Connection
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest
from nyxqa.builders.vlm.protocol import ENDPOINT_FAILURES, Failed
from nyxqa.schemas.errors import BudgetError, PendingError, WorldError

T = TypeVar("T")
R = TypeVar("R")

_SKIPPED = Failed("skipped")


class Session:
    """Answers requests from the store, else from the endpoint.

    :param connect: Makes the connection; called when the first request is sent.
    :param streak: Consecutive failures, without an answer between them, after which the endpoint counts as dead.
    :param retry_failed: Whether stored failures are requested again, each once.
    :param batch: Whether requests are queued for a batch instead of being sent.
    """

    def __init__(
        self,
        loop: EventLoopThread,
        connect: Callable[[], Connection],
        store: AnswerStore,
        model: str,
        concurrency: int,
        streak: int,
        retry_failed: bool,
        batch: bool = False,
    ) -> None:
        self.store = store
        self._loop, self._connect, self._model = loop, connect, model
        self._concurrency, self._streak, self._retry_failed = concurrency, streak, retry_failed
        self._batch = batch
        self._connection: Connection | None = None
        self._retried: set[str] = set()
        self._unconfirmed: list[tuple[str, Failed]] = []
        # Equal requests are sent once: with two answers the result would depend on which came last.
        # The future is there once another caller waits for the request.
        self._in_flight: dict[str, asyncio.Future[ChatReply | Failed] | None] = {}
        self._unstored: list[tuple[str, ChatReply]] = []
        self._storing: asyncio.Future[None] | None = None
        self._closed = False

    def replies(self, requests: Iterable[ChatRequest | None]) -> Iterator[ChatReply | Failed]:
        """An outcome for each request, in order; None gives a placeholder failure that the caller ignores.

        :raises WorldError: If the endpoint is dead or refuses.
        :raises BudgetError: If the budget is spent; answers in flight are stored first.
        """
        yield from self.map(self.outcome, requests)

    def map(self, work: Callable[[T], Coroutine[Any, Any, R]], items: Iterable[T]) -> Iterator[R]:
        """Results of ``work``, which may await any number of outcomes, for each item, in order.

        :raises PendingError: At the end, if some of it waits for a batch; results end before the first that does.
        """

        async def tried(item: T) -> R | NotAnsweredError:
            try:
                return await work(item)
            except NotAnsweredError as missing:
                return NotAnsweredError(b"", missing.left_out)  # without the body, which results behind it would keep

        if not self._batch:
            yield from OrderedAsyncMap(self._loop, work, self._requests_at_a_time, BudgetError).results(items)
            self._store_unconfirmed()
            return
        waiting = 0
        for result in OrderedAsyncMap(self._loop, tried, self._requests_at_a_time, BudgetError).results(items):
            if isinstance(result, NotAnsweredError):
                waiting += 1
            elif not waiting:
                yield result
        if waiting:
            raise PendingError(f"{waiting} items wait for answers that are asked for in a batch")

    async def outcome(self, request: ChatRequest | None) -> ChatReply | Failed:
        """The outcome of one request; to be awaited inside ``map``."""
        if request is None:
            return _SKIPPED
        key = request.key(self._model)
        stored = self._stored(key)
        if stored is not None:
            return stored
        if key in self._in_flight:
            future = self._in_flight[key]
            if future is None:
                future = self._in_flight[key] = asyncio.get_running_loop().create_future()
            return await asyncio.shield(future)  # others wait for it too
        self._in_flight[key] = None
        try:
            outcome = await self._send(key, request)
        except BaseException as error:
            self._tell(key, error)
            raise
        self._tell(key, outcome)
        return outcome

    def _tell(self, key: str, outcome: ChatReply | Failed | BaseException) -> None:
        """Give the outcome of a request to the callers that wait for it."""
        future = self._in_flight.pop(key)
        if future is None or future.done():
            return
        if isinstance(outcome, asyncio.CancelledError):
            future.cancel()
        elif isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    async def _send(self, key: str, request: ChatRequest) -> ChatReply | Failed:
        if self._batch:
            return await self._from_batch(key, request)
        ACTIVITY.sent()
        tokens = None
        try:
            outcome = await self._connected().send(request)
            if isinstance(outcome, ChatReply):
                tokens = outcome.prompt_tokens + outcome.completion_tokens
        finally:
            ACTIVITY.ended(tokens)
        if isinstance(outcome, ChatReply):
            await self._stored_answer(key, outcome)
            self._store_unconfirmed()
        else:
            self._note_failure(key, outcome)
        return outcome

    async def _from_batch(self, key: str, request: ChatRequest) -> ChatReply | Failed:
        """What a batch brought for a request that got no complete answer at once.

        :raises NotAnsweredError: If it waits for a batch.
        """
        connection = self._connected()
        if connection.batches is None:
            raise RuntimeError("no batches were opened")
        reply = await connection.probe.form(request.form)
        if reply is not None:
            self.store.put_answer(f"probe: {request.form}", reply)
        try:
            outcome = await connection.send(request)
        except NotAnsweredError as missing:
            connection.batches.queue(key, missing)
            raise
        if isinstance(outcome, ChatReply):
            await self._stored_answer(key, outcome)
        else:  # asked several times already, beside others that were answered
            self._retried.add(key)
            self.store.put_failure(key, outcome)
            connection.batches.ask_anew(key)
        return outcome

    def collect(self) -> None:
        """Take in what batches answered.

        :raises PendingError: If requests are asked in batches and one has not ended.
        :raises WorldError: If the server does not answer or refused all batches.
        """
        batches = self._connected().batches
        if batches is not None:
            self._loop.submit(batches.collect(waits=self._batch)).result()

    def submit(self) -> str:
        """Submit what was queued; returns a line that says so.

        :raises BudgetError: If the budget allows no request.
        :raises WorldError: If the server does not answer or refuses.
        """
        batches = self._connected().batches
        if batches is None:
            raise RuntimeError("no batches were opened")
        return self._loop.submit(batches.submit()).result()

    async def _stored_answer(self, key: str, reply: ChatReply) -> None:
        """Store an answer together with those that came in with it; it is used only once it is stored.

        Nothing waits longer than a turn of the loop: a kill would lose more answers than there are requests in flight.
        """
        self._unstored.append((key, reply))
        if self._storing is None:
            self._storing = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(self._store_answers)
        # Shielded, because others wait for the same transaction.
        await asyncio.shield(self._storing)

    def _store_answers(self) -> None:
        answers, self._unstored = self._unstored, []
        storing, self._storing = self._storing, None
        try:
            if answers:
                self.store.put_answers(answers)
        except WorldError as error:
            if storing is not None:
                storing.set_exception(error)
        else:
            if storing is not None:
                storing.set_result(None)

    def probe(self, pictures: bool) -> None:
        """Ask for a short text, and about a picture; both replies are stored, so that they are counted.

        :raises WorldError: If the endpoint does not answer, or takes no pictures and ``pictures`` is true.
        :raises BudgetError: If the budget is spent.
        """
        self._loop.submit(self._probe(pictures)).result()

    async def _probe(self, pictures: bool) -> None:
        probe = self._connected().probe
        replies = {"probe: text": await probe.text(), "probe: picture": await probe.picture() if pictures else None}
        for key, reply in replies.items():
            if reply is not None:
                self.store.put_answer(key, reply)

    def notes(self) -> list[str]:
        """What was agreed with the server, and what happened to batches, since the last call."""
        if self._connection is None:
            return []
        batches = self._connection.batches
        return [*self._connection.agreements.drain(), *([] if batches is None else batches.drain())]

    def _requests_at_a_time(self) -> int:
        """What the servers are sent at a time now; that of the recipe until the first request."""
        return self._concurrency if self._connection is None else self._connection.endpoint.concurrency

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _stored(self, key: str) -> ChatReply | Failed | None:
        answer = self.store.answer(key)
        if answer is not None or (self._retry_failed and key not in self._retried):
            return answer
        return self.store.failure(key)

    def _note_failure(self, key: str, failure: Failed) -> None:
        """Remember a failure; it is stored once an answer proves that the endpoint is not at fault."""
        self._retried.add(key)
        if failure.reason not in ENDPOINT_FAILURES:
            self.store.put_failure(key, failure)
            return
        self._unconfirmed.append((key, failure))
        if len(self._unconfirmed) >= self._streak:
            reasons = sorted({f"{failed.reason} ({failed.detail})" for _, failed in self._unconfirmed})
            raise WorldError(
                f"{len(self._unconfirmed)} consecutive requests got no answer from {self._model}: "
                f"{', '.join(reasons[:3])}; check the server and run again"
            )

    def _store_unconfirmed(self) -> None:
        unconfirmed, self._unconfirmed = self._unconfirmed, []
        for key, failure in unconfirmed:
            self.store.put_failure(key, failure)

    def close(self) -> None:
        """Close connections, thread and store; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._connection is not None:
            self._loop.submit(self._disconnect(self._connection)).result(timeout=5)
        self._loop.stop()
        self.store.close()

    async def _disconnect(self, connection: Connection) -> None:
        self._store_answers()
        await connection.close()
