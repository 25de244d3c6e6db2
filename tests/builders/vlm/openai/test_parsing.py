"""Parsing of model answers: a table of malformed ones, and properties over all strings."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nyxqa.builders.vlm.openai.parsing import parse_answer, parse_options, parse_pairs, tidy
from nyxqa.builders.vlm.protocol import QaPair

ONE = [("What is x?", "y")]
TWO = [("What is x?", "y"), ("Who was z?", "Ada Holt")]

PAIRS = [
    # JSON, well formed but not in the form asked for
    ('{"pairs": [{"question": "What is x?", "answer": "y"}]}', ONE),
    ('[{"question": "What is x?", "answer": "y"}]', ONE),
    ('{"question": "What is x?", "answer": "y"}', ONE),
    ('{"questions": [{"question": "What is x?", "answer": "y"}]}', ONE),
    ('{"qa_pairs": [{"Question": "What is x?", "Answer": "y"}]}', ONE),
    ('{"Q1": "What is x?", "A1": "y", "Q2": "Who was z?", "A2": "Ada Holt"}', TWO),
    ('[{"Q1": "What is x?", "A1": "y"}, {"Q2": "Who was z?", "A2": "Ada Holt"}]', TWO),
    ('[["What is x?", "y"], ["Who was z?", "Ada Holt"]]', TWO),
    ('[{"q": "What is x?", "a": "y"}]', ONE),
    ('[{"answer": "y", "question": "What is x?"}]', ONE),
    ('{"pairs": [{"question": "How many?", "answer": 12}]}', [("How many?", "12")]),
    ('{"pairs": [{"question": "Is it?", "answer": true}]}', [("Is it?", "yes")]),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}, {"question": "Empty?", "answer": ""}]}', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}, {"question": "Null?", "answer": null}]}', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}, {"question": "Lone?"}]}', ONE),
    ('{"pairs": [{"question": "What\\nis  x?", "answer": "y\\t"}]}', ONE),
    ('{"pairs": []}', []),
    ("[]", []),
    ("```json\n[]\n```", []),
    # JSON in prose and fences
    ('```json\n{"pairs": [{"question": "What is x?", "answer": "y"}]}\n```', ONE),
    ('```\n[{"question": "What is x?", "answer": "y"}]\n```', ONE),
    ('Sure! Here they are:\n```json\n[{"question": "What is x?", "answer": "y"}]\n```\nHope that helps.', ONE),
    ('Here you go: {"pairs": [{"question": "What is x?", "answer": "y"}]} Anything else?', ONE),
    ('{"question": "What is x?", "answer": "y"}\n{"question": "Who was z?", "answer": "Ada Holt"}', TWO),
    ('1. {"question": "What is x?", "answer": "y"}\n2. {"question": "Who was z?", "answer": "Ada Holt"}', TWO),
    ('<think>Perhaps {"question": "no", "answer": "no"}</think>[{"question": "What is x?", "answer": "y"}]', ONE),
    ('```json\n[{"question": "What is x?", "answer": "y"}]', ONE),
    # broken JSON
    ('{"pairs": [{"question": "What is x?", "answer": "y"},]}', ONE),
    ('[{"question": "What is x?", "answer": "y",},]', ONE),
    ('{\u201cpairs\u201d: [{\u201cquestion\u201d: \u201cWhat is x?\u201d, \u201canswer\u201d: \u201cy\u201d}]}', ONE),
    ("[{'question': 'What is x?', 'answer': 'y'}]", ONE),
    ("[{'question': 'What is John's x?', 'answer': 'y'}]", [("What is John's x?", "y")]),
    ('[{"question": "What is "x"?", "answer": "y"}]', [('What is "x"?', "y")]),
    ('[{"question": "What is x?" "answer": "y"}]', None),
    ('[{"question": "What is x?", "answer": "y"} {"question": "Who was z?", "answer": "Ada Holt"}]', TWO),
    ('{question: "What is x?", answer: "y"}', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}, {"question": "Who wa', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}, {"question": "Who was z?", "answer": "Ada Ho', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}', ONE),
    ('[{"question": "What is x?", "answer": "y"}, {"question": "Who was z?", "answer": "Ada Holt"', ONE),
    ('{"pairs": [{"question": "What is x?", "ans', None),
    ('[{"question": "How many?", "answer": 12}, {"question": "Who', [("How many?", "12")]),
    ('[{"question": "Say \\"x\\"?", "answer": "y"}, {', [('Say "x"?', "y")]),
    # the bracket form of the reference, in every variant its own parser loses
    ("[Q1: What is x?, A1: y]", ONE),
    ("[Q1:What is x?,A1:y]", ONE),
    ("[Q1: What is x?\nA1: y]", ONE),
    ("[Q1: What is x?,\nA1: y]\n[Q2: Who was z?,\nA2: Ada Holt]", TWO),
    ("[Q1: What is x?, A1: y], [Q2: Who was z?, A2: Ada Holt]", TWO),
    ("[Q1: What is x?, A1: y; Q2: Who was z?, A2: Ada Holt]", TWO),
    ("Q1: What is x?\nA1: y\n\nQ2: Who was z?\nA2: Ada Holt", TWO),
    ("Q1: What is x?, A1: y", ONE),
    ("[Q1: What is x?, A1: y, [Q2: Who was z?, A2: Ada Holt]", TWO),
    ("[Q1: What is x?, A1: y[3]], [Q2: Who was z?, A2: Ada Holt]", [("What is x?", "y[3]"), TWO[1]]),
    ("[Q1: What is [x]?, A1: y]", [("What is [x]?", "y")]),
    ("[[Q1: What is x?, A1: y], [Q2: Who was z?, A2: Ada Holt]]", TWO),
    ("Here:\n[Q1: What is x?, A1: y]\n[Q2: Who was z?, A2: Ada Holt]\n\nLet me know.", TWO),
    ("**Q1:** What is x?\n**A1:** y", ONE),
    ("**Q1**: What is x?\n**A1**: y", ONE),
    ("Question 1: What is x?\nAnswer 1: y", ONE),
    ("Question: What is x?\nAnswer: y\nQuestion: Who was z?\nAnswer: Ada Holt", TWO),
    ("Q: What is x?\nA: y", ONE),
    ("1. Q: What is x?\n   A: y", None),
    ("[Q1\uff1aWhat is x?, A1\uff1ay]", ONE),
    ("Q1. What is x?\nA1. y", ONE),
    ("Q1) What is x?\nA1) y", ONE),
    ('[Q1: "What is x?", A1: "y"]', ONE),
    ("[Q1: What is x?, A1: y, Q2: Who was z?]", ONE),
    ("[A1: y, Q1: What is x?]", None),
    ("[Q1: What is x?, A2: y]", None),
    ("[q1: What is x?, a1: y]", ONE),
    # drafts: the last complete JSON counts
    ('{"pairs": [{"question": "D", "answer": "d"}]} So: {"pairs": [{"question": "What is x?", "answer": "y"}]}', ONE),
    ('{"question": "Draft?", "answer": "d"} So: [{"question": "What is x?", "answer": "y"}]', ONE),
    ('{"question": "Draft?", "answer": "d"}</think>{"pairs": [{"question": "What is x?", "answer": "y"}]}', ONE),
    # what values are meant
    ('"{\\"pairs\\": [{\\"question\\": \\"What is x?\\", \\"answer\\": \\"y\\"}]}"', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": ["y"]}]}', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": {"text": "y"}}]}', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}, {"question": "How?", "answer": NaN}]}', ONE),
    ('{"pairs": [{"question": "What is x?", "answer": "y"}, {"question": "How?", "answer": ["a", "b"]}]}', ONE),
    (r'{"pairs": [{"question": "Is $\theta$ or $\rho$ it?", "answer": "$3 \times \frac{1}{2}$"}]}',
     [(r"Is $\theta$ or $\rho$ it?", r"$3 \times \frac{1}{2}$")]),
    (r'{"pairs": [{"question": "Where is it?\nTell.", "answer": "C:\temp\new"}]}',
     [("Where is it? Tell.", r"C:\temp\new")]),
    (r'[{"question": "Is $\alpha$ it?", "answer": "\(x\)"}, {"question": "Who', [(r"Is $\alpha$ it?", r"\(x\)")]),
    # nothing
    ("", None),
    ("I cannot help with that.", None),
    ("<html><body>502</body></html>", None),
    ("{", None),
    ("[" * 5000, None),
    ("null", None),
    ("12", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PAIRS)
def test_pairs(text: str, expected: list[tuple[str, str]] | None) -> None:
    found = parse_pairs(text)
    assert (None if found is None else [(pair.question, pair.answer) for pair in found]) == expected


def test_the_table_is_long_enough() -> None:
    assert len(PAIRS) + len(ANSWERS) + len(OPTIONS) >= 60


def test_an_unclosed_last_pair_of_a_truncated_answer_is_left_out() -> None:
    text = "[Q1: What is x?, A1: y], [Q2: Who was z?, A2: Ada Ho"
    assert parse_pairs(text, truncated=True) == [QaPair("What is x?", "y")]


ANSWERS = [
    ('{"answer": "38 metres"}', "38 metres"),
    ('```json\n{"answer": "38 metres"}\n```', "38 metres"),
    ('The answer is {"answer": "38 metres"}.', "38 metres"),
    ('{"answer": "38 metres"', "38 metres"),
    ('{"answer": 38}', "38"),
    ('{"answer": null}', ""),
    ('{"answer": null', ""),
    ('{"answer": "unknown"}', ""),
    ('{"answer": "I don\'t know."}', ""),
    ('"38 metres"', "38 metres"),
    ("38 metres", "38 metres"),
    ("Answer: 38 metres\nIt says so.", "38 metres"),
    ("**Answer:** 38 metres", "38 metres"),
    ("Unknown.", ""),
    ("<think>hm</think> 38 metres", "38 metres"),
    ("{'answer': '38 metres'}", "38 metres"),
    ('{"answer": "38 met', None),
    # lists, objects, JSON in a string, and what is no answer
    (r'"{\"answer\": \"38 metres\"}"', "38 metres"),
    ('{"answer": ["38 metres"]}', "38 metres"),
    ('[{"answer": "38 metres"}]', "38 metres"),
    ('["38 metres"]', "38 metres"),
    ('{"answer": {"value": "38 metres"}}', "38 metres"),
    ('{"Answer": "38 metres"}', "38 metres"),
    ('{"answer": ["38 metres", "40 metres"]}', None),
    ('{"answer": {"from": 1, "to": 2}}', None),
    ('{"answer": NaN}', None),
    ('{"answer": -Infinity}', None),
    ('{"answer": "null"}', ""),
    ('{"answer": "None"}', ""),
    ('{"answer": "N/A"}', ""),
    # the last complete JSON counts
    ('Draft: {"answer": "37"} Final: {"answer": "38"}', "38"),
    ('```json\n{"answer": "37"}\n```\nNo:\n```json\n{"answer": "38"}\n```', "38"),
    ("{x} " * 400 + '{"answer": "38"}', "38"),
    # a lead is cut off, a sentence that begins with "A" is not
    ("A 4:3 ratio", "A 4:3 ratio"),
    ("A: 38 metres", "38 metres"),
    ("A1: 38 metres", "38 metres"),
    ("Answer: -5", "-5"),
    ("Answer: $38", "$38"),
    # backslashes
    (r'{"answer": "\frac{1}{2}"}', r"\frac{1}{2}"),
    (r'{"answer": "\\frac{1}{2}"}', r"\frac{1}{2}"),
    (r'{"answer": "\beta \nu \tau"}', r"\beta \nu \tau"),
    (r'{"answer": "\sqrt{2}"}', r"\sqrt{2}"),
    (r'{"answer": "D:\bin\run.exe"}', r"D:\bin\run.exe"),
    (r'{"answer": "C:\nParis"}', "C: Paris"),
    (r'{"answer": "caf\u00e9\tnow"}', "café now"),
    ("", None),
    ("x" * 1000, None),
]


@pytest.mark.parametrize(("text", "expected"), ANSWERS)
def test_answers(text: str, expected: str | None) -> None:
    assert parse_answer(text) == expected


OPTIONS = [
    ('{"options": ["a", "b", "c"]}', ["a", "b", "c"]),
    ('["a", "b", "c"]', ["a", "b", "c"]),
    ('{"options": [1, 2.5, "c"]}', ["1", "2.5", "c"]),
    ('{"A": "a", "B": "b", "C": "c"}', ["a", "b", "c"]),
    ('```json\n{"options": ["a", "b", "c",]}\n```', ["a", "b", "c"]),
    ('{"options": ["a", "b", "c', ["a", "b"]),
    ("{\u201coptions\u201d: [\u201ca\u201d, \u201cb\u201d]}", ["a", "b"]),
    ("1. a\n2. b\n3. c", ["a", "b", "c"]),
    ("A) a\nB) b\nC) c", ["a", "b", "c"]),
    ("- a\n- b\n* c", ["a", "b", "c"]),
    ("", None),
    ("none", None),
    ('{"explanation": ["because"], "options": ["a", "b", "c"]}', ["a", "b", "c"]),
    ('{"options": ["A) a", "B) b", "C) c"]}', ["a", "b", "c"]),
    ('{"options": ["1. a", "2. b", "3. c"]}', ["a", "b", "c"]),
    ('{"options": ["(a) a", "(b) b"]}', ["a", "b"]),
    ('{"options": ["A. Smith", "C. Jones", "B. Holt"]}', ["A. Smith", "C. Jones", "B. Holt"]),
    ('{"options": {"A": "a", "B": "b"}}', ["a", "b"]),
    ('{"options": [{"option": "a"}, {"text": "b"}, NaN, null]}', ["a", "b"]),
    ('{"options": ["d", "e"]} Better: {"options": ["a", "b"]}', ["a", "b"]),
]


@pytest.mark.parametrize(("text", "expected"), OPTIONS)
def test_options(text: str, expected: list[str] | None) -> None:
    assert parse_options(text) == expected


@given(st.text(max_size=300))
def test_no_string_makes_a_parser_raise(text: str) -> None:
    for found in (parse_pairs(text), parse_pairs(text, truncated=True) or []):
        for pair in found or []:
            assert pair.question and pair.answer
    answer = parse_answer(text)
    assert answer is None or answer == tidy(answer)
    assert all(parse_options(text) or ["x"])


@given(st.text(alphabet="{}[]\",:QqAa1 \n\\'`\u201c\u201dquestionanswer", max_size=200))
def test_no_heap_of_delimiters_makes_a_parser_raise(text: str) -> None:
    assert all(pair.answer for pair in parse_pairs(text) or [])
    assert all(parse_options(text) or ["x"])
    assert parse_answer(text) is None or isinstance(parse_answer(text), str)


_SAID = st.text(min_size=1, max_size=60).map(tidy).filter(bool)


@given(st.lists(st.tuples(_SAID, _SAID), min_size=1, max_size=6), st.sampled_from(["", "```json\n"]), st.booleans())
def test_well_formed_pairs_always_come_back(pairs: list[tuple[str, str]], fence: str, escaped: bool) -> None:
    value = {"pairs": [{"question": question, "answer": answer} for question, answer in pairs]}
    text = json.dumps(value, ensure_ascii=escaped)
    if fence and "```" in text:
        fence = ""
    text = f"{fence}{text}\n```" if fence else text
    assert parse_pairs(text) == [QaPair(question, answer) for question, answer in pairs]


_PLAIN = st.text(alphabet="abcdefgh ijk", min_size=1, max_size=20).map(tidy).filter(bool)


@given(st.lists(st.tuples(_PLAIN, _PLAIN), min_size=1, max_size=5), st.sampled_from([", ", ",", "\n", ",\n"]))
def test_well_formed_brackets_always_come_back(pairs: list[tuple[str, str]], between: str) -> None:
    text = between.join(f"[Q{n}:{q}?{between}A{n}:{a}]" for n, (q, a) in enumerate(pairs, 1))
    assert parse_pairs(text) == [QaPair(f"{question}?", answer) for question, answer in pairs]


REASONED = [
    'Perhaps {"answer": "no"}.</think>\n\n{"answer": "yes"}',
    '<think>{"answer": "no"}</think>{"answer": "yes"}',
    '<thinking>{"answer": "no"}</thinking> {"answer": "yes"}',
    '<reasoning>{"answer": "no"}</reasoning>{"answer": "yes"}',
    '{"answer": "no"}</thought>{"answer": "yes"}',
    '[THINK]{"answer": "no"}[/THINK]{"answer": "yes"}',
    '\u25c1think\u25b7{"answer": "no"}\u25c1/think\u25b7{"answer": "yes"}',
    '<|channel|>analysis<|message|>{"answer": "no"}<|end|><|start|>assistant<|channel|>final<|message|>'
    '{"answer": "yes"}',
    "<|channel|>analysis<|message|>no<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>"
    '{"answer": "yes"}<|return|>',
    'analysisWe need to answer "no"?assistantfinal{"answer": "yes"}',
    '<|START_THINKING|>{"answer": "no"}<|END_THINKING|><|START_RESPONSE|>{"answer": "yes"}<|END_RESPONSE|>',
    '<|begin_of_thought|>no<|end_of_thought|> <|begin_of_solution|>{"answer": "yes"}<|end_of_solution|>',
    '<|begin_of_box|>{"answer": "yes"}<|end_of_box|>',
    'Here is my thought process: {"answer": "no"} Here is my response: {"answer": "yes"}',
    "<think>no</think>\n<answer>yes</answer>",
    "<answer>no</answer> <answer>yes</answer>",
    '{"answer": "no"}</think> again {"answer": "no"}</think>{"answer": "yes"}',
    '{"answer": "yes"}<think>was that "no"?</think>',
]


@pytest.mark.parametrize("text", REASONED)
def test_reasoning_in_any_form_is_no_answer(text: str) -> None:
    assert parse_answer(text) == "yes"
    assert parse_pairs(text.replace('{"answer": "no"}', '{"pairs": [{"question": "No?", "answer": "n"}]}')) is None


@pytest.mark.parametrize(
    "text",
    ['<think>{"answer": "no"}', '{"answer": "no"}</think>', "<|channel|>analysis<|message|>no", "<reasoning>no"],
)
def test_reasoning_alone_is_nothing(text: str) -> None:
    assert (parse_answer(text), parse_options(text), parse_pairs(text)) == (None, None, None)


def test_marks_inside_the_strings_of_an_answer_are_text() -> None:
    assert parse_answer('{"answer": "</think>"}') == "</think>"
    assert parse_answer('```json\n{"answer": "<think>"}\n```') == "<think>"


HEAPS = [
    "*", "_", '"question":', '"question": "', '"answer": "', '{"question": "x" "', "Q1:", "Q1*", "[Q1: a, A1: b",
    "[", "]", "{", '{"a":', ", [", '",', " ", "\n", "- x\n", "\\", "\\n", '\\"', "C:\\a", "```", "```json\n",
    "<think>", "</think>", "<answer>", "<|channel|>analysis<|message|>", "1", "[1,", "Question 1: ]]]]",
]  # fmt: skip


@pytest.mark.parametrize("unit", HEAPS)
def test_the_time_grows_no_faster_than_the_text(unit: str) -> None:
    """Four times the text may take little more than four times the time; a quadratic parser takes sixteen times."""

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        parse_pairs(text)
        parse_answer(text)
        parse_options(text)
        return time.process_time() - started

    small = min(seconds(10_000) for _ in range(2))
    assert min(seconds(40_000) for _ in range(2)) < 9 * small + 0.05
