"""Recipes: what is shipped, what is refused, and with which words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_file import read_recipe, shipped_recipes

_SET = {"name": "a", "questions": "flashrag:q", "passages": "flashrag:p"}


def test_the_shipped_recipes_are_valid() -> None:
    assert shipped_recipes() == ["nyxqa", "paper", "paper-code", "paper-stage1", "paper-stage2", "sample"]
    for name in shipped_recipes():
        assert read_recipe(name).seed == 42


def test_the_papers_numbers() -> None:
    """Every 5,000th row, 200 tokens, 5 images, 10,000 seeds by kind, 5 questions, ranks 1-10, first 5 of them."""
    paper = read_recipe("paper")
    assert paper.web is not None
    assert (paper.web.source, paper.web.every) == ("obelics", 5000)
    assert (paper.chunk.max_tokens, paper.chunk.max_images) == (200, 5)
    assert (paper.split.validation, paper.split.test) == (200, 200)
    assert paper.sample.shares is not None
    assert (paper.sample.count, paper.sample.shares.model_dump()) == (
        10_000,
        {"text": 0.6329, "single": 0.2985, "multi": 0.0686},
    )
    assert (paper.negatives.ranks, paper.negatives.count, paper.negatives.margin) == ([1, 10], 5, None)
    assert paper.negatives.instruction == "Please retrieve the most relevant document to answer the question."
    assert (paper.feedback.positives, paper.feedback.negatives, paper.feedback.drop) == (
        "window_first",
        "rest",
        ["wrong_with_all"],
    )
    assert (paper.train.max_pixels, paper.vlm.max_pixels) == (400 * 28 * 28, 1024 * 28 * 28)
    assert (paper.images.on_dead, paper.refine.rules, paper.verify.enabled) == ("page", "paper", False)
    assert not (paper.prefilter.enabled or paper.dedup.enabled or paper.filters.enabled)


def test_the_numbers_of_the_papers_code_and_mixture() -> None:
    code, stage1, stage2 = (read_recipe(f"paper-{name}") for name in ("code", "stage1", "stage2"))
    assert (code.negatives.ranks, code.train.max_pixels, code.train.lora) == ([11, 20], 640 * 28 * 28, "code")
    assert (code.feedback.positives, code.feedback.enough_negatives) == ("first", 3)
    assert stage1.web is None
    assert [(text.pool, text.positive, text.negatives, text.keep) for text in stage1.text] == [
        ("wiki", "top1", [11, 20], "retrieved")
    ] * 3
    kinds = [one.kind for one in stage1.imports]
    assert kinds == ["mme5_hardneg", "mme5_synthetic", "mme5_synthetic", "nyxqa_published"]
    assert not any("Classification" in one.path for one in stage1.imports)
    assert stage1.mixture is not None
    assert {section.questions.partition(":")[0] for section in stage2.qa} == {"mmqa", "scienceqa", "nyxqa"}
    assert stage2.feedback == code.feedback.model_copy(
        update={"positives": "window_first", "negatives": "rest", "threshold": 0.5, "enough_negatives": 5}
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"imagess.timeout": 1.0}, "--set imagess.timeout=1.0: unknown key; did you mean images.timeout?"),
        ({"split.vali": 1}, "--set split.vali=1: unknown key; did you mean split.validation?"),
        ({"chunk.max_token": 100}, "--set chunk.max_token=100: unknown key; did you mean chunk.max_tokens?"),
        ({"chunk.zzz": True}, "--set chunk.zzz=true: unknown key; keys of chunk: max_tokens, max_images, tokenizer"),
        ({"zzz.qqq": 1}, "--set zzz.qqq=1: unknown key; nyxqa recipe lists all keys"),
        ({"chunk": 3}, "chunk is a section; its keys: max_tokens, max_images, tokenizer"),
        ({"web": "x"}, "web is a section; its keys: source, limit, every, license"),
        ({"web.sorce": "x"}, "--set web.sorce=x: unknown key; did you mean web.source?"),
        ({"text": [{**_SET, "nam": "b"}]}, "unknown key 'text.0.nam'; did you mean 'name'?"),
        ({"text": [{"nam": "a", "questions": "q"}]}, "unknown key 'text.0.nam'; did you mean 'name'?"),
        ({"imports": []}, "--set imports=[]: unknown key; did you mean"),
        ({"web": {}}, "missing key 'web.source'"),
        ({"split.validation": "x"}, "split.validation = 'x': "),
        ({"verify.enabled": "autos"}, "verify.enabled = 'autos': "),
        ({"images.allow_private": 3}, "images.allow_private = 3: "),
        ({"seed": "1"}, "seed = '1': Input should be a valid integer"),
        ({"seed": True}, "seed = True: "),
        ({"chunk.max_tokens": 0}, "chunk.max_tokens = 0: Input should be greater than 0"),
        ({"chunk.max_tokens": 2.0}, "chunk.max_tokens = 2.0: "),
        ({"negatives.ranks": [3, 1]}, "negatives.ranks = [3, 1]: the first rank must not exceed the last"),
        ({"negatives.ranks": [1]}, "negatives.ranks = [1]: "),
        ({"split": {"validation": 0.5, "test": 0.5}}, "validation and test leave nothing for train"),
        ({"split.validation": 200}, "must both be fractions of pages or both be questions per kind"),
        ({"sample.shares": {"text": 1.0, "single": 0.0, "multi": 0.0}}, "shares need count"),
        ({"sample": {"count": 1, "shares": {"text": 0.5, "single": 0.0, "multi": 0.0}}}, "shares must sum to 1"),
        ({"import": [{"kind": "mme", "path": "p"}]}, "import.0.kind = 'mme': Input should be 'mmeb'"),
        ({"text": [{**_SET, "name": "A"}]}, "text.0.name = 'A': String should match pattern"),
        ({"text": [{**_SET, "name": "all"}]}, "text.0.name = 'all': 'all' names every split"),
        ({"text": [{**_SET, "pool": "all"}]}, "text.0.pool = 'all': 'all' names every split"),
        ({"seed.x": 1}, "seed = {'x': 1}: "),
        ({"chunk": 1, "chunk.max_tokens": 2}, "'chunk' is not a section, so 'chunk.max_tokens' cannot be set"),
        ({"mixture.weights": {"a": -1.0}}, "mixture.weights"),
    ],
)
def test_faults_are_named_where_they_stand(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        read_recipe("nyxqa", overrides)
    assert "\n" not in str(caught.value)


def test_a_valid_recipe_is_unchanged_by_its_reading() -> None:
    recipe = read_recipe("nyxqa", {"split.validation": 3, "split.test": 4, "mixture.caps": {"mmeb/OK-VQA": 5000}})
    assert (recipe.split.validation, recipe.split.test) == (3, 4)
    assert recipe.mixture is not None
    assert recipe.mixture.caps == {"mmeb/OK-VQA": 5000}
    assert Recipe.model_validate(recipe.model_dump(by_alias=True)) == recipe
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 1


@pytest.mark.parametrize("value", ["[10.0.0.0/8]", [10], 1])
def test_what_may_be_allowed_is_said(value: object) -> None:
    with pytest.raises(UsageError, match=r"images\.allow_private = .*: give false .*, true .* or a list of hosts"):
        read_recipe("sample", {"images.allow_private": value})
    allowed = read_recipe("sample", {"images.allow_private": ["10.0.0.0/8"]}).images.allow_private
    assert allowed == ["10.0.0.0/8"]
