"""A cross-encoder orders what was found: its own order, with what it did not read behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nyxqa
from nyxqa.retriever.cross_encoder import CrossEncoder
from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.protocols import SearchEntry
from tests.support.asked import asked_in_test, triplets
from tests.support.facts import Facts
from tests.support.running import leave
from tests.support.tiny_bert import make_tiny_bert
from tests.support.tiny_cross_encoder import make_tiny_cross_encoder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Path]:
    root = tmp_path_factory.mktemp("facts") / "data"
    return asked_in_test(Facts(16, 9), root), root


@pytest.mark.parametrize("labels", [1, 2])
def test_the_order_is_that_of_scores_one_by_one(labels: int, made: tuple[Facts, Path], tmp_path: Path) -> None:
    """The scores come from the network itself here, pair by pair."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    facts, root = made
    folder = make_tiny_cross_encoder(tmp_path / "ce", labels)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    result = nyxqa.evaluate(root, "tiny", reranker=f"ce:{folder}", name=f"ce{labels}", datasets=["wiki"])
    reciprocal = []
    for row in [one for one in triplets(facts) if one["dataset"] == "wiki"]:
        documents = facts.tiny.tables["corpus"][row["pool"]]
        scored = {}
        for one in documents:
            with torch.inference_mode():
                inputs = tokenizer(
                    row["query"], one["text"], truncation="longest_first", max_length=512, return_tensors="pt"
                )
                logits = network(**inputs).logits[0]
            scored[one["doc_id"]] = float(logits[0] if labels == 1 else logits[1] - logits[0])
        reciprocal.append(1 / (1 + sorted(scored, key=lambda doc: -scored[doc]).index(row["positive_id"])))
    plain, reranked = result["systems"]
    assert reranked["system"] == "tiny + ce:ce" and plain["system"] == "tiny"
    assert reranked["mrr"] == pytest.approx(np.mean(reciprocal), abs=1e-6) and len(reciprocal) == 2
    # Every document of these small pools is found and read, so none is lost.
    assert reranked["recall@20"] == plain["recall@20"] == 1


def test_what_is_too_long_is_cut_and_batches_change_little(tmp_path: Path) -> None:
    model = CrossEncoder(ModelName(str(make_tiny_cross_encoder(tmp_path / "ce"))))
    documents = [SearchEntry(str(n), "word " * (30 * n + 1), ("a caption",)) for n in range(12)]
    together = model.scores(SearchEntry("q", "which word?"), documents)
    alone = [model.scores(SearchEntry("q", "which word?"), [one])[0] for one in documents]
    assert np.allclose(together, alone, atol=1e-4) and model.scores(SearchEntry("q", "x"), []).shape == (0,)


@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        ("bge", 2, "unknown reranker 'bge'; valid names: ce:MODEL"),
        ("ce:{none}", 1, "which is not a folder either"),
        ("ce:{bert}", 1, "ce:bert is no cross-encoder: it lacks 2 weights"),
        ("ce:{three}", 1, "ce:three has 3 labels"),
    ],
)
def test_one_line_says_what_is_wrong(
    spec: str, code: int, message: str, made: tuple[Facts, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "bert" in spec:
        make_tiny_bert(tmp_path / "bert")
    if "three" in spec:
        make_tiny_cross_encoder(tmp_path / "three", 3)
    paths = {name: tmp_path / name for name in ("none", "bert", "three")}
    assert leave("evaluate", made[1], "--retriever", "bm25", "--reranker", spec.format(**paths)) == code
    assert message in capsys.readouterr().err.splitlines()[-1]
