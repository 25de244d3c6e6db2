"""Question sets over passages and published sets, small, and recipes that build them."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.ingest import encoded, picture
from tests.support.vlm_server import Payload, prompt_text

COLOURS = ["red", "orange", "yellow", "green", "blue", "indigo", "violet", "black", "white", "grey"]
LAKES = 60

TEXTS = """
[[text]]
name = "lakes"
questions = "hotpotqa:train.json"
passages = "flashrag:passages.jsonl.gz"
license = "CC0-1.0"

[[text]]
name = "lakes"
questions = "flashrag:validation.jsonl"
passages = "flashrag:passages.jsonl.gz"
split = "validation"
positive = "gold"
license = "CC0-1.0"
"""
IMPORTS = """
[[import]]
kind = "mmeb"
path = "mmeb"

[[import]]
kind = "nyxqa_published"
path = "published/train.parquet"
images = "mmeb"
"""
MIXTURE = """
[mixture]
weights = { "mmeb/OK-VQA" = 2.0, nyxqa_published = 0.0, lakes = 1.5 }
caps = { lakes = 20 }
"""


def write_sets(folder: Path) -> Path:
    """Passages, questions, MMEB and NyxQA rows; gives the recipe that builds all of them."""
    write_passages(folder)
    write_questions(folder)
    write_mmeb(folder / "mmeb")
    write_published(folder / "published")
    return write_text(folder / "recipe.toml", TEXTS + IMPORTS + MIXTURE)


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def lake(number: int) -> str:
    return f'"Lake {number}"\nThe water of lake {number} is {COLOURS[number % 10]} in spring.'


def lake_reply(payload: Payload) -> str:
    """Right exactly when the passage of the lake that the question names is shown."""
    head, _, question = prompt_text(payload).rpartition("\nQuestion: ")
    number = int(re.findall(r"lake (\d+)", question)[0])
    told = f"lake {number} is {COLOURS[number % 10]}" in head.rpartition("\nDocuments:\n")[2]
    return json.dumps({"answer": COLOURS[number % 10] if told else "unknown"})


def write_passages(folder: Path, lakes: int = LAKES) -> Path:
    """One passage a lake; then a copy of the first text, an id that was there, and a row that is none."""
    rows: list[Any] = [{"id": number, "contents": lake(number)} for number in range(lakes)]
    rows += [{"id": "copy", "contents": lake(0)}, {"id": 1, "contents": "Another lake."}, {"id": "x", "contents": ""}]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "passages.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))
    return path


def write_questions(folder: Path) -> None:
    """Train in HotpotQA's form, validation in FlashRAG's; both with rows that must go."""
    train: list[Any] = [
        {
            "_id": f"t{number}",
            "question": f"What colour is the water of lake {number}?",
            "answer": COLOURS[number % 10],
            "supporting_facts": [[f"Lake {number}", 0]],
            "context": [[f"Lake {number}", [f"The water of lake {number} is {COLOURS[number % 10]} in spring."]]],
        }
        for number in range(30)
    ]
    train += [
        {**train[0], "question": "Which colour has the water of lake 0?"},
        {**train[1], "_id": "e", "question": " "},
    ]
    train += [{**train[2], "_id": "n", "answer": "a word that stands nowhere"}]
    (folder / "train.json").write_text(json.dumps(train))
    validation = [
        {
            "question": f"What colour is the water of lake {number}?",
            "golden_answers": [COLOURS[number % 10]],
            "metadata": {"passage_id": passage},
        }
        for number, passage in ((29, 29), (40, 40), (41, 41), (0, "copy"), (42, "gone"))
    ]
    (folder / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in validation))


def six(query: str, image: str, positive: str, positive_image: str, negatives: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "qry": query,
        "qry_image_path": image,
        "pos_text": positive,
        "pos_image_path": positive_image,
        "neg_text": [text for text, _ in negatives],
        "neg_image_path": [path for _, path in negatives],
    }


def write_mmeb(folder: Path) -> None:
    """Two subsets; a dead query image, a dead negative, and a negative whose picture is the positive's."""
    tag = "<|image_1|>\n"
    images = folder / "images"
    images.mkdir(parents=True)
    for number in range(6):
        (images / f"{number}.png").write_bytes(encoded(picture(number)))
    (images / "same.png").write_bytes(encoded(picture(1)))
    (images / "dead.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    vqa = [
        six(f"{tag}What is in picture {n}?", f"images/{n}.png", f"thing {n}", "", [(f"thing {n + 9}", "")])
        for n in range(4)
    ]
    vqa.append(six(f"{tag}Dead?", "images/dead.png", "thing", "", []))
    find = [
        six("Find picture 1.", "", tag, "images/1.png", [(tag, "images/same.png"), (tag, "images/2.png")]),
        six("Find picture 3.", "", tag, "images/3.png", [(tag, "images/dead.png"), (tag, "images/4.png")]),
    ]
    for name, rows in (("OK-VQA", vqa), ("MSCOCO_t2i", find)):
        (folder / name).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), folder / name / "original-00000-of-00001.parquet")


def write_published(folder: Path) -> None:
    """NyxQA as published: four choices, lists in strings."""
    rows = [
        {
            **six(f"What is shown at place {n}?", "", f"Here <|image_1|> is place {n}.", f"['images/{n}.png']", []),
            "neg_text": f"['place {n + 1} <|image_1|>', 'place {n + 2}']",
            "neg_image_path": f"[['images/{n + 1}.png'], []]",
            "ans": f"place {n}",
            "choices": f"['place {n}', 'b', 'c', 'd']",
            "right_choice": 0,
            "img_num": 1,
        }
        for n in range(3)
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "train.parquet")
