"""Whole builds of ``[[qa]]`` sets of every kind."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import nyxqa
from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.schemas.ids import doc_id, image_id, query_id
from nyxqa.schemas.manifest import read_manifest
from tests.support.ingest import encoded, picture
from tests.support.published import table
from tests.support.qa_sets import MMQA_TYPES, RECIPE, RIVERS, river, write_lines, write_qa_sets
from tests.support.verdicts import line, write_verdicts
from tests.support.vlm_server import VlmServer, prompt_text

Row = dict[str, Any]


@pytest.fixture(scope="session")
def built(
    build_once: Callable[[str, Callable[[Path], object]], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All sets, all splits."""
    recipe = write_qa_sets(tmp_path_factory.mktemp("qa_sets"))
    return build_once("built_qa", lambda out: run("all", recipe=recipe, out=out, workers=1))


def rows(out: Path, name: str, dataset: str) -> dict[str, Row]:
    """Rows of one set in all splits of a table, by id, with their split."""
    key = "qa_id" if name == "qa" else "query_id"
    manifest = read_manifest(out)
    return {
        row[key]: {**row, "split": split}
        for split in manifest.splits(name)
        for row in table(out, name, split)
        if row["dataset"] == dataset
    }


def corpus(out: Path, pool: str) -> dict[str, Row]:
    """Documents of a pool by the id in their source."""
    return {row["external_id"]: row for row in table(out, "corpus", pool)}


def ledger(out: Path, stage: str) -> list[Row]:
    return [row for row in table(out, "ledger", "rows") if row["stage"] == stage]


def test_every_check_holds_and_every_row_is_accounted_for(built: Path) -> None:
    assert check(built).failed == ()
    manifest = read_manifest(built)
    for entry in manifest.stages:
        assert entry.rows_in == entry.parents + entry.dropped + entry.not_sampled
    read = {(entry.name, entry.split): (entry.rows_in, entry.rows_out) for entry in manifest.stages}
    assert read["qa.mmqa", "validation"] == (16, 16)
    assert read["qa.mmqa", "test"] == (1, 0)
    assert {split for name, split in read if name == "qa.science"} == {"train", "validation", "test"}


def test_own_documents_keep_text_images_and_fields(built: Path) -> None:
    found = corpus(built, "own")
    assert set(found) == {*(f"r{n}" for n in range(RIVERS)), "pair", "front", "inline", "half", "wide"}
    pair = found["pair"]
    assert (pair["text"], pair["kind"], pair["captions"]) == (
        "Left <|image|> and right <|image|> of a lock.",
        "multi",
        ["left gate", ""],
    )
    assert (pair["url"], pair["license"], pair["language"], pair["source"], pair["caption_origins"]) == (
        "https://rivers.example/locks",
        "CC-BY-4.0",
        "en",
        "jsonl",
        ["figure", ""],
    )
    assert found["r2"]["license"] == "CC0-1.0"
    assert [place["page_id"] for place in found["r2"]["also_at"]] != []
    assert found["front"]["text"] == "<|image|>\nA weir in spring."
    assert found["half"]["text"] == "Dead  and alive <|image|>."
    assert found["wide"]["image_ids"] == [image_id(encoded(picture(6)))]
    assert found["r7"]["doc_id"] == doc_id(river(7), ())
    reasons = Counter((row["item_type"], row["reason"]) for row in ledger(built, "passages.own"))
    assert reasons == {
        ("row", "missing_image"): 1,
        ("row", "image_count"): 1,
        ("row", "same_page"): 1,
        ("row", "same_content"): 1,
        ("image", "truncated"): 1,
    }


def test_own_questions_go_where_their_answers_and_documents_allow(built: Path) -> None:
    asked, triplets, documents = rows(built, "qa", "own"), rows(built, "triplets", "own"), corpus(built, "own")
    ids = {name: query_id("own", name) for name in (f"q{n}" for n in range(12))}
    assert {name for name, one in ids.items() if one in asked} == {"q0", "q1", "q2", "q5", "q10", "q11"}
    assert {name for name, one in ids.items() if one in triplets} == {"q0", "q1", "q3", "q5", "q10", "q11"}
    first = triplets[ids["q0"]]
    assert first["positive_id"] == documents["r3"]["doc_id"]
    assert [one["origin"] for one in first["positives"]] == ["gold"]
    assert len(first["negative_ids"]) > 5
    assert first["positive_id"] not in first["negative_ids"]
    choice = asked[ids["q1"]]
    assert (choice["choices"], choice["label"], choice["answer"], choice["answers"]) == (
        ["a gate", "a boat"],
        0,
        "a gate",
        ["a gate"],
    )
    assert choice["image_ids"] == [image_id(encoded(picture(0)))]
    assert (asked[ids["q2"]]["doc_id"], asked[ids["q2"]]["page_id"], asked[ids["q2"]]["kind"]) == ("", "", "")
    assert asked[ids["q2"]]["split"] == "test"
    assert triplets[ids["q3"]]["split"] == "validation"
    assert (asked[ids["q5"]]["answers"], asked[ids["q5"]]["choices"], asked[ids["q5"]]["label"]) == (["3"], [], -1)
    assert (asked[ids["q10"]]["answers"], triplets[ids["q10"]]["needs"]) == (["a; b"], "all")
    assert triplets[ids["q11"]]["positive_id"] == documents["r2"]["doc_id"]  # a copy's id leads to the document


