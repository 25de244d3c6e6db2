"""What recipe ``paper`` asks of the paper's system and this one does otherwise."""

from __future__ import annotations

from nyxqa.retriever.make import make_encoder
from nyxqa.schemas.recipe import Recipe

# Of the paper's construction (PAPER, stages 1, 9, 10, 11); DESIGN section 6 names them.
_OF_PAPER = (
    "negatives are mined with {encoder} instead of mmE5 (PAPER, stage 11)",
    "the key is the answer itself; no BGE-M3 looks for the option nearest to it (PAPER, stage 9)",
    "splits are made by groups of pages, not by question (PAPER, stage 10)",
    "a sixth image starts a new document; chunks of more than five images are not dropped (PAPER, stage 1)",
)


# Of the text triplets (PAPER, T2T).
_TOP_K = 20
_NEGATIVES = [11, 20]


def deviations(recipe: Recipe) -> list[str]:
    """Every known deviation of a run of ``recipe`` from the paper's construction."""
    found = _of_web(recipe) if recipe.web is not None else []
    for text in recipe.text:
        label = f"triplets of {text.name} {text.split}"
        name = make_encoder(text.encoder).name
        if not name.startswith("e5:"):
            found.append(f"{label} are mined with {name} instead of E5-v2 (PAPER, T2T)")
        if text.positive != "top1":
            rule = "the best passage with an answer" if text.positive == "answer" else "what the set names"
            found.append(f"{label}: the positive is {rule}, not the first passage (PAPER, T2T)")
        if text.exclude or text.margin is not None or text.negatives != _NEGATIVES or text.top_k != _TOP_K:
            found.append(f"{label}: negatives are not all of ranks 11 to 20 (PAPER, T2T)")
    return found


def _of_web(recipe: Recipe) -> list[str]:
    found = [line.format(encoder=make_encoder(recipe.negatives.encoder).name) for line in _OF_PAPER]
    if recipe.vlm.is_extractive:
        found.append(
            "questions are cloze questions made without a model, not written by InternVL3-78B (PAPER, stage 4)"
        )
    if recipe.refine.rules == "repaired":
        found.append("question rules look at whole words and an answer may not exceed its limit (PAPER, stage 7)")
    return found
