"""What recipe ``paper`` asks of the paper's system and this one does otherwise."""

from __future__ import annotations

from nyxqa.schemas.recipe import Recipe

# Of the paper's construction (PAPER, stages 1, 9, 10, 11); DESIGN section 6 names them.
_OF_PAPER = (
    "negatives are mined with {encoder} instead of mmE5 (PAPER, stage 11)",
    "the key is the answer itself; no BGE-M3 looks for the option nearest to it (PAPER, stage 9)",
    "splits are made by groups of pages, not by question (PAPER, stage 10)",
    "a sixth image starts a new document; chunks of more than five images are not dropped (PAPER, stage 1)",
)


def deviations(recipe: Recipe) -> list[str]:
    """Every known deviation of a run of ``recipe`` from the paper's construction."""
    found = [line.format(encoder=recipe.negatives.encoder) for line in _OF_PAPER]
    if recipe.vlm.model == "extractive":
        found.append(
            "questions are cloze questions made without a model, not written by InternVL3-78B (PAPER, stage 4)"
        )
    if recipe.refine.rules == "repaired":
        found.append("question rules look at whole words and an answer may not exceed its limit (PAPER, stage 7)")
    return found
