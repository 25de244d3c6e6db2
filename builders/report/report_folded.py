"""What a manifest says of feedback, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nyxqa.builders.wording_folded import listed


def told_lines(told: Mapping[str, Any]) -> list[str]:
    """Labels, drops and calls in a few lines.

    :param told: Part ``feedback`` of the summary.
    """
    settings = told["settings"]
    asked, questions = told["asked"], told["questions"]
    dropped = listed(told["dropped"])
    pools = ", ".join(f"{pool} ({searched})" for pool, searched in told["pools"].items())
    rule = "of every right window" if settings["positives"] == "all" else "of the first right window"
    return [
        f"{told['labelled']} of {questions} questions labelled: {told['positives']} positives {rule}, "
        f"{told['negatives']} negatives; without negatives {told['without_negatives']}",
        f"right: closed-book {told['right_closed_book']}, at rank 1 {told['right_at_rank_1']}, "
        f"with any candidate {told['right_with_any']}; from F1 {settings['threshold']} on",
        f"dropped: {dropped}",
        f"asked {asked} times, {told['shared']} of them like another; {told['saved']} calls saved by early stops, "
        f"{told['failed']} without a usable answer",
        f"{told['generator']} answered with up to {settings['top_k']} candidates of {told['retriever']} in windows of "
        f"{settings['window']}; searched: {pools}",
    ]
