"""Checks of positives and negatives: no positive among the negatives, ranks ascending, ranks and scores paired."""

from __future__ import annotations

from nyxqa.builders.check.context import CheckContext, SqlCheck, run_sql_checks
from nyxqa.builders.check.references import TRAIN_QUESTIONS
from nyxqa.builders.mining.held_answers import answer_holdings
from nyxqa.schemas.recipe import Feedback
from nyxqa.schemas.tables import DATASET, WEB

# One row for each pair of a positive and a negative of a query.
_OF_TRIPLETS = """
    SELECT 'triplets ' || split || ' ' || query_id || ' negative ' || negative AS example, dataset, pool, positive,
           negative
    FROM (SELECT split, dataset, query_id, pool, positive, unnest(negative_ids) AS negative
          FROM (SELECT split, dataset, query_id, pool, negative_ids,
                       unnest(list_distinct(list_append(list_transform(positives, lambda p: p.doc_id), positive_id)))
                       AS positive
                FROM triplets))
"""
_OF_FEEDBACK = f"""
    SELECT 'feedback ' || f.query_id || ' negative ' || negative, t.dataset, pool, positive, negative
    FROM (SELECT dataset, query_id, positive, unnest(negative_ids) AS negative
          FROM (SELECT dataset, query_id, negative_ids, unnest(positive_ids) AS positive FROM feedback)) f
    JOIN ({TRAIN_QUESTIONS}) t ON t.dataset = f.dataset AND t.query_id = f.query_id
"""  # noqa: S608
_PAIRS = f"{_OF_TRIPLETS} UNION ALL {_OF_FEEDBACK}"
# Positives that a judge or a reviewer found among the negatives; the exclusions of mining are not about those.
_FOUND_LATER = """
    SELECT dataset, pool, found.doc_id FROM (SELECT dataset, pool, unnest(positives) AS found FROM triplets)
    WHERE found.origin IN ('judged', 'reviewed')
"""
_JOINED = f"""
    FROM (SELECT * FROM ({{pairs}}) WHERE positive <> negative
          AND (dataset, pool, positive) NOT IN ({_FOUND_LATER})) pair
    JOIN corpus p ON p.pool = pair.pool AND p.doc_id = positive
    JOIN corpus n ON n.pool = pair.pool AND n.doc_id = negative
"""  # noqa: S608
# Equal content under another id: the same words and images. A set without that exclusion is left out.
_EQUAL = """
    SELECT example || ' has the content of positive ' || positive AS example
    FROM ({pairs}) pair
    JOIN content p ON p.pool = pair.pool AND p.doc_id = positive
    JOIN content n ON n.pool = pair.pool AND n.doc_id = negative
    WHERE positive <> negative AND p.key = n.key AND NOT list_contains({exempt}::VARCHAR[], pair.dataset)
"""
_RANKS = """
    SELECT 'triplets ' || split || ' ' || query_id || ': ' || wrong AS example FROM (
        SELECT *, CASE
            WHEN len(list_filter(negative_ranks, lambda r: r < 1)) > 0 THEN 'a rank below 1'
            WHEN len(list_filter(positives, lambda p: p.rank < 1)) > 0 THEN 'a positive of rank below 1'
            WHEN list_filter(negative_ranks, lambda r: r IS NOT NULL)
                 <> list_sort(list_filter(negative_ranks, lambda r: r IS NOT NULL)) THEN 'ranks that do not ascend'
            WHEN len(list_filter(list_zip(negative_ranks, negative_scores), lambda z: (z[1] IS NULL) <> (z[2] IS NULL)))
                 > 0 THEN 'a negative with a rank or a score but not both'
            WHEN len(list_filter(positives, lambda p: (p.rank IS NULL) <> (p.score IS NULL))) > 0
                 THEN 'a positive with a rank or a score but not both'
            WHEN len(list_distinct(negative_ids)) < len(negative_ids) THEN 'a repeated negative' END AS wrong
        FROM triplets) WHERE wrong IS NOT NULL
"""
_PRESENT = """
    SELECT 'triplets ' || split || ' ' || query_id || ': positive_id is not one of positives' AS example
    FROM triplets WHERE NOT list_contains(list_transform(positives, lambda p: p.doc_id), positive_id)
"""
_ORIGINS = """
    SELECT 'triplets ' || split || ' ' || query_id || ' has origin ' || origin AS example
    FROM (SELECT split, query_id, unnest(positives).origin AS origin FROM triplets)
    WHERE origin NOT IN ('source', 'retrieved', 'gold', 'imported', 'judged', 'reviewed')
"""
_READS = ("triplets", "qa", "feedback")
_WEB_RULES = {"page": ("negative_of_own_page", "page_id"), "cluster": ("negative_of_own_cluster", "cluster")}

