"""Known pre-tokenizers: the tokens of a unit of printable ASCII are the sum of the tokens of its pieces.

A model's tokenizer first splits a text into pieces and then each piece, independently, into tokens. If its rule for
splitting is one of those below, it is applied here: there are half as many distinct pieces as distinct words with
punctuation, and each is tokenized once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nyxqa.builders.chunking.token_index import Ints

WORD = re.compile(r"\S+")  # white space has no tokens
SPACED = re.compile(r"\s*\S+|\s+")  # a word with the white space before it
LINED = re.compile(r"[^\S\r\n]*\S+(?:\s*[\r\n]+)?|\s*[\r\n]+|\s+")  # or, as cl100k splits, with the line ends after it

_SPACE, _LINE_END = "\u0120", "\u010a"  # how byte-level models encode them; other pieces contain neither
BORDER = "\x00"  # separates units; no piece contains it

# Every character except letters and digits is a piece.
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
# By the pattern in a tokenizer's file: Qwen splits digits one by one, cl100k and Llama 3 in threes.
_SPLITS = {
    _CL100K.replace("{digits}", digits): (re.compile(_CL100K_ASCII.replace("{digits}", digits)), LINED)
    for digits in ("", "{1,3}")
}


@dataclass(frozen=True)
class Pretokens:
    """The pre-tokenizer of a tokenizer.

    :param pieces: Matches pieces of printable ASCII.
    :param units: Matches units.
    :param lower: Whether text is lowercased first.
    :param vocabulary: Pieces that are one token, for a model that matches the longest word first.
    :param added: Matches added tokens, which are taken out before splitting; None if there are none.
    """

    pieces: re.Pattern[str]
    units: re.Pattern[str]
    lower: bool
    vocabulary: frozenset[str]
    added: re.Pattern[str] | None

    def plain(self, units: list[str]) -> Ints:
        """Return the indices of those ``units`` that can be split here, int64 [plain units]."""
        plain = [place for place, unit in enumerate(units) if _is_plain(unit)]
        if self._holds_added(BORDER.join(units)):
            plain = [place for place in plain if not self._holds_added(units[place])]
        return np.array(plain, np.int64)

    def count(self, unit: str, model: Any) -> int | None:
        """Return the number of tokens of one unit, or None if it cannot be split here."""
        if not _is_plain(unit) or self._holds_added(unit):
            return None
        return int(self.tokens(self.cut([unit])[:-1], model).sum())

    def cut(self, units: list[str]) -> list[str]:
        """Return the pieces of plain units, with ``BORDER`` after each unit."""
        together = BORDER.join([*units, ""])
        return self.pieces.findall(together.lower() if self.lower else together)

    def tokens(self, pieces: list[str], model: Any) -> Ints:
        """Return the number of tokens of each piece, int64 [pieces].

        :param model: The ``tokenizers.models.Model`` that splits pieces into tokens.
        """
        counts = [
            1 if piece in self.vocabulary else len(model.tokenize(piece.replace(" ", _SPACE).replace("\n", _LINE_END)))
            for piece in pieces
        ]
        return np.array(counts, np.int64)

    def _holds_added(self, text: str) -> bool:
        return self.added is not None and self.added.search(text) is not None


def _is_plain(unit: str) -> bool:
    """Whether all characters are printable ASCII or line ends."""
    return unit.isascii() and (unit.isprintable() or unit.replace("\n", " ").isprintable())


def pretokens_of(tokenizer: Any) -> Pretokens | None:
    """Return the pre-tokenizer of a ``tokenizers.Tokenizer``, or None if it is not known here."""
    tokens = list(tokenizer.get_added_tokens_decoder().values())
    if any(token.lstrip or token.rstrip or token.single_word or re.search(r"\s", token.content) for token in tokens):
        return None
    folded = re.IGNORECASE if any(token.normalized for token in tokens) else re.NOFLAG
    added = re.compile("|".join(re.escape(token.content) for token in tokens), folded) if tokens else None
    normalizer, cuts = _state(tokenizer.normalizer), _state(tokenizer.pre_tokenizer)
    model = type(tokenizer.model).__name__
    if (model, normalizer.get("type"), cuts.get("type")) == ("WordPiece", "BertNormalizer", "BertPreTokenizer"):
        vocabulary = frozenset(tokenizer.get_vocab(with_added_tokens=False))
        return Pretokens(*_BERT, bool(normalizer["lowercase"]), vocabulary, added)
    known = _byte_level(cuts)
    if model != "BPE" or tokenizer.model.dropout or normalizer.get("type") not in (None, "NFC") or known is None:
        return None
    return Pretokens(*known, False, frozenset(), added)


def _state(part: Any) -> dict[str, Any]:
    """Return the serialized state of a component of a tokenizer; empty if the component is missing."""
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
