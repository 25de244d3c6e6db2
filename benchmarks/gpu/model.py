"""An embedder of the shape of Qwen2.5-VL-3B with random weights, or of the same form and small."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.gpu.rows import WORDS

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
SPECIAL = ("<|endoftext|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
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


def device() -> str:
    """The GPU, or the processor with ``--tiny``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


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
