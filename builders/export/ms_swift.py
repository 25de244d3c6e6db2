"""Export for ms-swift's embedding training (``infonce``): messages with ``<image>`` tags, images as files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from nyxqa.builders.export.dataset import LeftOut, Row, Source, note_further_positives
from nyxqa.builders.export.files import ImageFiles, write_json_lines, write_readme
from nyxqa.schemas.content import PLACEHOLDER

_TAG = "<image>"
_HOW = """```
cd FOLDER && swift sft --task_type embedding --loss_type infonce --dataset SPLIT.jsonl ...
```

Paths of images are relative to FOLDER. An image is where its `<image>` tag is; `positive_images` and `negative_images`
have one list for each positive and negative."""


def write_ms_swift(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.jsonl`` and ``images/``."""
    files = ImageFiles(folder)
    for split in source.splits:
        with write_json_lines(folder / f"{split}.jsonl") as write:
            for row in source.triplets(split):
                note = partial(left_out.add, split)
                note_further_positives(row, split, left_out)
                query = _messages(row["query"], files, partial(note, "query", row["query_id"]), row["instruction"])
                ids = [row["positive_id"], *row["negative_ids"]]
                sides = zip(ids, [row["positive"], *row["negatives"]], strict=True)
                documents = [_messages(side, files, partial(note, "document", one)) for one, side in sides]
                write(
                    {
                        "messages": query[0],
                        "images": query[1],
                        "positive_messages": [documents[0][0]],
                        "positive_images": [documents[0][1]],
                        "negative_messages": [one for one, _ in documents[1:]],
                        "negative_images": [images for _, images in documents[1:]],
                        "query_id": row["query_id"],
                    }
                )
    splits = {split: f"{split}.jsonl" for split in source.splits}
    write_readme(folder, "ms-swift", {"default": splits}, _HOW.replace("SPLIT", source.splits[0]), left_out)


def _messages(side: Row, files: ImageFiles, note: Any, instruction: str = "") -> tuple[list[dict[str, str]], list[str]]:
    """The messages of a side, and the paths of its images."""
    text = side["text"]
    if _TAG in text:  # ms-swift would look for an image there
        note("image_tag", f"{text.count(_TAG)} times {_TAG} as text, written with a space")
        text = text.replace(_TAG, "<image >")
    system = [{"role": "system", "content": instruction}] if instruction else []
    messages = [*system, {"role": "user", "content": text.replace(PLACEHOLDER, _TAG)}]
    return messages, [files.path(image) for image in side["images"]]
