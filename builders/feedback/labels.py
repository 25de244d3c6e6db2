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
Candidates = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Labelling:
    """How candidates become labels.

    The answer of a window counts for its first candidate; where windows do not overlap, at each of its candidates.

    :param settings: Section ``feedback`` of the recipe.
    :param exclude: Keys that a negative must not share with a right document or a known positive.
    """

    settings: Feedback
    exclude: tuple[Rule, ...]

    def right(self, answer: Mapping[str, Any]) -> bool | None:
        """Whether an answer is right; None if there is no usable answer."""
        return None if answer["f1"] is None else reached(answer["f1"], self.settings.threshold)

    def windows(self, count: int) -> list[range]:
        """Places of the candidates of each window."""
        return windows(count, self.settings.window, self.settings.stride)

    def asked(self, candidates: Candidates) -> list[range]:
        """The windows that the model was shown."""
        return [own for own in self.windows(len(candidates)) if _was_asked(candidates[own.start])]

    def positives(self, candidates: Candidates) -> list[str]:
        """Documents of all right windows, of the first, or the first of the first, in rank order."""
        right = [own for own in self.windows(len(candidates)) if self.right(candidates[own.start])]
        if self.settings.positives == "window_first":
            places = [right[0].start] if right else []
        elif self.settings.positives == "first":
            places = list(right[0]) if right else []
        else:
            places = sorted({place for own in right for place in own})
        return [candidates[place]["doc_id"] for place in places]

    def negatives(self, candidates: Candidates, known: Sequence[SharedKeys]) -> list[str]:
        """In rank order, documents that made the model wrong and share no key with a right or known one.

        Right candidates that the recipe does not use as positives are not negatives either. With ``negatives = "rest"``
        (Nyx paper) all candidates but the positives, whatever the model said.
        """
        if self.settings.negatives == "rest":
            positives = set(self.positives(candidates))
            return [one["doc_id"] for one in candidates if positives and one["doc_id"] not in positives]
        verdicts = self._verdicts(candidates)
        excluded = [*known, *(one for one, right in zip(candidates, verdicts, strict=True) if right)]
        wrong = (one for one, right in zip(candidates, verdicts, strict=True) if right is False)
        selected, _ = select_negatives(
            (Candidate(one["rank"], one["doc_id"], one, one["score"]) for one in wrong),
            {one["doc_id"] for one in excluded},
            column_exclusions(self.exclude, excluded),
            count=None if self.settings.positives == "all" else self.settings.enough_negatives,
        )
        return [negative.id for negative in selected]

    def _verdicts(self, candidates: Candidates) -> list[bool | None]:
        """Of each candidate, whether a window with it was right; None if none was judged."""
        verdicts: list[bool | None] = [None] * len(candidates)
        for own in self.windows(len(candidates)):
            right = self.right(candidates[own.start])
            for place in own:
                if right is not None:
                    verdicts[place] = right or bool(verdicts[place])
        return verdicts

    def enough(self, candidates: Candidates, known: Sequence[SharedKeys]) -> bool:
        """Whether the model need not see further candidates."""
        wanted = self.settings.enough_positives if self.settings.positives == "all" else 1
        if len(self.positives(candidates)) < wanted:
            return False
        if self.settings.negatives == "rest":
            return True
        return len(self.negatives(candidates, known)) >= self.settings.enough_negatives

    def kept(self, candidates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The candidates whose row is stored: all if each may be a label, else those that the model was shown."""
        asked = self.asked(candidates)
        return candidates if self.settings.negatives == "rest" else candidates[: asked[-1].stop if asked else 0]

    def reason(self, row: Mapping[str, Any]) -> tuple[str, str] | None:
        """Reason and detail for dropping a question; None if it is kept."""
        if row["unasked"]:
            return row["unasked"], ""
        asked = self.asked(row["candidates"])
        found = [self.right(row["candidates"][own.start]) for own in asked]
        verdicts = [verdict for verdict in found if verdict is not None]
        if not verdicts:
            failed = row["candidates"][0]
            return failed["reason"], failed["detail"]
        settled = {
            "right_closed_book": bool(self.right(row["closed_book"])),
            "right_with_all": all(verdicts) and len(asked) == len(self.windows(row["found"])),
            "wrong_with_all": not any(verdicts),
        }
        name = next((name for name, holds in settled.items() if holds and name in self.settings.drop), None)
        return None if name is None else (name, "")


def _was_asked(candidate: Mapping[str, Any]) -> bool:
    return candidate["f1"] is not None or bool(candidate["reason"])


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


def windows(count: int, size: int, stride: int) -> list[range]:
    """Places of the candidates of each window, in rank order.

    Windows that do not overlap (``stride`` equals ``size``) cover all candidates, so the last may be shorter. Windows
    that overlap are whole: with stride 1 there are ``count - size + 1`` (Nyx paper); fewer candidates are one window.

    :param count: Number of candidates.
    :param stride: Candidates from the start of one window to that of the next; at most ``size``.
    """
    if stride >= size:
        return [range(start, min(start + size, count)) for start in range(0, count, size)]
    return [range(start, min(start + size, count)) for start in range(0, max(count - size, 0) + 1, stride) if count]
