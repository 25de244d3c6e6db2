"""Checks across tables: ids are unique and refer to rows that exist, and copied columns agree."""

from __future__ import annotations

from nyxqa.builders.check.context import CheckContext, SqlCheck, run_sql_checks
from nyxqa.schemas.tables import DATASET, TABLES

_KEYS = {
    "corpus": ("pool", "doc_id"),
    "qa": ("qa_id",),
    "triplets": ("dataset", "query_id"),
    "qrels": ("query_id", "doc_id"),
    "mixture": ("position",),
    "feedback": ("dataset", "query_id"),
    "ledger": ("stage", "split", "item_type", "item_id", "reason"),
    "preview": ("dataset", "query_id"),
}


def _repeated() -> str:
    selects = (
        f"SELECT '{name} ' || concat_ws(' ', {', '.join(key)}) || ' occurs ' || count(*) || ' times' AS example "  # noqa: S608
        f"FROM {name} GROUP BY {', '.join(key)} HAVING count(*) > 1"
        for name, key in _KEYS.items()
    )
    return " UNION ALL ".join(selects)


# Train questions that feedback may ask, with their pools: those with a triplet, and those with an answer alone.
TRAIN_QUESTIONS = """
    SELECT dataset, query_id, pool FROM triplets WHERE split = 'train'
    UNION SELECT dataset, qa_id, pool FROM qa WHERE split = 'train'
"""
# Every reference to a document: its place, the pool, the id.
_TO_DOCUMENTS = f"""
    SELECT 'triplets ' || split || ' ' || query_id || ' positive_id' AS place, pool, positive_id AS doc_id FROM triplets
    UNION ALL SELECT 'triplets ' || split || ' ' || query_id || ' positives', pool, unnest(positives).doc_id
    FROM triplets
    UNION ALL SELECT 'triplets ' || split || ' ' || query_id || ' negative_ids', pool, unnest(negative_ids)
    FROM triplets
    UNION ALL SELECT 'qa ' || split || ' ' || qa_id || ' doc_id', pool, doc_id FROM qa WHERE doc_id <> ''
    UNION ALL SELECT 'feedback ' || f.query_id || ' candidates', t.pool, unnest(f.candidates).doc_id
    FROM feedback f JOIN ({TRAIN_QUESTIONS}) t ON t.dataset = f.dataset AND t.query_id = f.query_id
"""  # noqa: S608
# Every reference to a train triplet, or (of feedback) to a train question, that leads nowhere.
_TO_TRIPLETS = f"""
    SELECT place || ': no train triplet ' || dataset || ' ' || query_id AS example
    FROM (SELECT 'mixture ' || position AS place, dataset, query_id FROM mixture
          UNION ALL SELECT 'preview', dataset, query_id FROM preview)
    ANTI JOIN (SELECT dataset, query_id FROM triplets WHERE split = 'train') USING (dataset, query_id)
    UNION ALL
    SELECT 'feedback: no train question ' || dataset || ' ' || query_id
    FROM feedback ANTI JOIN ({TRAIN_QUESTIONS}) USING (dataset, query_id)
"""  # noqa: S608
# Every reference to a judged query.
_QRELS = """
    SELECT 'qrels ' || split || ' ' || query_id || ' is not a query of its split' AS example
    FROM qrels ANTI JOIN (SELECT split, query_id FROM triplets UNION ALL SELECT split, qa_id FROM qa)
         USING (split, query_id)
    UNION ALL
    SELECT 'qrels ' || split || ' ' || query_id || ': no document ' || doc_id FROM qrels ANTI JOIN corpus USING (doc_id)
    UNION ALL
    SELECT 'qrels ' || split || ' ' || query_id || ' ' || doc_id || ': grade ' || grade FROM qrels
    WHERE grade NOT BETWEEN 0 AND 2
"""
_FEEDBACK = """
    SELECT 'feedback ' || query_id || ': positive_ids or negative_ids that are not candidates' AS example
    FROM (SELECT query_id, list_transform(candidates, lambda c: c.doc_id) AS own, positive_ids, negative_ids
          FROM feedback)
    WHERE NOT list_has_all(own, positive_ids) OR NOT list_has_all(own, negative_ids)
"""
_PAIRS = """
    SELECT 'query ' || coalesce(q.split || ' ' || q.qa_id, t.split || ' ' || t.query_id) || ' is only in '
           || CASE WHEN t.query_id IS NULL THEN 'qa' ELSE 'triplets' END AS example
    FROM (SELECT * FROM qa WHERE dataset = {dataset} AND answerable) q
    FULL JOIN (SELECT * FROM triplets WHERE dataset = {dataset}) t
      ON t.query_id = q.qa_id AND t.split = q.split
    WHERE t.query_id IS NULL OR q.qa_id IS NULL
    UNION ALL
    SELECT 'query ' || q.split || ' ' || q.qa_id || ' differs between qa and triplets'
    FROM qa q JOIN triplets t ON t.query_id = q.qa_id AND t.split = q.split AND t.dataset = q.dataset
    WHERE (q.question, q.image_ids, q.answers, q.doc_id, q.kind) IS DISTINCT FROM
          (t.query, t.query_image_ids, t.answers, t.positive_id, t.kind)
""".format(dataset=f"'{DATASET}'")  # noqa: S608
_OF_DOCUMENT = """
    SELECT 'qa ' || q.split || ' ' || qa_id || ': ' || wrong || ' is not that of its document' AS example
    FROM (SELECT q.*, CASE WHEN q.page_id <> c.page_id THEN 'page_id' WHEN q.kind <> c.kind THEN 'kind'
                           WHEN q.source <> c.source THEN 'source' WHEN q.split <> c.split THEN 'split'
                           WHEN NOT list_has_all(c.image_ids, q.image_ids) THEN 'an image' END AS wrong
          FROM qa q JOIN corpus c ON c.pool = 'web' AND c.doc_id = q.doc_id) q
    WHERE wrong IS NOT NULL
"""

_CHECKS = (
    SqlCheck("unique_ids", tuple(TABLES), _repeated()),
    SqlCheck(
        "dangling_documents",
        ("corpus", "qa", "triplets", "feedback"),
        f"SELECT place || ': no document ' || doc_id || ' in pool ' || pool AS example "  # noqa: S608
        f"FROM ({_TO_DOCUMENTS}) ANTI JOIN corpus USING (pool, doc_id)",
    ),
    SqlCheck(
        "dangling_triplets",
        ("triplets", "qa", "mixture", "feedback", "preview"),
        _TO_TRIPLETS,
    ),
    SqlCheck("qrels", ("qrels", "triplets", "qa", "corpus"), _QRELS),
    SqlCheck("feedback_candidates", ("feedback",), _FEEDBACK),
    SqlCheck("qa_triplets", ("qa", "triplets"), _PAIRS),
    SqlCheck("qa_documents", ("qa", "corpus"), _OF_DOCUMENT),
)
REFERENCE_CHECKS = tuple(check.name for check in _CHECKS)


def check_references(context: CheckContext) -> None:
    """Check every id and every copied column."""
    run_sql_checks(context, _CHECKS)
