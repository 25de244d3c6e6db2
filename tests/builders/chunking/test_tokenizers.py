from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from nyxqa.builders.chunking.tokenizers import (
    ModelTokenizer,
    WordTokenizer,
    open_tokenizer,
    tokenizer_identity,
    tokenizer_name,
    tokenizer_revision,
)
from nyxqa.builders.stages.chunk import chunk_pages
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Chunk
from tests.support.pages import sentences
from tests.support.rows import page, part

TEXTS = [" ".join(sentences(number, 6)) for number in range(30)]
UNKNOWN = "[UNK]"
HARD = "Grüße aus Köln 😀😀 naïve café — 日本語の文章です。 It's e\u0301te\u0301! " * 12


def bpe(folder: Path) -> Path:
    """A byte-level BPE, as Qwen's is."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.enable_truncation(16)
    tokenizer.save(str(folder / "bpe.json"))
    return folder / "bpe.json"


def wordpiece(folder: Path) -> Path:
    """A WordPiece with accents stripped, as BERT's is."""
    tokenizer = Tokenizer(models.WordPiece(**{"unk_token": UNKNOWN}))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    return folder


MAKERS = {"bpe": bpe, "wordpiece": wordpiece}


@pytest.fixture(params=list(MAKERS))
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(MAKERS[request.param](tmp_path))


def alone(name: str, text: str) -> int:
    """Tokens of a chunk's text as the library itself counts them."""
    tokenizer = Tokenizer.from_file(name if name.endswith(".json") else f"{name}/tokenizer.json")
    tokenizer.no_truncation()
    return len(tokenizer.encode(text.replace(PLACEHOLDER, ""), add_special_tokens=False).ids)


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("text", [TEXTS[0], HARD])
@pytest.mark.parametrize("max_tokens", [7, 40, 200])
def test_chunks_keep_the_page_and_the_limit_with_a_model_tokenizer(text: str, max_tokens: int, name: str) -> None:
    parts = [part(text), part(image="i" * 64), part(text[: len(text) // 2])]
    rows = list(chunk_pages([page("p", parts)], Chunk(max_tokens=max_tokens, tokenizer=name)))
    whole = "\n".join(PLACEHOLDER if p["text"] is None else p["text"] for p in parts)
    assert squeezed("".join(row["text"] for row in rows)) == squeezed(whole)
    assert all(row["n_tokens"] <= max_tokens for row in rows)
    assert [row["n_tokens"] for row in rows] == [alone(name, row["text"]) for row in rows]
    assert all("\ufffd" not in row["text"] for row in rows)


def test_a_word_stays_whole_though_it_has_many_tokens(name: str) -> None:
    rows = list(chunk_pages([page("p", [part(TEXTS[1])])], Chunk(max_tokens=30, tokenizer=name)))
    assert len(rows) > 2
    assert [word for row in rows for word in row["text"].split()] == TEXTS[1].split()


def test_n_tokens_is_what_the_model_counts_in_the_chunk(tmp_path: Path) -> None:
    name = str(wordpiece(tmp_path))
    rows = list(chunk_pages([page("p", [part(TEXTS[2]), part(TEXTS[3])])], Chunk(max_tokens=50, tokenizer=name)))
    tokenizer = Tokenizer.from_file(f"{name}/tokenizer.json")
    assert [row["n_tokens"] for row in rows] == [len(tokenizer.encode(row["text"]).ids) for row in rows]


def test_starts_ascend_and_truncation_is_off(name: str) -> None:
    tokenizer = open_tokenizer(name)
    assert isinstance(tokenizer, ModelTokenizer)
    starts = list(*tokenizer.starts([HARD]))
    assert len(starts) > 100
    assert all(a <= b < len(HARD) for a, b in pairwise(starts))


def test_words_need_no_model() -> None:
    tokenizer = open_tokenizer("words")
    assert isinstance(tokenizer, WordTokenizer)
    assert [list(starts) for starts in tokenizer.starts(["It's a co-op.", ""])] == [[0, 5, 7], []]


def test_a_tokenizer_is_its_bytes_wherever_it_lies(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    assert tokenizer_identity(str(first)) == tokenizer_identity(str(second / "tokenizer.json"))
    (second / "tokenizer.json").write_text("{}")
    assert tokenizer_identity(str(first)) != tokenizer_identity(str(second))
    assert (tokenizer_identity("words"), tokenizer_identity("user/model@main")) == ("words", "user/model@main")
    assert (tokenizer_name("words"), tokenizer_name("user/model@main")) == ("words", "user/model@main")
    # What is published names no folder of this machine.
    own = tokenizer_identity(str(first))
    assert tokenizer_name(str(first)) == "first"
    assert tokenizer_revision(str(first / "tokenizer.json")) == {"tokenizer.json": f"sha256:{own}"}
    assert tokenizer_revision("words") == {}


def test_a_path_without_a_tokenizer_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not contain a tokenizer\.json"):
        open_tokenizer(str(tmp_path))
    with pytest.raises(UsageError, match=r"does not contain a tokenizer\.json"):
        open_tokenizer(str(tmp_path / "missing"))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UsageError, match="is not a tokenizer"):
        open_tokenizer(str(tmp_path))
