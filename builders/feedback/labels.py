"""Labels from answers: which candidates are positives, which negatives, which questions give no training signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nyxqa.builders.mining.negative_selection import Candidate, column_exclusions, select_negatives
from nyxqa.builders.qa.scoring import reached
from nyxqa.schemas.recipe import Feedback

SharedKeys = Mapping[str, Any]
Rule = Literal["page", "cluster", "equal"]


@dataclass(frozen=True)
class Labelling:
    """How candidates become labels.

    :param settings: Section ``feedback`` of the recipe.
    :param exclude: Keys that a negative must not share with a right document or a known positive.
    """

    settings: Feedback
    exclude: tuple[Rule, ...]

    def right(self, answer: Mapping[str, Any]) -> bool | None:
        """Whether an answer is right; None if there is no usable answer."""
        return None if answer["f1"] is None else reached(answer["f1"], self.settings.threshold)

    def positives(self, candidates: Sequence[Mapping[str, Any]]) -> list[str]:
        """Documents of all right windows, or of the first, in rank order."""
        right = [one for one in candidates if self.right(one)]
        if self.settings.positives == "first" and right:
            right = [one for one in right if self._window(one) == self._window(right[0])]
        return [one["doc_id"] for one in right]

    def negatives(self, candidates: Sequence[Mapping[str, Any]], known: Sequence[SharedKeys]) -> list[str]:
        """Documents that made the model wrong and share no key with a right or known one, in rank order.

        Right candidates that the recipe does not use as positives are not negatives either.
        """
        excluded = [*known, *(one for one in candidates if self.right(one))]
        wrong = (one for one in candidates if self.right(one) is False)
        selected, _ = select_negatives(
            (Candidate(one["rank"], one["doc_id"], one, one["score"]) for one in wrong),
            {one["doc_id"] for one in excluded},
            column_exclusions(self.exclude, excluded),
            count=self.settings.enough_negatives if self.settings.positives == "first" else None,
        )
        return [negative.id for negative in selected]

    def enough(self, candidates: Sequence[Mapping[str, Any]], known: Sequence[SharedKeys]) -> bool:
        """Whether the model need not see further candidates."""
        positives = len(self.positives(candidates))
        if positives < (1 if self.settings.positives == "first" else self.settings.enough_positives):
            return False
        return len(self.negatives(candidates, known)) >= self.settings.enough_negatives

    def reason(self, row: Mapping[str, Any]) -> tuple[str, str] | None:
        """Reason and detail for dropping a question; None if it is kept."""
        if row["unasked"]:
            return row["unasked"], ""
        verdicts = [verdict for one in row["candidates"] if (verdict := self.right(one)) is not None]
        if not verdicts:
            failed = row["candidates"][0]
            return failed["reason"], failed["detail"]
        settled = {
            "right_closed_book": bool(self.right(row["closed_book"])),
            "right_with_all": all(verdicts),
            "wrong_with_all": not any(verdicts),
        }
        name = next((name for name, holds in settled.items() if holds and name in self.settings.drop), None)
        return None if name is None else (name, "")

    def _window(self, candidate: Mapping[str, Any]) -> int:
        return int(candidate["rank"] - 1) // self.settings.window


def feedback_row(row: Mapping[str, Any], labelling: Labelling, generator: str) -> dict[str, Any]:
    """The row of table ``feedback`` for a row of ``ANSWERS``."""
    candidates = row["candidates"]
    return {
        "query_id": row["query_id"],
        "dataset": row["dataset"],
        "candidates": [
            {**{name: one[name] for name in ("doc_id", "rank", "score")}, **_scored(one, labelling)}
            for one in candidates
        ],
        "closed_book": _scored(row["closed_book"], labelling),
        "positive_ids": labelling.positives(candidates),
        "negative_ids": labelling.negatives(candidates, row["known"]),
        "generator": generator,
    }


def _scored(answer: Mapping[str, Any], labelling: Labelling) -> dict[str, Any]:
    return {"prediction": answer["prediction"], "f1": answer["f1"], "correct": labelling.right(answer)}
