"""What is measured on a GPU: its ceiling, training steps, the large batch by chunks, encoding, and float16 stores."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.gpu.measure import flops, memory, rates, reset_memory, synchronize, timed
from benchmarks.gpu.model import device, model
from benchmarks.gpu.rows import documents, examples, text_of


def ceiling(options: argparse.Namespace) -> dict[str, Any]:
    """What this card does at most here: a large product in bfloat16, and a copy."""
    import torch

    size, numbers = (256, 2**16) if options.tiny else (8192, 2**31)
    left, right = (torch.randn(size, size, device=device(), dtype=torch.bfloat16) for _ in range(2))
    seconds = timed(lambda: left @ right, 20)
    source = torch.empty(numbers, device=device(), dtype=torch.uint8)
    target = torch.empty_like(source)
    copied = timed(lambda: target.copy_(source), 20)
    return {"product_flops": round(2 * size**3 / seconds), "copy_bytes_per_second": round(2 * numbers / copied)}


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Plain steps of more and more rows, until memory runs out."""
    import torch

    from nyxqa.retriever.training.devices import start_processes
    from nyxqa.retriever.training.loss import Matryoshka
    from nyxqa.retriever.training.step import Chunks, batch_loss, make_batch

    made = model(options, lora=True)
    made.module.train()
    optimizer = torch.optim.AdamW([one for one in made.module.parameters() if one.requires_grad], lr=1e-5)
    accelerator = start_processes("bf16")
    loss = Matryoshka.of(made.dim)
    rows = examples(2 if options.tiny else 64, options)
    steps: list[dict[str, Any]] = []
    for size in (1, 2) if options.tiny else (4, 8, 16, 32, 64):
        batch = make_batch(made, rows[:size], Chunks(tokens=16_384))

        def step(batch: Any = batch) -> None:
            optimizer.zero_grad(set_to_none=True)
            batch_loss(made, batch, loss, "all", accelerator).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        try:
            reset_memory()
            seconds = timed(step, 1 if options.tiny else 3)
        except torch.OutOfMemoryError:
            steps.append({"rows": size, "error": "out of memory"})
            break
        forward = flops(made.network, batch)
        steps.append({"rows": size, **rates(seconds, batch.tokens, 2 * forward, 3 * forward), **memory()})
        print(json.dumps({"steps": steps}), flush=True)
    return {"steps": steps}


def cached(options: argparse.Namespace) -> dict[str, Any]:
    """One step of the paper's batch by chunks."""
    import torch

    from nyxqa.retriever.training.devices import start_processes
    from nyxqa.retriever.training.loss import Matryoshka
    from nyxqa.retriever.training.memory import chunk_tokens
    from nyxqa.retriever.training.step import Chunks, cached_gradients, make_batch

    made = model(options, lora=True)
    made.module.train()
    learning = [one for one in made.module.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=1e-5)
    accelerator = start_processes("bf16")
    loss = Matryoshka.of(made.dim)
    chunks = Chunks(tokens=64 if options.tiny else chunk_tokens(torch.device(device())))
    found: dict[str, Any] = {}
    for size in (2, 6) if options.tiny else (16, 64, options.batch):  # the first ones warm up, and say something
        started = time.perf_counter()
        batch = make_batch(made, examples(size, options), chunks)
        prepared = time.perf_counter() - started
        reset_memory()
        synchronize()
        started = time.perf_counter()
        value = float(cached_gradients(made, batch, loss, "all", accelerator))
        norm = float(torch.nn.utils.clip_grad_norm_(learning, 5.0))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        synchronize()
        seconds = time.perf_counter() - started
        forward = flops(made.network, batch)
        found[f"rows {size}"] = {
            "inputs": batch.size,
            "chunks": len(batch.groups),
            "padding": round(sum(batch.padded) / batch.tokens - 1, 4),
            "preparing_seconds": round(prepared, 2),
            "loss": round(value, 4),
            "gradient_norm": round(norm, 5),
            **rates(seconds, batch.tokens, 2 * forward, 4 * forward),
            **memory(),
        }
        print(json.dumps(found), flush=True)
    return found


