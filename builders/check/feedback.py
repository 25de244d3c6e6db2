"""Checks of feedback: labels follow from answers, one answer for each window, candidates from the train split."""

from __future__ import annotations

from nyxqa.builders.check.context import CheckContext, SqlCheck, run_sql_checks
from nyxqa.builders.check.references import TRAIN_QUESTIONS
from nyxqa.schemas.recipe import Feedback

FEEDBACK_CHECKS = ("feedback_labels", "feedback_ranks", "feedback_scores", "feedback_windows", "feedback_splits")
_LABELS = """
    SELECT 'feedback ' || query_id || ': ' || wrong AS example FROM (
        SELECT *, CASE
            {rules}
            WHEN len(list_distinct(positive_ids)) < len(positive_ids)
                 OR len(list_distinct(negative_ids)) < len(negative_ids) THEN 'a repeated label' END AS wrong
        FROM feedback) WHERE wrong IS NOT NULL
"""
_RIGHT = """WHEN len(list_filter(candidates, lambda c: c.correct IS DISTINCT FROM true
                     AND list_contains(positive_ids, c.doc_id))) > 0 THEN 'a positive that did not make the model right'
"""
_WRONG = """WHEN len(list_filter(candidates, lambda c: c.correct IS DISTINCT FROM false
                     AND list_contains(negative_ids, c.doc_id))) > 0 THEN 'a negative that did not make the model wrong'
"""
# By the recipe every other candidate is a negative.
_REST = """WHEN negative_ids <> list_filter(list_transform(candidates, lambda c: c.doc_id),
                     lambda d: NOT list_contains(positive_ids, d)) THEN 'negatives that are not all other candidates'
"""
_RANKS = """
    SELECT 'feedback ' || query_id || ': ' || wrong AS example FROM (
        SELECT *, CASE
            WHEN len(list_filter(ranks, lambda r: r IS NULL OR r < 1)) > 0 THEN 'a rank that is null or below 1'
            WHEN list_sort(list_distinct(ranks)) <> ranks THEN 'ranks that do not ascend'
            WHEN len(list_distinct(ids)) < len(ids) THEN 'a repeated candidate'
            WHEN len(candidates) = 0 THEN 'no candidates' END AS wrong
        FROM (SELECT *, list_transform(candidates, lambda c: c.rank) AS ranks,
                     list_transform(candidates, lambda c: c.doc_id) AS ids FROM feedback)) WHERE wrong IS NOT NULL
"""
_SCORES = """
    SELECT 'feedback ' || query_id || ': an answer whose f1 and correct contradict threshold ' || {threshold} AS example
    FROM (SELECT query_id, unnest(list_append(list_transform(candidates,
                 lambda c: {{'prediction': c.prediction, 'f1': c.f1, 'correct': c.correct}}), closed_book)) AS answer
          FROM feedback)
    WHERE (answer.correct IS DISTINCT FROM (answer.f1 >= {threshold}::FLOAT))
       OR ((answer.prediction IS NULL) <> (answer.f1 IS NULL)) OR answer.f1 NOT BETWEEN 0 AND 1
"""
_WINDOWS = """
    SELECT 'feedback ' || query_id || ': candidates of one window with different answers' AS example
    FROM (SELECT query_id, unnest(candidates) AS c FROM feedback)
    GROUP BY query_id, (c.rank - 1) // {window}
    HAVING count(DISTINCT (c.prediction, c.f1, c.correct)) > 1
"""
_SPLITS = f"""
    SELECT 'feedback ' || f.query_id || ' candidate ' || c.doc_id || ' is of split ' || c.split AS example
    FROM (SELECT dataset, query_id, unnest(candidates).doc_id AS doc_id FROM feedback) f
    JOIN ({TRAIN_QUESTIONS}) t ON t.dataset = f.dataset AND t.query_id = f.query_id AND t.pool = 'web'
    JOIN corpus c ON c.pool = 'web' AND c.doc_id = f.doc_id
    WHERE c.split <> 'train'
"""  # noqa: S608


def check_feedback(context: CheckContext) -> None:
    """Check the table ``feedback`` by the threshold and window of the recipe."""
    settings = Feedback.stored(context.manifest.recipe.get("feedback", {}))
    own = ("feedback",)
    overlap = settings.stride < settings.window
    # The answer of a window stands at its first candidate where windows overlap, so that only that one is compared.
    rules = _RIGHT if not overlap or settings.positives == "window_first" else ""
    rules += _REST if settings.negatives == "rest" else "" if overlap else _WRONG
    checks = (
        SqlCheck("feedback_labels", own, _LABELS.format(rules=rules)),
        SqlCheck("feedback_ranks", own, _RANKS),
        SqlCheck("feedback_scores", own, _SCORES.format(threshold=settings.threshold)),
        SqlCheck("feedback_splits", ("feedback", "triplets", "qa", "corpus"), _SPLITS),
    )
    run_sql_checks(context, checks)
    if overlap:
        context.findings.skip("windows overlap, by the recipe", "feedback_windows")
    else:
        run_sql_checks(context, (SqlCheck("feedback_windows", own, _WINDOWS.format(window=settings.window)),))