_CHECKS = (
    SqlCheck(
        "positive_among_negatives",
        _READS,
        f"SELECT example || ' is a positive' AS example FROM ({_PAIRS}) WHERE positive = negative",  # noqa: S608
    ),
    SqlCheck("ranks", ("triplets",), _RANKS),
    SqlCheck("positive_in_positives", ("triplets",), _PRESENT),
    SqlCheck("origins", ("triplets",), _ORIGINS),
)
NEGATIVE_CHECKS = (
    *(check.name for check in _CHECKS),
    "negative_equals_positive",
    *(name for name, _ in _WEB_RULES.values()),
    "negative_holds_answer",
)


def check_negatives(context: CheckContext) -> None:
    """Check triplets and feedback, and those exclusions that the recipe names."""
    recipe = context.manifest.recipe
    run_sql_checks(context, _CHECKS)
    # With ``feedback.negatives = "rest"`` every other candidate is a negative, by the recipe.
    by_recipe = Feedback.stored(recipe.get("feedback", {})).negatives == "rest"
    pairs = _OF_TRIPLETS if by_recipe else _PAIRS
    sets = [*recipe.get("text", []), *recipe.get("qa", [])]
    exempt = [one["name"] for one in sets if "equal" not in one["exclude"]]
    equal = SqlCheck("negative_equals_positive", (*_READS, "corpus"), _EQUAL.format(exempt=exempt, pairs=pairs))
    run_sql_checks(context, (equal,))
    excluded = recipe.get("negatives", {}).get("exclude", [])
    for rule, (name, column) in _WEB_RULES.items():
        if rule not in excluded:
            context.findings.skip("the recipe does not exclude such negatives", name)
            continue
        query = (
            f"SELECT example || ' shares the {rule} of positive ' || positive AS example {_JOINED.format(pairs=pairs)} "
            f"WHERE pair.pool = 'web' AND p.{column} = n.{column}"
        )
        run_sql_checks(context, (SqlCheck(name, (*_READS, "corpus"), query),))
    _check_answers(context)


def _check_answers(context: CheckContext) -> None:
    """Check that no negative holds the answer, where the recipe excludes such and the whole pool is published.

    How common a word is in a pool is not known where only the passages are published that a row refers to.
    """
    name = "negative_holds_answer"
    recipe = context.manifest.recipe
    texts = [text for text in recipe.get("text", []) if "answer" in text["exclude"] and text["keep"] == "all"]
    pools = {text["pool"] or text["name"]: {text["name"]} for text in texts}
    for text in texts:
        pools[text["pool"] or text["name"]].add(text["name"])
    if recipe.get("web") and "answer" in recipe.get("negatives", {}).get("exclude", []):
        pools[WEB] = {DATASET}
    if not pools:
        context.findings.skip("the recipe does not exclude such negatives, or publishes only a part of the pool", name)
        return
    if context.ready(("triplets", "corpus"), name):
        for pool, datasets in pools.items():
            for one in answer_holdings(context.db, pool):
                if one.role == "negative" and one.held and one.dataset in datasets:
                    example = f"triplets {one.split} {one.query_id} negative {one.doc_id} holds the answer"
                    context.findings.fail(name, example)
