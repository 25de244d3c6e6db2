"""Deviations of a recipe from the construction in the Nyx paper, for the manifest and the card."""

from __future__ import annotations

import json

from nyxqa.builders.chunking.tokenizers import tokenizer_name
from nyxqa.builders.mining.judging import judges
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.recipe import Images, Recipe
from nyxqa.schemas.recipe_file import read_recipe

# Deviations from the construction in the Nyx paper and code that every recipe has.
_ALWAYS = (
    "the key is the answer itself; no BGE-M3 looks for the option nearest to it (Nyx step 9)",
    "splits are made by groups of pages, not by question (Nyx step 10)",
    "a sixth image starts a new document; chunks of more than five images are not dropped (Nyx step 1)",
    "documents of equal content are kept once, and texts that many pages share at their first place (Nyx step 1)",
)
_WRITER = "InternVL3-78B"
_TOKENIZER = "Qwen2.5-VL"
# Sections whose keys have a value in the paper, which recipe ``paper`` states; the others are described in words below.
_PAPER_SECTIONS = (
    *("web", "prefilter", "images", "chunk", "dedup", "filters"),
    *("split", "sample", "synthesize", "refine", "verify"),
)
_PAPER_SECTIONS_NEGATIVES = ("ranks", "count", "margin")
_IN_WORDS = (
    "web.source",
    "web.license",
    "images.common",
    "chunk.tokenizer",
    "dedup.common",
    "filters.decontaminate",
    "refine.rules",
    "sample.min_tokens",
)
# Limits of memory, requests and addresses: they are not part of the construction.
_LIMITS = tuple(f"images.{name}" for name in Images.model_fields if name not in ("on_dead", "common"))


# Of the Nyx text triplets.
_TOP_K = 20
_NEGATIVES = [11, 20]  # first and last rank


def deviations(recipe: Recipe) -> list[str]:
    """Every known deviation of a build with ``recipe`` from the paper's construction, one sentence each."""
    lines = _of_web(recipe) if recipe.web is not None else []
    for text in recipe.text:
        label = f"triplets of {text.name} {text.split}"
        name = make_encoder(text.encoder).name
        if not name.startswith("e5:"):
            lines.append(f"{label} are mined with {name} instead of E5-v2")
        if text.positive != "top1":
            rule = "the best passage with an answer" if text.positive == "answer" else "what the set names"
            lines.append(f"{label}: the positive is {rule}, not the first passage")
        if text.exclude or text.margin is not None or text.negatives != _NEGATIVES or text.top_k != _TOP_K:
            lines.append(f"{label}: negatives are not all of ranks 11 to 20")
    return lines


def _of_web(recipe: Recipe) -> list[str]:
    lines = [f"negatives are mined with {make_encoder(recipe.negatives.encoder).name} instead of mmE5 (Nyx step 11)"]
    lines += _ALWAYS
    if not make_provider(recipe.vlm.model).info.prompts:
        lines.append(f"questions are cloze questions made without a model, not written by {_WRITER} (Nyx step 4)")
    elif _WRITER not in recipe.vlm.model:
        lines.append(f"questions are written by {recipe.vlm.model.partition('@')[0]}, not by {_WRITER} (Nyx step 4)")
    if recipe.refine.rules == "repaired":
        lines.append("question rules look at whole words and an answer may not exceed its limit (Nyx step 7)")
    if recipe.web is not None and recipe.web.source != "obelics":
        lines.append(f"pages are of {recipe.web.source.partition(':')[0]}, not every 5000th of OBELICS (Nyx step 0)")
    if recipe.images.common < 1:
        lines.append(f"images on more than {recipe.images.common * 100:g} % of the pages are left out (Nyx step 0)")
    if recipe.filters.decontaminate:
        lines.append("what overlaps with benchmarks is left out")
    if _TOKENIZER not in recipe.chunk.tokenizer:
        own = tokenizer_name(recipe.chunk.tokenizer)
        lines.append(f"lengths are counted by {own}, not by {_TOKENIZER}'s tokenizer (Nyx step 1)")
    if recipe.sample.min_tokens:
        lines.append(f"documents of less than {recipe.sample.min_tokens} tokens are not asked about (Nyx step 3)")
    if more := [name for name in recipe.negatives.exclude if name in ("page", "cluster")]:
        lines.append(f"documents of the positive's {' or '.join(more)} are no negatives (Nyx step 11)")
    if "answer" in recipe.negatives.exclude:
        lines.append("documents that hold the answer are no negatives (Nyx step 11)")
    if recipe.negatives.per_query:
        lines.append("negatives may rank below the last of the ranks (Nyx step 11)")
    if judges(recipe.judge, make_provider(recipe.vlm.model).info):
        lines.append(f"{recipe.judge.most} negatives of a question are judged by the model (Nyx step 11)")
    return lines + _other_values(recipe)


def _other_values(recipe: Recipe) -> list[str]:
    """Keys whose value differs from the one in recipe ``paper``."""
    paper = read_recipe("paper").model_dump()
    own = recipe.model_dump()
    unused = () if recipe.web is None or recipe.web.source == "obelics" else ("web.every",)
    keys = [(section, key) for section in _PAPER_SECTIONS for key in paper[section]]
    keys += [("negatives", key) for key in _PAPER_SECTIONS_NEGATIVES]
    return [
        f"{section}.{key} is {json.dumps(own[section][key])}, not {json.dumps(paper[section][key])}"
        for section, key in keys
        if f"{section}.{key}" not in (*_IN_WORDS, *_LIMITS, *unused) and own[section][key] != paper[section][key]
    ]
