"""Requests asked in batches: queued while a stage runs, submitted at its end, collected when the next run starts."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections import Counter
from pathlib import Path

from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.batch.api import BatchApi, LostReplyError, Object, RefusedError, has_no_api
from nyxqa.builders.vlm.openai.batch.records import Batch, BatchRecords, Line
from nyxqa.builders.vlm.openai.batch.request_files import FileLimits, RequestFiles, Results
from nyxqa.builders.vlm.openai.limits import EndpointPolicy, Usage
from nyxqa.builders.vlm.openai.server_text import ServerError, server_error
from nyxqa.builders.vlm.openai.transport import Response, Transport
from nyxqa.schemas.errors import BudgetError, PendingError, WorldError

_ENDED = frozenset({"completed", "failed", "expired", "cancelled", "canceled"})
_AGAIN = "run the same command again to collect the answers"


class NotAnsweredError(Exception):
    """A request has no response yet.

    :param content: Its body.
    :param left_out: Ids of images that the body does not hold.
    """

    def __init__(self, content: bytes, left_out: tuple[str, ...] = ()) -> None:
        super().__init__("not answered yet")
        self.content, self.left_out = content, left_out


class Batches:
    """The batches of one model.

    :param folder: Folder of the stored answers.
    :param budget: Maximum number of requests and of tokens of the run.
    """

    def __init__(
        self,
        transport: Transport,
        folder: Path,
        answers: AnswerStore,
        usage: Usage,
        budget: tuple[int | None, int | None],
        policy: EndpointPolicy,
        limits: FileLimits,
    ) -> None:
        self._api = BatchApi(transport, policy)
        self._records = BatchRecords(folder)
        self._files = RequestFiles(folder, self._records, limits)
        self._files.discard()
        self._results = Results(answers, self._records, usage, transport.secrets)
        self._folder, self._usage, self._budget, self._policy = folder, usage, budget, policy
        self._spent: BudgetError | None = None
        self._notes: list[str] = []

    def response(self, content: bytes) -> Response | None:
        """What a batch brought for a body, unless that was a complete answer."""
        found = self._records.response(_line(content))
        return None if found is None else Response(found[0], {}, found[1])

    def queue(self, key: str, missing: NotAnsweredError) -> None:
        """Add a request to the next batch, unless it is in one already or the budget is spent.

        :param key: Key of the answer to store.
        """
        line = _line(missing.content)
        if self._spent is not None or self._files.holds(line) or self._records.is_asked(line):
            return
        try:
            self._usage.check(*self._budget)
        except BudgetError as error:
            self._spent = error
            return
        self._usage.requests += 1
        self._files.add(Line(line, key, missing.left_out), missing.content)

    def ask_anew(self, key: str) -> None:
        """Forget the responses of a request that failed, so that another run sends it again."""
        self._records.forget_responses(key)

    async def submit(self) -> str:
        """Submit what was queued; returns a line that says so.

        :raises BudgetError: If the budget allows no request.
        :raises WorldError: If the server refuses.
        """
        self._files.finish()
        if self._spent is not None and not self._records.open_batches():
            raise self._spent
        await self._submit_written()
        line = _submitted(self._records.open_batches(), self._api.url)
        return line if self._spent is None else f"{line} ({self._spent})"

    async def collect(self, *, waits: bool) -> None:
        """Submit what a killed run left, and store the results of batches that have ended.

        :param waits: Whether batches that have not ended end the run.
        :raises PendingError: If there are such batches.
        :raises WorldError: If the server refused all of them.
        """
        await self._submit_written()
        states: Counter[str] = Counter()
        done, failed = 0, ""
        for batch in self._records.open_batches():
            state = await self._state(batch)
            status = str(state.get("status") or "unknown").lower()
            states[status] += 1
            if status in _ENDED:
                await self._take(batch, state)
                failed = _sentence(state) if status == "failed" else failed
            else:
                counts = state.get("request_counts")
                done += int(counts.get("completed") or 0) if isinstance(counts, dict) else 0
        if states and states["failed"] == states.total():
            raise WorldError(f"{self._api.url} refused the batch: {failed}; run again to submit it anew")
        left = self._records.open_batches()
        if left and waits:
            named = ", ".join(f"{count} {state}" for state, count in sorted(states.items()) if state not in _ENDED)
            raise PendingError(f"{_submitted(left, self._api.url)} ({named}, {done} requests done)")
        if left:
            requests = sum(batch.requests for batch in left)
            self._notes.append(f"{requests} requests of batches that have not ended are asked directly now")

    def drain(self) -> list[str]:
        """What happened to batches since the last call, a line each."""
        notes, self._notes = self._notes, []
        return notes

    def close(self) -> None:
        """Close all files; requests that were not submitted are queued again by the next run."""
        self._files.close()
        self._records.close()

    async def _submit_written(self) -> None:
        for batch in self._records.open_batches():
            if not batch.batch_id:
                await self._submit(batch)

    async def _submit(self, batch: Batch) -> None:
        """Make the batch at the server, unless a killed run did so before it could note its name."""
        try:
            batch = await self._with_file(batch)
            batch_id = await self._found(batch) if batch.state == "creating" else ""
            if not batch_id:
                batch = self._records.note(batch, "creating")
                batch_id = await self._created(batch)
        except RefusedError as refusal:
            self._records.note(batch, "ended")
            raise self._refused(refusal.error) from None
        self._records.note(batch, "submitted", batch_id=batch_id)
        self._files.path(batch).unlink(missing_ok=True)

    async def _with_file(self, batch: Batch) -> Batch:
        """The batch with its file at the server."""
        path = self._files.path(batch)
        if batch.file_id:
            return batch
        file_id = await self._uploaded(path.name) if batch.state == "uploading" else ""
        if not file_id:
            batch = self._records.note(batch, "uploading")
            file_id = await self._api.upload(path)
        return self._records.note(batch, "uploading", file_id)

    async def _created(self, batch: Batch) -> str:
        for failures in itertools.count(1):
            try:
                return await self._api.create(batch.file_id, batch.name)
            except LostReplyError as error:
                batch_id = await self._found(batch)
                if batch_id:
                    return batch_id
                wait = self._policy.wait_after(failures)
                if wait is None:
                    raise WorldError(
                        f"the batch API of {self._api.url} does not answer: {error}; run again to continue"
                    ) from None
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: an attempt returns or raises")

    async def _found(self, batch: Batch) -> str:
        """The server's name of a batch that it made, although the reply was lost; empty if it made none."""
        async for other in self._api.batches():
            metadata = other.get("metadata")
            if isinstance(metadata, dict) and metadata.get("nyxqa") == batch.name:
                return str(other.get("id") or "")
        return ""

    async def _uploaded(self, name: str) -> str:
        """The server's name of a file that a killed run uploaded; empty if there is none or it lists no files."""
        try:
            async for file in self._api.files():
                if file.get("filename") == name and file.get("status") not in ("error", "deleted"):
                    return str(file.get("id") or "")
        except RefusedError:
            return ""
        return ""

    async def _state(self, batch: Batch) -> Object:
        try:
            return await self._api.batch(batch.batch_id)
        except RefusedError as refusal:
            if refusal.error.status != 404:
                raise self._refused(refusal.error) from None
            return {"status": "expired"}  # it was deleted, or its key belongs to another project now

    async def _take(self, batch: Batch, state: Object) -> None:
        """Store the results of a batch that has ended, however it ended."""
        path = self._folder / f"results-{batch.name}.jsonl"
        answered = 0
        for name in ("output_file_id", "error_file_id"):
            file_id = state.get(name)
            if not isinstance(file_id, str) or not file_id:
                continue
            try:
                await self._api.download(file_id, path)
                answered += self._results.store(path)
            except RefusedError as refusal:
                self._notes.append(f"the results of batch {batch.batch_id} cannot be read: {refusal.error.detail}")
            finally:
                path.unlink(missing_ok=True)
        self._records.note(batch, "ended")
        if answered < batch.requests:
            self._notes.append(
                f"batch {batch.batch_id} is {state['status']}: {answered} of {batch.requests} requests were answered; "
                "what is still missing is asked again"
            )

    def _refused(self, error: ServerError) -> WorldError:
        if has_no_api(error):
            return WorldError(
                f"{self._api.url} has no batch API ({error.status}): set vlm.batch = false to ask it directly"
                f"{error.saying}"
            )
        return WorldError(f"{self._api.url} refuses the batch ({error.detail})")


def _line(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _submitted(batches: list[Batch], url: str) -> str:
    requests = sum(batch.requests for batch in batches)
    kind = "batch" if len(batches) == 1 else "batches"
    return f"submitted {requests} requests in {len(batches)} {kind} to {url}; {_AGAIN}"


def _sentence(state: Object) -> str:
    """Why a batch failed, as the server says it."""
    errors = state.get("errors")
    listed = errors.get("data") if isinstance(errors, dict) else errors
    said = server_error(400, json.dumps({"errors": listed}).encode("ascii"))
    return said.message or "no reason given"
