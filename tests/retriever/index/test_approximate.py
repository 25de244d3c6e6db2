"""Approximate indexes say how much they find; stores of half the size are encoders of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nyxqa
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.index.embeddings import Embeddings
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.errors import FormatError, UsageError
from tests.support.tiny_bert import make_tiny_bert

WORDS = ("mill", "bridge", "tower", "river", "harbour", "station", "red", "old", "white", "built", "near", "burnt")


def text(number: int) -> str:
    drawn = np.random.default_rng(number)
    return " ".join(WORDS[place] for place in drawn.integers(0, len(WORDS), 6)) + f" {number % 97}"


CORPUS = [text(number) for number in range(900)]
QUERIES = [text(number + 5_000) for number in range(40)]


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_recall_is_measured_and_raised(kind: Any, tmp_path: Path) -> None:
    model = nyxqa.encoder("tiny")
    exact = model.search(CORPUS, QUERIES, k=10, folder=tmp_path)
    found = model.search(CORPUS, QUERIES, k=10, folder=tmp_path, index=kind)
    assert exact.recall == 1.0
    measured = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact.rows, found.rows, strict=True)])
    assert found.recall == pytest.approx(measured, abs=1e-9)
    assert found.recall >= 0.95
    built = (tmp_path / f"{kind}.faiss").stat().st_mtime_ns
    model.search(CORPUS, QUERIES[:1], k=3, folder=tmp_path, index=kind)
    assert (tmp_path / f"{kind}.faiss").stat().st_mtime_ns == built
    model.search([*CORPUS[1:], "another"], QUERIES[:1], k=3, folder=tmp_path, index=kind)
    assert (tmp_path / f"{kind}.faiss").stat().st_mtime_ns != built


def test_an_index_without_vectors_has_no_approximation(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bm25 has no vectors, so index='ivf' does not go with it"):
        nyxqa.encoder("bm25").search(CORPUS[:5], ["mill"], index="ivf")
    with pytest.raises(UsageError, match="index='flat'; valid: exact, ivf, hnsw"):
        nyxqa.encoder("tiny").search(CORPUS[:5], ["mill"], index="flat")  # type: ignore[arg-type]


def test_half_precision_is_stored_under_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    folder = make_tiny_bert(tmp_path / "bert")
    entries = [SearchEntry(f"{n:04d}", one) for n, one in enumerate(CORPUS[:300])]
    plain: Any = make_encoder(f"e5:{folder}")
    half: Any = make_encoder(f"e5:{folder}?store=float16")
    coarse: Any = make_encoder(f"e5:{folder}?prefixes=off&precision=bf16")
    assert len({plain.fingerprint, half.fingerprint, coarse.fingerprint}) == 3
    assert (half.name, coarse.name) == ("e5:bert?store=float16", "e5:bert?prefixes=off&precision=bf16")
    for name, encoder in (("plain", plain), ("half", half)):
        encoder.build(entries, tmp_path / name)
    sizes = [(tmp_path / "plain" / "vectors.f32").stat().st_size, (tmp_path / "half" / "vectors.f16").stat().st_size]
    assert sizes[0] == 2 * sizes[1]
    stored = [
        np.concatenate([shard for _, shard in Embeddings(tmp_path / name, encoder.fingerprint, encoder.store).shards()])
        for name, encoder in (("plain", plain), ("half", half))
    ]
    assert stored[1].dtype == np.float32
    np.testing.assert_array_equal(stored[1], stored[0].astype(np.float16).astype(np.float32))
    exact, near = (
        encoder.open(tmp_path / name).search(entries[:20], 20).rows
        for name, encoder in (("plain", plain), ("half", half))
    )
    # Vectors of random weights lie close together; real ones keep more.
    assert np.mean([len(set(a) & set(b)) / 20 for a, b in zip(exact, near, strict=True)]) > 0.8
    with pytest.raises(FormatError, match="of another encoder"):
        plain.open(tmp_path / "half")
    with pytest.raises(FormatError, match="of another encoder"):
        half.open(tmp_path / "plain")
    bare: Any = make_encoder(f"e5:{folder}?prefixes=off")
    one, other = (encoder.encode(entries[:20], "document") for encoder in (bare, coarse))
    assert 0 < np.abs(one - other).max() < 0.05


@pytest.mark.parametrize("name", ["store=f16", "precision=int8", "storage=float16", "store="])
def test_unknown_options_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown option .*valid options: prefixes=on\|off, vectors=FILE"):
        make_encoder(f"e5:{tmp_path}/x?{name}")
