"""Texts computed without padding have the vectors that each has by itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nyxqa.retriever.models.packing import PACKED_TOKENS, packed_batches, packs
from nyxqa.retriever.models.text_model import TextModel
from tests.support.tiny_bert import make_tiny_bert

TEXTS = ["", "a", "b", "two words", "own words", "x" * 40, "?!", " ".join(["long"] * 900), "a b c d e f g"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny", positions=600)


def made(bert: Path, folder: Path, kind: str) -> Path:
    """A network of another kind with the tokenizer of ``bert``, under random weights."""
    import torch
    from transformers import AutoConfig, AutoModel

    shutil.copytree(bert, folder)
    own = AutoConfig.from_pretrained(bert).to_dict()
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    sizes = {name: own[name] for name in names}
    torch.manual_seed(1)
    config = AutoConfig.for_model(kind, **sizes, max_position_embeddings=600, pad_token_id=0)
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("kind", "packed"), [("bert", True), ("xlm-roberta", True), ("electra", False)])
def test_packed_texts_have_the_vectors_of_single_ones(bert: Path, tmp_path: Path, kind: str, packed: bool) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = bert if kind == "bert" else made(bert, tmp_path / kind, kind)
    tokenizer, plain = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    assert packs(plain) == packed
    with torch.no_grad():
        given = [tokenizer(text, truncation=True, max_length=512, return_tensors="pt") for text in TEXTS]
        means = torch.stack([plain(**one)[0][0].mean(dim=0) for one in given])
    single = torch.nn.functional.normalize(means).numpy()
    vectors = TextModel(str(folder), None, "cpu", 512).encode(TEXTS)
    np.testing.assert_allclose(vectors, single, atol=2e-6)


def test_a_text_that_stands_there_twice_is_computed_once(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = TextModel(str(bert), None, "cpu", 512)
    given: list[int] = []
    means = model._packed.means
    monkeypatch.setattr(model._packed, "means", lambda tokens: given.append(len(tokens)) or means(tokens))
    vectors = model.encode(["a bridge", "a mill", "a bridge", "a bridge", "a tower"])
    assert sum(given) == 3
    assert (vectors[[0, 2, 3]] == vectors[0]).all() and len(np.unique(vectors, axis=0)) == 3


def test_a_text_without_tokens_is_a_zero_vector(bert: Path) -> None:
    model: Any = TextModel(str(bert), None, "cpu", 512)
    means = model._packed.means([[5, 6, 7], [8, 9, 10], [], []]).detach().numpy()
    assert (means[2:] == 0).all() and np.isfinite(means).all() and (means[:2] != 0).any()
    assert (model._packed.means([[], []]).numpy() == 0).all()


def test_a_batch_has_at_most_so_many_tokens_and_equal_lengths_together() -> None:
    lengths = [5, 100, 7, 7, 30, 0, 100, 2]
    assert list(packed_batches(lengths, 60)) == [[1], [6], [4, 2, 3, 0, 7, 5]]
    assert list(packed_batches([], 60)) == []
    rng = np.random.default_rng(0)
    many = rng.integers(2, 512, 300).tolist()
    found = list(packed_batches(many))
    assert sorted(row for batch in found for row in batch) == list(range(300))
    assert max(sum(many[row] for row in batch) for batch in found) <= PACKED_TOKENS
    # Nothing is padded, so batches are full but for less than one text.
    assert len(found) <= sum(many) / (PACKED_TOKENS - max(many)) + 1
