"""What a run does otherwise than the paper is listed, be it the recipe's own or changed by a flag."""

from __future__ import annotations

import pytest

from nyxqa.builders.runner.deviations import deviations
from nyxqa.schemas.recipe_file import read_recipe

WRITER = "openai:OpenGVLab/InternVL3-78B@http://127.0.0.1:1/v1"


def told(**overrides: object) -> list[str]:
    """Deviations of recipe ``paper`` where its tokenizer cannot be had."""
    return deviations(read_recipe("paper", {"vlm.model": WRITER, "chunk.tokenizer": "words", **overrides}))


def test_recipe_paper_lists_what_it_cannot_or_will_not_do() -> None:
    lines = told()
    for words in ("bm25 instead of mmE5", "BGE-M3", "by groups of pages", "sixth image", "equal content"):
        assert any(words in line for line in lines), words
    for words in ("images on more than 1 %", "counted by words", "less than 40 tokens", "within the split"):
        assert any(words in line for line in lines), words
    assert not any("no negatives" in line for line in lines)  # it excludes equal texts alone, as the paper does
    assert not any("InternVL3" in line or " is " in line.partition("(")[0].replace("key is the", "") for line in lines)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "vlm.model",
            "openai:other@http://127.0.0.1:1/v1",
            "are written by openai:other, not by",
        ),
        ("vlm.model", "extractive", "made of sentences and captions without a model"),
        ("synthesize.instructions", "Ask as a cook.", "the prompt for questions is changed by synthesize.instructions"),
        ("web.source", "html:/home/me/pages", "pages are of html, not every 5000th of OBELICS"),
        ("web.every", 7, "web.every is 7, not 5000"),
        ("sample.count", 90, "sample.count is 90, not 10000"),
        ("filters.decontaminate", ["/home/me/bench"], "what overlaps with benchmarks is left out"),
        ("split.test", 300, "split.test is 300, not 200"),
        ("negatives.ranks", [1, 3], "negatives.ranks is [1, 3], not [1, 10]"),
        ("negatives.instruction", "", "queries carry no instruction"),
        ("negatives.instruction", "Find it.", "another instruction than the paper's"),
        ("vlm.max_pixels", 9999, "sees images of at most 9999 pixels, not 802816"),
        ("train.max_pixels", 501760, "trained on images of at most 501760 pixels, not 313600"),
        (
            "feedback.positives",
            "all",
            'stage 2, by the settings of this recipe: positives is "all", not "window_first"',
        ),
        ("feedback.negatives", "wrong", 'negatives is "wrong", not "rest"'),
        ("negatives.exclude", ["page", "equal"], "documents of the positive's page are no negatives"),
        ("negatives.exclude", ["answer", "equal"], "documents that hold the answer are no negatives"),
        ("negatives.per_query", True, "may rank below the last of the ranks"),
        ("chunk.max_tokens", 300, "chunk.max_tokens is 300, not 200"),
        ("verify.enabled", True, "verify.enabled is true, not false"),
    ],
)
def test_what_is_changed_is_listed(key: str, value: object, line: str) -> None:
    assert len([one for one in told(**{key: value}) if line in one]) == 1
    assert not [one for one in told() if line in one]


def test_no_line_says_what_is_not_so() -> None:
    assert not [line for line in told(**{"chunk.tokenizer": "Qwen/Qwen2.5-VL-3B-Instruct"}) if "counted by" in line]
    text = {"name": "t", "questions": "flashrag:/home/me/q", "passages": "flashrag:/home/me/p"}
    own = {**text, "positive": "top1", "exclude": [], "keep": "retrieved"}
    lines = deviations(read_recipe("paper", {"web": None, "text": [own]}))
    assert [line for line in lines if "/home" in line] == []
    assert [line.partition(" ")[0] for line in lines] == ["triplets"]  # no line about pages, which it does not read


def test_what_only_limits_the_run_is_not_listed() -> None:
    assert told(**{"images.concurrency": 3, "images.timeout": 3.0, "duckdb.threads": 1, "web.license": "x"}) == told()
