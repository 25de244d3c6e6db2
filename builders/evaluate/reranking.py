"""Step ``evaluate/reranking``: a cross-encoder orders the first documents of a ranking again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step
from nyxqa.builders.evaluate.questions import EvalSet, Question
from nyxqa.builders.evaluate.rankings import STAGE, Ranking, Span, questions_hash, read_rankings, spans
from nyxqa.builders.evaluate.row_schemas import RANKINGS
from nyxqa.retriever.cross_encoder import CrossEncoder
from nyxqa.retriever.protocols import SearchEntry

VERSION = 1
# Questions of a shard: with 100 documents each, minutes of a small cross-encoder on two cores.
_SHARD = 32


@dataclass
class Reranker:
    """Orders the documents of a shard of questions.

    :param ranking: What an encoder found; those of its documents that are kept are read by the model.
    """

    questions: EvalSet
    ranking: Ranking
    model: CrossEncoder

    def order(self, span: Span) -> ShardOutput:
        """Rows of ``RANKINGS``."""
        block = list(enumerate(self.questions.questions))[slice(*span)]
        rows = list(ACTIVITY.counted(self._reranked(number, one) for number, one in block))
        ids = [one.id for _, one in block]
        return ShardOutput(pa.Table.from_pylist(rows, schema=RANKINGS), Account(ids, ids))

    def _reranked(self, number: int, question: Question) -> dict[str, Any]:
        rows = self.ranking.rows(number)
        pictures = self.questions.pictures(question)
        query = SearchEntry(question.id, question.text, tuple(picture.caption for picture in pictures))
        scores = self.model.scores(query, [self._document(question.pool, row) for row in rows])
        best = np.argsort(-scores, kind="stable")  # equal scores stay in the encoder's order
        ordered = [rows[place] for place in best.tolist()]
        known = self.questions.rows_of(question)
        # A known document behind those that the model read stays where it was.
        behind = iter(sorted(rank for rank in self.ranking.ranks[number].tolist() if rank > len(rows)))
        ranks = [ordered.index(row) + 1 if row in rows else _place(next(behind)) for row in known]
        found = {"dim": self.ranking.dim, "ranks": ranks, "rows": ordered, "scores": scores[best].tolist()}
        return {"query_id": question.id, "found": [found]}

    def _document(self, pool: str, row: int) -> SearchEntry:
        table = self.questions.documents(pool).table
        text, captions, own = (table.column(name)[row].as_py() for name in ("text", "captions", "doc_id"))
        return SearchEntry(own, text, tuple(captions))


def _place(rank: float) -> int:
    return 0 if np.isinf(rank) else int(rank)


def reranked(run: Run, questions: EvalSet, rankings: Sequence[Ranking], model: CrossEncoder) -> list[Ranking]:
    """Each ranking of documents ordered again by ``model``; rankings of spans and texts are left out."""
    found: list[Ranking] = []
    for ranking in rankings:
        if ranking.pieces is not None and not all(
            len(one) == 1 and isinstance(one[0], int) for listed in ranking.items for one in listed
        ):
            continue
        rows = [ranking.rows(number) for number in range(len(questions))]
        params = {
            "model": model.fingerprint,
            "documents": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
            "ranks": hashlib.sha256(json.dumps([one.tolist() for one in ranking.ranks]).encode()).hexdigest(),
            "dim": ranking.dim,
            "questions": questions_hash(questions.questions),
            "files": [*questions.files, *(file for pool in questions.pools for file in questions.pool_files(pool))],
        }
        step = Step(f"{STAGE}/reranking", VERSION, params, (), questions.split, "question", "question")
        reranker = Reranker(questions, ranking, model)
        output = run.map(step, reranker.order, partial(spans, len(questions), _SHARD), RANKINGS, "driver")
        found += read_rankings(output, f"{ranking.system} + {model.name}", [ranking.dim])
    return found