def test_what_own_questions_lost_is_in_the_ledger(built: Path) -> None:
    found = {(row["reason"], row["item_type"]) for row in ledger(built, "qa.own")}
    assert found == {
        ("no_answer", "row"),
        ("no_answer", "question"),
        ("bad_choices", "question"),
        ("gold_not_in_pool", "document"),
        ("dead_image", "row"),
        ("missing_image", "row"),
        ("image_count", "row"),
        ("bad_split", "row"),
    }
    repairs = read_manifest(built).summary["repairs"]
    assert repairs["own train questions"]["repaired"] == {}
    assert repairs["own validation questions"]["repaired"] == {"question": {"missing_token": 1}}
    assert repairs["own documents"]["repaired"] == {"text": {"missing_token": 1}}


def test_every_type_of_multimodalqa_finds_its_context(built: Path) -> None:
    asked, triplets, documents = rows(built, "qa", "mmqa"), rows(built, "triplets", "mmqa"), corpus(built, "mmqa")
    assert len(asked) == len(triplets) == len(MMQA_TYPES)
    names = {row["doc_id"]: external.rstrip("0123456789") for external, row in documents.items()}
    for number, parts in enumerate(MMQA_TYPES.values()):
        row = triplets[query_id("mmqa", f"q{number}")]
        assert sorted(names[one["doc_id"]] for one in row["positives"]) == sorted(parts)
        assert row["needs"] == ("all" if len(parts) > 1 else "any")
        assert row["instruction"] == "Find what answers."
    answers = {number: asked[query_id("mmqa", f"q{number}")] for number in range(len(MMQA_TYPES))}
    assert answers[1]["answers"] == ["190.5"]
    assert answers[2]["answers"] == ["1420"]
    assert (answers[3]["answers"], answers[3]["type"]) == (["Aarau; Zurich"], "list")
    assert answers[11]["type"] == "boolean"
    assert answers[7]["type"] == "compare"
    assert [row["reason"] for row in ledger(built, "qa.mmqa")] == ["no_answer"]
    assert [row["reason"] for row in ledger(built, "passages.mmqa")] == ["missing_image"]


def test_tables_are_text_and_pictures_come_out_of_the_archive(built: Path) -> None:
    documents = corpus(built, "mmqa")
    lines = documents["table0"]["text"].splitlines()
    assert lines[:2] == ["List table0", "Ports"]
    assert [line.split() for line in lines[2:]] == [
        ["|", "Year", "|", "Name", "|"],
        [*lines[3].split()],
        ["|", "1998", "|", "Port", "\\|", "Harbour", "|"],
        ["|", "2004", "|", "007", "|"],
    ]
    image = documents["image0"]
    assert (image["text"], image["captions"], image["caption_origins"]) == (
        "<|image|>\nView image0",
        ["View image0"],
        ["title"],
    )
    assert image["image_ids"] == [image_id(encoded(picture(0)))]


def test_scienceqa_has_lectures_and_examples_and_none_serves_its_own_question(built: Path) -> None:
    asked, triplets, documents = (
        rows(built, "qa", "science"),
        rows(built, "triplets", "science"),
        corpus(built, "science"),
    )
    assert len(asked) == 12
    assert Counter(len(row["choices"]) for row in asked.values()) == {2: 3, 3: 3, 4: 3, 5: 3}
    assert all(row["choices"][row["label"]] == row["answer"] for row in asked.values())
    assert Counter(name.partition(":")[0] for name in documents) == {"lecture": 1, "example": 6}
    first = asked[query_id("science", "1")]
    assert (first["question"], first["answer_long"], len(first["images"])) == (
        "<|image|>\nScales show 0 grams.\nWhich of these is heavier, number 0?",
        "Body 0 is heavier.",
        1,
    )
    example = documents["example:1"]
    assert example["text"].splitlines()[-2:] == ["Options: (A) body 0 0 (B) body 0 1", "Answer: (A) body 0 0"]
    assert example["image_ids"] == first["image_ids"]
    lecture = next(row for name, row in documents.items() if name.startswith("lecture"))
    assert {row["positive_id"] for row in triplets.values()} == {lecture["doc_id"]}
    own = triplets[query_id("science", "2")]
    assert len(own["negative_ids"]) == 5
    assert documents["example:2"]["doc_id"] not in own["negative_ids"]
    assert documents["example:6"]["doc_id"] in own["negative_ids"]


