import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nyxqa.retriever.encoders.e5 import E5Encoder, E5Model, parse_e5
from nyxqa.retriever.index import embeddings
from nyxqa.retriever.models.batching import batches
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import WorldError
from tests.support.tiny_bert import make_tiny_bert

TEXTS = ["", "a", "two words", "日本語 text", "x" * 300, " ".join(["long"] * 2000), "?!", "a b c d e f g"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("model") / "tiny-bert")


def entries(*texts: str) -> list[SearchEntry]:
    return [SearchEntry(f"{number:03}", text) for number, text in enumerate(texts)]


def encoder(checkpoint: Path, prefixes: bool = True, on: tuple[str, ...] = ("cpu",)) -> E5Encoder:
    return E5Encoder(E5Model(str(checkpoint), prefixes=prefixes), on)


def one_by_one(checkpoint: Path, texts: list[str]) -> Any:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(checkpoint), AutoModel.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        states = [
            model(**tokenizer(text, truncation=True, max_length=512, return_tensors="pt"))[0][0] for text in texts
        ]
    return torch.nn.functional.normalize(torch.stack([state.mean(dim=0) for state in states])).numpy()


# The Nyx code leaves prefixes and normalisation out of its E5 baselines.
@pytest.mark.parametrize(("role", "side"), [("query", "query"), ("document", "passage")])
def test_prefix_pooling_and_length_are_those_of_e5(checkpoint: Path, role: Any, side: str) -> None:
    vectors = encoder(checkpoint).encode(entries(*TEXTS), role)
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(one_by_one(checkpoint, [f"{side}: {text}" for text in TEXTS]), abs=1e-5)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)


def test_prefixes_can_be_off(checkpoint: Path) -> None:
    plain = encoder(checkpoint, prefixes=False)
    vectors = plain.encode(entries(*TEXTS), "query")
    assert vectors == pytest.approx(one_by_one(checkpoint, TEXTS), abs=1e-5)
    assert plain.fingerprint != encoder(checkpoint).fingerprint
    assert plain.name == "e5:tiny-bert?prefixes=off"


# In the Nyx code captions never reach the index.
def test_captions_stand_in_for_images(checkpoint: Path) -> None:
    e5 = encoder(checkpoint)
    shown = SearchEntry("a", f"harbour {PLACEHOLDER} at night", captions=("a boat",))
    same = SearchEntry("b", "harbour at night\na boat")
    assert (e5.encode([shown], "document") == e5.encode([same], "document")).all()


def test_index_finds_what_brute_force_finds(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "SHARD_ROWS", 8)
    texts = [f"{'abc'[n % 3]} {n} {'word ' * (n % 7)}" for n in range(30)]
    e5 = encoder(checkpoint, on=("cpu", "cpu"))
    e5.build(entries(*texts), tmp_path)
    index = e5.open(tmp_path)
    hits = index.search(entries("a 3", "c 29 word"), 4)
    stored = np.concatenate([shard for _, shard in index.vectors.shards()])
    products = e5.encode(entries("a 3", "c 29 word"), "query") @ stored.T
    assert (hits.rows == np.argsort(-products, axis=1)[:, :4]).all()
    assert list(index.ids[:2]) == ["000", "001"]
    assert index.search([], 3).rows.shape == (0, 3)


def test_bytes_are_the_same_whatever_the_devices(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "SHARD_ROWS", 8)
    found = []
    for devices in (("cpu",), ("cpu", "cpu", "cpu")):
        folder = tmp_path / str(len(devices))
        encoder(checkpoint, on=devices).build(entries(*(f"text {n} {'x' * n}" for n in range(30))), folder)
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]


def test_fingerprint_follows_the_files(checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny-bert"
    shutil.copytree(checkpoint, copy)
    assert encoder(copy).fingerprint == encoder(checkpoint).fingerprint
    (copy / "README.md").write_text("a card")
    assert encoder(copy).fingerprint == encoder(checkpoint).fingerprint
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert encoder(copy).fingerprint != encoder(checkpoint).fingerprint


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="holds no model"):
        _ = encoder(tmp_path).fingerprint
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WorldError, match="cannot load model"):
        encoder(tmp_path).encode(entries("x"), "query")


def test_names_are_read_in_parts(tmp_path: Path) -> None:
    assert parse_e5("intfloat/e5-base-v2@abc?prefixes=off") == E5Model("intfloat/e5-base-v2", "abc", False)
    odd = tmp_path / "model@home"
    odd.mkdir()
    assert parse_e5(str(odd)) == E5Model(str(odd))


def test_batches_hold_like_lengths_within_the_budget() -> None:
    lengths = [5, 100, 7, 7, 30, 0, 100, 2]
    found = list(batches(lengths, 60))
    assert sorted(row for batch in found for row in batch) == list(range(8))
    assert found[:3] == [[1], [6], [4, 2]]
    assert all(len(batch) == 1 or max(lengths[row] for row in batch) * len(batch) <= 60 for batch in found)
    assert list(batches([], 60)) == []
