"""Tokenizers whose first cuts are known: a unit of printable ASCII is worth what its pieces are worth one by one.

A model's tokenizer first cuts a text into pieces and then each piece, by itself, into tokens. Where the rule of the
first cuts is one of those below, it can be followed here: there are half as many pieces as words with all that sticks
to them, and each is given to the tokenizer once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nyxqa.builders.chunking.whitespace import Ints

WORD = re.compile(r"\S+")  # white space is worth no token
SPACED = re.compile(r"\s*\S+|\s+")  # a word with the white space before it
LINED = re.compile(r"[^\S\r\n]*\S+(?:\s*[\r\n]+)?|\s*[\r\n]+|\s+")  # or, as cl100k cuts, with line ends behind it

_SPACE, _LINE_END = "\u0120", "\u010a"  # how byte-level models spell them; other pieces hold none
BORDER = "\x00"  # stands between units; no piece holds it

# Every character but letters and digits is a piece.
_BERT = (re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]"), WORD)
_GPT2 = (
    re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9\x00]+|\s+(?![^\s\x00])|\s+|\x00"),
    SPACED,
)
_CL100K_ASCII = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\nA-Za-z0-9\x00]?[A-Za-z]+|[0-9]{digits}| ?[^\sA-Za-z0-9\x00]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?![^\s\x00])|\s+|\x00"
)
_CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
# By the pattern in a tokenizer's file: Qwen cuts digits one by one, cl100k and Llama 3 in threes.
_SPLITS = {
    _CL100K.replace("{digits}", digits): (re.compile(_CL100K_ASCII.replace("{digits}", digits)), LINED)
    for digits in ("", "{1,3}")
}


@dataclass(frozen=True)
class Pretokens:
    """The first cuts of a tokenizer.

    :param pieces: Pieces of printable ASCII.
    :param units: What a unit is.
    :param lower: Whether case is folded first.
    :param whole: Pieces that are one token: words of the vocabulary, for a model that takes the longest first.
    :param added: Finds texts that are a token before all cuts.
    """

    pieces: re.Pattern[str]
    units: re.Pattern[str]
    lower: bool
    whole: frozenset[str]
    added: re.Pattern[str] | None

    def plain(self, units: list[str]) -> Ints:
        """Places of those of ``units`` that can be cut here, int64 [plain units]."""
        plain = [place for place, unit in enumerate(units) if _is_plain(unit)]
        if self._holds_added(BORDER.join(units)):
            plain = [place for place in plain if not self._holds_added(units[place])]
        return np.array(plain, np.int64)

    def count(self, unit: str, model: Any) -> int | None:
        """Tokens of one unit, or None if it is not plain."""
        if not _is_plain(unit) or self._holds_added(unit):
            return None
        return int(self.tokens(self.cut([unit])[:-1], model).sum())

    def cut(self, units: list[str]) -> list[str]:
        """Pieces of plain units, a border behind each unit."""
        together = BORDER.join([*units, ""])
        return self.pieces.findall(together.lower() if self.lower else together)

    def tokens(self, pieces: list[str], model: Any) -> Ints:
        """Tokens of each piece.

        :param model: The ``tokenizers.models.Model`` that cuts pieces into tokens.
        """
        counts = [
            1 if piece in self.whole else len(model.tokenize(piece.replace(" ", _SPACE).replace("\n", _LINE_END)))
            for piece in pieces
        ]
        return np.array(counts, np.int64)

    def _holds_added(self, text: str) -> bool:
        return self.added is not None and self.added.search(text) is not None


def _is_plain(unit: str) -> bool:
    """Whether all characters are printable ASCII or line ends."""
    return unit.isascii() and (unit.isprintable() or unit.replace("\n", " ").isprintable())


def pretokens_of(tokenizer: Any) -> Pretokens | None:
    """The first cuts of a ``tokenizers.Tokenizer``, or nothing if they are not known here."""
    tokens = list(tokenizer.get_added_tokens_decoder().values())
    if any(token.lstrip or token.rstrip or token.single_word or re.search(r"\s", token.content) for token in tokens):
        return None
    folded = re.IGNORECASE if any(token.normalized for token in tokens) else re.NOFLAG
    added = re.compile("|".join(re.escape(token.content) for token in tokens), folded) if tokens else None
    normalizer, cuts = _state(tokenizer.normalizer), _state(tokenizer.pre_tokenizer)
    model = type(tokenizer.model).__name__
    if (model, normalizer.get("type"), cuts.get("type")) == ("WordPiece", "BertNormalizer", "BertPreTokenizer"):
        whole = frozenset(tokenizer.get_vocab(with_added_tokens=False))
        return Pretokens(*_BERT, bool(normalizer["lowercase"]), whole, added)
    known = _byte_level(cuts)
    if model != "BPE" or tokenizer.model.dropout or normalizer.get("type") not in (None, "NFC") or known is None:
        return None
    return Pretokens(*known, False, frozenset(), added)


def _state(part: Any) -> dict[str, Any]:
    """A part of a tokenizer as its file spells it; one that is not there is empty."""
    return {} if part is None else dict(json.loads(part.__getstate__()))


def _byte_level(cuts: dict[str, Any]) -> tuple[re.Pattern[str], re.Pattern[str]] | None:
    steps: Iterable[dict[str, Any]] = cuts["pretokenizers"] if cuts.get("type") == "Sequence" else [cuts]
    *splits, last = steps
    if last.get("type") != "ByteLevel" or last["add_prefix_space"] or last["use_regex"] == bool(splits):
        return None
    if not splits:
        return _GPT2
    (split, *more) = splits
    if more or split.get("type") != "Split" or split["behavior"] != "Isolated" or split["invert"]:
        return None
    return _SPLITS.get(split["pattern"].get("Regex", ""))