def test_published_nyxqa_is_read_whole(built: Path) -> None:
    asked, triplets, documents = (
        rows(built, "qa", "published"),
        rows(built, "triplets", "published"),
        corpus(built, "published"),
    )
    assert len(documents) == 8
    assert Counter(row["split"] for row in asked.values()) == {"train": 3, "validation": 1, "test": 2}
    train = [asked[query_id("published", number)] for number in range(3)]
    assert [row["label"] for row in train] == [1, 1, -1]
    assert train[0]["choices"] == ["low", "0 m", "high", "none"]
    assert train[1]["image_ids"] == documents["corpus.json:1"]["image_ids"]
    assert [triplets[row["qa_id"]]["positive_id"] for row in train] == [
        documents[f"corpus.json:{number}"]["doc_id"] for number in range(3)
    ]
    lost = asked[query_id("published", "test:1")]
    assert (lost["doc_id"], lost["qa_id"] in triplets) == ("", False)
    reasons = Counter((row["reason"], row["split"]) for row in ledger(built, "qa.published"))
    assert reasons == {("bad_choices", "train"): 1, ("gold_not_in_pool", "test"): 1}


def test_graded_judgements_order_positives_and_keep_retrieved_publishes_what_was_found(built: Path) -> None:
    triplets, documents = rows(built, "triplets", "judged"), corpus(built, "judged")
    assert rows(built, "qa", "judged") == {}
    row = triplets[query_id("judged", "a")]
    assert [one["doc_id"] for one in row["positives"]] == [documents[name]["doc_id"] for name in ("d3", "d1")]
    assert documents["d3"]["text"] == "Bridge 3 spans 33 metres."
    assert triplets[query_id("judged", "b")]["kind"] == "single"
    graded = {row["doc_id"]: (row["grade"], row["by"], row["span"]) for row in table(built, "qrels", "test")}
    wanted = {"d3": (2, "gold", None), "d1": (1, "gold", None), "seen": (1, "gold", None)}
    assert graded == {documents[name]["doc_id"]: judged for name, judged in wanted.items()}
    assert sorted(row["reason"] for row in ledger(built, "qa.judged")) == ["no_answer"] * 3
    assert len(documents) == 21  # twenty retrieved for a query, and the one with a picture


def test_rows_are_loaded_with_their_documents(built: Path) -> None:
    loaded = nyxqa.load("triplets", built, split="train", images="bytes")
    by_id = {row["query_id"]: row for row in loaded}
    pair = by_id[query_id("own", "q1")]
    assert pair["positive"]["images"] == [encoded(picture(0)), encoded(picture(1))]
    assert pair["query"]["images"] == [encoded(picture(0))]
    unknown = {row["qa_id"]: row for row in nyxqa.load("qa", built, split="test")}[query_id("own", "q2")]
    assert unknown["document"] is None


def test_two_workers_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    recipe = write_qa_sets(tmp_path / "sets")
    run("all", recipe=recipe, out=tmp_path / "out", workers=2)
    assert read_manifest(tmp_path / "out").files == read_manifest(built).files


def test_pools_are_united_and_ids_of_one_source_are_not_those_of_another(tmp_path: Path) -> None:
    recipe = write_qa_sets(tmp_path)
    own = RECIPE.split("[[qa]]")
    text = '[[text]]\nname = "rivers"\nquestions = "flashrag:t.jsonl"\npassages = "flashrag:p.jsonl"\n'
    text += 'pool = "all_rivers"\n'
    (tmp_path / "t.jsonl").write_text(
        '{"id": "1", "question": "Where is another river?", "golden_answers": ["nowhere"]}\n'
    )
    (tmp_path / "p.jsonl").write_text('{"id": "r3", "contents": "Another river, nowhere."}\n')
    recipe.write_text(text + "[[qa]]" + own[1].replace("license", 'pool = "all_rivers"\nlicense'))
    run("train", recipe=recipe, out=tmp_path / "out", workers=1)
    documents = corpus(tmp_path / "out", "all_rivers")
    assert documents["r3"]["text"] == "Another river, nowhere."  # the first of an id, as of pages
    assert documents["r4"]["text"] == river(4)
    triplets = rows(tmp_path / "out", "triplets", "own")
    assert query_id("own", "q0") not in triplets  # its document was dropped, so it has none
    assert rows(tmp_path / "out", "triplets", "rivers")[query_id("rivers", "1")]["pool"] == "all_rivers"


