"""The SQL behind the numbers of a report; each query runs over the views of ``nyxqa sql``."""

from __future__ import annotations

from dataclasses import dataclass

TRIPLETS = "SELECT split, dataset, count(*) FROM triplets GROUP BY ALL ORDER BY ALL"
DOCUMENTS = "SELECT pool, split, kind, count(*) FROM corpus GROUP BY ALL ORDER BY ALL"
QUESTIONS = "SELECT split, dataset, count(*) FROM qa GROUP BY ALL ORDER BY ALL"
IMAGES = "SELECT count(DISTINCT image_id) FROM (SELECT unnest(image_ids) AS image_id FROM corpus)"
EVIDENCE = "SELECT count(evidence), count(*) FROM qa"
FUNNEL = "SELECT stage, split, unit_in, unit_out, rows_in, dropped, not_sampled, rows_out FROM funnel"
DROPS = """SELECT stage, reason, item_type, count(*) AS n FROM ledger
GROUP BY ALL ORDER BY n DESC, stage, reason, item_type"""

# The positive that a triplet is named after; a rank is missing where the positive was not retrieved.
_FIRST = "list_filter(positives, lambda one: one.doc_id = positive_id)[1]"
RANKS = f"""SELECT CASE WHEN rank IS NULL THEN 7 WHEN rank = 1 THEN 0 WHEN rank <= 3 THEN 1 WHEN rank <= 5 THEN 2
  WHEN rank <= 10 THEN 3 WHEN rank <= 20 THEN 4 WHEN rank <= 100 THEN 5 ELSE 6 END AS bin, count(*)
FROM (SELECT {_FIRST}.rank AS rank FROM triplets)
GROUP BY ALL ORDER BY ALL"""
RANK_BINS = ("1", "2-3", "4-5", "6-10", "11-20", "21-100", "over 100", "not retrieved")
DIFFICULTY = f"""SELECT dataset, split, count(*), count(rank), count(*) FILTER (rank = 1),
  coalesce(sum(1 / rank), 0) / count(*) AS mrr
FROM (SELECT dataset, split, {_FIRST}.rank AS rank FROM triplets)
GROUP BY ALL ORDER BY ALL"""
GAP_WIDTH, GAP_BINS = 0.05, 20
GAPS = f"""SELECT greatest(least(floor(gap / {GAP_WIDTH}), {GAP_BINS - 1}), -1)::INTEGER AS bin, count(*)
FROM (SELECT 1 - list_max(negative_scores) / score AS gap
      FROM (SELECT negative_scores, {_FIRST}.score AS score FROM triplets) WHERE score > 0)
WHERE gap IS NOT NULL
GROUP BY ALL ORDER BY ALL"""
NEGATIVES = "SELECT len(negative_ids) AS n, count(*) FROM triplets GROUP BY ALL ORDER BY ALL"


def _folded(text: str) -> str:
    """SQL for a text as its words, between single spaces, so that an answer is found at word boundaries only."""
    return f"' ' || trim(regexp_replace(lower({text}), '[^\\p{{L}}\\p{{M}}\\p{{N}}]+', ' ', 'g')) || ' '"


# A script that puts no spaces between words has no such boundaries.
_SOUGHT = (
    "CASE WHEN regexp_matches(folded, '[\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Thai}\\p{Khmer}\\p{Lao}\\p{Myanmar}]') "
    "THEN trim(folded) ELSE folded END"
)
_UNSOUGHT = "('  ', ' yes ', ' no ', ' true ', ' false ')"
# Triplets of which an answer can be looked for in the negatives; ``holds``: whether one was found.
_SEARCHED = f"""WITH
asked AS (SELECT dataset, split, query_id, pool, negative_ids,
            list_filter(list_transform(answers, lambda answer: {_folded("answer")}),
                        lambda folded: folded NOT IN {_UNSOUGHT}) AS sought
          FROM triplets WHERE len(negative_ids) > 0),
negatives AS (SELECT dataset, split, query_id, pool, sought, unnest(negative_ids) AS doc_id
              FROM asked WHERE len(sought) > 0),
documents AS (SELECT pool, doc_id, {_folded("text")} AS words FROM corpus SEMI JOIN negatives USING (pool, doc_id)),
searched AS (SELECT dataset, split, query_id,
               bool_or(len(list_filter(sought, lambda folded: contains(words, {_SOUGHT}))) > 0) AS holds
             FROM negatives JOIN documents USING (pool, doc_id) GROUP BY ALL)
"""
HOLDING = (
    _SEARCHED
    + """SELECT dataset, count(*) FILTER (holds) AS holding, count(*) AS searched FROM searched
GROUP BY ALL ORDER BY ALL"""
)
# Keys of the triplets of which a negative holds the answer.
HOLDING_ROWS = _SEARCHED + "SELECT dataset, split, query_id FROM searched WHERE holds"


def examples(most: int) -> str:
    """The first dropped items of each reason: at most ``most`` of them."""
    return (
        "SELECT stage, reason, item_type, item_id, parent_id, detail FROM ledger "
        "QUALIFY row_number() OVER (PARTITION BY stage, reason, item_type ORDER BY item_id, parent_id) "
        f"<= {most} ORDER BY ALL"
    )


@dataclass(frozen=True, slots=True)
class Bins:
    """Equal bins of a column of whole numbers.

    :param width: Width of a bin.
    :param last: Number of the last bin.
    :param capped: Whether the last bin takes all that is larger.
    """

    width: int
    last: int
    capped: bool

    def query(self, column: str, table: str) -> str:
        """Rows by number of the bin, from 0."""
        return (
            f"SELECT least({column} // {self.width}, {self.last})::INTEGER AS bin, count(*) "
            f"FROM {table} GROUP BY ALL ORDER BY ALL"
        )

    def label(self, number: int) -> str:
        """What a bin holds."""
        low = number * self.width
        if number == self.last and self.capped:
            return f"{low:,} and more"
        return f"{low:,}" if self.width == 1 else f"{low:,} to {low + self.width - 1:,}"


def bins_for(usual: int, largest: int, most: int) -> Bins:
    """At most ``most`` bins of a round width from 0; the last takes all that is larger, up to ``largest``."""
    width = next(w for power in range(19) for w in (10**power, 2 * 10**power, 5 * 10**power) if usual // w < most)
    last = (largest if largest // width < most else usual) // width
    return Bins(width, last, largest // width > last)
