from __future__ import annotations

import json
from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.builders.rows import DRAFTS
from nyxqa.builders.stages.synthesize import Writer, synthesize_shard
from nyxqa.builders.vlm.guidance import read_guidance
from nyxqa.builders.vlm.prompt import load_prompt
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.recipe import Synthesize, VlmSection
from tests.support.model_answers import model
from tests.support.models import Told, ToldAsking
from tests.support.rows import SPLIT_DOCUMENTS, document, write
from tests.support.vlm_server import VlmServer, prompt_text


def test_drafts_are_named_by_document_and_ordinal_and_silence_is_a_drop(tmp_path: Path) -> None:
    documents = [document(name, 0, f"The text of {name}.", ["a" * 64]) for name in ("p", "q", "r")]
    first, second, third = (row["doc_id"] for row in documents)
    told = Told(pairs={first: [("Q1?", "A1"), ("Q2?", "A2"), ("Q3?", "A3")], second: []})
    handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=told)
    output = synthesize_shard(Writer(handle, 2), write(tmp_path / "part.parquet", documents, SPLIT_DOCUMENTS))
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


def test_style_instructions_and_languages_stand_in_the_prompt_and_no_example_is_asked_again(tmp_path: Path) -> None:
    style = tmp_path / "style.txt"
    style.write_text('how do i reset the pump of the varn mill by hand\n{"question": "why is it {count} loud"}\n')
    settings = Synthesize(style=str(style), instructions="Ask as a mechanic {document}.", languages=["de", "fr"])
    pairs = [
        ("So: how do I reset the pump of the Varn mill?", "with a lever"),
        ("Why is it {count} loud?", "wind"),
        ("Who built the mill of Varn?", "Ada Holt"),
    ]
    reply = json.dumps({"pairs": [{"question": question, "answer": answer} for question, answer in pairs]})
    page = document("p", 0, "Ada Holt built the mill of Varn.")
    with VlmServer(reply=lambda payload: reply) as server:
        vlm = model(server, tmp_path / "answers")
        handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=vlm)
        file = write(tmp_path / "part.parquet", [page], SPLIT_DOCUMENTS)
        output = synthesize_shard(Writer(handle, 5, read_guidance(settings)), file)
        vlm.close()
    output.account.check("synthesize")
    (row,) = output.rows.to_pylist()
    assert (row["draft"], row["question"]) == (f"{page['doc_id']}:2", "Who built the mill of Varn?")
    assert [(note.item_id[-2:], note.reason) for note in output.account.notes] == [
        (":0", "echoed_example"),
        (":1", "echoed_example"),
    ]
    assert row["prompts"]["questions"] != load_prompt("questions").hash
    (sent,) = map(prompt_text, server.payloads)
    assert sent.startswith("You write quiz questions from one document.")
    assert sent.endswith("Document:\nAda Holt built the mill of Varn.")
    for told in ("de, fr", "Ask as a mechanic (document).", "- how do i reset the pump", "- why is it (count) loud"):
        assert told in sent.partition("Answer with JSON only")[0]


def test_a_prompt_of_the_recipe_replaces_the_shipped_one_and_its_hash_is_published(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text('At most {count} pairs as JSON {"pairs": []} about:\n{document}\n')
    with VlmServer() as server:
        vlm = model(server, tmp_path / "answers")
        handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=vlm)
        documents = write(tmp_path / "part.parquet", [document("p", 0, "Varn.")], SPLIT_DOCUMENTS)
        output = synthesize_shard(Writer(handle, 2, read_guidance(Synthesize(prompt=str(file)))), documents)
        vlm.close()
    assert prompt_text(server.payloads[0]) == 'At most 2 pairs as JSON {"pairs": []} about:\nVarn.'
    rows = output.rows.to_pylist()
    assert {row["prompts"]["questions"] for row in rows} == {short_hash(file.read_text().strip())}
    assert {row["prompts"]["questions_multi"] for row in rows} == {load_prompt("questions_multi").hash}


@pytest.mark.parametrize(
    ("key", "content", "told"),
    [("style", None, "cannot read"), ("prompt", "no slot", "has no {document}"), ("style", "x" * (1 << 21), "1 MiB")],
)
def test_a_file_that_cannot_be_used_is_refused(key: str, content: str | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "file").write_text(content)
    with pytest.raises(UsageError, match=told):
        read_guidance(Synthesize(**{key: str(tmp_path / "file")}))


def test_without_a_real_model_guidance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"synthesize\.style, instructions, languages, prompt, hops"):
        run("train", out=tmp_path / "out", settings={"synthesize.instructions": "Ask as a mechanic."})
