"""Questions of several types, of two documents and without an answer: how they are built, and what reads them.

What reads them: feedback, evaluate, judgements, exports, load.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import nyxqa
from nyxqa.build import estimate, run
from nyxqa.builders.check.structure import check
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from nyxqa.builders.vlm.prompt import LONG_TYPES, form_hashes, load_prompt
from nyxqa.cli import main
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.manifest import read_manifest
from tests.support.kinds_model import RECIPE, TYPES, PumpReader, Pumps, number_of, pump_page
from tests.support.pages import write_recipe
from tests.support.published import table
from tests.support.vlm_server import VlmServer

PAGES = 14


def built(folder: Path, model: Pumps, tokens: int = 200, short: int = 0, **settings: object) -> Path:
    """Build over the pages of the pumps; the last ``short`` of them have their first section alone."""
    rows = [pump_page(number) for number in range(PAGES)]
    for one in rows[PAGES - short :]:
        one["texts"], one["images"], one["metadata"] = one["texts"][:1], [None], json.dumps([None])
    recipe = write_recipe(folder, rows, RECIPE.format(tokens=tokens))
    with VlmServer(reply=model) as server:
        own = {"vlm.model": f"openai:model@{server.url}", **settings}
        run("all", recipe=recipe, out=folder / "out", workers=1, settings=own)
    return folder / "out"


class Used(NamedTuple):
    """A dataset with judgements, labels and an evaluation, and the models that wrote, labelled and answered."""

    out: Path
    model: Pumps
    labelling: Pumps
    figures: dict[tuple[int | None, str], dict[str, Any]]


def used(out: Path, model: Pumps, window: int) -> Used:
    """Label and evaluate with the first documents of bm25."""
    labelling, reader = Pumps(), PumpReader()
    with VlmServer(reply=labelling) as server:
        asked = {"feedback.window": window, "feedback.stride": window, "feedback.top_k": 10}
        feedback(out, FeedbackOptions("bm25", f"openai:model@{server.url}", settings=asked), Progress())
    with VlmServer(reply=reader, script=reader.act) as server:
        found = nyxqa.evaluate(out, "bm25", vlm=f"openai:model@{server.url}", top_k=[2, 25], workers=1)
    lines = [one for one in found["lines"] if one["system"] == "bm25" and one["kind"] == "all"]
    return Used(out, model, labelling, {(one["k"], one["metric"]): one for one in lines})


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Retrievers whose first documents are judged."""
    folder = tmp_path_factory.mktemp("systems")
    TinyModel(seed=7).save(folder)
    return ["bm25", "tiny", f"tiny:{folder}"]


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory, systems: list[str]) -> Used:
    model = Pumps()
    settings = {"synthesize.types": TYPES, "synthesize.unanswerable": 0.9, "split.test": 0.5, "qrels.systems": systems}
    return used(built(tmp_path_factory.mktemp("typed"), model, **settings), model, window=1)


ALONE = frozenset({3, 4})  # pumps of which one document alone answers the question that asks for two


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, systems: list[str]) -> Used:
    model, settings = Pumps(alone=ALONE), {"synthesize.hops": 2, "negatives.exclude": ["equal"], "qrels.most": 8}
    folder = tmp_path_factory.mktemp("paired")
    return used(built(folder, model, tokens=50, short=3, **settings, **{"qrels.systems": systems}), model, window=8)


