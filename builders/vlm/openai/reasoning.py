"""Removes from a model's text the reasoning that it wrote before its answer."""

from __future__ import annotations

import json
import re

_NAMES = "think|thinking|thought|thoughts|reasoning|reason|analysis|reflection|scratchpad|seed:think|longcat_think"
# Tags (DeepSeek, Qwen, EXAONE, Seed, ...), Magistral's brackets, Kimi's marks, marks of Cohere and of Sky-T1, and
# the channels of Gemma 4.
_OPENING = re.compile(
    rf"<(?:{_NAMES})>|\[THINK\]|\u25c1think\u25b7|<\|START_THINKING\|>|<\|begin_of_thought\|>|<\|channel>thought\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"</(?:{_NAMES})>|\[/THINK\]|\u25c1/think\u25b7|<\|END_THINKING\|>|<\|end_of_thought\|>|<channel\|>",
    re.IGNORECASE,
)
# gpt-oss: every message names its channel, and only that of channel "final" is the answer. A server that removes
# special tokens leaves "analysis...assistantfinal...".
_CHANNEL = re.compile(
    r"(?:<\|start\|>assistant)?<\|channel\|>(?P<name>\w+)[^<]{0,200}(?:<\|constrain\|>\w+)?<\|message\|>"
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_BARE_CHANNEL = re.compile(r"\Aanalysis(?=[^a-z])|\Aanalysis(?=(?:we|the|user|i|need|let|so)\b)", re.IGNORECASE)
_BARE_FINAL = "assistantfinal"
# Granite 3 writes these two headings.
_GRANITE_START, _GRANITE_END = "Here is my thought process:", "Here is my response:"
# Marks around the answer itself.
_MARKS = re.compile(
    r"<\|(?:begin|end)_of_(?:solution|box)\|>|<\|(?:START|END)_RESPONSE\|>|<\|(?:START|END)_TEXT\|>"
    r"|<\|(?:im_end|eot_id|endoftext|end_of_text|return|end)\|>|</s>\s*\Z"
)
_FENCE_START = re.compile(r"\A```[\w-]*\s*")
_ANSWER_OPENING, _ANSWER_CLOSING = re.compile(r"<answer>", re.IGNORECASE), re.compile(r"</answer>", re.IGNORECASE)


def without_reasoning(text: str) -> str:
    """The answer in ``text``; empty if all of it is reasoning.

    What precedes the last closing mark is reasoning even where no mark opens it: many templates put the opening
    mark into the prompt. Text that is JSON as a whole is an answer, whatever its strings say.
    """
    text = text.strip("\ufeff \t\r\n")
    if _is_json(_unfenced(text)):
        return text
    text = _last_channel(text)
    text = _MARKS.sub(" ", _after_reasoning(text)).strip("\ufeff \t\r\n")
    return _inside_answer_tag(text)


def _unfenced(text: str) -> str:
    if not text.startswith("```"):
        return text
    return _FENCE_START.sub("", text, count=1).removesuffix("```").strip()


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _last_channel(text: str) -> str:
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        if last["name"].lower() != "final":
            return ""
        return _CHANNEL_END.split(text[last.end() :], maxsplit=1)[0]
    if _BARE_CHANNEL.match(text) and _BARE_FINAL in text:
        return text.rpartition(_BARE_FINAL)[2]
    if text.startswith(_GRANITE_START):
        return text.partition(_GRANITE_END)[2]
    return text


def _after_reasoning(text: str) -> str:
    """What follows the last closing mark, else what lies outside of complete blocks."""
    end = 0
    for mark in _CLOSING.finditer(text):
        end = mark.end()
    rest = _before_opening(text[end:])
    if rest.strip() or not end:
        return rest
    return _outside_blocks(text)


def _before_opening(text: str) -> str:
    opening = _OPENING.search(text)
    return text if opening is None else text[: opening.start()]


def _outside_blocks(text: str) -> str:
    """Text before the first opening mark; empty if reasoning closes before one opens."""
    opening, closing = _OPENING.search(text), _CLOSING.search(text)
    if opening is None or closing is None or closing.start() < opening.start():
        return ""
    return text[: opening.start()]


def _inside_answer_tag(text: str) -> str:
    """The content of the last ``<answer>``; the text itself if there is none."""
    start = None
    for mark in _ANSWER_OPENING.finditer(text):
        start = mark.end()
    if start is None:
        return text
    closing = _ANSWER_CLOSING.search(text, start)
    return text[start : len(text) if closing is None else closing.start()].strip()
