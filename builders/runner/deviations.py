"""Deviations of a recipe from the construction in the Nyx paper, for the manifest and the card."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nyxqa.builders.chunking.tokenizers import tokenizer_name
from nyxqa.builders.mining.judging import judges
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.models.settings import MAX_PIXELS
from nyxqa.schemas.recipe import Feedback, Images, Negatives, QaSet, Recipe, TextSet
from nyxqa.schemas.recipe_file import read_recipe

# Deviations from the construction in the Nyx paper and code that every recipe has.
_ALWAYS = (
    "the key is the answer itself; no BGE-M3 looks for the option nearest to it (Nyx step 9)",
    "splits are made by groups of pages, not by question (Nyx step 10)",
    "a sixth image starts a new document; chunks of more than five images are not dropped (Nyx step 1)",
    "documents of equal content are kept once, and texts that many pages share at their first place (Nyx step 1)",
    "negatives are searched for within the split, not in the whole corpus (Nyx step 11)",
)
_WRITER = "InternVL3-78B"
_TOKENIZER = "Qwen2.5-VL"
_MINER = "mme5"
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
_STAGE_2 = ("top_k", "positives", "negatives", "drop", "options")

# Of the Nyx text triplets.
_TOP_K = 20
_NEGATIVES = [11, 20]  # first and last rank


def deviations(recipe: Recipe) -> list[str]:
    """Every known deviation of a build with ``recipe`` from the paper's construction, one sentence each.

    They follow from the values that the recipe has when it is run, and name no path of this machine.
    """
    paper = read_recipe("paper")
    lines = _of_web(recipe, paper) if recipe.web is not None else []
    for text in recipe.text:
        lines += _of_text(text)
    for section in recipe.qa:
        lines += _of_qa(section)
    return [*lines, *_of_images(recipe, paper), *_of_stage_2(recipe.feedback, paper.feedback)]


def _of_text(text: TextSet) -> Iterator[str]:
    label = f"triplets of {text.name} {text.split}"
    name = make_encoder(text.encoder).name
    if not (name.startswith("e5:") and "v2" in name):
        yield f"{label} are mined with {name} instead of E5-v2"
    if text.positive != "top1":
        rule = "the best passage with an answer" if text.positive == "answer" else "what the set names"
        yield f"{label}: the positive is {rule}, not the first passage"
    if text.exclude or text.margin is not None or text.negatives != _NEGATIVES or text.top_k != _TOP_K:
        yield f"{label}: negatives are not all of ranks 11 to 20"
    if text.keep != "retrieved":
        kept = "all passages" if text.keep == "all" else "the passages that triplets name"
        yield f"{text.name} {text.split}: {kept} are published, not the first 20 of every question (appendix C)"


def _of_qa(section: QaSet) -> Iterator[str]:
    yield f"triplets of {section.name} are what the set names and mined negatives; the paper uses it in stage 2 alone"


def _of_web(recipe: Recipe, paper: Recipe) -> list[str]:
    lines = [*_of_negatives(recipe.negatives, paper.negatives), *_ALWAYS, *_of_writing(recipe)]
    if recipe.web is not None and recipe.web.source != "obelics":
        lines.append(f"pages are of {recipe.web.source.partition(':')[0]}, not every 5000th of OBELICS (Nyx step 0)")
    if recipe.captions.model:
        own = recipe.captions.model.partition("@")[0]
        lines.append(f"{own} writes captions of images without one, which all encoders by text read (Nyx step 12)")
    if recipe.images.common < 1:
        lines.append(f"images on more than {recipe.images.common * 100:g} % of the pages are left out (Nyx step 0)")
    if recipe.filters.decontaminate:
        lines.append("what overlaps with benchmarks is left out")
    if _TOKENIZER not in recipe.chunk.tokenizer:
        own = tokenizer_name(recipe.chunk.tokenizer)
        lines.append(f"lengths are counted by {own}, not by {_TOKENIZER}'s tokenizer (Nyx step 1)")
    if recipe.sample.min_tokens:
        lines.append(f"documents of less than {recipe.sample.min_tokens} tokens are not asked about (Nyx step 3)")
    if judges(recipe.judge, make_provider(recipe.vlm.model).info):
        lines.append(f"{recipe.judge.most} negatives of a question are judged by the model (Nyx step 11)")
    return lines + _other_values(recipe, paper)


def _of_negatives(own: Negatives, paper: Negatives) -> Iterator[str]:
    name = make_encoder(own.encoder).name
    if _MINER not in name.lower():
        yield f"negatives are mined with {name} instead of mmE5 (Nyx step 11)"
    if own.instruction != paper.instruction:
        yield (
            "queries carry another instruction than the paper's (Nyx step 11)"
            if own.instruction
            else ("queries carry no instruction (Nyx step 11)")
        )
    if more := [name for name in own.exclude if name in ("page", "cluster")]:
        yield f"documents of the positive's {' or '.join(more)} are no negatives (Nyx step 11)"
    if "answer" in own.exclude:
        yield "documents that hold the answer are no negatives (Nyx step 11)"
    if own.per_query:
        yield "negatives may rank below the last of the ranks (Nyx step 11)"


def _of_writing(recipe: Recipe) -> Iterator[str]:
    model = recipe.vlm.model
    if not make_provider(model).info.prompts:
        yield f"questions are made of sentences and captions without a model, not written by {_WRITER} (Nyx step 4)"
        yield "no model refines the pairs; the paper sends every pair to one (Nyx step 5)"
    else:
        if _WRITER not in model:
            yield f"questions are written by {model.partition('@')[0]}, not by {_WRITER} (Nyx step 4)"
        asked = recipe.synthesize
        guided = [name for name in ("style", "instructions", "languages", "prompt") if getattr(asked, name)]
        if guided:
            yield f"the prompt for questions is changed by synthesize.{', synthesize.'.join(guided)} (Nyx step 4)"
    if recipe.refine.rules == "repaired":
        yield "question rules drop only what is certain and an answer may not exceed its limit (Nyx step 7)"


def _of_images(recipe: Recipe, paper: Recipe) -> Iterator[str]:
    """Sizes of images, as the model that writes and the retriever see them."""
    if recipe.web is not None and recipe.vlm.max_pixels != paper.vlm.max_pixels:
        most, papers = recipe.vlm.max_pixels, paper.vlm.max_pixels
        yield f"the model sees images of at most {most} pixels, not {papers} (Nyx step 4)"
    trained = recipe.train.max_pixels or MAX_PIXELS["code"]
    if trained != paper.train.max_pixels:
        yield f"a retriever is trained on images of at most {trained} pixels, not {paper.train.max_pixels} (appendix A)"


def _of_stage_2(own: Feedback, paper: Feedback) -> Iterator[str]:
    """What stage 2 does otherwise where it is run with the dataset's own settings."""
    mine, theirs = own.model_dump(mode="json"), paper.model_dump(mode="json")
    differing = [
        f"{key} is {json.dumps(mine[key])}, not {json.dumps(theirs[key])}"
        for key in _STAGE_2
        if mine[key] != theirs[key]
    ]
    if own.window > 1 and own.stride > 1:
        differing.append(f"windows move by {own.stride}, not by 1")
    if differing:
        yield f"stage 2, by the settings of this recipe: {'; '.join(differing)}"


def _other_values(recipe: Recipe, paper_recipe: Recipe) -> list[str]:
    """Keys whose value differs from the one in recipe ``paper``."""
    paper, own = paper_recipe.model_dump(), recipe.model_dump()
    unused = () if recipe.web is None or recipe.web.source == "obelics" else ("web.every",)
    keys = [(section, key) for section in _PAPER_SECTIONS for key in paper[section]]
    keys += [("negatives", key) for key in _PAPER_SECTIONS_NEGATIVES]
    return [
        f"{section}.{key} is {json.dumps(own[section][key])}, not {json.dumps(paper[section][key])}"
        for section, key in keys
        if f"{section}.{key}" not in (*_IN_WORDS, *_LIMITS, *unused) and own[section][key] != paper[section][key]
    ]