def test_each_question_has_its_type_and_long_ones_their_facts_and_no_options(typed: Used) -> None:
    out = typed.out
    assert check(out).failed == ()
    rows = [row for row in table(out, "qa") if row["answerable"]]
    counts = Counter(row["type"] for row in rows)
    assert set(counts) == {"fact", "howto", "why", "list", "boolean"}
    assert {counts[kind] for kind in ("fact", "why", "list", "boolean")} == {PAGES}
    texts = {row["doc_id"]: row["text"] for row in table(out, "corpus")}
    for row in rows:
        if row["type"] in LONG_TYPES:
            assert (row["choices"], row["label"]) == ([], -1)
            assert 1 <= len(row["nuggets"]) <= 6
            for nugget in row["nuggets"]:
                held = texts[nugget["doc_id"]][nugget["start"] : nugget["end"]]
                assert held.lower() == nugget["text"].lower() or row["type"] == "why"
                assert nugget["doc_id"] == row["doc_id"]
            assert row["prompts"]["answer"] == form_hashes("long")["answer"] != load_prompt("answer").hash
        else:
            assert row["nuggets"] == []
            assert len(row["choices"]) == 4
            assert row["choices"][row["label"]] == row["answer"]
    lists = [row["answer"] for row in rows if row["type"] == "list"]
    assert all(answer.split("; ") == sorted(answer.split("; ")) and answer.count("; ") == 2 for answer in lists)
    assert {row["answer"] for row in rows if row["type"] == "boolean"} == {"no"}


def test_long_answers_are_right_by_the_facts_that_they_tell(typed: Used) -> None:
    """The model tells one of three facts of every second pump, so that these questions are dropped."""
    out = typed.out
    kept = {number_of(row["question"]) for row in table(out, "qa") if row["type"] == "howto"}
    assert kept == {number for number in range(PAGES) if number % 2 == 0}
    dropped = Counter((row["stage"], row["reason"], row["detail"]) for row in table(out, "ledger"))
    assert dropped["verify", "not_answered_from_document", "howto"] == PAGES // 2
    assert dropped["refine", "no_nugget", "no fact of the answer stands in the document"] == PAGES


def test_the_model_is_told_the_types_and_long_answers_are_asked_for_in_sentences(typed: Used) -> None:
    model = typed.model
    written = [text for text in model.seen if '"pairs"' in text and "mill of Tollamere" not in text]
    told = Counter[str]()
    for text in written:
        listed = text.partition("none of another: ")[2].partition(".")[0]
        counts = {kind: int(count) for count, kind in (one.split() for one in listed.split(", "))}
        assert sum(counts.values()) == 6
        told.update(counts)
    assert told["fact"] > told["boolean"]
    assert told.total() == 6 * len(written)
    asked = [text for text in model.seen if text.startswith("Answer a question")]
    assert all(("This question asks for an explanation" in text) == _is_long(text) for text in asked)


def _is_long(prompt: str) -> bool:
    return prompt.rpartition("\nQuestion: ")[2].split()[0] in ("How", "Why")


def test_the_report_counts_outcomes_by_type_and_kind(typed: Used) -> None:
    out = typed.out
    counts = read_manifest(out).summary["types"]
    of_pages = {(kind, "text") for kind in ("fact", "howto", "why", "list", "boolean")}
    assert {(row["type"], row["kind"]) for row in counts} == of_pages | {("fact", "")}
    assert {row["outcome"] for row in counts if not row["kind"]} == {"kept, not answerable"}
    howto = {row["outcome"]: row["questions"] for row in counts if row["type"] == "howto" and row["split"] == "train"}
    assert howto["kept"] + sum(n for outcome, n in howto.items() if outcome.startswith("dropped")) == sum(
        row["questions"]
        for row in counts
        if row["type"] == "fact" and row["split"] == "train" and row["outcome"] == "kept"
    )
    assert "| howto | text |" in (out / "README.md").read_text()


def test_the_command_report_shows_long_questions_by_type_kind_and_outcome(
    typed: Used, capsys: pytest.CaptureFixture[str]
) -> None:
    """After synthesis, verification, judging, feedback, judgements and evaluation."""
    for arguments in (["--json"], []):
        with pytest.raises(SystemExit) as left:
            main(["report", str(typed.out), *arguments])
        assert not left.value.code
    as_json, _, as_text = capsys.readouterr().out.partition("\n}\n")
    counts = json.loads(as_json + "}")["types"]
    assert counts == read_manifest(typed.out).summary["types"]
    kept = {(row["split"], row["type"]): row["questions"] for row in counts if row["outcome"] == "kept" and row["kind"]}
    published = Counter(
        (split, row["type"])
        for split in ("train", "test")
        for row in table(typed.out, "qa", split)
        if row["answerable"]
    )
    assert kept == published
    assert {kind for _, kind in kept} >= {"howto", "why", "list"}
    for kind in ("howto", "why", "list"):
        assert any({kind, "text", "kept"} <= set(line.split()) for line in as_text.splitlines()), kind


