"""Settings that come with nyxqa, how they write an input, and checkpoints that do not fit."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.hf import load_hf
from nyxqa.retriever.models.loading import settings_of
from nyxqa.retriever.models.model_input import InputTextWriter
from nyxqa.retriever.models.sentence_transformers_layout import write_text_layout
from nyxqa.retriever.models.settings import EmbedderSettings, known_names, known_settings
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.errors import UsageError
from tests.support.tiny_bert import make_tiny_bert

KNOWN = Path(__file__).parents[3] / "retriever" / "models" / "known"
SYSTEM = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
SEARCH = "Given a web search query, retrieve relevant passages that answer the query"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(make_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny"))


def test_every_file_is_valid_and_names_its_source() -> None:
    names = known_names()
    assert len({name.lower() for name in names}) == len(names) > 15
    for file in KNOWN.glob("*.toml"):
        text = file.read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert "(" in text.splitlines()[0]
        for name in tomllib.loads(text)["names"]:
            if "unsupported" not in text:
                EmbedderSettings.model_validate(known_settings(name))
    assert known_settings("nobody/knows") is None
    assert known_settings("baai/BGE-m3") == known_settings("BAAI/bge-m3")


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("BAAI/bge-m3", "How?", "So."),
        ("intfloat/e5-base-v2", "query: How?", "passage: So."),
        ("intfloat/e5-mistral-7b-instruct", f"Instruct: {SEARCH}\nQuery: How?</s>", "So.</s>"),
        (
            "intfloat/mmE5-mllama-11b-instruct",
            "Please retrieve the most relevant document to answer the question.\nHow?",
            "So.",
        ),
        ("VLM2Vec/VLM2Vec-V2.0", "How?", "So."),
        (
            "Alibaba-NLP/gme-Qwen2-VL-2B-Instruct",
            SYSTEM.format("You are a helpful assistant.", "How?") + "<|endoftext|>",
            SYSTEM.format("You are a helpful assistant.", "So.") + "<|endoftext|>",
        ),
        (
            "Qwen/Qwen3-VL-Embedding-2B",
            SYSTEM.format("Retrieve images or text relevant to the user's query.", "How?"),
            SYSTEM.format("Represent the user's input.", "So."),
        ),
    ],
)
def test_inputs_are_written_as_their_authors_write_them(name: str, query: str, document: str, tokenizer: Any) -> None:
    settings = EmbedderSettings.model_validate({**(known_settings(name) or {}), "images": False})
    writer = InputTextWriter(tokenizer, settings)
    assert writer.write(ModelInput("How?", (), "query")).text == query
    assert writer.write(ModelInput("So.", (), "document")).text == document


def test_the_instruction_of_a_query_takes_the_place_of_the_models(tokenizer: Any) -> None:
    for name, written in (
        ("Qwen/Qwen3-VL-Embedding-2B", SYSTEM.format("Find it.", "How?")),
        ("intfloat/multilingual-e5-large-instruct", "Instruct: Find it.\nQuery: How?"),
        ("BAAI/bge-m3", "Find it.\nHow?"),
    ):
        settings = EmbedderSettings.model_validate({**(known_settings(name) or {}), "images": False})
        asked = ModelInput("How?", (), "query", "Find it.")
        assert InputTextWriter(tokenizer, settings).write(asked).text == written
    nested = EmbedderSettings(images=False, template="{instruction}|{text}", document_instruction="a {text}")
    assert InputTextWriter(tokenizer, nested).write(ModelInput("b {instruction}")).text == "a {text}|b {instruction}"
    with pytest.raises(ValueError, match=r"may hold \{instruction\} once"):
        EmbedderSettings(template="{instruction}{text}", query_prefix="{instruction}")


def test_a_file_beside_the_weights_has_precedence(tmp_path: Path) -> None:
    assert settings_of(tmp_path, name="BAAI/bge-m3").pooling == "cls"
    assert settings_of(tmp_path, {"pooling": "mean"}, "BAAI/bge-m3").pooling == "mean"
    (tmp_path / "embedder.toml").write_text('pooling = "last"\n')
    assert settings_of(tmp_path, name="BAAI/bge-m3") == EmbedderSettings()


def test_sentence_transformers_gets_the_instruction_as_a_prompt(tmp_path: Path) -> None:
    settings = EmbedderSettings.model_validate(known_settings("Qwen/Qwen3-VL-Embedding-2B"))
    write_text_layout(tmp_path, settings, 32)
    prompts = json.loads((tmp_path / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts["document"] == SYSTEM.format("Represent the user's input.", "\0").partition("\0")[0]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("e5:BAAI/bge-m3", r"is not read as E5-v2 is .*; write hf:BAAI/bge-m3, which has its own settings"),
        ("e5:intfloat/e5-mistral-7b-instruct", "write hf:intfloat/e5-mistral-7b-instruct"),
        ("hf:jinaai/jina-embeddings-v4", "it needs code of its own .* name it endpoint:MODEL@URL"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_encoder(spec)


def test_a_checkpoint_that_does_not_fit_names_the_key(tmp_path: Path) -> None:
    bert = make_tiny_bert(tmp_path / "bert")
    with pytest.raises(
        UsageError, match=r"hf:bert: its processor takes no images; set images = false in embedder\.toml"
    ):
        load_hf(ModelName(str(bert)))
