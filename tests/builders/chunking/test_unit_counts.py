"""Counting by units and pieces against the library itself, for each rule of first cuts that is known."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from nyxqa.builders.chunking.pretokenizers import pretokens_of
from nyxqa.builders.chunking.unit_counts import Units, units_of
from tests.support.pages import sentences

UNKNOWN = "[UNK]"
TEXTS = [" ".join(sentences(number, 6)) for number in range(30)]
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def wordpiece(lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(**{"unk_token": UNKNOWN}))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def byte_level(split: str | None) -> Tokenizer:
    """A byte-level BPE that cuts as GPT-2 does, or by a pattern."""
    tokenizer = Tokenizer(models.BPE())
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    cuts = whole if split is None else pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), whole])
    tokenizer.pre_tokenizer = cuts
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_special_tokens([AddedToken("<|end|>", normalized=False)])
    return tokenizer


MAKERS: dict[str, Callable[[], Tokenizer]] = {
    "bert": lambda: wordpiece(True),
    "bert cased": lambda: wordpiece(False),
    "gpt2": lambda: byte_level(None),
    "llama3": lambda: byte_level(CL100K),
    "qwen": lambda: byte_level(CL100K.replace("{1,3}", "")),
}
TOKENIZERS = {name: make() for name, make in MAKERS.items()}
UNITS = {name: units_of(tokenizer) for name, tokenizer in TOKENIZERS.items()}
WORDS = [
    "Word",
    "it's",
    "I'LL",
    "'submarine",
    "(x)",
    "end.",
    "...!?",
    "3.14159",
    "a_b-c",
    "co-op",
    "naïve",
    "日本語。",
    "😀",
    "ét",
    "[UNK]",
    "[unk]x",
    "İſ",
]
WORDS += ["<|end|>", "<|END|>y", "\u200b", "\ufffd", "x" * 120]
SPACES = [*[" "] * 4, *["  ", "   ", "\n", "\n\n", " \n", "\n ", " \n \n", "\t", " \t ", "\r\n", "\xa0", "\u3000", ""]]
# No page holds a control character but tab and line end: its source takes them out.
NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\u2028\u2029]")
WORD = st.one_of(st.sampled_from(WORDS), st.text("abcXYZ.,'-9", min_size=1, max_size=6), st.text(max_size=3))
TEXT = st.lists(st.tuples(WORD, st.sampled_from(SPACES)), max_size=12).map(
    lambda pairs: NO_TEXT.sub("", "".join(a + b for a, b in pairs))
)


def library(name: str, text: str) -> list[int]:
    return [start for start, _ in TOKENIZERS[name].encode(text, add_special_tokens=False).offsets]


def units(name: str) -> Units:
    found = UNITS[name]
    assert found is not None
    return found


@pytest.mark.parametrize("name", list(MAKERS))
def test_first_cuts_of_common_tokenizers_are_known(name: str) -> None:
    assert pretokens_of(TOKENIZERS[name]) is not None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(TEXT, min_size=1, max_size=4))
@pytest.mark.parametrize("name", list(MAKERS))
def test_tokens_and_their_starts_are_those_of_the_library(name: str, texts: list[str]) -> None:
    found = units(name).starts(texts)
    assert [len(starts) for starts in found] == [len(library(name, text)) for text in texts]
    for text, starts in zip(texts, found, strict=True):
        assert [starts.number_before(at) for at in range(len(text) + 1)] == [
            sum(start < at for start in starts) for at in range(len(text) + 1)
        ]
        for token, start in enumerate(starts):
            begin, end = starts.span(token)
            assert begin <= start < end


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data(), TEXT)
@pytest.mark.parametrize("name", list(MAKERS))
def test_a_part_of_a_text_has_as_many_tokens_as_when_it_stands_alone(name: str, data: st.DataObject, text: str) -> None:
    (starts,) = units(name).starts([text])
    solid = [at for at, character in enumerate(text) if not character.isspace()]
    if not solid:
        return
    first = data.draw(st.sampled_from(solid))
    stop = data.draw(st.sampled_from([at for at in solid if at >= first])) + 1
    alone = len(library(name, text[first:stop]))
    assert starts.count_slice(text, first, stop, units(name).count_unit) == alone
    assert units(name).count(text[first:stop]) == alone


def test_a_tokenizer_that_reaches_across_white_space_has_no_units() -> None:
    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=500, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    assert units_of(tokenizer) is None


@pytest.mark.parametrize("option", ["lstrip", "rstrip", "single_word"])
def test_an_added_token_that_takes_what_stands_around_it_makes_first_cuts_unknown(option: str) -> None:
    tokenizer = byte_level(None)
    tokenizer.add_tokens([AddedToken("<x>", **{option: True})])
    assert pretokens_of(tokenizer) is None


def test_places_stay_right_when_the_units_have_been_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Unforgettable words, unbelievably many-sided."
    own = units_of(TOKENIZERS["gpt2"])
    assert own is not None
    (before,) = own.starts([text])
    monkeypatch.setattr("nyxqa.builders.chunking.unit_counts._MAX_CACHED", 1)
    own.starts(["Other words altogether"])
    assert list(before) == library("gpt2", text)
