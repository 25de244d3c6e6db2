"""Conditions on triplets that have names: what a curator asks for most."""

from __future__ import annotations

from collections.abc import Iterable

from nyxqa.schemas.sql import string_list

_POSITIVE = "list_filter(positives, lambda one: one.doc_id = positive_id)[1]"
_SCORE = f"{_POSITIVE}.score"
_RANK = f"{_POSITIVE}.rank"
# The score of the positive less that of its best negative.
GAP = f"({_SCORE} - negative_scores[1])"
NEAR = 0.05  # of the positive's score


def _words(text: str) -> str:
    """SQL for the words of ``text`` in lower case, one blank around each."""
    return rf"(' ' || trim(regexp_replace(lower({text}), '[^\p{{L}}\p{{N}}]+', ' ', 'g')) || ' ')"


def holding(few: str = "true") -> str:
    """A query for the ids of triplets in a negative of which an accepted answer stands as whole words.

    :param few: SQL condition of the triplets that are looked at.
    """
    text, form = _words("text || ' ' || array_to_string(captions, ' ')"), _words("form")
    return f"""
WITH pair AS MATERIALIZED (
    SELECT query_id, pool, unnest(negative_ids) AS doc_id,
           list_filter(list_transform(answers, lambda form: {form}), lambda form: trim(form) <> '') AS forms
    FROM triplets WHERE {few}),
document AS MATERIALIZED (
    SELECT pool, doc_id, {text} AS words FROM corpus WHERE doc_id IN (SELECT doc_id FROM pair))
SELECT DISTINCT query_id FROM pair JOIN document USING (pool, doc_id)
WHERE len(list_filter(forms, lambda form: contains(words, form))) > 0
"""


PRESETS = {
    "negative_holds_answer": f"query_id IN ({holding()})",
    "small_gap": f"{GAP} < {NEAR} * abs({_SCORE})",
    "no_negative": "len(negative_ids) = 0",
    "positive_not_first": f"{_RANK} > 1",
    "disagreed": "query_id IN {disagreed}",
}
MEANINGS = {
    "negative_holds_answer": "an accepted answer stands in a negative",
    "small_gap": f"the best negative scores within {NEAR:.0%} of the positive",
    "no_negative": "no negative was found",
    "positive_not_first": "the miner ranked another document before the positive",
    "disagreed": "reviewers contradict each other",
}
# On which the miner or a judge contradicts the source of the positive; cheap to find in any number of rows.
SUSPECT = (
    f"({PRESETS['small_gap']} OR {PRESETS['positive_not_first']} OR len(negative_ids) = 0 "
    "OR len(list_filter(positives, lambda one: one.origin = 'judged')) > 0)"
)
SORTS = {
    "": "0",
    "gap": f"coalesce({GAP}, 1e30)",
    "rank": f"-coalesce({_RANK}, 0)",
    "negatives": "len(negative_ids)",
    "reviews": "-reviews",
}


def condition(where: str, disagreed: Iterable[str] = ()) -> str:
    """The SQL behind ``where``: a preset by its name, else a condition over the columns of ``triplets``."""
    name = where.strip()
    if name in PRESETS:
        listed = string_list(disagreed)
        return PRESETS[name].replace("{disagreed}", f"(SELECT unnest({listed}::VARCHAR[]))")
    return f"(\n{name}\n)" if name else "true"
