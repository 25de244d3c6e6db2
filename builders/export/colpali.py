"""Export for colpali-engine: queries with the ids of their pages, and a corpus of pages as pictures."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pyarrow as pa

from nyxqa.builders.export.dataset import CaptionLookup, LeftOut, Row, Source, positive_ids
from nyxqa.builders.export.files import REASON, ParquetPart, image_struct, write_readme
from nyxqa.schemas.columns import IMAGE
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.errors import UsageError

_HOW = """```python
from colpali_engine.data.dataset import ColPaliEngineDataset, Corpus
from datasets import load_dataset

pages = load_dataset("FOLDER", "corpus", split="train")
corpus = Corpus(pages, {docid: place for place, docid in enumerate(pages["docid"])})
rows = load_dataset("FOLDER", "queries", split="SPLIT")
DATASET
```

The columns have the names that `ColPaliEngineDataset` and `Corpus` take by default; `pos_target` and `neg_target` are
lists of ids in `docid`, negatives by rank. `doc` is DOC. colpali-engine's collator puts as many negatives beside each
query of a batch and takes no image in a query."""
_WITH_NEGATIVES = """rows = rows.filter(lambda row: len(row["neg_target"]) >= COUNT)  # as many in each row of a batch
data = ColPaliEngineDataset(rows, corpus, neg_target_column_name="neg_target", num_negatives=COUNT)"""
_WITHOUT_NEGATIVES = "data = ColPaliEngineDataset(rows, corpus)  # no row has a negative"
_MOST = 3  # negatives of a row in the snippet, which is colpali-engine's default
_IDS = pa.list_(pa.string())
_QUERIES = pa.schema([("query_id", pa.string()), ("query", pa.string()), ("pos_target", _IDS), ("neg_target", _IDS)])


def write_colpali(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``queries/SPLIT.parquet`` and ``corpus/train.parquet``.

    :raises UsageError: If no query has a page with a picture.
    """
    as_pictures = source.images == "keep"
    negatives: dict[str, Counter[int]] = {}
    with ExitStack() as stack:
        lookup = CaptionLookup(source.published) if as_pictures else None
        for split in source.splits:
            part = stack.enter_context(ParquetPart(folder / "queries" / f"{split}.parquet", _QUERIES))
            counts = negatives[split] = Counter()
            for row in source.triplets(split):
                query = _query(row, split, lookup, left_out)
                if query is not None:
                    part.add(query)
                    counts[len(query["neg_target"])] += 1
    written = [split for split in source.splits if negatives[split]]
    if not written:
        raise UsageError(
            "no query has a page that is a picture: build with chunk.unit = page, or take --images captions"
        )
    for split in set(source.splits) - set(written):
        (folder / "queries" / f"{split}.parquet").unlink()
    _write_corpus(source, folder, left_out)
    files = {
        "queries": {split: f"queries/{split}.parquet" for split in written},
        "corpus": {"train": "corpus/train.parquet"},
    }
    how = _HOW.replace("DATASET", _dataset(negatives[written[0]])).replace("SPLIT", written[0])
    how = how.replace("DOC", "the page's picture, `text` its text or captions" if as_pictures else "the page's text")
    write_readme(folder, "colpali-engine", files, how, left_out)


def _query(row: Row, split: str, lookup: CaptionLookup | None, left_out: LeftOut) -> Row | None:
    """The row of one triplet; None if it has no place in a batch."""
    query_id, positives = row["query_id"], positive_ids(row)
    if row["query"]["images"]:
        left_out.add(split, "query", query_id, "query_images", "not written: the collator takes no image in a query")
        return None
    if row["instruction"]:
        left_out.add(split, "query", query_id, "no_column_for_instruction", row["instruction"])
    negatives = row["negative_ids"]
    if lookup is not None:
        found = lookup.of_documents([*positives, *negatives])
        pictured = [one for one, images in zip([*positives, *negatives], found, strict=True) if images]
        positives = [one for one in positives if one in pictured]
        bare = [one for one in negatives if one not in pictured]
        negatives = [one for one in negatives if one in pictured]
        if not positives:
            left_out.add(split, "query", query_id, "no_image", "not written: its positive has no picture")
            return None
        for one in bare:
            left_out.add(split, "negative", f"{query_id}:{one}", "no_image", "a negative without a picture")
    return {"query_id": query_id, "query": row["query"]["text"], "pos_target": positives, "neg_target": negatives}


def _write_corpus(source: Source, folder: Path, left_out: LeftOut) -> None:
    as_pictures = source.images == "keep"
    columns = [("docid", pa.string()), ("doc", IMAGE if as_pictures else pa.string())]
    columns += [("text", pa.string())] if as_pictures else []
    with ParquetPart(folder / "corpus" / "train.parquet", pa.schema(columns)) as part:
        for row in source.documents():
            note = partial(left_out.add, "", "document", row["doc_id"])
            if not as_pictures:
                part.add({"docid": row["doc_id"], "doc": row["text"]})
                continue
            if not row["images"]:
                note("no_image", "not written: the document has no picture")
                continue
            if len(row["images"]) > 1:
                note(REASON, f"{len(row['images'])} images, the first is the page's picture")
            text = plain_text(row["text"]).strip()
            if text:
                note("text_beside_image", "the picture does not show the document's text, which is in column text")
            text = text or "\n".join(filter(None, row["captions"]))
            part.add({"docid": row["doc_id"], "doc": image_struct(row["images"][0]["bytes"]), "text": text})


def _dataset(counts: Counter[int]) -> str:
    """The lines that open the queries, with as many negatives as most rows have, at most three."""
    least = Counter({least: sum(n for count, n in counts.items() if count >= least) for least in range(1, _MOST + 1)})
    if not least[1]:
        return _WITHOUT_NEGATIVES
    count = max((one for one in least if 2 * least[one] >= counts.total()), default=1)
    return _WITH_NEGATIVES.replace("COUNT", str(count))
