"""Export for MTEB: configs ``corpus``, ``queries`` and ``default`` of one folder, and a task class beside them."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.export.dataset import LeftOut, Row, Source, positive_ids
from nyxqa.builders.export.files import REASON, ParquetPart, image_struct, one_image, write_readme
from nyxqa.schemas.columns import IMAGE

_HOW = """```python
import sys

sys.path.insert(0, "FOLDER")
from task import NyxqaRetrieval

task = NyxqaRetrieval()
task.load_data()  # mteb.evaluate(model, [task]) does it by itself
```

Each config has its files named: `datasets` reads `corpus`, `queries` and `default` (the qrels) without code. Texts have
no placeholders, and a row has one image at most. `task.py` evaluates split `SPLIT` and says that the pages are English;
change its `eval_langs` if they are not."""

_TASK = '''"""The retrieval task of this folder for mteb 2."""

from pathlib import Path

from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata


class NyxqaRetrieval(AbsTaskRetrieval):
    metadata = TaskMetadata(
        name="NyxqaRetrieval",
        description="Questions about web pages and the documents that answer them.",
        reference=None,
        dataset={{"path": str(Path(__file__).parent), "revision": "{revision}"}},
        type="{kind}",
        category="{category}",
        modalities={modalities},
        eval_splits=["{split}"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
        date=None,
        domains=["Web"],
        task_subtypes=None,
        license=None,
        annotations_creators="LM-generated",
        dialect=None,
        sample_creation="found",
        bibtex_citation=None,
    )
'''
_QRELS = pa.schema([("query-id", pa.string()), ("corpus-id", pa.string()), ("score", pa.int32())])
_INSTRUCTIONS = pa.schema([("query-id", pa.string()), ("instruction", pa.string())])


def write_mteb(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write corpus, queries and qrels as Parquet, instructions if there are any, and ``task.py``."""
    columns = [("id", pa.string()), ("title", pa.string()), ("text", pa.string())]
    if source.images == "keep":
        columns.append(("image", IMAGE))
    with ParquetPart(folder / "corpus" / "corpus.parquet", pa.schema(columns)) as part:
        for row in source.documents():
            side = {"text": row["text"], "images": [image["bytes"] for image in row["images"]]}
            note = partial(left_out.add, "", "document", row["doc_id"], REASON)
            part.add({"id": row["doc_id"], "title": row["title"] or "", **_side(side, source, note)})
    queries = pa.schema([column for column in columns if column[0] != "title"])
    instructed = [_write_split(source, split, folder, queries, left_out) for split in source.splits]
    names = ["default", "queries"]
    if any(instructed):
        names.append("instruction")
    else:
        shutil.rmtree(folder / "instruction")
    files = {name: {split: f"{name}/{split}.parquet" for split in source.splits} for name in names}
    files["corpus"] = {"corpus": "corpus/corpus.parquet"}
    split = next((one for one in ("test", "validation") if one in source.splits), source.splits[0])
    (folder / "task.py").write_text(_task(source, split), encoding="utf-8")
    write_readme(folder, "MTEB", files, _HOW.replace("SPLIT", split), left_out)


def _write_split(source: Source, split: str, folder: Path, queries: pa.Schema, left_out: LeftOut) -> bool:
    """Write one split; returns whether a query of it has an instruction."""
    instructed = False
    with (
        ParquetPart(folder / "queries" / f"{split}.parquet", queries) as asked,
        ParquetPart(folder / "default" / f"{split}.parquet", _QRELS) as judged,
        ParquetPart(folder / "instruction" / f"{split}.parquet", _INSTRUCTIONS) as instructions,
    ):
        for row in source.triplets(split):
            query_id = row["query_id"]
            note = partial(left_out.add, split, "query", query_id, REASON)
            asked.add({"id": query_id, **_side(row["query"], source, note)})
            for document in positive_ids(row):
                judged.add({"query-id": query_id, "corpus-id": document, "score": 1})
            instructions.add({"query-id": query_id, "instruction": row["instruction"]})
            instructed = instructed or bool(row["instruction"])
    return instructed


def _side(side: Row, source: Source, note: Any) -> dict[str, Any]:
    one = one_image(side, note)
    return {"text": one.text, **({"image": image_struct(one.image)} if source.images == "keep" else {})}


def _task(source: Source, split: str) -> str:
    with_images = source.images == "keep"
    files = source.published.manifest.files
    revision = hashlib.sha256("".join(files[path].sha256 for path in sorted(files)).encode()).hexdigest()[:16]
    return _TASK.format(
        revision=revision,
        kind="Any2AnyRetrieval" if with_images else "Retrieval",
        category="it2it" if with_images else "t2t",
        modalities='["text", "image"]' if with_images else '["text"]',
        split=split,
    )
