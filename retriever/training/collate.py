"""From joined rows to the batches of a training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.schemas.content import PLACEHOLDER, Content
from nyxqa.schemas.errors import UsageError

Side = Mapping[str, Any]


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

    :param processor: A processor of transformers: with a chat template each side becomes a user's message, its images
        between the text where their placeholders stand; without, each placeholder becomes the processor's image
        token. A tokenizer of transformers takes sides without images. Or any callable of your own that takes the
        texts of a batch, with their placeholders, and as many lists of images.
    :param max_negatives: Most negatives of a row, the first by rank; None keeps all.
    :param instruct: Whether a row's instruction goes before its query, on a line of its own.
    :raises UsageError: If the processor can be none of these.
    """
    if not callable(processor):
        raise UsageError(f"collate needs a processor or another callable, not {type(processor).__name__}")
    return Collator(processor, max_negatives, instruct)


@dataclass(frozen=True)
class Collator:
    """What ``collate`` makes; a worker process may take a copy of it if it may take one of the processor."""

    processor: Any
    max_negatives: int | None
    instruct: bool

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Encoded ``query``, ``positive`` and ``negatives`` with ``negative_counts`` and the rows' ids.

        ``negatives`` is None if no row has one. Ids are lists: ``query_id`` and ``positive_id`` of each row,
        ``negative_ids`` in the order of ``negatives``.

        :raises UsageError: If rows are not joined, or of a table without negatives.
        """
        for row in rows:
            _check_joined(row)
        kept = [list(row["negatives"])[: self.max_negatives] for row in rows]
        negatives = [side for sides in kept for side in sides]
        batch: dict[str, Any] = {
            "query": self._encode([self._asked(row) for row in rows]),
            "positive": self._encode([row["positive"] for row in rows]),
            "negatives": self._encode(negatives) if negatives else None,
            "negative_counts": [len(sides) for sides in kept],
        }
        for name in ("query_id", "positive_id"):
            if all(name in row for row in rows):
                batch[name] = [row[name] for row in rows]
        if all("negative_ids" in row for row in rows):
            batch["negative_ids"] = [
                one for row, sides in zip(rows, kept, strict=True) for one in list(row["negative_ids"])[: len(sides)]
            ]
        return batch

    def _asked(self, row: Mapping[str, Any]) -> Side:
        instruction = row.get("instruction") or ""
        query: Side = row["query"]
        if not (self.instruct and instruction):
            return query
        return {"text": f"{instruction}\n{query['text']}", "images": query["images"]}

    def _encode(self, sides: Sequence[Side]) -> Any:
        if not _of_transformers(self.processor):
            return self.processor([side["text"] for side in sides], [list(side["images"]) for side in sides])
        if getattr(self.processor, "image_processor", None) is None:
            return _tokens(self.processor, sides)
        if getattr(self.processor, "chat_template", None):
            return self.processor.apply_chat_template(
                [chat(side) for side in sides],
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs={"padding": True},
            )
        return _with_tokens(self.processor, sides)


def _check_joined(row: Mapping[str, Any]) -> None:
    wanted = "collate takes joined rows of triplets or mixture: nyxqa.load(..., join=True)"
    for name in ("query", "positive", "negatives"):
        if name not in row:
            raise UsageError(f"a row has no column {name!r}; {wanted}")
    for name in ("query", "positive"):
        if not isinstance(row[name], Mapping):
            raise UsageError(f"column {name!r} of a row holds no text and images; {wanted}")


def chat(side: Side) -> list[dict[str, Any]]:
    """One side as a user's message, images (RGB) where their placeholders stand."""
    content = Content(side["text"], tuple(side["images"]))
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.convert("RGB")}
        for part in content.parts()
    ]
    return [{"role": "user", "content": parts or [{"type": "text", "text": ""}]}]


def _of_transformers(processor: Any) -> bool:
    """Whether it comes from transformers, told without importing it."""
    return any(kind.__module__.partition(".")[0] == "transformers" for kind in type(processor).__mro__)


def _tokens(tokenizer: Any, sides: Sequence[Side]) -> Any:
    if any(len(side["images"]) for side in sides):
        raise UsageError(
            f"{type(tokenizer).__name__} takes no images and a row has some: give collate the model's processor"
        )
    return tokenizer([side["text"] for side in sides], padding=True, truncation=True, return_tensors="pt")


def _with_tokens(processor: Any, sides: Sequence[Side]) -> Any:
    token = getattr(processor, "image_token", None)
    images = [[image.convert("RGB") for image in side["images"]] for side in sides]
    if any(images) and token is None:
        raise UsageError(
            f"{type(processor).__name__} has neither a chat template nor an image token: "
            "give collate a callable that takes texts and lists of images"
        )
    texts = [side["text"].replace(PLACEHOLDER, token or "") for side in sides]
    shown = {"images": images} if any(images) else {}
    return processor(text=texts, **shown, padding=True, return_tensors="pt")
