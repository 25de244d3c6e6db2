"""The files by which sentence-transformers computes the vectors of a saved embedder.

Without them it loads the folder all the same, with mean pooling and a chat template around each input.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nyxqa.retriever.models.settings import EmbedderSettings, Pooling
from nyxqa.schemas.files import read_json, write_bytes

_BARE = "{text}"
_INSTRUCTION = "{instruction}"
_POOLING: dict[Pooling, str] = {"last": "lasttoken", "mean": "mean", "cls": "cls"}
_MODULES = (
    ("", "sentence_transformers.base.modules.transformer.Transformer"),
    ("1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"),
    ("2_Normalize", "sentence_transformers.base.modules.normalize.Normalize"),
)
_STATES = {"method": "forward", "method_output_name": "last_hidden_state"}
_BY_PILLOW = "Qwen2VLImageProcessorPil"
_IMAGES = "preprocessor_config.json"
# Only the parts of a message, as nyxqa writes them: no roles and nothing between the parts.
_CHAT = """\
{%- for message in messages -%}
{%- if message.content is string -%}{{ message.content }}{%- else -%}
{%- for part in message.content -%}
{%- if part.type == "text" -%}{{ part.text }}{%- elif part.type == "image" -%}{{ IMAGE }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
"""


def write_layout(folder: Path, settings: EmbedderSettings, dim: int) -> None:
    """Write modules, pooling, prompts, processor and chat template beside the weights in ``folder``.

    :param dim: Length of a vector before it is cut to ``settings.dimensions``.
    """
    _write_modules(folder, settings, dim)
    # Every input goes through the chat template, as there are messages.
    modalities = {"message": {**_STATES, "format": "structured"}, "text": _STATES, "image": _STATES}
    _write(
        folder / "sentence_bert_config.json",
        {
            "transformer_task": "feature-extraction",
            "modality_config": modalities,
            "module_output_name": "token_embeddings",
        },
    )
    _write_processor(folder, settings)
    image = json.dumps(settings.image_token, ensure_ascii=False)
    chat = _CHAT.replace("{{ IMAGE }}", f"{{{{ {image} }}}}")
    before, _, after = settings.template.partition(_BARE)
    if _INSTRUCTION in before:  # it is in the prompts, as instructions of queries and documents differ
        before = ""
    if before or after:
        chat = f"{{{{ {json.dumps(before)} }}}}{chat}{{{{ {json.dumps(after)} }}}}"
    write_bytes(folder / "chat_template.jinja", chat.encode())


def write_text_layout(folder: Path, settings: EmbedderSettings, dim: int) -> None:
    """Write modules, pooling and prompts of a model that reads texts alone.

    A template around the text goes into the prompts as far as it precedes it; sentence-transformers has nothing
    for what follows.
    """
    _write_modules(folder, settings, dim)
    limit = {"max_seq_length": None, "transformer_task": "feature-extraction"}
    _write(folder / "sentence_bert_config.json", limit)


def _write_modules(folder: Path, settings: EmbedderSettings, dim: int) -> None:
    modules = _MODULES if settings.normalise else _MODULES[:-1]
    listed = [{"idx": n, "name": str(n), "path": path, "type": kind} for n, (path, kind) in enumerate(modules)]
    _write(folder / "modules.json", listed)
    pooling = {"embedding_dimension": dim, "pooling_mode": _POOLING[settings.pooling], "include_prompt": True}
    _write(folder / "1_Pooling" / "config.json", pooling)
    if settings.normalise:
        _write(folder / "2_Normalize" / "config.json", {})
    _write(folder / "config_sentence_transformers.json", _prompts(settings))


def _prompts(settings: EmbedderSettings) -> dict[str, Any]:
    return {
        "model_type": "SentenceTransformer",
        "default_prompt_name": None,
        "prompts": {
            "query": _prompt(settings, settings.query_prefix, settings.query_instruction),
            "document": _prompt(settings, settings.document_prefix, settings.document_instruction),
        },
        "similarity_fn_name": "cosine",
        "truncate_dim": settings.dimensions or None,
    }


def _prompt(settings: EmbedderSettings, prefix: str, instruction: str) -> str:
    """What precedes an input: its prefix and instruction, and a template's start that holds the instruction."""
    before = settings.template.partition(_BARE)[0]
    if _INSTRUCTION in before:
        return before.replace(_INSTRUCTION, instruction) + prefix
    if _INSTRUCTION in prefix:
        return prefix.replace(_INSTRUCTION, instruction)
    return prefix + (f"{instruction}\n" if instruction else "")


def _write_processor(folder: Path, settings: EmbedderSettings) -> None:
    """Join the image settings, with the sizes that the embedder uses, into ``processor_config.json``."""
    images = read_json(folder / _IMAGES)
    images["size"] = {"shortest_edge": settings.min_pixels, "longest_edge": settings.max_pixels}
    images |= {"min_pixels": settings.min_pixels, "max_pixels": settings.max_pixels}
    _write(folder / _IMAGES, images)
    # As in nyxqa pictures are resized by pillow: torchvision gives other pixels.
    own = {**images, "image_processor_type": _BY_PILLOW}
    _write(folder / "processor_config.json", {"processor_class": "Qwen2_5_VLProcessor", "image_processor": own})


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())
