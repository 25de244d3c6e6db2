"""Step ``feedback``: a model answers each question closed-book and with its candidates, one window at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.feedback.candidates import ANSWERS, BLOCK, Span, spans
from nyxqa.builders.feedback.labels import Labelling
from nyxqa.builders.feedback.train_set import TrainSet
from nyxqa.builders.qa.scoring import Truth, listed_options
from nyxqa.builders.stages.names import FEEDBACK
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.builders.vlm.protocol import Answered, Conversation, Failed, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import Feedback

VERSION = 2
# Questions of a shard; a divisor of the candidates' block.
SHARD = 128
_COLUMNS = ["query_id", "dataset", "pool", "query", "query_image_ids", "answers", "positive_id", "positives"]
# Settings that decide which candidates the model sees.
_ANSWER_SETTINGS = ("window", "threshold", "positives", "enough_positives", "enough_negatives")
_NO_ANSWER = {"prediction": None, "f1": None, "reason": "", "detail": ""}

Row = dict[str, Any]


@dataclass(frozen=True)
class AnswerShards:
    """Answers the questions of a shard.

    :param retrieved: The candidates of all questions.
    """

    train: TrainSet
    retrieved: StepOutput
    handle: VlmHandle
    labelling: Labelling

    def answer(self, span: Span) -> ShardOutput:
        """Rows of ``ANSWERS`` for the questions of a shard."""
        rows = list(ACTIVITY.counted(self.handle.open().converse(self._conversations(span))))
        ids = [row["query_id"] for row in rows]
        return ShardOutput(pa.Table.from_pylist(rows, schema=ANSWERS), Account(ids, ids))

    def _conversations(self, span: Span) -> Iterator[Conversation[Row]]:
        start, stop = span
        table = pq.read_table(self.retrieved.files()[start // BLOCK], columns=["candidates"])
        listed = table["candidates"].slice(start % BLOCK, stop - start).to_pylist()
        questions = self.train.rows(start, stop, _COLUMNS)
        for place, (row, candidates) in enumerate(zip(questions, listed, strict=True), start):
            yield self._conversation(place, row, candidates)

    def _conversation(self, place: int, row: Row, candidates: list[Row]) -> Conversation[Row]:
        truth, known = self.train.truth(row, self.labelling.settings.options), self.train.known(row)
        options = listed_options(truth.choices)
        answered = {
            **{name: row[name] for name in ("dataset", "query_id", "pool")},
            "query_key": _key(row["query"] + options, row["query_image_ids"]),
            "known": known,
            "candidates": [],
            "closed_book": _NO_ANSWER,
            "found": len(candidates),
            "unasked": "" if candidates else "nothing_retrieved",
        }
        if not truth.known:
            return {**answered, "unasked": "no_answers"}
        if not candidates:
            return answered
        asked = Content(row["query"] + options, self.train.pictures(place))
        ask = VlmRequest(row["query_id"], asked, form=truth.form)
        answered["closed_book"] = score_answer(truth, (yield ask))
        pool, size = self.train.pools[row["pool"]].pool, self.labelling.settings.window
        judged = [{**one, **_NO_ANSWER} for one in candidates]
        for window in self.labelling.windows(len(candidates)):
            documents = tuple(pool.source(candidates[place]["row"]) for place in window)
            verdict = score_answer(truth, (yield replace(ask, documents=documents)))
            for place in window if self.labelling.settings.stride >= size else window[:1]:
                judged[place] = {**candidates[place], **verdict}
            if self.labelling.enough(judged, known):
                break
        return {**answered, "candidates": self.labelling.kept(judged)}


def score_answer(truth: Truth, outcome: Answered[str] | Failed) -> Row:
    """A model's answer with its F1, or why there is none."""
    if isinstance(outcome, Failed):
        return {"prediction": None, "f1": None, "reason": outcome.reason, "detail": outcome.detail}
    prediction = " ".join(outcome.value.split())
    return {"prediction": prediction, "f1": truth.score(prediction), "reason": "", "detail": ""}


def _key(question: str, image_ids: list[str]) -> str:
    text = json.dumps([question, *image_ids])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def answer_params(settings: Feedback) -> dict[str, Any]:
    """Settings that decide what the model is asked; those added later enter where they change it.

    Windows that do not overlap were all there were before ``stride``.
    """
    params = section_params(settings, _ANSWER_SETTINGS, ("negatives", "options"))
    return params if settings.stride == settings.window else {**params, "stride": settings.stride}


def answers(run: Run, train: TrainSet, retrieved: StepOutput, handle: VlmHandle, labelling: Labelling) -> StepOutput:
    """The model's answers to each question (rows of ``ANSWERS``), in the order of ``triplets``."""
    params: Mapping[str, Any] = {
        "vlm": handle.params(),
        "feedback": answer_params(labelling.settings),
        "exclude": labelling.exclude,
        "qa": [train.manifest.files[path].sha256 for path in train.manifest.paths("qa", "train")],
        "generation": run.generation(FEEDBACK),
    }
    step = Step(FEEDBACK, VERSION, params, (retrieved.fingerprint,), "train", "question", "question")
    shards = AnswerShards(train, retrieved, handle, labelling)
    return run.map(step, shards.answer, partial(spans, len(train), SHARD), ANSWERS, handle.where)