def test_a_model_that_names_no_types_is_read_as_before(tmp_path: Path) -> None:
    out = built(tmp_path, Pumps(plain=True), **{"synthesize.types": {"fact": 0.5, "howto": 0.5}})
    assert check(out).failed == ()
    rows = table(out, "qa")
    assert {row["type"] for row in rows} == {""}
    assert rows
    assert all(len(row["choices"]) == 4 for row in rows)


def test_a_question_that_needs_two_documents_has_both_as_positives(paired: Used) -> None:
    out = paired.out
    assert check(out).failed == ()
    places = {row["doc_id"]: (row["page_id"], row["chunk"]) for row in table(out, "corpus")}
    triplets, questions = table(out, "triplets"), {row["qa_id"]: row for row in table(out, "qa")}
    assert len(triplets) == PAGES - 3 - len(
        ALONE
    )  # one asked about both documents of a page in either order is repeated
    for row in triplets:
        first, second = row["positives"]
        assert row["needs"] == "all"
        assert first["doc_id"] == row["positive_id"] == questions[row["query_id"]]["doc_id"]
        assert (first["origin"], second["origin"]) == ("source", "source")
        assert places[first["doc_id"]][0] == places[second["doc_id"]][0]
        assert not {first["doc_id"], second["doc_id"]} & set(row["negative_ids"])
        evidence = questions[row["query_id"]]["evidence"]
        assert evidence["document"]["correct"]
        assert not evidence["first_only"]["correct"]
        assert not evidence["second_only"]["correct"]
        assert questions[row["query_id"]]["prompts"]["questions"] == load_prompt("questions_hops").hash
    reasons = Counter((row["stage"], row["reason"]) for row in table(out, "ledger") if row["item_type"] == "question")
    assert reasons["verify", "answered_from_one_document"] == len(ALONE)
    dropped = Counter(row["reason"] for row in table(out, "ledger") if row["stage"] == "synthesize")
    assert dropped["no_second_document"] == 3


def test_another_model_verifies(tmp_path: Path) -> None:
    """The one that wrote the questions is never asked to answer them."""
    folder, writer, judge = tmp_path, Pumps(), Pumps()
    recipe = write_recipe(folder, [pump_page(number) for number in range(PAGES)], RECIPE.format(tokens=200))
    with VlmServer(reply=writer) as one, VlmServer(reply=judge) as other:
        own = {
            "vlm.model": f"openai:writer@{one.url}",
            "verify.model": f"openai:judge@{other.url}",
            "judge.enabled": False,
        }
        run("all", recipe=recipe, out=folder / "out", workers=1, settings=own)
        sent = len(writer.seen), len(judge.seen)
        run("all", recipe=recipe, out=folder / "out", workers=1, settings=own)
        assert (len(writer.seen), len(judge.seen)) == sent
    assert not any(text.startswith("Answer a question") for text in writer.seen)
    assert {text.startswith("Answer a question") for text in judge.seen if "mill of Tollamere" not in text} == {True}
    rows = table(folder / "out", "qa")
    assert {row["generator"] for row in rows} == {"openai:writer"}
    assert all(row["evidence"]["document"]["correct"] for row in rows)
    assert read_manifest(folder / "out").usage["requests"] > sent[1]
    assert read_manifest(folder / "out").recipe["verify"]["model"] == "openai:judge"


