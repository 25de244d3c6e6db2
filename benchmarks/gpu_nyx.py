"""A Qwen2.5-VL-3B-shaped embedder with random weights on a GPU: what training and encoding reach of the card.

``python benchmarks/gpu_nyx.py --out FILE.json`` takes at most eight minutes on one GPU and needs no network: the
network is made from its configuration, tokenizer and image settings are written here, and rows are random. Packages:
torch, transformers, tokenizers, peft, accelerate, pillow, numpy, pyarrow, safetensors, pydantic. Without a GPU it says
"not run"; ``--tiny`` runs every section on small shapes wherever it is.

Every section runs in a process of its own under a time limit; what one measured is in FILE before the next starts, and
an error is a line of its own under ``errors``. A row's document has ``--text`` text tokens; of 100 documents 63 have no
image, 30 one and 7 two, as in the Nyx paper, each of 400 tokens, the paper's most.

Model FLOPs count what the algorithm needs: 2 for each weight and token forward, as many again backward (the weights of
the base are frozen), and the products of attention. Computed FLOPs also count what checkpointing and the cached loss
compute again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

# The checkout in place of this folder, whose html.py would be taken for the standard library's.
sys.path[0] = str(Path(__file__).resolve().parents[1])

# config.json of Qwen2.5-VL-3B-Instruct; these values are not the defaults of transformers' Qwen2_5_VLConfig.
TEXT: dict[str, Any] = {
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 11008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128000,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}
VISION: dict[str, Any] = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "out_hidden_size": 2048,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
TINY_TEXT: dict[str, Any] = {
    **TEXT,
    "vocab_size": 1200,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]},
}
TINY_VISION: dict[str, Any] = {
    **VISION,
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_heads": 2,
    "out_hidden_size": 64,
    "fullatt_block_indexes": [1],
}
# Dense bfloat16 FLOP a second of the data sheets.
PEAKS = {"H200": 989e12, "H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "B200": 2250e12, "A100": 312e12}
PEAKS |= {"L40S": 362e12, "L4": 121e12, "A10": 125e12, "RTX 4090": 165e12, "RTX 3090": 71e12}
SECTIONS = {"ceiling": 60, "train": 90, "cached": 230, "encode": 100, "float16": 60}  # and their seconds
WHOLE = 450  # seconds of all sections
SPECIAL = ("<|endoftext|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
WORDS = ("river", "mill", "bridge", "tower", "harbour", "station", "the", "of", "a", "near", "old", "stands", "built")


def main() -> int:
    """Run the sections, or one of them as a child."""
    options = _options()
    if options.section:
        print(json.dumps(_run_section(options)), flush=True)
        return 0
    import torch

    if not torch.cuda.is_available() and not options.tiny:
        print("gpu_nyx: not run: no GPU here (torch.cuda.is_available() is false)")
        _write(options.out, {"status": "not run"})
        return 0
    result: dict[str, Any] = {"status": "running", **_card(options), "sections": {}, "errors": {}}
    _write(options.out, result)
    started = time.monotonic()
    for name, seconds in SECTIONS.items():
        left = WHOLE - (time.monotonic() - started)
        if left < 20:
            result["errors"][name] = "not run: the eight minutes are spent"
        else:
            _child(name, min(seconds, left), result)
        print(f"{name}: {json.dumps(result['sections'].get(name)) or ''} {result['errors'].get(name, '')}", flush=True)
        _write(options.out, result)
    result["status"] = "done" if not result["errors"] else "done with errors"
    result["seconds"] = round(time.monotonic() - started, 1)
    _write(options.out, result)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tiny", action="store_true", help="small shapes, also without a GPU")
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--text", type=int, default=200, help="text tokens of a document (Nyx paper: a chunk's most)")
    parser.add_argument("--batch", type=int, default=640, help="rows of the large batch (Nyx paper: 640)")
    return parser.parse_args()


def _write(out: Path | None, result: dict[str, Any]) -> None:
    """Write the file whole or not at all."""
    if out is None:
        return
    temporary = out.with_name(f".{out.name}.part")
    temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    temporary.replace(out)


def _card(options: argparse.Namespace) -> dict[str, Any]:
    import torch
    import transformers

    found: dict[str, Any] = {"gpu": None, "versions": {"torch": torch.__version__}, "peak_flops": None}
    found["versions"]["transformers"] = transformers.__version__
    found |= {"text_tokens": options.text, "batch": options.batch, "tiny": options.tiny}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
        found["memory_gib"] = round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1)
        found["peak_flops"] = next((peak for name, peak in PEAKS.items() if name in found["gpu"]), None)
    return found


def _child(name: str, seconds: float, result: dict[str, Any]) -> None:
    """Run one section in a process of its own; its last line that is JSON is the result, also of a stopped one."""
    command = [sys.executable, __file__, *sys.argv[1:], "--section", name]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = subprocess.Popen(command, stdout=out, stderr=error)
        try:
            code: int | None = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        for stream in (out, error):
            stream.seek(0)
        for line in out:
            if line.startswith("{"):
                with contextlib.suppress(ValueError):  # cut off by the kill
                    result["sections"][name] = json.loads(line)
        if code is None:
            result["errors"][name] = f"stopped after {seconds:.0f} s"
        elif code:
            lines = [line.strip() for line in error if line.strip()]
            result["errors"][name] = f"exit {code}: {lines[-1][:400] if lines else 'no message'}"


def _run_section(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    torch.manual_seed(0)
    sections: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "ceiling": ceiling,
        "train": train,
        "cached": cached,
        "encode": encode,
        "float16": float16,
    }
    return sections[options.section](options)


def device() -> str:
    """The GPU, or the processor with ``--tiny``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


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


