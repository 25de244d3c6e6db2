"""Tokens as the chunker counts them: words, or a model's tokenizer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from nyxqa.builders.chunking.token_index import TokenStarts
from nyxqa.builders.chunking.unit_counts import units_of
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.words import word_count, word_starts
from nyxqa.schemas.writing import file_hash


class Tokenizer(Protocol):
    """Finds the tokens of texts."""

    @property
    def words_only(self) -> bool:
        """Whether a word has as many tokens whatever white space or text end stands around it."""
        ...

    def starts(self, texts: list[str]) -> list[TokenStarts]:
        """For each text the character at which each of its tokens starts, ascending."""
        ...

    def count(self, text: str) -> int:
        """Number of tokens of ``text`` when it stands alone."""
        ...

    def count_within(self, text: str, starts: TokenStarts, start: int, stop: int) -> int:
        """Number of tokens of ``text[start:stop]`` when it stands alone; no white space at its ends.

        :param starts: Where the tokens of ``text`` start.
        """
        ...


class WordTokenizer:
    """Counts words; needs no model."""

    words_only = True

    def starts(self, texts: list[str]) -> list[TokenStarts]:
        """Word starts."""
        return [TokenStarts.of(word_starts(text)) for text in texts]

    def count(self, text: str) -> int:
        """Number of words."""
        return word_count(text)

    def count_within(self, text: str, starts: TokenStarts, start: int, stop: int) -> int:
        """Number of words."""
        return word_count(text[start:stop])


class ModelTokenizer:
    """Counts a model's tokens, special tokens left out.

    :param tokenizer: A ``tokenizers.Tokenizer``.
    """

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._units = units_of(tokenizer)

    @property
    def words_only(self) -> bool:
        """Whether the model leaves white space out, as BERT's do."""
        return self._units is not None and self._units.words_only

    def starts(self, texts: list[str]) -> list[TokenStarts]:
        """Token starts; parts of one character that became several tokens share its start."""
        if self._units is not None:
            return self._units.starts(texts)
        encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [TokenStarts.of([start for start, _ in encoding.offsets]) for encoding in encoded]

    def count(self, text: str) -> int:
        """Number of tokens."""
        if self._units is not None:
            return self._units.count(text)
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def count_within(self, text: str, starts: TokenStarts, start: int, stop: int) -> int:
        """Number of tokens, without looking at each where the tokenizer can be counted by units."""
        if self._units is not None:
            return starts.alone(text, start, stop, self._units.alone)
        return self.count(text[start:stop])


@lru_cache(maxsize=2)
def open_tokenizer(name: str) -> Tokenizer:
    """The tokenizer ``name``: ``words``, a ``tokenizer.json``, a folder that holds one, or a Hub name.

    :raises UsageError: If a path holds no tokenizer.
    :raises WorldError: If the Hub does not give it.
    """
    if name == "words":
        return WordTokenizer()
    from tokenizers import Tokenizer as Fast

    path, file = Path(name), tokenizer_file(name)
    if file is not None:
        try:
            return ModelTokenizer(Fast.from_file(str(file)))
        except Exception as error:  # the library raises bare Exception
            raise UsageError(f"chunk.tokenizer: {file} is no tokenizer: {error}") from error
    if path.exists() or name.startswith((".", "/")):
        raise UsageError(f"chunk.tokenizer: {name} holds no tokenizer.json")
    repository, _, revision = name.partition("@")
    try:
        return ModelTokenizer(Fast.from_pretrained(repository, revision=revision or "main"))
    except Exception as error:  # the library raises bare Exception
        raise WorldError(f"chunk.tokenizer: cannot get {name!r} from the Hub: {error}") from error


def tokenizer_file(name: str) -> Path | None:
    """The file of a tokenizer that lies on this machine."""
    path = Path(name)
    file = path / "tokenizer.json" if path.is_dir() else path
    return file if file.is_file() else None


def tokenizer_identity(name: str) -> str:
    """What decides its tokens: the bytes of a file, wherever it lies, else the name."""
    file = None if name == "words" else tokenizer_file(name)
    return name if file is None else file_hash(file)
