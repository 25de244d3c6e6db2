"""An OpenAI-compatible embeddings server in a thread: vectors of the bundled model, and what servers do wrong."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import numpy as np

from nyxqa.retriever.models.batching import encode_inputs
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.content import PLACEHOLDER


@dataclass
class EmbeddingsServer:
    """Answers ``/v1/embeddings``; what it does may be changed while it runs.

    :param noise: Random numbers of this size are added to each vector, others each time.
    :param seed: Of the model behind.
    :param statuses: Taken by the next requests before any is answered.
    :param answer: Sent instead of vectors.
    """

    noise: float = 0.0
    seed: int = 0
    statuses: list[int] = field(default_factory=list)
    answer: Any = None
    requests: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> EmbeddingsServer:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = server.statuses.pop(0) if server.statuses else 200
                server.requests.append(asked)
                body = json.dumps(server._answer(asked) if status == 200 else {"error": "busy"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._random = np.random.default_rng(0)
        self._lock = threading.Lock()
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Address, with ``/v1``."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def inputs(self) -> int:
        """Texts and messages that were asked for so far."""
        return sum(len(one.get("input", [1])) for one in self.requests)

    def _answer(self, asked: dict[str, Any]) -> Any:
        if self.answer is not None:
            return self.answer
        with self._lock:
            vectors = encode_inputs(TinyModel(self.seed), [_content(one) for one in asked.get("input", [asked])])
            vectors = vectors * 3 + self.noise * self._random.normal(size=vectors.shape)
        rows = [{"index": number, "embedding": one.tolist()} for number, one in enumerate(vectors)]
        return {"object": "list", "model": asked["model"], "data": rows[::-1]}


def _content(asked: Any) -> ModelInput:
    if isinstance(asked, str):
        return ModelInput(asked)
    text, images = "", []
    for part in asked["messages"][0]["content"]:
        if part["type"] == "text":
            text += part["text"]
        else:
            text += PLACEHOLDER
            images.append(base64.b64decode(part["image_url"]["url"].partition("base64,")[2]))
    return ModelInput(text, tuple(images))
