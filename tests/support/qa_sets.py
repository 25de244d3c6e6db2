"""Small sets of every kind that ``[[qa]]`` reads, in the layouts of their publishers."""

from __future__ import annotations

import base64
import gzip
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.ingest import encoded, picture

RIVERS = 30
# The types of MultimodalQA's questions with the parts of the corpus that each rests on.
MMQA_TYPES: dict[str, tuple[str, ...]] = {
    "TextQ": ("text",),
    "TableQ": ("table",),
    "ImageQ": ("image",),
    "ImageListQ": ("image", "image"),
    "Compose(TextQ,TableQ)": ("text", "table"),
    "Compose(TableQ,ImageListQ)": ("table", "image"),
    "Compose(ImageQ,TableQ)": ("image", "table"),
    "Compare(Compose(TableQ,ImageQ),TableQ)": ("table", "image"),
    "Compose(TableQ,TextQ)": ("table", "text"),
    "Compare(TableQ,Compose(TableQ,TextQ))": ("table", "text"),
    "Intersect(TableQ,TextQ)": ("table", "text"),
    "Compose(TextQ,ImageListQ)": ("text", "image"),
    "Intersect(ImageListQ,TableQ)": ("image", "table", "image"),
    "Compose(ImageQ,TextQ)": ("image", "text"),
    "Compare(Compose(TableQ,ImageQ),Compose(TableQ,TextQ))": ("table", "image", "text"),
    "Intersect(ImageListQ,TextQ)": ("image", "text"),
}
RECIPE = """
[[qa]]
name = "own"
questions = "jsonl:own/questions.jsonl"
corpus = ["jsonl:own/corpus.jsonl", "jsonl:own/more.parquet"]
negatives = [1, 20]
license = "CC0-1.0"

[[qa]]
name = "mmqa"
questions = "mmqa:mmqa"
negatives = [1, 20]
instruction = "Find what answers."

[[qa]]
name = "science"
questions = "scienceqa:science"
negatives = [1, 20]
exclude = []

[[qa]]
name = "published"
questions = "nyxqa:nyxqa"
negatives = [1, 20]

[[qa]]
name = "judged"
questions = "mteb:mteb"
negatives = [1, 20]
keep = "retrieved"
top_k = 20
"""


