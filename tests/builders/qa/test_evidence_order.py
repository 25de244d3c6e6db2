"""The order in which questions are asked lets a server's prefix cache answer for most of their prompts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from nyxqa.builders.qa.evidence import collect_evidence
from nyxqa.builders.vlm.protocol import VlmDocument, VlmRequest
from nyxqa.schemas.content import Content
from tests.support.model_answers import model, vlm_image
from tests.support.vlm_server import VlmServer, prompt_text

DOCUMENTS, QUESTIONS = 4, 5


def common_prefix(one: str, other: str) -> int:
    """Number of characters with which both begin."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def test_consecutive_requests_share_the_document_as_the_model_sees_it(tmp_path: Path) -> None:
    """Every view of a document is read once; each further question on it shares all but the question."""
    documents = [
        VlmDocument(str(n), Content(f"The tower of city {n}. " * 60 + "<|image|>", (vlm_image("red", (9 + n, 9)),)))
        for n in range(DOCUMENTS)
    ]
    asks = [
        VlmRequest(f"{document.key}:{n}", Content(f"How high is tower {n}?"), "", (document,))
        for document in documents
        for n in range(QUESTIONS)
    ]
    with VlmServer() as server:
        vlm = model(server, tmp_path, concurrency=1)
        evidence = list(collect_evidence(vlm, iter(asks), [["38 metres"]] * len(asks)))
        vlm.close()
        prompts = [prompt_text(payload) for payload in server.payloads]
    assert len(evidence) == len(asks)
    assert all(one is not None for found in evidence for one in found.values())  # type: ignore[union-attr]
    # Closed-book prompts are equal for all documents, so they are asked once for each question.
    views = 3 * DOCUMENTS
    assert len(prompts) == QUESTIONS + views * QUESTIONS
    shared = [common_prefix(one, other) for one, other in pairwise(prompts)]
    whole = sum(
        "Documents:" in prompt and length >= prompt.rindex("\n\nQuestion: ")
        for prompt, length in zip(prompts[1:], shared, strict=True)
    )
    assert whole == views * (QUESTIONS - 1)
    assert sum(shared) > 0.75 * sum(map(len, prompts[1:]))
