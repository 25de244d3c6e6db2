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
from nyxqa.builders.evaluate.rankings import STAGE, Ranking, Shown, Span, questions_hash, spans
from nyxqa.builders.evaluate.row_schemas import ANSWERS
from nyxqa.builders.qa.nuggets import CORRECT_RECALL, nugget_recall
from nyxqa.builders.qa.scoring import Truth, listed_options
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.builders.vlm.prompt import form_of
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmDocument, VlmRequest
from nyxqa.schemas.answers import exact_match, token_f1
from nyxqa.schemas.content import Content, plain_text

VERSION = 1
SHARD = 128  # questions of a shard
CLOSED_BOOK = "closed_book"
# Right: the option where there are options, else an exact match.
CORRECT = "correct"
METRICS = ("accuracy", "em", "f1", "nugget_recall", "abstained", CORRECT)

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
    """Whether an answer could be right: there are options with a key, or accepted forms, or none is right."""
    return bool(question.choices) or Truth(question.answers).known or not question.answerable


@dataclass(frozen=True)
class Asker:
    """Asks the questions of a shard.

    :param shown: For each question and each number of ``top_k`` what is put before it.
    :param top_k: Numbers of documents; fewer where fewer were retrieved.
    """

    questions: EvalSet
    shown: Sequence[Sequence[tuple[Shown, ...]]]
    top_k: tuple[int, ...]
    handle: VlmHandle

    def ask(self, span: Span) -> ShardOutput:
        """Rows of ``ANSWERS`` for the questions of a shard."""
        block = self.questions.questions[span[0] : span[1]]
        asked = [
            list(dict.fromkeys(self.shown[number])) if is_asked(one) else []
            for number, one in enumerate(block, span[0])
        ]
        outcomes = self.handle.open().answer(self._requests(block, asked))
        found = []
        for number, (one, prompts) in enumerate(zip(block, asked, strict=True), span[0]):
            by_prompt = {prompt: _answer(next(outcomes), _prompt(one, prompt)) for prompt in prompts}
            listed = zip(self.top_k, self.shown[number], strict=True) if prompts else ()
            found.append({"query_id": one.id, "answers": [{"k": k, **by_prompt[prompt]} for k, prompt in listed]})
        rows = list(ACTIVITY.counted(found))
        ids = [one.id for one in block]
        return ShardOutput(pa.Table.from_pylist(rows, schema=ANSWERS), Account(ids, ids))

    def _requests(
        self, block: Sequence[Question], asked: Sequence[Sequence[tuple[Shown, ...]]]
    ) -> Iterator[VlmRequest]:
        for one, prompts in zip(block, asked, strict=True):
            for shown in prompts:
                yield request(self.questions, one, shown)


def _prompt(question: Question, shown: Sequence[Shown]) -> str:
    text = json.dumps([question.id, question.pool, list(shown)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def request(questions: EvalSet, question: Question, shown: Sequence[Shown]) -> VlmRequest:
    """A question with its options and pictures behind the documents that are shown."""
    pool = questions.pools[question.pool]
    content = Content(question.text + listed_options(question.choices), questions.pictures(question))
    documents = (
        VlmDocument("", Content(plain_text(one))) if isinstance(one, str) else pool.source(one) for one in shown
    )
    return VlmRequest(question.id, content, documents=tuple(documents), form=form_of(question.type))


def _answer(outcome: Answered[str] | Failed, prompt: str) -> Row:
    if isinstance(outcome, Failed):
        failed = {"prediction": None, "reason": outcome.reason, "detail": outcome.detail}
        return {"prompt": prompt, **failed, "prompt_tokens": 0, "completion_tokens": 0}
    sent, received = outcome.tokens
    prediction = {"prediction": " ".join(outcome.value.split()), "reason": "", "detail": ""}
    return {"prompt": prompt, **prediction, "prompt_tokens": sent, "completion_tokens": received}


def closed_book(run: Run, questions: EvalSet, handle: VlmHandle) -> Answers:
    """The answers without any document."""
    return _answers(run, questions, [[()] for _ in questions.questions], (0,), handle, CLOSED_BOOK, 0)


def answers(run: Run, questions: EvalSet, ranking: Ranking, top_k: Sequence[int], handle: VlmHandle) -> Answers:
    """The answers with the first documents of a ranking.

    :param top_k: Numbers of documents, each at least 1.
    """
    shown = [[ranking.shown(number, k) for k in top_k] for number in range(len(questions))]
    return _answers(run, questions, shown, tuple(top_k), handle, ranking.system, ranking.dim)


def _answers(
    run: Run,
    questions: EvalSet,
    shown: Sequence[Sequence[tuple[Shown, ...]]],
    top_k: tuple[int, ...],
    handle: VlmHandle,
    system: str,
    dim: int,
) -> Answers:
    params = {
        "vlm": handle.params(),
        "top_k": top_k,
        "documents": hashlib.sha256(json.dumps(shown).encode()).hexdigest(),
        "questions": questions_hash(questions.questions),
        "files": [*questions.files, *(file for pool in questions.pools for file in questions.pool_files(pool))],
        "generation": run.generation(STAGE),
    }
    step = Step(f"{STAGE}/answers", VERSION, params, (), questions.split, "question", "question")
    asker = Asker(questions, shown, top_k, handle)
    output = run.map(step, asker.ask, partial(spans, len(questions), SHARD), ANSWERS, handle.where)
    by_k: dict[int, list[Answer | None]] = {k: [] for k in top_k}
    for row in output.rows():
        found = {one["k"]: one for one in row["answers"]}
        for k in top_k:
            by_k[k].append(found.get(k))
    return Answers(system, dim, by_k)


def answer_scores(questions: Sequence[Question], answers: Answers, k: int) -> Scored:
    """Accuracy of questions with options, EM and F1 of open ones, the share of the facts that long answers tell.

    And whether each is right: of a question that no document answers, an abstention.

    An answer that could not be used counts as wrong; ``failed`` says how many there are.
    """
    values = {name: np.full(len(questions), np.nan) for name in METRICS}
    failed, prompt_tokens, completion_tokens = 0, 0, 0
    for row, (question, answer) in enumerate(zip(questions, answers.by_k[k], strict=True)):
        if answer is None:
            continue
        failed += bool(answer["reason"])
        prompt_tokens += answer["prompt_tokens"]
        completion_tokens += answer["completion_tokens"]
        for name, value in _figures(question, answer["prediction"]).items():
            values[name][row] = value
    tokens = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    kept = {name: some for name, some in values.items() if not np.isnan(some).all()}
    return Scored(answers.system, answers.dim, kept, k, {"failed": failed, **tokens})


def _figures(question: Question, given: str | None) -> dict[str, float]:
    """Figures of one answer; None, where there was no usable one, is no abstention."""
    prediction = given or ""
    if not question.answerable:
        abstained = float(given == "")
        return {"abstained": abstained, CORRECT: abstained}
    if question.nuggets:
        recall = nugget_recall(prediction, question.nuggets)
        return {"nugget_recall": recall, CORRECT: float(recall >= CORRECT_RECALL)}
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
