"""The tokenizers that chunk sizes are measured by: words, or a model's tokenizer."""

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
        """Whether the tokens of a word do not depend on the white space around it."""
        ...

    def starts(self, texts: list[str]) -> list[TokenStarts]:
        """Return the token starts of each text."""
        ...

    def count(self, text: str) -> int:
        """Return the number of tokens of ``text``."""
        ...

    def count_within(self, text: str, starts: TokenStarts, start: int, stop: int) -> int:
        """Return the number of tokens of ``text[start:stop]`` tokenized by itself.

        The slice neither starts nor ends with white space.

        :param starts: Token starts of ``text``.
        """
        ...


class WordTokenizer:
    """Counts words; needs no model."""

    words_only = True

    def starts(self, texts: list[str]) -> list[TokenStarts]:
        """Return word starts."""
        return [TokenStarts.of(word_starts(text)) for text in texts]

    def count(self, text: str) -> int:
        """Return the number of words."""
        return word_count(text)

    def count_within(self, text: str, starts: TokenStarts, start: int, stop: int) -> int:
        """Return the number of words."""
        return word_count(text[start:stop])


class ModelTokenizer:
    """Counts a model's tokens without special tokens.

    :param tokenizer: A ``tokenizers.Tokenizer``.
    """

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._units = units_of(tokenizer)

    @property
    def words_only(self) -> bool:
        """Whether the model ignores white space, as BERT does."""
        return self._units is not None and self._units.words_only

    def starts(self, texts: list[str]) -> list[TokenStarts]:
        """Return token starts; several tokens of one character share its start."""
        if self._units is not None:
            return self._units.starts(texts)
        encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [TokenStarts.of([start for start, _ in encoding.offsets]) for encoding in encoded]

    def count(self, text: str) -> int:
        """Return the number of tokens."""
        if self._units is not None:
            return self._units.count(text)
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def count_within(self, text: str, starts: TokenStarts, start: int, stop: int) -> int:
        """Return the number of tokens; only the slice's ends are tokenized if the tokenizer can be counted by units."""
        if self._units is not None:
            return starts.count_slice(text, start, stop, self._units.count_unit)
        return self.count(text[start:stop])


@lru_cache(maxsize=2)
def open_tokenizer(name: str) -> Tokenizer:
    """Return the tokenizer ``name``: ``words``, a ``tokenizer.json``, a folder that contains one, or a Hub name.

    :raises UsageError: If a path does not lead to a tokenizer.
    :raises WorldError: If the tokenizer cannot be downloaded from the Hub.
    """
    if name == "words":
        return WordTokenizer()
    from tokenizers import Tokenizer as Fast

    path, file = Path(name), tokenizer_file(name)
    if file is not None:
        try:
            return ModelTokenizer(Fast.from_file(str(file)))
        except Exception as error:  # the library raises bare Exception
            raise UsageError(f"chunk.tokenizer: {file} is not a tokenizer: {error}") from error
    if path.exists() or name.startswith((".", "/")):
        raise UsageError(f"chunk.tokenizer: {name} does not contain a tokenizer.json")
    repository, _, revision = name.partition("@")
    try:
        return ModelTokenizer(Fast.from_pretrained(repository, revision=revision or "main"))
    except Exception as error:  # the library raises bare Exception
        raise WorldError(f"chunk.tokenizer: cannot download {name!r} from the Hub: {error}") from error


def first_tokenizer(names: str) -> str:
    """Return the first of the tokenizers in ``A|B`` that can be had; the last one is not tried.

    :raises UsageError: If a path does not lead to a tokenizer.
    """
    *preferred, last = names.split("|")
    for name in preferred:
        try:
            open_tokenizer(name)
        except WorldError:
            continue
        return name
    return last


def tokenizer_file(name: str) -> Path | None:
    """Return the file of a local tokenizer, or None if ``name`` is not a local path."""
    path = Path(name)
    file = path / "tokenizer.json" if path.is_dir() else path
    return file if file.is_file() else None


def tokenizer_identity(name: str) -> str:
    """Return the hash of a local tokenizer's file, or else ``name``; enters fingerprints."""
    file = None if name == "words" else tokenizer_file(name)
    return name if file is None else file_hash(file)


def tokenizer_name(name: str) -> str:
    """Return the name by which a tokenizer is published: of a local one only the last part of its path."""
    return name if name == "words" or tokenizer_file(name) is None else Path(name).resolve().name


def tokenizer_revision(name: str) -> dict[str, str]:
    """Return the hash of a local tokenizer's file by its published name; nothing for any other tokenizer."""
    own = tokenizer_identity(name)
    return {} if own == name else {tokenizer_name(name): f"sha256:{own}"}