def test_an_edited_question_that_nothing_answers_is_published_without_a_document(typed: Used) -> None:
    """The model says that the page of every third pump answers after all; who painted the others stands nowhere."""
    out = typed.out
    assert check(out).failed == ()
    rows = table(out, "qa")
    without = [row for row in rows if not row["answerable"]]
    assert without
    for row in without:
        assert row["question"].startswith("Who painted")
        names = ("answer", "answers", "choices", "doc_id", "page_id", "kind", "evidence")
        assert [row[name] for name in names] == ["", [], [], "", "", "", None]
        assert row["label"] == -1
    numbers = [number_of(row["question"]) for row in without]
    assert not any(number % 3 == 0 for number in numbers)
    assert {row["query_id"] for row in table(out, "triplets")} == {row["qa_id"] for row in rows if row["answerable"]}
    reasons = Counter(row["reason"] for row in table(out, "ledger") if row["stage"] == "unanswerable")
    assert reasons["answered_after_all"] > 0
    (entry,) = (one for one in read_manifest(out).stages if (one.name, one.split) == ("unanswerable", "train"))
    assert entry.rows_in == entry.parents
    assert entry.rows_out > entry.rows_in


def test_the_estimate_counts_both_documents_and_edits(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, [pump_page(number) for number in range(PAGES)], RECIPE.format(tokens=200))
    settings = {"synthesize.types": TYPES, "synthesize.hops": 2, "synthesize.unanswerable": 0.5}
    one, more = (
        estimate("train", recipe=recipe, out=tmp_path / "out", workers=1, settings=given) for given in ({}, settings)
    )
    pages = one.costs["train", "synthesize"].requests
    asked = 6 * pages
    assert more.costs["train", "synthesize"].requests == pages
    assert more.costs["train", "verify"].requests == one.costs["train", "verify"].requests + 2 * asked
    assert more.costs["train", "unanswerable"].requests == pages * 3 * 41
    assert ("train", "unanswerable") not in one.costs


@pytest.mark.parametrize("what", ["label", "drop"])
def test_easy_questions_are_labelled_or_go_with_the_retriever_named(what: str, tmp_path: Path) -> None:
    """By words alone the document of each pump is found first, so every question about one is easy."""
    model = Pumps(edits=True, split_words=True)
    out = built(tmp_path, model, **{"filters.difficulty": what, "synthesize.types": {"fact": 1.0}})
    assert check(out).failed == ()
    rows = {row["query_id"]: row for row in table(out, "triplets")}
    easy = [row for row in table(out, "ledger") if row["stage"] == "difficulty"]
    assert easy
    assert {(row["reason"], row["detail"]) for row in easy} == {("easy", "bm25 finds its document first")}
    assert {row["item_type"] for row in easy} == {"question" if what == "drop" else "row"}
    named = {row["item_id"] for row in easy}
    first = {own for own, row in rows.items() if row["positives"][0]["rank"] == 1}
    assert named == first if what == "label" else not named & set(rows)
    assert len(first) < len(rows) if what == "label" else not first


def test_hard_questions_alone_are_kept_only_if_verified_and_judged(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="stage verify must be on"):
        run("train", out=tmp_path / "out", settings={"filters.difficulty": "drop"})
    settings = {"filters.difficulty": "drop", "vlm.model": "openai:m@http://127.0.0.1:9/v1", "judge.enabled": False}
    with pytest.raises(UsageError, match="stage judge must be on"):
        run("train", out=tmp_path / "out", settings=settings)


def test_feedback_labels_long_and_list_answers_and_asks_for_them_in_their_form(typed: Used) -> None:
    asked = {row["qa_id"]: row for row in table(typed.out, "qa", "train")}
    rows = table(typed.out, "feedback")
    assert {asked[row["query_id"]]["type"] for row in rows} == {"fact", "howto", "why", "list", "boolean"}
    assert all(row["positive_ids"] == [asked[row["query_id"]]["doc_id"]] for row in rows)
    assert {(one["f1"], one["correct"]) for row in rows for one in row["candidates"]} == {(1.0, True), (0.0, False)}
    for text in typed.labelling.seen:
        if "\nDocuments:\n" in text and "mill of Tollamere" not in text:
            first = text.rpartition("\nQuestion: ")[2].split()[0]
            assert ("asks for an explanation" in text) == (first in ("How", "Why"))
            assert ("asks for several things" in text) == (first == "What")
    unanswered = {own for own, row in asked.items() if not row["answerable"]}
    dropped = [row for row in table(typed.out, "ledger") if row["stage"] == "feedback"]
    assert unanswered
    assert {(row["item_id"], row["reason"]) for row in dropped} == {(one, "no_answers") for one in unanswered}


