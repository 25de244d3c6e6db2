"""Checks of feedback: labels follow from answers, answers stand on whole windows, candidates are of the train split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nyxqa.builders.check.sql import Sql
from nyxqa.schemas.recipe import Feedback

FEEDBACK_CHECKS = ("feedback_labels", "feedback_ranks", "feedback_scores", "feedback_windows", "feedback_splits")
_LABELS = """
    SELECT 'feedback ' || query_id || ': ' || wrong AS example FROM (
        SELECT *, CASE
            WHEN len(list_filter(candidates, lambda c: c.correct IS DISTINCT FROM true
                     AND list_contains(positive_ids, c.doc_id))) > 0 THEN 'a positive that did not make the model right'
            WHEN len(list_filter(candidates, lambda c: c.correct IS DISTINCT FROM false
                     AND list_contains(negative_ids, c.doc_id))) > 0 THEN 'a negative that did not make the model wrong'
            WHEN len(list_distinct(positive_ids)) < len(positive_ids)
                 OR len(list_distinct(negative_ids)) < len(negative_ids) THEN 'a label twice' END AS wrong
        FROM feedback) WHERE wrong IS NOT NULL
"""
_RANKS = """
    SELECT 'feedback ' || query_id || ': ' || wrong AS example FROM (
        SELECT *, CASE
            WHEN len(list_filter(ranks, lambda r: r IS NULL OR r < 1)) > 0 THEN 'a candidate without a rank from 1 on'
            WHEN list_sort(list_distinct(ranks)) <> ranks THEN 'ranks that do not ascend'
            WHEN len(list_distinct(ids)) < len(ids) THEN 'a candidate twice'
            WHEN len(candidates) = 0 THEN 'no candidate' END AS wrong
        FROM (SELECT *, list_transform(candidates, lambda c: c.rank) AS ranks,
                     list_transform(candidates, lambda c: c.doc_id) AS ids FROM feedback)) WHERE wrong IS NOT NULL
"""
_SCORES = """
    SELECT 'feedback ' || query_id || ': an answer whose f1 and correct do not fit ' || {threshold} AS example
    FROM (SELECT query_id, unnest(list_append(list_transform(candidates,
                 lambda c: {{'prediction': c.prediction, 'f1': c.f1, 'correct': c.correct}}), closed_book)) AS said
          FROM feedback)
    WHERE (said.correct IS DISTINCT FROM (said.f1 >= {threshold}::FLOAT))
       OR ((said.prediction IS NULL) <> (said.f1 IS NULL)) OR said.f1 NOT BETWEEN 0 AND 1
"""
_WINDOWS = """
    SELECT 'feedback ' || query_id || ': candidates of one window with different answers' AS example
    FROM (SELECT query_id, unnest(candidates) AS c FROM feedback)
    GROUP BY query_id, (c.rank - 1) // {window}
    HAVING count(DISTINCT (c.prediction, c.f1, c.correct)) > 1
"""
_SPLITS = """
    SELECT 'feedback ' || f.query_id || ' candidate ' || c.doc_id || ' is of split ' || c.split AS example
    FROM (SELECT dataset, query_id, unnest(candidates).doc_id AS doc_id FROM feedback) f
    JOIN triplets t ON t.dataset = f.dataset AND t.query_id = f.query_id AND t.split = 'train' AND t.pool = 'web'
    JOIN corpus c ON c.pool = 'web' AND c.doc_id = f.doc_id
    WHERE c.split <> 'train'
"""


def feedback_checks(recipe: Mapping[str, Any]) -> tuple[Sql, ...]:
    """The checks by the threshold and window that the recipe names."""
    settings = Feedback.model_validate(recipe.get("feedback", {}))
    own = ("feedback",)
    return (
        Sql("feedback_labels", own, _LABELS),
        Sql("feedback_ranks", own, _RANKS),
        Sql("feedback_scores", own, _SCORES.format(threshold=settings.threshold)),
        Sql("feedback_windows", own, _WINDOWS.format(window=settings.window)),
        Sql("feedback_splits", ("feedback", "triplets", "corpus"), _SPLITS),
    )
