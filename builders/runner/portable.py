"""A recipe as it is published: without what only its author's machine knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nyxqa.builders.chunking.tokenizers import tokenizer_file
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.recipe import Recipe


def portable_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe without paths of this machine and without URLs of endpoints."""
    plain = recipe.model_dump(mode="json", by_alias=True)
    if plain["web"] is not None:
        plain["web"]["source"] = _without_folder(plain["web"]["source"])
    if tokenizer_file(recipe.chunk.tokenizer) is not None:
        plain["chunk"]["tokenizer"] = Path(recipe.chunk.tokenizer).name
    plain["filters"]["decontaminate"] = [Path(file).name for file in plain["filters"]["decontaminate"]]
    if isinstance(plain["images"]["allow_private"], list):  # names of the inside of somebody's network
        plain["images"]["allow_private"] = [f"{len(plain['images']['allow_private'])} not named"]
    del plain["duckdb"]  # what a machine may use decides nothing
    plain["vlm"]["model"] = plain["vlm"]["model"].partition("@http")[0]
    plain["negatives"]["encoder"] = make_encoder(recipe.negatives.encoder).name
    for text in plain["text"]:
        text |= {key: _without_folder(text[key]) for key in ("questions", "passages")}
        text["encoder"] = make_encoder(text["encoder"]).name
    for section in plain["import"]:
        section |= {key: Path(section[key]).name for key in ("path", "images") if section[key] is not None}
    return plain


def _without_folder(source: str) -> str:
    """A source without the folder of its file; a name on the Hub stays."""
    kind, colon, path = source.partition(":")
    return source if not colon or kind == "hf" or path.startswith("hf:") else f"{kind}:{Path(path).name}"