def test_evaluate_scores_facts_and_abstentions(typed: Used) -> None:
    """The reader tells nothing of "why", abstains, guesses, or refuses where no document answers."""
    rows = table(typed.out, "qa", "test")
    long = [row["type"] for row in rows if row["type"] in LONG_TYPES]
    told = typed.figures[2, "nugget_recall"]
    assert told["count"] == len(long) == long.count("howto") + long.count("why")
    assert told["mean"] == pytest.approx(long.count("howto") / len(long), abs=1e-6)
    numbers = [number_of(row["question"]) for row in rows if not row["answerable"]]
    outcomes = Counter(map(PumpReader.outcome, numbers))
    assert set(outcomes) == {"abstains", "guesses", "refuses"}
    abstained = typed.figures[2, "abstained"]
    assert abstained["count"] == len(numbers)
    assert abstained["mean"] == pytest.approx(outcomes["abstains"] / len(numbers), abs=1e-6)
    right = outcomes["abstains"] + long.count("howto") + len(rows) - len(long) - len(numbers)
    assert typed.figures[2, "correct"]["mean"] == pytest.approx(right / len(rows), abs=1e-6)
    assert typed.figures[None, "golden@1"]["count"] == len(rows) - len(numbers)


def test_documents_are_judged_by_the_facts_that_answers_tell(typed: Used) -> None:
    rows = {row["qa_id"]: row for row in table(typed.out, "qa", "test")}
    graded = table(typed.out, "qrels", "test")
    assert {row["query_id"] for row in graded} == {own for own, row in rows.items() if row["answerable"]}
    assert all(row["grade"] == 2 * (row["doc_id"] == rows[row["query_id"]]["doc_id"]) for row in graded)


def test_load_gives_types_and_facts_and_questions_without_a_document(typed: Used) -> None:
    stored = {row["qa_id"]: row for row in table(typed.out, "qa")}
    loaded = [row for part in nyxqa.load("qa", typed.out, images="none").values() for row in part]
    assert len(loaded) == len(stored)
    for row in loaded:
        own = stored[row["qa_id"]]
        assert (row["type"], row["nuggets"], row["answerable"]) == (own["type"], own["nuggets"], own["answerable"])
        assert (row["document"] is None) is not own["answerable"]


def test_two_documents_count_together_in_judgements_figures_and_labels(paired: Used) -> None:
    known = {row["query_id"]: {one["doc_id"] for one in row["positives"]} for row in table(paired.out, "triplets")}
    assert not any(row["doc_id"] in known[row["query_id"]] for row in table(paired.out, "qrels", "test"))
    assert paired.figures[None, "judged@10"]["mean"] > 0
    assert paired.figures[2, "accuracy"]["mean"] == 0  # one of them has few words of the question
    assert paired.figures[25, "accuracy"]["mean"] == 1
    rows = table(paired.out, "feedback")
    assert rows
    for row in rows:
        assert known[row["query_id"]] <= set(row["positive_ids"])
        assert not known[row["query_id"]] & set(row["negative_ids"])


@pytest.mark.parametrize("target", ["beir", "flashrag", "flagembedding", "mme5", "ms-swift", "sentence-transformers"])
def test_an_export_has_the_second_document_or_lists_it(target: str, paired: Used, tmp_path: Path) -> None:
    rows = table(paired.out, "triplets", "test")
    exported = nyxqa.export(paired.out, target, tmp_path / "x", split="test")
    second = {row["positives"][1]["doc_id"] for row in rows}
    if target in ("beir", "flashrag"):
        written = (tmp_path / "x" / ("qrels/test.tsv" if target == "beir" else "test.jsonl")).read_text()
        assert all(one in written for one in second)
    else:
        assert exported.left_out["further_positive"] == len(rows)
        listed = [json.loads(line) for line in (tmp_path / "x" / "left_out.jsonl").read_text().splitlines()]
        assert {row["item_id"] for row in listed if row["reason"] == "further_positive"} == second
