"""The certificate: leaks between splits, counted by SQL over the written tables only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from nyxqa.builders.dedup.leaks import count_across_splits
from nyxqa.builders.engine.database import database
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import QA_SPLITS, WEB

# Each query counts pairs or rows that must not exist; none reads ``cluster`` or ``group``.
_CHECKS: Mapping[str, str] = {
    "page_in_two_splits": """
        WITH place AS (SELECT page_id, split FROM corpus
                       UNION ALL SELECT unnest(also_at).page_id, split FROM corpus)
        SELECT count(*) FROM (SELECT page_id FROM place GROUP BY page_id HAVING count(DISTINCT split) > 1)""",
    "document_in_two_splits": """
        SELECT count(*) FROM (SELECT doc_id FROM corpus GROUP BY doc_id HAVING count(*) > 1)""",
    "text_in_two_splits": """
        SELECT count(*) FROM (
            SELECT trim(replace(text, '<|image|>', ''), E' \\n\\t') AS bare FROM corpus WHERE bare <> ''
            GROUP BY bare HAVING count(DISTINCT split) > 1)""",
    "image_in_two_splits": """
        SELECT count(*) FROM (SELECT image, split FROM (SELECT unnest(image_ids) AS image, split FROM corpus)
                              GROUP BY image, split QUALIFY count(*) OVER (PARTITION BY image) > 1)""",
    "question_in_two_splits": """
        SELECT count(*) FROM (
            SELECT lower(question), image_ids FROM qa GROUP BY ALL HAVING count(DISTINCT split) > 1)""",
    "positive_of_another_split": """
        SELECT count(*) FROM (SELECT split, unnest(positives).doc_id AS doc_id FROM triplets WHERE pool = 'web') t
        JOIN corpus c USING (doc_id) WHERE c.split <> t.split""",
    "negative_of_another_split": """
        SELECT count(*) FROM (SELECT split, unnest(negative_ids) AS doc_id FROM triplets WHERE pool = 'web') t
        JOIN corpus c USING (doc_id) WHERE c.split <> t.split""",
}

_VIEWS = {
    "corpus": "SELECT doc_id, page_id, split, text, image_ids, also_at FROM read_parquet({files})",
    "qa": "SELECT question, image_ids, '{split}' AS split FROM read_parquet({files})",
    "triplets": "SELECT pool, positives, negative_ids, '{split}' AS split FROM read_parquet({files})",
}
_EMPTY = {
    "corpus": "SELECT '' AS doc_id, '' AS page_id, '' AS split, '' AS text, ['']  AS image_ids, "
    "[{'page_id': '', 'chunk': 0, 'url': ''}] AS also_at WHERE false",
    "qa": "SELECT '' AS question, [''] AS image_ids, '' AS split WHERE false",
    "triplets": "SELECT '' AS pool, [{'doc_id': ''}] AS positives, [''] AS negative_ids, '' AS split WHERE false",
}


def certify(
    folder: Path, files: Iterable[str], settings: Dedup, scratch: Path, known: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Count of every check over the tables below ``folder``; all zero means no leak is known.

    :param files: Paths of the published files, relative to ``folder``.
    :param settings: When texts and images are near-duplicates.
    :param scratch: Folder for databases, which are removed.
    :param known: Counts that were made already over these tables, as ``leak_counts`` makes them.
    """
    known = known or {}
    names = sorted(files)
    with database(scratch) as db:
        for table, query in _VIEWS.items():
            selects = [_EMPTY[table]]
            for split in (WEB,) if table == "corpus" else QA_SPLITS:
                own = [folder / name for name in names if name.startswith(f"data/{table}/{split}-")]
                if own:
                    selects.append(query.format(files=file_list(own), split=split))
            db.execute(f"CREATE VIEW {table} AS " + " UNION ALL ".join(f"({select})" for select in selects))
        counts = {
            name: known[name] if name in known else db.execute(query).fetchall()[0][0]
            for name, query in _CHECKS.items()
        }
    if known:
        return {**counts, **known}
    web = [folder / name for name in names if name.startswith(f"data/corpus/{WEB}-")]
    return {**counts, **count_across_splits(web, settings, scratch)}
