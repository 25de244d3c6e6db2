"""``collate``: joined rows to the batches of a training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.schemas.content import PLACEHOLDER, Content
from nyxqa.schemas.errors import UsageError

JoinedContent = Mapping[str, Any]


def collate(processor: Any, *, max_negatives: int | None = None, instruct: bool = True) -> Collator:
    """A ``collate_fn`` for joined rows of ``triplets`` or ``mixture``.

    ::

        rows = nyxqa.load("triplets", split="train", max_negatives=4)
        processor = AutoProcessor.from_pretrained("Qwen/Qwen2.5-VL-3B-Instruct")
        loader = DataLoader(rows, batch_size=8, collate_fn=nyxqa.collate(processor))
        for batch in loader:
            queries = model(**batch["query"])  # 8 of them
            positives = model(**batch["positive"])  # 8
            negatives = model(**batch["negatives"])  # sum(batch["negative_counts"]), those of the first row first

    :param processor: A processor of transformers: with a chat template each query or document becomes a user
        message, with its images in place of their placeholders; without one, each placeholder becomes the
        processor's image token. Or a tokenizer of transformers, for rows without images. Or any callable that takes
        the texts of a batch, with their placeholders, and as many lists of images.
    :param max_negatives: Maximum number of negatives of a row, first by rank; None for all.
    :param instruct: Whether a row's instruction precedes its query, on a line of its own.
    :raises UsageError: If the processor is not callable.
    """
    if not callable(processor):
        raise UsageError(f"collate needs a processor or another callable, not {type(processor).__name__}")
    return Collator(processor, max_negatives, instruct)


@dataclass(frozen=True)
class Collator:
    """The result of ``collate``; it can be pickled if the processor can."""

    processor: Any
    max_negatives: int | None
    instruct: bool

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Encoded ``query``, ``positive`` and ``negatives`` with ``negative_counts`` and the rows' ids.

        ``negatives`` is None if no row has any. Ids are lists: ``query_id`` and ``positive_id`` of each row,
        ``negative_ids`` in the order of ``negatives``.

        :raises UsageError: If rows are not joined, or the table has no negatives.
        """
        for row in rows:
            _check_joined(row)
        negatives_by_row = [list(row["negatives"])[: self.max_negatives] for row in rows]
        negatives = [one for contents in negatives_by_row for one in contents]
        batch: dict[str, Any] = {
            "query": self._encode([self._query(row) for row in rows]),
            "positive": self._encode([row["positive"] for row in rows]),
            "negatives": self._encode(negatives) if negatives else None,
            "negative_counts": [len(contents) for contents in negatives_by_row],
        }
        for name in ("query_id", "positive_id"):
            if all(name in row for row in rows):
                batch[name] = [row[name] for row in rows]
        if all("negative_ids" in row for row in rows):
            batch["negative_ids"] = [
                one
                for row, contents in zip(rows, negatives_by_row, strict=True)
                for one in list(row["negative_ids"])[: len(contents)]
            ]
        return batch

    def _query(self, row: Mapping[str, Any]) -> JoinedContent:
        instruction = row.get("instruction") or ""
        query: JoinedContent = row["query"]
        if not (self.instruct and instruction):
            return query
        return {"text": f"{instruction}\n{query['text']}", "images": query["images"]}

    def _encode(self, contents: Sequence[JoinedContent]) -> Any:
        if not _of_transformers(self.processor):
            return self.processor(
                [content["text"] for content in contents], [list(content["images"]) for content in contents]
            )
        if getattr(self.processor, "image_processor", None) is None:
            return _tokens(self.processor, contents)
        if getattr(self.processor, "chat_template", None):
            return self.processor.apply_chat_template(
                [chat(content) for content in contents],
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs={"padding": True},
            )
        return _with_tokens(self.processor, contents)


def _check_joined(row: Mapping[str, Any]) -> None:
    wanted = "collate takes joined rows of triplets or mixture: nyxqa.load(..., join=True)"
    for name in ("query", "positive", "negatives"):
        if name not in row:
            raise UsageError(f"a row has no column {name!r}; {wanted}")
    for name in ("query", "positive"):
        if not isinstance(row[name], Mapping):
            raise UsageError(f"column {name!r} of a row does not hold text and images; {wanted}")


def chat(stored: JoinedContent) -> list[dict[str, Any]]:
    """A query or document as a user message, with images (RGB) in place of their placeholders."""
    content = Content(stored["text"], tuple(stored["images"]))
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.convert("RGB")}
        for part in content.parts()
    ]
    return [{"role": "user", "content": parts or [{"type": "text", "text": ""}]}]


def _of_transformers(processor: Any) -> bool:
    """Whether the processor is a class of transformers, decided without importing it."""
    return any(kind.__module__.partition(".")[0] == "transformers" for kind in type(processor).__mro__)


def _tokens(tokenizer: Any, contents: Sequence[JoinedContent]) -> Any:
    if any(len(content["images"]) for content in contents):
        raise UsageError(
            f"{type(tokenizer).__name__} does not take images, and a row has some: give collate the model's processor"
        )
    return tokenizer([content["text"] for content in contents], padding=True, truncation=True, return_tensors="pt")


def _with_tokens(processor: Any, contents: Sequence[JoinedContent]) -> Any:
    token = getattr(processor, "image_token", None)
    images = [[image.convert("RGB") for image in content["images"]] for content in contents]
    if any(images) and token is None:
        raise UsageError(
            f"{type(processor).__name__} has neither a chat template nor an image token: "
            "give collate a callable that takes texts and lists of images"
        )
    texts = [content["text"].replace(PLACEHOLDER, token or "") for content in contents]
    shown = {"images": images} if any(images) else {}
    return processor(text=texts, **shown, padding=True, return_tensors="pt")
