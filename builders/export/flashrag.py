"""Export for FlashRAG: questions with their accepted answers, and a corpus of ``id`` and ``contents``, text alone."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.export.dataset import LeftOut, Source, positive_ids
from nyxqa.builders.export.files import write_json_lines, write_readme

_HOW = """```yaml
dataset_path: FOLDER
split: [SPLIT]
corpus_path: FOLDER/corpus.jsonl
```

`contents` is the title in double quotes, a line end and the text. `metadata` names the documents that answer."""


def write_flashrag(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.jsonl`` and ``corpus.jsonl``."""
    with write_json_lines(folder / "corpus.jsonl") as write:
        for row in source.documents():
            title = (row["title"] or "").replace('"', "'").replace("\n", " ")
            contents = f'"{title}"\n{row["text"]}' if title else f"\n{row['text']}"
            write({"id": row["doc_id"], "contents": contents})
    for split in source.splits:
        with write_json_lines(folder / f"{split}.jsonl") as write:
            for row in source.triplets(split):
                if not row["answers"] or not row["query"]["text"]:
                    reason = "no_text" if row["answers"] else "no_answer"
                    left_out.add(split, "query", row["query_id"], reason, "not written: FlashRAG scores answers")
                    continue
                question = {"id": row["query_id"], "question": row["query"]["text"], "golden_answers": row["answers"]}
                write({**question, "metadata": {"positive_ids": positive_ids(row), "dataset": row["dataset"]}})
    files = {
        "questions": {split: f"{split}.jsonl" for split in source.splits},
        "corpus": {"train": "corpus.jsonl"},
    }
    write_readme(folder, "FlashRAG", files, _HOW.replace("SPLIT", source.splits[0]), left_out)