def model(options: argparse.Namespace, lora: bool) -> Any:
    """The embedder on the GPU in bfloat16: with adapters of the paper's shape and checkpointing, or bare."""
    import torch
    from transformers import AutoImageProcessor, AutoModel, Qwen2_5_VLConfig

    from nyxqa.retriever.models.loading import recompute_activations
    from nyxqa.retriever.models.lora import Lora, add_lora
    from nyxqa.retriever.models.nyx import NyxModel, QwenPreparer
    from nyxqa.retriever.models.settings import MAX_PIXELS, EmbedderSettings

    words = tokenizer()
    image_id = words.convert_tokens_to_ids("<|image_pad|>")
    config = Qwen2_5_VLConfig(
        text_config=dict(TINY_TEXT if options.tiny else TEXT),
        vision_config=dict(TINY_VISION if options.tiny else VISION),
        image_token_id=image_id,
        vision_start_token_id=words.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=words.convert_tokens_to_ids("<|vision_end|>"),
    )
    config.get_text_config().use_cache = False
    torch.set_default_dtype(torch.bfloat16 if device() == "cuda" else torch.float32)
    with torch.device(device()):
        network = AutoModel.from_config(config)
    torch.set_default_dtype(torch.float32)
    network.eval()
    module = network
    if lora:
        recompute_activations(network)
        module = add_lora(network, Lora(dropout=0.1))
    settings = EmbedderSettings(max_pixels=MAX_PIXELS["paper"])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "preprocessor_config.json").write_text(json.dumps(IMAGE_SETTINGS))
        images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return NyxModel("nyx:random", module, QwenPreparer(words, images, image_id, settings), settings)


IMAGE_SETTINGS = {
    "min_pixels": 4 * 28 * 28,
    "max_pixels": 400 * 28 * 28,
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "image_processor_type": "Qwen2VLImageProcessor",
}


