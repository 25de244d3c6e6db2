"""``nyxqa.encoder``: what a reader of the README does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nyxqa
from nyxqa.retriever.encoders.tiny import _UnitVectors
from nyxqa.retriever.models.batching import encode_inputs, truncate_and_normalise
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.errors import ContentError, UsageError, WorldError
from tests.support.tiny_dataset import png

PICTURE = png(3)


@pytest.mark.parametrize("form", ["bytes", "path", "picture", "stored", "in front"])
def test_images_in_any_form(form: str, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(PICTURE)
    shown: Any = {
        "bytes": PICTURE,
        "path": tmp_path / "one.png",
        "picture": Image.open(io.BytesIO(PICTURE)),
        "stored": {"bytes": PICTURE, "path": None},
        "in front": str(tmp_path / "one.png"),
    }[form]
    text = "a boat" if form == "in front" else "<|image|>\na boat"
    (found,) = nyxqa.encoder("tiny").encode(iter([{"text": text, "images": [shown]}]), kind="query")
    model = TinyModel()
    wanted = truncate_and_normalise(encode_inputs(model, [ModelInput("<|image|>\na boat", (PICTURE,), "query")]), 256)
    np.testing.assert_allclose(found, wanted[0], atol=1e-6)


def test_search_gives_places_in_the_corpus_and_reuses_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    plain = _UnitVectors.encode

    def counted(self: _UnitVectors, items: Any) -> Any:
        encoded.append(len(items))
        return plain(self, items)

    monkeypatch.setattr(_UnitVectors, "encode", counted)
    corpus = ["a mill", "a tower", "a mill"]
    for spec in ("tiny", "bm25"):
        hits = nyxqa.encoder(spec).search(corpus, ["which mill"], k=2, folder=tmp_path / spec)
        assert hits.rows.tolist() == [[0, 2]]  # equal documents in their order
    nyxqa.encoder("tiny").search(corpus, ["tower"], k=1, folder=tmp_path / "tiny")
    assert encoded == [3, 1, 1]  # the corpus once, and each query


def test_no_inputs_are_no_vectors() -> None:
    assert nyxqa.encoder("tiny").encode([]).shape == (0, 256)
    assert nyxqa.encoder("tiny").search([], ["a"], k=3).rows.tolist() == [[-1, -1, -1]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nyxqa.encoder("bm25").encode(["a"]), UsageError, "bm25 has no vectors; use search"),
        (lambda: nyxqa.encoder("tiny").encode(["a"], kind="passage"), UsageError, "kind='passage'; valid: query, docu"),
        (lambda: nyxqa.encoder("tiny").encode("a"), UsageError, "takes a list of inputs"),
        (lambda: nyxqa.encoder("tiny").encode([3]), UsageError, "input 0 is int; give a text"),
        (lambda: nyxqa.encoder("tiny").encode(["a", "<|image|>"]), ContentError, "input 1: "),
        (lambda: nyxqa.encoder("tiny").encode([{"text": "a", "images": ["no.png"]}]), WorldError, "input 0: image no"),
        (lambda: nyxqa.encoder("tiny").encode([{"text": "a", "images": [3]}]), UsageError, "an image is int"),
        (lambda: nyxqa.encoder("tiny").search(["a"], ["b"], k=0), UsageError, "k is 0"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_vectors_are_streamed_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nyxqa.retriever.encoders.public._BLOCK", 4)
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        for read in range(1, 12):
            yield f"harbour {read}"

    model = nyxqa.encoder("tiny")
    blocks = model.stream(texts())
    assert read == 0
    found = []
    for expected in (4, 8, 11):
        found.append(next(blocks))
        assert (read, len(found[-1])) == (expected, min(4, 11 - len(found) * 4 + 4))
    assert next(blocks, None) is None
    assert (np.concatenate(found) == model.encode(texts())).all()
    with pytest.raises(UsageError, match="bm25 has no vectors"):
        nyxqa.encoder("bm25").stream(["harbour"])
