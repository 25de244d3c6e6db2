"""Export for FlagEmbedding: JSON lines of ``query``, ``pos``, ``neg`` and ``prompt``, text alone."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.export.dataset import LeftOut, Source, note_further_positives
from nyxqa.builders.export.files import write_json_lines, write_readme

_HOW = """```
--train_data FOLDER/SPLIT.jsonl --train_group_size 1+NEGATIVES --query_instruction_for_retrieval ...
```

`neg` is never empty: FlagEmbedding's trainer stops at such a row. `pos_scores` and `neg_scores` would be a teacher's
scores and are left out; the ranks and scores of the miner are in the dataset itself."""


def write_flagembedding(source: Source, folder: Path, left_out: LeftOut) -> None:
    """Write ``SPLIT.jsonl``."""
    most = 0
    for split in source.splits:
        with write_json_lines(folder / f"{split}.jsonl") as write:
            for row in source.triplets(split):
                negatives = [side["text"] for side in row["negatives"] if side["text"]]
                if not negatives or not row["query"]["text"] or not row["positive"]["text"]:
                    reason = "no_text" if negatives else "no_negatives"
                    left_out.add(split, "query", row["query_id"], reason, "not written: its trainer takes no such row")
                    continue
                most = max(most, len(negatives))
                note_further_positives(row, split, left_out)
                texts = {"query": row["query"]["text"], "pos": [row["positive"]["text"]], "neg": negatives}
                write({**texts, "prompt": row["instruction"], "query_id": row["query_id"]})
    files = {"default": {split: f"{split}.jsonl" for split in source.splits}}
    how = _HOW.replace("SPLIT", source.splits[0]).replace("1+NEGATIVES", str(1 + most))
    write_readme(folder, "FlagEmbedding", files, how, left_out)
