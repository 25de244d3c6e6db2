"""A batch API of OpenAI's form: files are uploaded and downloaded, batches made, looked at and listed."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from nyxqa.builders.vlm.openai.limits import EndpointPolicy
from nyxqa.builders.vlm.openai.server_text import ServerError, server_error
from nyxqa.builders.vlm.openai.transport import (
    Response,
    TransientError,
    Transport,
    UnboundedAnswerError,
    UnreachableError,
)
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.web.retry_policy import wait_asked_for

_PASSING = frozenset({408, 409, 425, 429})
_NO_API = frozenset({404, 405, 501})
_PAGE = 100  # batches or files that are listed at a time
_PAGES = 50

Object = dict[str, Any]


class RefusedError(Exception):
    """The server refused a call."""

    def __init__(self, error: ServerError) -> None:
        super().__init__(error.detail)
        self.error = error


class LostReplyError(Exception):
    """A call may have taken effect, although no reply came."""


class BatchApi:
    """The calls of a batch API; what may pass is tried again.

    :param transport: The server.
    """

    def __init__(self, transport: Transport, policy: EndpointPolicy) -> None:
        self._transport, self._policy = transport, policy

    @property
    def url(self) -> str:
        """Base URL for messages."""
        return self._transport.shown_url

    async def upload(self, path: Path) -> str:
        """The server's name of an uploaded file.

        :raises RefusedError: If the server refuses it.
        :raises WorldError: If the server cannot be reached or has no batch API.
        """

        async def send() -> Response:
            with path.open("rb") as file:
                form = aiohttp.MultipartWriter("form-data")
                form.append("batch").set_content_disposition("form-data", name="purpose")
                part = form.append(file, {"Content-Type": "application/jsonl"})
                part.set_content_disposition("form-data", name="file", filename=path.name)
                return await self._transport.request("POST", "/files", form, form.headers["Content-Type"])

        return _name(await self._called(send))

    async def create(self, file_id: str, name: str) -> str:
        """The server's name of a new batch; it is not asked again when the reply is lost.

        :raises LostReplyError: If the batch may have been made.
        :raises RefusedError: If the server refuses it.
        :raises WorldError: If the server cannot be reached or has no batch API.
        """
        body = {
            "input_file_id": file_id,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {"nyxqa": name},
        }

        async def send() -> Response:
            try:
                response = await self._transport.request("POST", "/batches", json.dumps(body).encode("ascii"))
            except (TransientError, UnboundedAnswerError) as error:
                raise LostReplyError(error.detail) from None
            if response.status >= 500:
                raise LostReplyError(f"HTTP {response.status}")
            return response

        return _name(await self._called(send))

    async def batch(self, batch_id: str) -> Object:
        """The state of a batch; raises as ``upload`` does."""
        return await self._get(f"/batches/{quote(batch_id, safe='')}")

    async def batches(self) -> AsyncIterator[Object]:
        """All batches, the newest first."""
        async for found in self._listed("/batches?"):
            yield found

    async def files(self) -> AsyncIterator[Object]:
        """All files for batches."""
        async for found in self._listed("/files?purpose=batch&"):
            yield found

    async def download(self, file_id: str, path: Path) -> None:
        """Write a file of results to ``path``; raises as ``upload`` does."""
        content = f"/files/{quote(file_id, safe='')}/content"
        await self._called(lambda: self._transport.download(content, path))

    async def _listed(self, path: str) -> AsyncIterator[Object]:
        after = ""
        for _ in range(_PAGES):
            page = await self._get(f"{path}limit={_PAGE}{after}")
            listed = page.get("data")
            entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
            for entry in entries:
                yield entry
            if not entries or not page.get("has_more"):
                return
            after = f"&after={quote(str(page.get('last_id') or entries[-1].get('id')), safe='')}"

    async def _get(self, path: str) -> Object:
        response = await self._called(lambda: self._transport.request("GET", path))
        return _object(response)

    async def _called(self, call: Callable[[], Awaitable[Response]]) -> Response:
        for failures in itertools.count(1):
            asked = None
            try:
                response = await call()
            except (TransientError, UnboundedAnswerError, UnreachableError) as error:
                reason = str(error) or type(error).__name__
            else:
                if response.status < 300:
                    return response
                error_text = server_error(response.status, response.body, self._transport.secrets)
                if response.status not in _PASSING and response.status < 500:
                    raise self._refused(error_text)
                reason, asked = error_text.detail, wait_asked_for(response.headers, error_text.text)
            wait = self._policy.wait_after(failures, asked)
            if wait is None:
                raise WorldError(f"the batch API of {self.url} does not answer: {reason}; run again to continue")
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: an attempt returns or raises")

    def _refused(self, error: ServerError) -> Exception:
        if error.status in (401, 403):
            return WorldError(
                f"{self.url} refuses the key for its batch API ({error.status}): set NYXQA_API_KEY or OPENAI_API_KEY"
                f"{error.saying}"
            )
        if 300 <= error.status < 400:
            return WorldError(f"{self.url} redirects to another URL ({error.status}): correct the URL")
        return RefusedError(error)


def has_no_api(error: ServerError) -> bool:
    """Whether the server knows no batches at all."""
    return error.status in _NO_API


def _object(response: Response) -> Object:
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise WorldError(f"the batch API answered with something else than a JSON object (HTTP {response.status})")
    return value


def _name(response: Response) -> str:
    name = _object(response).get("id")
    if not isinstance(name, str) or not name:
        raise WorldError("the batch API answered without an id; run again to continue")
    return name
