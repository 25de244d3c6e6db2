"""``endpoint:``: vectors of a server, stored as observations and tied to its model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nyxqa.retriever.encoders.endpoint import EndpointModel, parse_endpoint
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.models.batching import encode_inputs, truncate_and_normalise
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.protocols import ModelInput, SearchEntry
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from tests.support.embeddings_server import EmbeddingsServer
from tests.support.tiny_dataset import png

ENTRIES = [SearchEntry(f"{n:03d}", f"the mill number {n} by river {n * 7 % 50}", ("a red mill",)) for n in range(70)]
QUERIES = [SearchEntry(f"q{n}", f"which mill stands by river {n}") for n in range(5)]


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with EmbeddingsServer() as running:
        yield running


def unit(contents: list[ModelInput]) -> Any:
    return truncate_and_normalise(encode_inputs(TinyModel(), contents), 256)


def test_vectors_are_those_of_the_server_in_order(server: EmbeddingsServer, tmp_path: Path) -> None:
    encoder: Any = make_encoder(f"endpoint:some/model@{server.url}")
    assert encoder.name == "endpoint:some/model"
    wanted = unit([ModelInput(f"{one.text}\na red mill") for one in ENTRIES])
    np.testing.assert_allclose(encoder.encode(ENTRIES, "document"), wanted, atol=1e-6)
    assert {one["model"] for one in server.requests} == {"some/model"}
    encoder.build(ENTRIES, tmp_path)
    hits = encoder.open(tmp_path).search(QUERIES, 3)
    queries = unit([ModelInput(one.text) for one in QUERIES])
    assert hits.rows.tolist() == np.argsort(-(queries @ wanted.T), axis=1, kind="stable")[:, :3].tolist()


def test_what_was_observed_is_not_asked_again(server: EmbeddingsServer, tmp_path: Path) -> None:
    """Another time the server would round otherwise, and ranks and bytes would differ."""
    spec = f"endpoint:m@{server.url}"
    make_encoder(spec).build(ENTRIES, tmp_path)
    first = make_encoder(spec).open(tmp_path).search(QUERIES, 5)
    server.noise = 1e-4
    asked = server.inputs
    make_encoder(spec).build(ENTRIES, tmp_path)
    again = make_encoder(spec).open(tmp_path).search(QUERIES[::-1], 5)
    assert server.inputs == asked + 1  # the probe
    assert again.scores.tolist() == first.scores[::-1].tolist()
    more = [*ENTRIES, SearchEntry("more", "a tower")]
    make_encoder(spec).build(more, tmp_path)
    assert server.inputs <= asked + 3 + len(more)


def test_another_model_under_the_name_is_refused(server: EmbeddingsServer, tmp_path: Path) -> None:
    spec = f"endpoint:m@{server.url}"
    make_encoder(spec).build(ENTRIES, tmp_path)
    server.seed = 1
    with pytest.raises(FormatError, match=r"other vectors under the name m than those in .*\(cosine -?0\.\d+, needed"):
        make_encoder(spec).open(tmp_path).search(QUERIES, 5)
    with pytest.raises(FormatError, match="serve that model, or build in another folder"):
        make_encoder(spec).build(ENTRIES, tmp_path)
    with pytest.raises(FormatError, match="of another encoder"):
        make_encoder(spec.replace("endpoint:m@", "endpoint:n@")).open(tmp_path)


def test_images_and_prefixes_are_sent_where_asked_for(server: EmbeddingsServer) -> None:
    encoder: Any = make_encoder(f"endpoint:m@{server.url}?prefixes=e5&images=on")
    assert encoder.needs_images
    entry = SearchEntry("a", "see <|image|> here", ("caption",), (png(1),))
    (vector,) = encoder.encode([entry], "document")
    np.testing.assert_allclose(vector, unit([ModelInput("passage: see <|image|> here", (png(1),))])[0], atol=1e-6)
    parts = server.requests[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    assert parts[1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_a_busy_server_is_asked_again(server: EmbeddingsServer) -> None:
    server.statuses = [503, 429]
    encoder: Any = make_encoder(f"endpoint:m@{server.url}")
    assert encoder.encode(QUERIES, "query").shape == (5, 256)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"error": "no"}, "the answer is not a list of vectors"),
        ({"data": [{"index": 0, "embedding": [1.0, 2.0]}]}, "1 vectors for 5 inputs"),
        ({"data": [{"index": n, "embedding": [float("nan")]} for n in range(5)]}, "is not finite"),
        ({"data": [{"index": n, "embedding": "AAAA"} for n in range(5)]}, "the answer is not a list of vectors"),
        ([], "the answer is not a list of vectors"),
    ],
)
def test_what_is_no_list_of_vectors_is_named(server: EmbeddingsServer, answer: Any, message: str) -> None:
    server.answer = answer
    with pytest.raises(WorldError, match=message):
        make_encoder(f"endpoint:m@{server.url}").encode(QUERIES, "query")  # type: ignore[attr-defined]


def test_a_refusal_is_named_and_not_repeated(server: EmbeddingsServer) -> None:
    server.statuses = [404]
    with pytest.raises(WorldError, match=r"embeddings answers 404: .*busy.*; model m"):
        make_encoder(f"endpoint:m@{server.url}").encode(QUERIES, "query")  # type: ignore[attr-defined]
    assert len(server.requests) == 1


def test_names() -> None:
    assert parse_endpoint("a/b@http://h:1/v1") == EndpointModel("a/b", "http://h:1/v1")
    assert parse_endpoint("a@b@https://h/v1?prefixes=e5") == EndpointModel("a@b", "https://h/v1", True)
    for wrong in ("a", "@http://h/v1", "a@http://", "a@http://h/v1?prefix=e5", "a@http://h/v1?images=yes"):
        with pytest.raises(UsageError, match="endpoint:MODEL@URL"):
            parse_endpoint(wrong)