def encode(options: argparse.Namespace) -> dict[str, Any]:
    """Texts and images a second, with their preparation and by the network alone."""
    from nyxqa.retriever.models.vision_model import DeviceEncoder
    from nyxqa.retriever.training.step import Chunks

    made = model(options, lora=False)
    encoder = DeviceEncoder(made, device())
    found: dict[str, Any] = {}
    for name, count, images in (("texts", 4_096, (1,)), ("images", 768, (0, 1))):
        rows = documents(8 if options.tiny else count, options, images)
        encoder.encode(rows[: max(2, len(rows) // 16)])
        synchronize()
        started = time.perf_counter()
        encoder.encode(rows)
        synchronize()
        whole = time.perf_counter() - started
        some = rows[: min(len(rows), 256)]
        lengths = [made.length(one) for one in some]
        batches = list(_batches(some, lengths, made, Chunks(tokens=16_384)))
        alone = timed(partial(_embed_all, made, [inputs for inputs, _ in batches]), 2)
        tokens = sum(lengths)
        forward = flops(made.network, _Inputs([inputs for inputs, _ in batches]))
        found[name] = {
            "rows": len(rows),
            "rows_per_second": round(len(rows) / whole, 2),
            "rows_per_second_of_the_network": round(len(some) / alone, 2),
            "tokens_a_row": round(tokens / len(some), 1),
            **rates(alone, tokens, forward, forward),
        }
        print(json.dumps(found), flush=True)
    return found


class _Inputs:
    """Prepared inputs, as ``flops`` takes them."""

    def __init__(self, inputs: list[Any]) -> None:
        self.inputs = inputs


def _batches(rows: list[Any], lengths: list[int], made: Any, chunks: Any) -> Iterator[tuple[Any, int]]:
    order = sorted(range(len(rows)), key=lengths.__getitem__)
    for group in chunks.split([order], lengths):
        yield made.prepare([rows[row] for row in group]), len(group)


def _embed_all(made: Any, inputs: list[Any]) -> None:
    import torch

    with torch.inference_mode():
        for one in inputs:
            made.embed(one)


def float16(options: argparse.Namespace) -> dict[str, Any]:
    """Share of the ten nearest that remain where vectors are stored in float16, and where the network is bfloat16.

    Of random weights, whose vectors lie close together: real ones lose less.
    """
    import numpy as np
    import torch

    from nyxqa.retriever.models.vision_model import DeviceEncoder
    from nyxqa.retriever.protocols import ModelInput

    made = model(options, lora=False)
    encoder = DeviceEncoder(made, device())
    rows = documents(16 if options.tiny else 4_096, options, (1,))
    drawn = np.random.default_rng(2)
    asked = [ModelInput(text_of(drawn, 24), role="query") for _ in range(4 if options.tiny else 256)]
    vectors, queries = (torch.from_numpy(encoder.encode(one)).to(device()) for one in (rows, asked))
    found: dict[str, Any] = {"documents": len(rows), "queries": len(asked)}
    found["float16_recall_at_10"] = overlap(queries, vectors, queries, vectors.half().float())
    print(json.dumps(found), flush=True)
    made.module.float()
    some = rows[: 8 if options.tiny else 1_024]
    exact, exact_queries = (torch.from_numpy(encoder.encode(one)).to(device()) for one in (some, asked))
    found["bfloat16_network_recall_at_10"] = overlap(exact_queries, exact, queries, vectors[: len(some)])
    cosine = torch.nn.functional.cosine_similarity(exact, vectors[: len(some)])
    found["bfloat16_network_cosine"] = {"mean": round(float(cosine.mean()), 6), "least": round(float(cosine.min()), 6)}
    return found


def overlap(queries: Any, vectors: Any, other_queries: Any, others: Any) -> float:
    """Share of the ten nearest of each query under the first vectors that the second ones give, too."""
    k = min(10, len(vectors))
    right, found = ((q @ v.T).topk(k).indices for q, v in ((queries, vectors), (other_queries, others)))
    return round(float((right[:, :, None] == found[:, None, :]).any(dim=2).float().mean()), 5)
