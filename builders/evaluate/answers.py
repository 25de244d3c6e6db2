"""Step ``evaluate/answers``: the model answers each question with its first documents, or closed-book."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step
from nyxqa.builders.evaluate.figures import Scored
from nyxqa.builders.evaluate.questions import EvalSet, Question
from nyxqa.builders.evaluate.rankings import STAGE, Ranking, Span, questions_hash, spans
from nyxqa.builders.evaluate.row_schemas import ANSWERS
from nyxqa.builders.qa.scoring import Truth, listed_options
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmRequest
from nyxqa.schemas.answers import exact_match, token_f1
from nyxqa.schemas.content import Content

VERSION = 1
SHARD = 128  # questions of a shard
CLOSED_BOOK = "closed_book"
# Right: the option where there are options, else an exact match.
CORRECT = "correct"

Answer = Mapping[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Answers:
    """What the model answered for one system.

    :param by_k: For each number of documents the answer to each question; None where it was not asked.
    """

    system: str
    dim: int
    by_k: Mapping[int, Sequence[Answer | None]]


def is_asked(question: Question) -> bool:
    """Whether an answer could be right: there are options with a key, or accepted forms."""
    return bool(question.choices) or Truth(question.answers).known


@dataclass(frozen=True)
class Asker:
    """Asks the questions of a shard.

    :param rows: For each question the rows of its documents in their pool, best first.
    :param top_k: Numbers of documents; fewer where fewer were retrieved.
    """

    questions: EvalSet
    rows: Sequence[Sequence[int]]
    top_k: tuple[int, ...]
    handle: VlmHandle

    def ask(self, span: Span) -> ShardOutput:
        """Rows of ``ANSWERS`` for the questions of a shard."""
        block = self.questions.questions[span[0] : span[1]]
        asked = [self._numbers(number) if is_asked(one) else [] for number, one in enumerate(block, span[0])]
        outcomes = self.handle.open().answer(self._requests(span[0], asked))
        found = []
        for number, (one, counts) in enumerate(zip(block, asked, strict=True), span[0]):
            by_count = {count: _answer(next(outcomes), self._prompt(number, count)) for count in counts}
            ks = self.top_k if counts else ()
            answers = [{"k": k, **by_count[min(k, len(self.rows[number]))]} for k in ks]
            found.append({"query_id": one.id, "answers": answers})
        rows = list(ACTIVITY.counted(found))
        ids = [one.id for one in block]
        return ShardOutput(pa.Table.from_pylist(rows, schema=ANSWERS), Account(ids, ids))

    def _numbers(self, number: int) -> list[int]:
        """Different numbers of documents that a question is asked with."""
        return list(dict.fromkeys(min(k, len(self.rows[number])) for k in self.top_k))

    def _requests(self, start: int, asked: Sequence[Sequence[int]]) -> Iterator[VlmRequest]:
        for number, counts in enumerate(asked, start):
            for count in counts:
                yield request(self.questions, self.questions.questions[number], self.rows[number][:count])

    def _prompt(self, number: int, count: int) -> str:
        question = self.questions.questions[number]
        text = json.dumps([question.id, question.pool, list(self.rows[number][:count])])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def request(questions: EvalSet, question: Question, rows: Sequence[int]) -> VlmRequest:
    """A question with its options and pictures behind the documents of ``rows``."""
    pool = questions.pools[question.pool]
    content = Content(question.text + listed_options(question.choices), questions.pictures(question))
    return VlmRequest(question.id, content, documents=tuple(map(pool.source, rows)))


def _answer(outcome: Answered[str] | Failed, prompt: str) -> Row:
    if isinstance(outcome, Failed):
        failed = {"prediction": None, "reason": outcome.reason, "detail": outcome.detail}
        return {"prompt": prompt, **failed, "prompt_tokens": 0, "completion_tokens": 0}
    sent, received = outcome.tokens
    prediction = {"prediction": " ".join(outcome.value.split()), "reason": "", "detail": ""}
    return {"prompt": prompt, **prediction, "prompt_tokens": sent, "completion_tokens": received}


def closed_book(run: Run, questions: EvalSet, handle: VlmHandle) -> Answers:
    """The answers without any document."""
    return _answers(run, questions, [[] for _ in questions.questions], (0,), handle, CLOSED_BOOK, 0)


def answers(run: Run, questions: EvalSet, ranking: Ranking, top_k: Sequence[int], handle: VlmHandle) -> Answers:
    """The answers with the first documents of a ranking.

    :param top_k: Numbers of documents, each at least 1.
    """
    most = max(top_k)
    rows = [one[:most] for one in ranking.rows]
    return _answers(run, questions, rows, tuple(top_k), handle, ranking.system, ranking.dim)


def _answers(
    run: Run,
    questions: EvalSet,
    rows: Sequence[Sequence[int]],
    top_k: tuple[int, ...],
    handle: VlmHandle,
    system: str,
    dim: int,
) -> Answers:
    params = {
        "vlm": handle.params(),
        "top_k": top_k,
        "documents": hashlib.sha256(json.dumps([list(one) for one in rows]).encode()).hexdigest(),
        "questions": questions_hash(questions.questions),
        "files": [*questions.files, *(file for pool in questions.pools for file in questions.pool_files(pool))],
        "generation": run.generation(STAGE),
    }
    step = Step(f"{STAGE}/answers", VERSION, params, (), questions.split, "question", "question")
    asker = Asker(questions, rows, top_k, handle)
    output = run.map(step, asker.ask, partial(spans, len(questions), SHARD), ANSWERS, handle.where)
    by_k: dict[int, list[Answer | None]] = {k: [] for k in top_k}
    for row in output.rows():
        found = {one["k"]: one for one in row["answers"]}
        for k in top_k:
            by_k[k].append(found.get(k))
    return Answers(system, dim, by_k)


def answer_scores(questions: Sequence[Question], answers: Answers, k: int) -> Scored:
    """Accuracy of questions with options, EM and F1 of open ones, and whether each is right.

    An answer that could not be used counts as wrong; ``failed`` says how many there are.
    """
    values = {name: np.full(len(questions), np.nan) for name in ("accuracy", "em", "f1", CORRECT)}
    failed, prompt_tokens, completion_tokens = 0, 0, 0
    for row, (question, answer) in enumerate(zip(questions, answers.by_k[k], strict=True)):
        if answer is None:
            continue
        failed += bool(answer["reason"])
        prompt_tokens += answer["prompt_tokens"]
        completion_tokens += answer["completion_tokens"]
        for name, value in _figures(question, answer["prediction"] or "").items():
            values[name][row] = value
    tokens = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    kept = {name: some for name, some in values.items() if not np.isnan(some).all()}
    return Scored(answers.system, answers.dim, kept, k, {"failed": failed, **tokens})


def _figures(question: Question, prediction: str) -> dict[str, float]:
    if question.choices:
        right = Truth((), question.choices, question.label).score(prediction)
        return {"accuracy": right, CORRECT: right}
    exact = float(exact_match(prediction, question.answers))
    return {"em": exact, "f1": exact or token_f1(prediction, question.answers), CORRECT: exact}


def usage(several: Sequence[Answers]) -> dict[str, int]:
    """Requests and tokens of all different prompts."""
    prompts = {
        answer["prompt"]: answer
        for one in several
        for listed in one.by_k.values()
        for answer in listed
        if answer is not None
    }
    names = ("prompt_tokens", "completion_tokens")
    return {"requests": len(prompts), **{name: sum(one[name] for one in prompts.values()) for name in names}}
