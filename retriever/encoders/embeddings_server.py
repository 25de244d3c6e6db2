"""A server with an OpenAI-compatible ``/v1/embeddings`` (vLLM, TEI and others): texts and images to unit vectors."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.content import Content
from nyxqa.schemas.errors import WorldError, one_line
from nyxqa.schemas.images.decode import open_encoded
from nyxqa.schemas.web.retry_policy import RetryPolicy, wait_asked_for

Vectors = npt.NDArray[np.float32]

# Texts of a request, and requests at a time: servers batch across requests.
_TEXTS = 16
_REQUESTS = 8
_SECONDS = 600.0
_RETRIES = RetryPolicy(attempts=5, first_wait=0.5, longest_wait=20.0, jitter=0.5)
_PASSING = {408, 425, 429, 500, 502, 503, 504}
# A long answer is not a list of vectors.
_MOST_BYTES = 256 * 2**20


class EmbeddingsServer:
    """The vectors of one model on a server.

    :param model: Name of the model there.
    :param url: Address, with ``/v1``.
    """

    def __init__(self, model: str, url: str) -> None:
        self.model = model
        self.url = url.rstrip("/")
        self._length: int | None = None

    @property
    def dimensions(self) -> int:
        """Length of a vector, asked for once."""
        if self._length is None:
            self._length = len(self._vectors({"input": ["length"]}, 1)[0])
        return self._length

    def encode(self, items: Sequence[ModelInput], /) -> Vectors:
        """Unit vectors, float32 [items, dimensions], in the order of ``items``.

        :raises WorldError: If the server does not answer, or not with as many finite vectors of one length.
        """
        if not items:
            return np.empty((0, self.dimensions), dtype=np.float32)
        asked: list[tuple[dict[str, Any], int]] = []
        texts: list[str] = []

        def flush() -> None:
            if texts:
                asked.append(({"input": list(texts)}, len(texts)))
                texts.clear()

        for item in items:
            if item.images:
                flush()
                asked.append(({"messages": [{"role": "user", "content": _parts(item)}]}, 1))
                continue
            texts.append(item.text)
            if len(texts) == _TEXTS:
                flush()
        flush()
        with ThreadPoolExecutor(_REQUESTS) as pool:
            found = list(pool.map(lambda one: self._vectors(*one), asked))
        vectors = np.concatenate(found)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
        return unit

    def _vectors(self, payload: dict[str, Any], count: int) -> Vectors:
        answer = self._post({"model": self.model, **payload, "encoding_format": "float"})
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise WorldError(
                f"{self.url}/embeddings: the answer is not a list of vectors: {one_line(error, 200)}"
            ) from error
        if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
            raise WorldError(f"{self.url}/embeddings: {len(vectors)} vectors for {count} inputs, or of no one length")
        if not np.isfinite(vectors).all():
            raise WorldError(f"{self.url}/embeddings: a vector of model {self.model} is not finite")
        if self._length is not None and self._length != vectors.shape[1]:
            raise WorldError(f"{self.url}/embeddings: vectors of length {vectors.shape[1]}, before {self._length}")
        self._length = int(vectors.shape[1])
        return vectors

    def _post(self, payload: dict[str, Any]) -> Any:
        import httpx2

        key = os.environ.get("NYXQA_API_KEY") or os.environ.get("OPENAI_API_KEY") or ""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        failures = 0
        while True:
            wait: float | None = None
            try:
                response = httpx2.post(f"{self.url}/embeddings", json=payload, headers=headers, timeout=_SECONDS)
                if response.status_code == 200 and len(response.content) <= _MOST_BYTES:
                    return response.json()
                problem = f"answers {response.status_code}: {' '.join(response.text.split())[:200]}"
                if response.status_code not in _PASSING:
                    raise WorldError(f"{self.url}/embeddings {problem}; model {self.model}")
                wait = wait_asked_for(response.headers)
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
                problem = f"does not answer: {one_line(error, 200)}"
            failures += 1
            pause = _RETRIES.wait_after(failures, wait)
            if pause is None:
                raise WorldError(f"{self.url}/embeddings {problem}; {failures} tries, model {self.model}")
            time.sleep(pause)


def _parts(item: ModelInput) -> list[dict[str, Any]]:
    """Text and images of an input as the parts of a message."""
    parts: list[dict[str, Any]] = []
    for part in Content(item.text, item.images).parts():
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
            continue
        kind = (open_encoded(part).format or "PNG").lower()
        address = f"data:image/{kind};base64,{base64.b64encode(part).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": address}})
    return parts
