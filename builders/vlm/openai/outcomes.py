"""Replies read as outcomes: which questions, answers and options of a reply are usable."""

from __future__ import annotations

from dataclasses import replace

from nyxqa.builders.vlm.openai.parsing import cut_strings, parse_answer, parse_options, parse_pairs, parse_question
from nyxqa.builders.vlm.openai.request import ANSWER_BOUND, LONG_BOUND, QUESTION_BOUND, SHORT_BOUND, ChatReply
from nyxqa.builders.vlm.prompt import FICTIONAL_PLACE, answer_size
from nyxqa.builders.vlm.protocol import Answered, AnswerForm, Failed, QaPair
from nyxqa.schemas.answers import normalise_answer

_CUT_OFF = Failed("unparsable", "cut off at the limit of characters")


def pairs_outcome(
    reply: ChatReply | Failed, limit: int, names_fictional_place: bool, long: bool = False
) -> Answered[list[QaPair]] | Failed:
    """The first ``limit`` pairs that are complete and not copied from the prompt's examples.

    :param names_fictional_place: Whether the document itself names the place of the examples.
    :param long: Whether answers of several sentences or items were asked for.
    """
    if isinstance(reply, Failed):
        return reply
    pairs = parse_pairs(reply.text, reply.truncated)
    if pairs is None:
        return _unparsable(reply)
    if not pairs:
        return Failed("no_question", "the model found nothing to ask")
    bound = LONG_BOUND if long else ANSWER_BOUND
    cut_questions, cut_answers = (cut_strings(reply.text, one) for one in (QUESTION_BOUND, bound))
    complete = [pair for pair in pairs if pair.question not in cut_questions and pair.answer not in cut_answers]
    own = [pair for pair in complete if names_fictional_place or not _names_fictional_place(pair)]
    if own:
        return Answered(own[:limit], reply.left_out)
    return Failed("no_question", "the model copied examples of its prompt") if complete else _CUT_OFF


def as_facts(outcome: Answered[list[QaPair]] | Failed) -> Answered[list[QaPair]] | Failed:
    """Pairs of a prompt that asks for nothing but facts."""
    if isinstance(outcome, Failed):
        return outcome
    return replace(outcome, value=[replace(pair, type="fact") for pair in outcome.value])


def merged_outcome(outcomes: list[Answered[list[QaPair]] | Failed]) -> Answered[list[QaPair]] | Failed:
    """The distinct pairs of all prompts about a document; a failure only if no prompt gave any."""
    pairs = [pair for outcome in outcomes if isinstance(outcome, Answered) for pair in outcome.value]
    if pairs:
        left_out = [image for outcome in outcomes if isinstance(outcome, Answered) for image in outcome.left_out]
        return Answered(list(dict.fromkeys(pairs)), tuple(dict.fromkeys(left_out)))
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    return next((failure for failure in failures if failure.reason != "no_question"), failures[0])


def answer_outcome(reply: ChatReply | Failed, form: AnswerForm = "short") -> Answered[str] | Failed:
    """The answer; an empty string for an abstention."""
    if isinstance(reply, Failed):
        return reply
    answer = parse_answer(reply.text, several=form != "short")
    if answer is None:
        return _unparsable(reply)
    if answer in cut_strings(reply.text, SHORT_BOUND if form == "short" else LONG_BOUND):
        return _CUT_OFF
    return Answered(answer, tokens=(reply.prompt_tokens, reply.completion_tokens))


def refined_outcome(
    reply: ChatReply | Failed, words: int, is_long: bool, form: AnswerForm = "short"
) -> Answered[QaPair] | Failed:
    """The answer if it has 1 to ``words`` words, and the question if the model rewrote it; of a list each item.

    :param is_long: Whether the answer had more words before.
    """
    if isinstance(reply, Failed):
        return reply
    outcome = answer_outcome(reply, form)
    if isinstance(outcome, Failed):
        return outcome
    size = answer_size(outcome.value, form)
    if size == 0 and is_long:
        return Failed("too_long", f"the model cannot say it in {words} words")
    if size == 0:
        return Failed("not_self_contained", "the model returned no answer: the question needs its document")
    if size > words:
        return Failed("too_long", f"{size} words, limit {words}")
    question = parse_question(reply.text)
    if question and question in cut_strings(reply.text, QUESTION_BOUND):
        return _CUT_OFF
    return Answered(QaPair(question, outcome.value), tokens=outcome.tokens)


def options_outcome(reply: ChatReply | Failed, key: str, minimum: int, maximum: int) -> Answered[list[str]] | Failed:
    """``minimum`` to ``maximum`` options, distinct from each other and from ``key`` after normalisation."""
    if isinstance(reply, Failed):
        return reply
    options = parse_options(reply.text)
    if options is None:
        return _unparsable(reply)
    cut = cut_strings(reply.text, SHORT_BOUND)
    # Of equal options the first spelling remains, at the position of the last.
    distinct = {normalise_answer(option): option for option in reversed(options) if option not in cut}
    usable = [o for o in reversed(distinct.values()) if normalise_answer(o) not in ("", normalise_answer(key))]
    if len(usable) < minimum:
        return Failed("too_few_distractors", f"{len(usable)} of {minimum}")
    return Answered(usable[:maximum])


def _names_fictional_place(pair: QaPair) -> bool:
    return FICTIONAL_PLACE in f"{pair.question} {pair.answer}"


def _unparsable(reply: ChatReply) -> Failed:
    return Failed("unparsable", "cut off at the limit of tokens" if reply.truncated else "not in the form asked for")