def tokenizer() -> Any:
    """A byte-level tokenizer in which every word of ``WORDS`` is one token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1_000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator([" ".join(["", *WORDS])] * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=SPECIAL[1],
        pad_token=SPECIAL[0],
        extra_special_tokens=list(SPECIAL[2:]),
    )


def documents(count: int, options: argparse.Namespace, images: Sequence[int] = (63, 30, 7)) -> list[Any]:
    """Documents with no, one and two images in these shares, in an order that mixes them."""
    import numpy as np

    from nyxqa.retriever.protocols import ModelInput
    from nyxqa.schemas.content import PLACEHOLDER

    drawn = np.random.default_rng(0)
    made = []
    for number in drawn.choice(len(images), count, p=np.array(images) / sum(images)):
        text = text_of(drawn, 12 if options.tiny else options.text) + f" {PLACEHOLDER}" * int(number)
        made.append(ModelInput(text, tuple(picture(drawn, options) for _ in range(number))))
    return made


def text_of(drawn: Any, tokens: int) -> str:
    """A text of so many tokens."""
    return "".join(f" {WORDS[number]}" for number in drawn.integers(0, len(WORDS), tokens))


def picture(drawn: Any, options: argparse.Namespace) -> bytes:
    """A JPEG of 400 tokens: smooth colours, as photographs compress."""
    from PIL import Image

    side = 56 if options.tiny else 560
    small = Image.fromarray(drawn.integers(0, 256, (8, 8, 3), dtype="uint8"))
    stream = io.BytesIO()
    small.resize((side, side), Image.Resampling.BICUBIC).save(stream, format="JPEG")
    return stream.getvalue()


def examples(count: int, options: argparse.Namespace) -> list[Any]:
    """Rows with one positive and one negative each (Nyx paper: negative ratio 1)."""
    import numpy as np

    from nyxqa.retriever.protocols import ModelInput
    from nyxqa.retriever.training.examples import Document, Example

    drawn = np.random.default_rng(1)
    shown = [Document(f"d{number}", one) for number, one in enumerate(documents(2 * count, options))]
    return [
        Example(
            str(row),
            "random",
            ModelInput(text_of(drawn, 24), role="query"),
            (shown[row],),
            (shown[count + row],),
            frozenset({shown[row].id}),
        )
        for row in range(count)
    ]


def flops(network: Any, batch: Any) -> float:
    """FLOPs of one forward pass over a batch, without padding; 2 a weight and token, and the products of attention.

    A text layer's attention is causal (half of all pairs); a vision layer looks at windows of 64 patches, in four
    layers at its whole image. The merger, met by a fourth of the patches, counts as if met by all: under 2 %.
    """
    text, vision = network.config.text_config, network.config.vision_config
    language = sum(one.numel() for one in network.language_model.layers.parameters())
    seeing = sum(one.numel() for one in network.visual.parameters())
    whole = len(vision.fullatt_block_indexes)
    total = 0.0
    for inputs in batch.inputs:
        for length in inputs["attention_mask"].sum(dim=1).tolist():
            total += 2 * language * length + 2 * length**2 * text.hidden_size * text.num_hidden_layers
        if "image_grid_thw" in inputs:
            for patches in inputs["image_grid_thw"].prod(dim=1).tolist():
                pairs = patches * (whole * patches + (vision.depth - whole) * min(patches, 64))
                total += 2 * seeing * patches + 4 * pairs * vision.hidden_size
    return total


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

    from nyxqa.retriever.training.cached_loss import cached_gradients
    from nyxqa.retriever.training.devices import start_processes
    from nyxqa.retriever.training.loss import Matryoshka
    from nyxqa.retriever.training.memory import chunk_tokens
    from nyxqa.retriever.training.step import Chunks, make_batch

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


def rates(seconds: float, tokens: int, needed: float, computed: float) -> dict[str, Any]:
    """Seconds, tokens a second, and FLOPs a second beside the card's peak."""
    import torch

    peak = None
    if torch.cuda.is_available():
        peak = next((one for name, one in PEAKS.items() if name in torch.cuda.get_device_name()), None)
    rate = {"seconds": round(seconds, 4), "tokens": tokens, "tokens_per_second": round(tokens / seconds, 1)}
    for name, count in (("model", needed), ("computed", computed)):
        rate[f"{name}_flops_per_second"] = round(count / seconds)
        rate[f"{name}_flops_of_peak"] = round(count / seconds / peak, 4) if peak else math.nan
    return {name: value for name, value in rate.items() if value == value}


def timed(step: Callable[[], Any], steps: int) -> float:
    """Median seconds of a step; one goes before."""
    step()
    synchronize()
    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        synchronize()
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[len(seconds) // 2]


def synchronize() -> None:
    """Wait for the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def reset_memory() -> None:
    """Forget the most memory that was used so far."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory() -> dict[str, float]:
    """The most memory used, in GiB."""
    import torch

    if not torch.cuda.is_available():
        return {}
    return {"most_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)}


if __name__ == "__main__":
    sys.exit(main())
