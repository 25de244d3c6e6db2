"""Tokens as the chunker counts them: words, or a model's tokenizer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.words import word_spans
from nyxqa.schemas.writing import file_hash


class Tokenizer(Protocol):
    """Finds the tokens of texts."""

    def starts(self, texts: list[str]) -> list[list[int]]:
        """For each text the character at which each of its tokens starts, ascending."""
        ...


class WordTokenizer:
    """Counts words; needs no model."""

    def starts(self, texts: list[str]) -> list[list[int]]:
        """Word starts."""
        return [[start for start, _ in word_spans(text)] for text in texts]


class ModelTokenizer:
    """Counts a model's tokens, special tokens left out.

    :param tokenizer: A ``tokenizers.Tokenizer``.
    """

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    def starts(self, texts: list[str]) -> list[list[int]]:
        """Token starts; parts of one character that became several tokens share its start."""
        encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [[start for start, _ in encoding.offsets] for encoding in encoded]


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