def test_verdicts_apply_to_questions_of_sets(tmp_path: Path) -> None:
    recipe, out = write_qa_sets(tmp_path), tmp_path / "out"
    recipe.write_text("[[qa]]" + RECIPE.split("[[qa]]")[1])
    run("train", recipe=recipe, out=out, workers=1)
    before = rows(out, "triplets", "own")
    rejected, marked = [row for row in before.values() if len(row["negative_ids"]) > 1][:2]
    doc = marked["negative_ids"][0]
    write_verdicts(out, "anna", line(rejected, "reject"), line(marked, "accept", relevant=[doc]))
    run("train", recipe=recipe, out=out, workers=1, settings={"review.relevant": "positive"})
    for name in ("triplets", "qa"):
        left = rows(out, name, "own")
        assert rejected["query_id"] not in left
        assert left[marked["query_id"]]["reviews"] == 1
    after = rows(out, "triplets", "own")
    assert before.keys() - after.keys() == {rejected["query_id"]}
    assert after[marked["query_id"]]["negative_ids"] == marked["negative_ids"][1:]
    assert after[marked["query_id"]]["positives"][-1]["doc_id"] == doc
    assert after[marked["query_id"]]["positives"][-1]["origin"] == "reviewed"
    assert [(row["item_id"], row["reason"]) for row in ledger(out, "review")] == [
        (rejected["query_id"], "reviewed_out")
    ]
    assert check(out).failed == ()


def test_images_at_urls_are_fetched_once_and_dead_ones_named(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.png").write_bytes(encoded(picture(1)))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        corpus_rows = [{"id": "d", "text": "See <|image|>.", "images": [f"{place}/a.png"]}]
        corpus_rows.append({"id": "gone", "text": "See <|image|> too.", "images": [f"{place}/none.png"]})
        write_lines(tmp_path / "c.jsonl", corpus_rows)
        asked = {"id": 1, "question": "What?", "images": [f"{place}/a.png"], "answer": "this", "doc_ids": "d"}
        write_lines(tmp_path / "q.jsonl", [asked])
        text = '[[qa]]\nname = "own"\nquestions = "jsonl:q.jsonl"\ncorpus = "jsonl:c.jsonl"\n'
        (tmp_path / "recipe.toml").write_text(text + "[images]\nallow_private = true\n")
        run("train", recipe=tmp_path / "recipe.toml", out=tmp_path / "out", workers=1)
        server.shutdown()
    documents = corpus(tmp_path / "out", "own")
    assert documents["d"]["image_ids"] == [image_id(encoded(picture(1)))]
    assert documents["d"]["image_urls"] == [f"{place}/a.png"]
    assert documents["gone"]["text"] == "See  too."
    assert [row["reason"] for row in ledger(tmp_path / "out", "passages.own")] == ["http_404"]
    (triplet,) = table(tmp_path / "out", "triplets", "train")
    assert triplet["query_image_ids"] == documents["d"]["image_ids"]


def test_an_evaluation_serves_no_question_the_example_made_of_it(built: Path, tmp_path: Path) -> None:
    """Of its own ranking and of another system's, where that example would stand on top."""
    out = tmp_path / "out"
    shutil.copytree(built, out, ignore=shutil.ignore_patterns("evaluation"))
    asked = [row for row in table(out, "qa", "train") if row["dataset"] == "science"]
    documents = corpus(out, "science")
    examples = {query_id("science", str(n)): documents[f"example:{n}"] for n in range(1, 13) if n % 4 in (1, 2)}
    assert {row["qa_id"] for row in asked} == set(examples)
    ids = [row["doc_id"] for row in documents.values()]
    ranked = {one: dict.fromkeys((own["doc_id"], *ids)) for one, own in examples.items()}
    lines = [{"query_id": one, "doc_id": doc} for one, listed in ranked.items() for doc in listed]
    write_lines(tmp_path / "run.jsonl", lines)
    with VlmServer(reply=lambda payload: '{"answer": "unknown"}') as server:
        found = nyxqa.evaluate(
            out,
            ["bm25", "tiny"],
            vlm=f"openai:model@{server.url}",
            split="train",
            datasets=["science"],
            top_k=[8],
            runs={"other": tmp_path / "run.jsonl"},
        )
    assert any("documents made of the question itself" in note for note in found["notes"])
    prompts = [prompt_text(one).rpartition("\nQuestion: ") for one in server.payloads]
    for row in asked:
        shown = [head for head, _, question in prompts if _plain(row["question"]) in question]
        others = [one for own, one in examples.items() if own != row["qa_id"]]
        assert shown and any(_said(one) in head for head in shown for one in others)
        assert not any(_said(examples[row["qa_id"]]) in head for head in shown)


def _plain(text: str) -> str:
    return text.replace("<|image|>", "[image]").strip()


def _said(example: Row) -> str:
    """The line of an example that no other document has."""
    return str(example["text"].splitlines()[-1]) + "\n"
