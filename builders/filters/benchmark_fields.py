"""Texts, images and the name of a benchmark item, by the field names that published sets use."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_QUESTIONS = frozenset(("question", "questions", "query", "queries", "query_text", "qry", "qry_text", "input"))
_PASSAGES = frozenset(("passage", "passages", "document", "documents", "positive", "positives", "pos_text", "tgt_text"))
_PARAGRAPHS = frozenset(("paragraph", "paragraphs", "paragraph_text", "sentence", "sentences", "caption", "captions"))
_CONTENTS = frozenset(("text", "texts", "content", "contents", "context", "contexts"))
# Keys whose texts are questions or passages, in the spellings of published sets. Answers are left out: they are short
# and occur in every text on the subject.
TEXT_KEYS = _QUESTIONS | _PASSAGES | _PARAGRAPHS | _CONTENTS
# If no key of a row is in TEXT_KEYS, all its strings are compared except those of these keys.
_ANSWERS = frozenset(
    ("answer", "answers", "golden_answers", "detected_answers", "ans", "output", "outputs")
) | frozenset(("target", "label", "solution"))
OTHER_KEYS = _ANSWERS | frozenset(("url", "image_url", "split", "source", "license", "language"))
NAME_KEYS = ("id", "_id", "qid", "query_id", "question_id", "qa_id", "doc_id", "docid", "passage_id", "uid", "index")
_PICTURES = frozenset(("image", "images", "image_file", "image_path", "image_paths", "img", "imgs", "picture", "photo"))
_QUERY_IMAGES = frozenset(("query_image", "query_images", "qry_image_path", "qry_img_path"))
IMAGE_KEYS = _PICTURES | _QUERY_IMAGES | frozenset(("img_path", "pos_image_path", "pos_img_path", "tgt_img_path"))
IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2"))
_MAX_PATH = 1000  # characters; a longer string is the image itself in base64
_MAX_NAME = 100  # characters


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a benchmark.

    :param name: Its id; without one its position, ``line 7`` or ``row 7``, counted from 1.
    :param texts: Questions and passages.
    :param images: Encoded bytes, or files.
    :param missing: Number of images that it refers to and that do not exist.
    """

    name: str
    texts: tuple[str, ...]
    images: tuple[bytes | Path, ...] = ()
    missing: int = 0


def item_of(row: Mapping[str, Any], place: str, folder: Path) -> Item:
    """Return the item of one row.

    :param place: Its name if the row has no id.
    :param folder: Base of relative image paths.
    """
    references = list(_images("", row, folder))
    images = tuple(image for image in references if image is not None)
    return Item(_name(row) or place, tuple(_row_texts(row)), images, len(references) - len(images))


def _name(row: Mapping[str, Any]) -> str:
    for key in NAME_KEYS:
        value = row.get(key)
        if isinstance(value, int | str) and str(value).strip():
            return " ".join(str(value).split())[:_MAX_NAME]
    return ""


def _row_texts(row: Mapping[str, Any]) -> Iterator[str]:
    texts = [text for key, value in row.items() for text in _keyed(key, value, False)]
    if not texts:
        skipped = OTHER_KEYS | IMAGE_KEYS | set(NAME_KEYS)
        texts = [value for key, value in row.items() if isinstance(value, str) and key.lower() not in skipped]
    yield from texts


def _keyed(key: str, value: Any, nested: bool) -> Iterator[str]:
    """Texts of the value of one key: all of them if it is a text key, otherwise those under text keys inside it."""
    if key.lower() in TEXT_KEYS:
        yield from _texts(value, nested)
    elif key.lower() not in OTHER_KEYS:
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                for name, item in part.items():
                    yield from _keyed(name, item, True)


def _texts(value: Any, nested: bool) -> Iterator[str]:
    """Texts of a value: each item of a list; the items of a nested list, which are sentences, joined into one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if nested and value and all(isinstance(part, str) for part in value):
            yield " ".join(value)
            return
        for part in value:
            yield from _texts(part, True)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _keyed(key, part, True)


def _images(key: str, value: Any, folder: Path) -> Iterator[bytes | Path | None]:
    """Images of a value, None for a reference to an image that does not exist."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, Mapping):
        if value.get("bytes") and isinstance(value["bytes"], bytes):
            yield value["bytes"]
        elif "bytes" in value and isinstance(value.get("path"), str):
            yield _referred("image", value["path"], folder)
        else:
            for name, part in value.items():
                yield from _images(name.lower(), part, folder)
    elif isinstance(value, list):
        for part in value:
            yield from _images(key, part, folder)
    elif isinstance(value, str) and value:
        image = _referred(key, value, folder)
        if image is not None or key in IMAGE_KEYS:
            yield image


def _referred(key: str, value: str, folder: Path) -> bytes | Path | None:
    """The image that a string refers to: a file, or base64 bytes under an image key; otherwise None."""
    if key in IMAGE_KEYS and len(value) > _MAX_PATH:
        data = value.partition("base64,")[2] if value.startswith("data:") else value
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            return None
    if len(value) > _MAX_PATH or Path(value).suffix.lower() not in IMAGE_SUFFIXES:
        return None
    try:
        return folder / value if (folder / value).is_file() else None
    except OSError:  # a part of the path exceeds the longest file name
        return None
