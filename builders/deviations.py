"""What recipe ``paper`` asks of the paper's system and this one does otherwise."""

from __future__ import annotations

from nyxqa.retriever.make import make_encoder
from nyxqa.schemas.recipe import Recipe

# Of the construction in the Nyx paper and code.
_OF_PAPER = (
    "negatives are mined with {encoder} instead of mmE5 (Nyx step 11)",
    "the key is the answer itself; no BGE-M3 looks for the option nearest to it (Nyx step 9)",
    "splits are made by groups of pages, not by question (Nyx step 10)",
    "a sixth image starts a new document; chunks of more than five images are not dropped (Nyx step 1)",
)


# Of the Nyx text triplets.
_TOP_K = 20
_NEGATIVES = [11, 20]


def deviations(recipe: Recipe) -> list[str]:
    """Every known deviation of a run of ``recipe`` from the paper's construction."""
    found = _of_web(recipe) if recipe.web is not None else []
    for text in recipe.text:
        label = f"triplets of {text.name} {text.split}"
        name = make_encoder(text.encoder).name
        if not name.startswith("e5:"):
            found.append(f"{label} are mined with {name} instead of E5-v2")
        if text.positive != "top1":
            rule = "the best passage with an answer" if text.positive == "answer" else "what the set names"
            found.append(f"{label}: the positive is {rule}, not the first passage")
        if text.exclude or text.margin is not None or text.negatives != _NEGATIVES or text.top_k != _TOP_K:
            found.append(f"{label}: negatives are not all of ranks 11 to 20")
    return found


def _of_web(recipe: Recipe) -> list[str]:
    found = [line.format(encoder=make_encoder(recipe.negatives.encoder).name) for line in _OF_PAPER]
    if recipe.vlm.model == "extractive":
        found.append("questions are cloze questions made without a model, not written by InternVL3-78B (Nyx step 4)")
    if recipe.refine.rules == "repaired":
        found.append("question rules look at whole words and an answer may not exceed its limit (Nyx step 7)")
    return found