def write_qa_sets(folder: Path) -> Path:
    """All kinds; gives the recipe that builds them."""
    write_own(folder / "own")
    write_mmqa(folder / "mmqa")
    write_science(folder / "science")
    write_nyxqa(folder / "nyxqa")
    write_mteb(folder / "mteb")
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    return recipe


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """JSON lines, compressed if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def write_picture(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(picture(number)))
    return path


def river(number: int) -> str:
    return f"River {number} springs at hill {number * 7} and carries boats of type {chr(65 + number % 26)}."


def write_own(folder: Path) -> None:
    """Documents by path, ``data:`` URL and bytes, one of them broken; questions with and without everything."""
    for number in range(4):
        write_picture(folder / "images" / f"{number}.png", number)
    (folder / "images" / "dead.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    inline = "data:image/png;base64," + base64.b64encode(encoded(picture(5))).decode()
    write_lines(
        folder / "corpus.jsonl",
        [
            *({"id": f"r{number}", "text": river(number), "title": f"River {number}"} for number in range(RIVERS)),
            {
                "id": "pair",
                "text": "Left <|image|> and right <|image|> of a lock.",
                "images": ["images/0.png", "images/1.png"],
                "captions": ["left gate", ""],
                "url": "https://rivers.example/locks",
                "license": "CC-BY-4.0",
                "language": "en",
            },
            {"id": "front", "text": "A weir in spring.", "images": ["images/2.png"]},
            {"id": "inline", "text": "Seen <|image|> from above.", "images": [inline]},
            {
                "id": "half",
                "text": "Dead <|image|> and alive <|image|>.",
                "images": ["images/dead.png", "images/3.png"],
            },
            {"id": "gone", "text": "", "images": ["images/none.png"]},
            {"id": "odd", "text": "One <|image|> too few.", "images": ["images/0.png", "images/1.png"]},
            {"id": "r1", "text": "An id that was there."},
            {"id": "again", "text": river(2)},
        ],
    )
    rows = [
        {"id": "wide", "text": "A sluice, <|image|> drawn.", "images": [{"bytes": encoded(picture(6)), "path": ""}]}
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "more.parquet")
    write_lines(
        folder / "questions.jsonl",
        [
            {"id": "q0", "question": "Where does river 3 spring?", "answers": ["hill 21", "21"], "doc_ids": ["r3"]},
            {
                "id": "q1",
                "question": "What stands left in <|image|>?",
                "images": ["images/0.png"],
                "choices": ["a gate", "a boat"],
                "label": 0,
                "doc_ids": ["pair"],
            },
            {"id": "q2", "question": "Which boats use river 4?", "answer": "E", "split": "test"},
            {"id": "q3", "question": "A picture.", "images": ["images/3.png"], "doc_ids": ["half"], "split": "dev"},
            {"id": "q4", "question": "Neither answer nor document?"},
            {"id": "q5", "question": "Which is it?", "answer": 3.0, "choices": ["3", "3"], "doc_ids": ["wide", "no"]},
            {"id": "q6", "question": "What is dead?", "images": ["images/dead.png"], "answer": "this"},
            {"id": "q7", "question": "What is missing?", "images": ["images/none.png"], "answer": "this"},
            {"id": "q8", "question": "How many <|image|>?", "answer": "one"},
            {"id": "q9", "question": "Which split?", "answer": "none", "split": "holdout"},
            {
                "id": "q10",
                "question": "All of river 5?",
                "answers": [["b", "a", "b"]],
                "doc_ids": ["r5", "r6"],
                "needs": "all",
            },
            {"id": "q11", "question": "Named twice?", "answer": "yes", "doc_ids": ["again"]},
        ],
    )


def write_mmqa(folder: Path) -> None:
    """A dev question of each type, and test questions without answers."""
    places = {"text": 0, "table": 0, "image": 0}
    documents: dict[str, list[str]] = {part: [] for part in places}
    rows = []
    for number, (kind, parts) in enumerate(MMQA_TYPES.items()):
        context = []
        for part in parts:
            documents[part].append(f"{part}{len(documents[part])}")
            context.append({"doc_id": documents[part][-1], "doc_part": part})
        answers: list[dict[str, Any]] = [{"answer": f"answer {number}", "type": "string"}]
        if kind == "TableQ":
            answers = [{"answer": 190.5, "type": "number"}]
        elif kind == "ImageQ":
            answers = [{"answer": 1420.0, "type": "number"}]
        elif kind == "ImageListQ":
            answers = [{"answer": one, "type": "string"} for one in ("Zurich", "Aarau", "Zurich")]
        elif kind == "Compose(TextQ,ImageListQ)":
            answers = [{"answer": "yes", "type": "yesno"}]
        rows.append(
            {
                "qid": f"q{number}",
                "question": f"What is asked in number {number}?",
                "answers": answers,
                "metadata": {"type": kind, "modalities": list(parts)},
                "supporting_context": [*context, context[0]],
            }
        )
    write_lines(folder / "MMQA_dev.jsonl.gz", rows)
    write_lines(folder / "MMQA_test.jsonl.gz", [{"qid": "t", "question": "Unanswered?", "metadata": {"type": "TextQ"}}])
    write_lines(
        folder / "MMQA_texts.jsonl.gz",
        (
            {"title": f"Text {one}", "url": f"https://w.example/{one}", "id": one, "text": f"About {one}: what is it?"}
            for one in documents["text"]
        ),
    )
    write_lines(folder / "MMQA_tables.jsonl.gz", (_table(one) for one in documents["table"]))
    write_lines(
        folder / "MMQA_images.jsonl.gz",
        (
            {"title": f"View {one}", "url": f"https://w.example/{one}", "id": one, "path": f"{one}.png"}
            for one in [*documents["image"], "absent"]
        ),
    )
    with zipfile.ZipFile(folder / "final_dataset_images.zip", "w") as archive:
        for number, one in enumerate(documents["image"]):
            archive.writestr(f"final_dataset_images/{one}.png", encoded(picture(number)))


def _table(name: str) -> dict[str, Any]:
    cells = [["1998", "Port | Harbour"], ["2004", "007"]]
    return {
        "title": f"List {name}",
        "url": f"https://w.example/{name}",
        "id": name,
        "table": {
            "table_name": "Ports",
            "header": [{"column_name": "Year", "metadata": {}}, {"column_name": "Name", "metadata": {}}],
            "table_rows": [[{"text": cell, "links": []} for cell in row] for row in cells],
        },
    }


def write_science(folder: Path) -> None:
    """Problems with 2 to 5 options in three splits, some with a picture, a hint or a lecture."""
    problems: dict[str, Any] = {}
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": [], "trainval": []}
    for number in range(12):
        split = ("train", "train", "val", "test")[number % 4]
        own = str(number + 1)
        splits[split].append(own)
        problems[own] = {
            "question": f"Which of these is heavier, number {number}?",
            "choices": [f"body {number} {option}" for option in range(2 + number % 4)],
            "answer": number % 2,
            "hint": f"Scales show {number} grams." if number % 3 == 0 else "",
            "image": "image.png" if number % 2 == 0 else None,
            "task": "closed choice",
            "lecture": "Weight is a force that acts on mass." if number % 2 else "",
            "solution": f"Body {number} is heavier.",
            "split": split,
        }
        if number % 2 == 0:
            write_picture(folder / split / own / "image.png", number)
    folder.mkdir(exist_ok=True)
    (folder / "problems.json").write_text(json.dumps(problems))
    (folder / "pid_splits.json").write_text(json.dumps({**splits, "trainval": splits["train"] + splits["val"]}))


def write_nyxqa(folder: Path) -> None:
    """All splits, choices as a list and as strings, one unreadable; the corpus has no ids."""
    corpus = []
    for number in range(8):
        write_picture(folder / "images" / f"p{number}.jpg", number)
        images = [f"images/NyxQA/p{number}.jpg"] if number % 2 else []
        corpus.append({"text": f"Here {'<|image|> ' if images else ''}is tower {number}.", "images": images})
    (folder / "corpus.json").write_text(json.dumps(corpus))

    def row(number: int, choices: Any, key: Any) -> dict[str, Any]:
        document = corpus[number]
        return {
            "qry": f"<|image|> How high is tower {number}?" if number % 2 else f"How high is tower {number}?",
            "qry_image_path": document["images"],
            "ans": f"{number} m",
            "pos_text": document["text"],
            "pos_image_path": document["images"],
            "choices": choices,
            "right_choice": key,
            "img_num": len(document["images"]),
        }

    def options(number: int) -> list[str]:
        return ["low", f"{number} m", "high", "none"]

    rows = {
        "train": [row(0, str(options(0)), "B"), row(1, options(1), 1), row(2, "low or high", 1)],
        "dev": [row(3, options(3), 1)],
        "test": [row(4, json.dumps(options(4)), 1), {**row(5, options(5), 1), "pos_text": "Another tower."}],
    }
    for name, listed in rows.items():
        (folder / f"{name}.json").write_text(json.dumps(listed))


def write_mteb(folder: Path) -> None:
    """A BEIR folder with titles, graded judgements, an image, and a query that nobody judged."""
    write_picture(folder / "images" / "d.png", 9)
    write_lines(
        folder / "corpus.jsonl",
        [
            *(
                {"_id": f"d{n}", "title": f"Bridge {n}", "text": f"Bridge {n} spans {n * 11} metres."}
                for n in range(25)
            ),
            {"_id": "seen", "title": "", "text": "A bridge from below.", "images": ["images/d.png"]},
        ],
    )
    write_lines(
        folder / "queries.jsonl",
        [
            {"_id": "a", "text": "How far does bridge 3 span?"},
            {"_id": "b", "text": "Bridge from below"},
            {"_id": "c", "text": "Nobody judged this"},
        ],
    )
    (folder / "qrels").mkdir()
    judged = "query-id\tcorpus-id\tscore\na\td1\t1\na\td3\t2\na\td4\t0\nb\tseen\t1\n"
    (folder / "qrels" / "test.tsv").write_text(judged)
