from __future__ import annotations

from pathlib import Path

from nyxqa.builders.rows import DRAFTS
from nyxqa.builders.stages.synthesize import synthesize_shard
from nyxqa.schemas.recipe import VlmSection
from tests.support.models import Told, ToldAsking
from tests.support.rows import SPLIT_DOCUMENTS, document, write


def test_drafts_are_named_by_document_and_ordinal_and_silence_is_a_drop(tmp_path: Path) -> None:
    documents = [document(name, 0, f"The text of {name}.", ["a" * 64]) for name in ("p", "q", "r")]
    first, second, third = (row["doc_id"] for row in documents)
    told = Told(pairs={first: [("Q1?", "A1"), ("Q2?", "A2"), ("Q3?", "A3")], second: []})
    handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=told)
    output = synthesize_shard(handle, 2, write(tmp_path / "part.parquet", documents, SPLIT_DOCUMENTS))
    output.account.check("synthesize")
    assert output.rows.schema.equals(DRAFTS)
    rows = output.rows.to_pylist()
    assert [(row["draft"], row["question"], row["answer"]) for row in rows] == [
        (f"{first}:0", "Q1?", "A1"),
        (f"{first}:1", "Q2?", "A2"),
    ]
    assert rows[0]["generator"] == "told"
    assert rows[0]["prompts"]["questions"] == "abc"
    assert rows[0]["document"]["text"] == documents[0]["text"]
    assert [(drop.item_id, drop.parent_id, drop.reason) for drop in output.account.dropped] == [
        (second, "q", "no_question"),
        (third, "r", "untold"),
    ]
