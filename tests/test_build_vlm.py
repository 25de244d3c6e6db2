"""Complete builds with a model behind an endpoint: exact evidence, nothing lost, no request sent twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from nyxqa.builders.report.report import make_report
from nyxqa.builders.report.text import WIDTH, render
from nyxqa.builders.vlm.prompt import PROMPT_NAMES, load_prompt
from nyxqa.retriever.encoders.bm25 import Bm25Index
from nyxqa.retriever.protocols import Hits, SearchEntry
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.manifest import read_manifest
from tests.support.evidence_builds import ALL_TRAIN, FACTS, IMAGES, adds_up, build_with_model
from tests.support.evidence_model import EvidenceModel, Fact
from tests.support.model_answers import FAST_RETRIES, use_retry_policy
from tests.support.pages import sentences
from tests.support.published import table
from tests.support.running import published
from tests.support.tiny_bert import make_tiny_bert
from tests.support.vlm_server import Act, Payload, VlmServer


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    use_retry_policy(monkeypatch, replace(FAST_RETRIES, read=1.0))


def facts_by_id(out: Path) -> dict[str, Fact]:
    """The fact behind each published question."""
    by_text = {fact.question: fact for fact in FACTS}
    return {row["qa_id"]: by_text[row["question"]] for row in table(out, "qa")}


def test_every_question_has_the_verdicts_that_its_fact_must_have(evidence_build: tuple[Path, EvidenceModel]) -> None:
    out, _ = evidence_build
    facts = facts_by_id(out)
    for row in table(out, "qa"):
        fact, evidence = facts[row["qa_id"]], row["evidence"]
        right = {name: verdict and verdict["correct"] for name, verdict in evidence.items()}
        assert right == {**fact.right(), "first_only": None, "second_only": None}, fact
        predictions = {name: verdict["prediction"] for name, verdict in evidence.items() if verdict}
        assert set(predictions.values()) <= {fact.year, ""}
        assert (row["answer"], row["answer_long"]) == (fact.year, fact.long)
        assert row["answers"] == list(dict.fromkeys([fact.year, fact.long]))
        assert row["generator"] == "openai:model"
        assert all(row["prompts"].values())
    counted = read_manifest(out).summary["prompts"]
    assert sum(counted.values()) == len(table(out, "qa")) * len(PROMPT_NAMES)
    card = (out / "README.md").read_text()
    assert all(
        load_prompt(name).text in card and f"{name} {load_prompt(name).hash}" in counted for name in PROMPT_NAMES
    )


@pytest.mark.parametrize(
    "keep",
    [
        pytest.param(["closed_book_wrong", "document_right"], marks=pytest.mark.slow),  # the default, built elsewhere
        ["document_right"],
        ["closed_book_wrong"],
        ["images_needed"],
        ["text_needed"],
        ["closed_book_wrong", "document_right", "images_needed", "text_needed"],
        [],
    ],
)
def test_each_rule_of_keeping_drops_what_it_must(keep: list[str], evidence_recipe: Path, tmp_path: Path) -> None:
    with VlmServer(reply=EvidenceModel(IMAGES)) as server:
        build_with_model(evidence_recipe, tmp_path, server, "train", **{"verify.keep": keep}, **ALL_TRAIN)
    expected = Counter(fact.missing(keep) for fact in FACTS)
    found = Counter(row["reason"] for row in table(tmp_path, "ledger") if row["stage"] == "verify")
    assert len(table(tmp_path, "qa")) == expected.pop(None)
    assert found == expected
    assert {fact.question for fact in FACTS if fact.missing(keep) is None} == {
        row["question"] for row in table(tmp_path, "qa")
    }


def test_outcomes_are_counted_by_kind(evidence_build: tuple[Path, EvidenceModel]) -> None:
    out, _ = evidence_build
    adds_up(out)
    kinds = {0: "text", 1: "single", 2: "multi"}
    keep = ["closed_book_wrong", "document_right"]
    expected: Counter[tuple[str, str]] = Counter()
    for fact in FACTS:
        reason, kind = fact.missing(keep), kinds[fact.pictures]
        expected[f"dropped: {reason}" if reason else "kept", kind] += 1
        for view, right in fact.right().items():
            if reason is None and right:
                expected[f"kept, right: {view}", kind] += 1
    found: Counter[tuple[str, str]] = Counter()
    report = make_report(out)
    assert set(report.evidence) == {"train", "validation", "test"}
    for outcomes in report.evidence.values():
        for outcome, counts in outcomes.items():
            found.update({(outcome, kind): count for kind, count in counts.items()})
    assert found == expected
    text = render(report)
    assert "EVIDENCE BY KIND" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "| train | dropped: answered_closed_book |" in (out / "README.md").read_text()
    assert read_manifest(out).summary["probe"]["questions"] == len(table(out, "qa"))


def test_each_placeholder_gets_its_own_image_in_every_prompt_of_every_stage(
    evidence_build: tuple[Path, EvidenceModel],
) -> None:
    """Page P shows its picture N behind sentence N; a question over two pictures cites the second first."""
    _, model = evidence_build
    assert Counter(name for name, _ in model.seen).keys() == {
        "questions",
        "questions_multi",
        "shorten",
        "answer",
        "answer_closed",
        "distractors",
    }
    pictured: Counter[str] = Counter()
    for name, text in model.seen:
        head, _, question = text.rpartition("\nQuestion: ")
        document = (head or text).rpartition("\nDocument" + (":\n" if name.startswith("questions") else "s:\n"))[2]
        if not name.startswith("questions"):
            fact = model.facts[re.findall(r"(?:pride|authority) of (\w+)", question)[0]]
            wanted = [(str(fact.page), str(number - 1)) for number in fact.cited]
            assert shown(question) in ([], wanted)
            pictured[f"{name}: question"] += bool(shown(question))
        if name in ("questions", "questions_multi", "answer", "distractors") and shown(document):
            number = int(shown(document)[0][0])
            assert shown(document) == [(str(number), str(ordinal)) for ordinal in range(IMAGES[number])]
            pictured[f"{name}: document"] += 1
            if name.startswith("questions"):
                labels = re.findall(r"<image(\d)>\[shows \d+_(\d)\]", document)
                assert labels == [(str(n + 1), str(n)) for n in range(IMAGES[number])]
            whole = sentences(number)
            if whole[0] in document:
                for ordinal in range(IMAGES[number]):
                    place = document.index(f"[shows {number}_{ordinal}]")
                    assert document.index(whole[ordinal]) < place < document.index(whole[ordinal + 1])
    pairs = [("answer", "document"), ("distractors", "document"), ("questions", "document")]
    pairs += [
        ("questions_multi", "document"),
        ("answer", "question"),
        ("answer_closed", "question"),
        ("shorten", "question"),
    ]
    assert {f"{name}: {part}" for name, part in pairs} | {"distractors: question"} == set(+pictured)


def shown(text: str) -> list[tuple[str, str]]:
    """Page and ordinal of each picture in ``text``."""
    return re.findall(r"\[shows (\d+)_(\d+)\]", text)


def test_every_question_has_the_document_and_the_options_of_its_own_fact(
    evidence_build: tuple[Path, EvidenceModel],
) -> None:
    """No list is joined to another by position, options stand in no query and no triplet."""
    out, _ = evidence_build
    facts, corpus = facts_by_id(out), {row["doc_id"]: row for row in table(out, "corpus")}
    assert len({fact.page % 4 for fact in facts.values()}) == 4  # also those whose model answers in brackets
    for row in table(out, "qa"):
        fact = facts[row["qa_id"]]
        assert f"of {fact.city} " in corpus[row["doc_id"]]["text"]
        assert fact.year in corpus[row["doc_id"]]["text"]
        assert row["choices"][row["label"]] == row["answer"]
        assert sorted({*row["choices"]} - {row["answer"]}) == fact.wrong
    for row in table(out, "triplets"):
        fact = facts[row["query_id"]]
        assert row["query"] == fact.question
        assert f"of {fact.city} " in corpus[row["positive_id"]]["text"]
        assert [positive["doc_id"] for positive in row["positives"]] == [row["positive_id"]]
        assert "wrongly" not in str({name: value for name, value in row.items() if name != "query_images"})


def test_no_option_is_searched_for(evidence_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[str] = []
    real = Bm25Index.search

    def search(self: Bm25Index, entries: Sequence[SearchEntry], k: int) -> Hits:
        queries.extend(entry.text for entry in entries)
        return real(self, entries, k)

    monkeypatch.setattr(Bm25Index, "search", search)
    with VlmServer(reply=EvidenceModel(IMAGES)) as server:
        build_with_model(evidence_recipe, tmp_path, server, "train")
    assert sorted(queries) == sorted(row["question"] for row in table(tmp_path, "qa", "train"))
    assert not [query for query in queries if "wrongly" in query]


def test_with_an_encoder_of_text_spare_options_are_asked_for(evidence_recipe: Path, tmp_path: Path) -> None:
    model, encoder = EvidenceModel(IMAGES), make_tiny_bert(tmp_path / "bert")
    settings = {"negatives.encoder": f"e5:{encoder}", "choices.paraphrase": 1.0, **ALL_TRAIN}
    with VlmServer(reply=model) as server:
        build_with_model(evidence_recipe, tmp_path / "out", server, "train", **settings)
    assert all(text.startswith("Write 5 wrong") for name, text in model.seen if name == "distractors")
    for row in table(tmp_path / "out", "qa"):
        assert len(set(row["choices"])) == 4
        assert row["choices"][row["label"]] == row["answer"]
    adds_up(tmp_path / "out")


# A server in trouble

TROUBLE = [
    Act("status", 429, (("Retry-After", "0.01"),)),
    Act("status", 500),
    Act("status", 503),
    Act("drop"),
    Act("half"),
    Act("garbage"),
    Act("html", 502),
    Act("html", 200),
    Act("choices", count=2),
    Act("no_text"),
]


@pytest.mark.usefixtures("_quick")
def test_bursts_of_trouble_that_pass_change_no_byte(
    evidence_recipe: Path, tmp_path: Path, evidence_build: tuple[Path, EvidenceModel]
) -> None:
    """Every third request meets trouble, in bursts of one kind, and two in a hundred hang until they time out.

    No prompt meets it more than three times: one that met it at each of its tries would rightly be lost.
    """
    met: Counter[str] = Counter()

    def script(number: int, payload: Payload) -> Act:
        asked = json.dumps(payload["messages"])
        if number % 50 == 7:
            trouble = Act("hang")
        elif number % 3 == 0:
            trouble = TROUBLE[number // 12 % len(TROUBLE)]
        else:
            return Act()
        met[asked] += 1
        return trouble if met[asked] <= 3 else Act()

    with VlmServer(script, EvidenceModel(IMAGES), latency=0.003) as server:
        build_with_model(evidence_recipe, tmp_path / "out", server)
    assert published(tmp_path / "out") == published(evidence_build[0])
    adds_up(tmp_path / "out")


LASTING = {
    "server_error": Act("status", 500),
    "no_answer": Act("half"),
    "bad_answer": Act("choices", count=2),
    "refused": Act("refusal"),
    "refused_request": Act("status", 400),
    "unparsable": Act(text='{"answer": '),
}
PROMPTS = ("questions", "shorten", "answer", "distractors")


def lasting_trouble(model: EvidenceModel) -> Callable[[int, Payload], Act]:
    """Trouble with all prompts of one kind about some facts or pages, whoever asks when."""

    def script(number: int, payload: Payload) -> Act:
        name, text = model.shown(payload)
        act = trouble_of(model, name, text)
        return Act() if act is None else LASTING[act]

    return script


def trouble_of(model: EvidenceModel, name: str, text: str) -> str | None:
    """The lasting trouble that a prompt meets, if any."""
    cities = re.findall(r"of (\w+) \w+ its \w+ \w+ in \d{4}", text.rpartition("\nDocument:\n")[2])
    if not name.startswith("questions"):
        cities = re.findall(r"(?:pride|authority) of (\w+)", text.rpartition("\nQuestion: ")[2])
    return trouble_with(model.facts[cities[0]], name) if cities else None  # a probe names no city


def trouble_with(fact: Fact, name: str) -> str | None:
    number = keyed_hash(5, name.partition("_")[0], str(fact.page)) % 20
    return list(LASTING)[number] if number < len(LASTING) else None


def fate(fact: Fact) -> tuple[str, str] | None:
    """Stage and reason of the drop that a fact must meet under the lasting trouble; None if it is published."""
    if trouble := trouble_with(fact, "questions"):
        return ("synthesize", trouble)
    if trouble := trouble_with(fact, "shorten"):
        return ("refine", trouble)
    if trouble := trouble_with(fact, "answer"):
        return ("verify", trouble)
    if reason := fact.missing(["closed_book_wrong", "document_right"]):
        return ("verify", reason)
    return ("choices", trouble) if (trouble := trouble_with(fact, "distractors")) else None


@pytest.mark.usefixtures("_quick")
def test_lasting_trouble_drops_what_it_hits_and_nothing_else_and_can_be_asked_again(
    evidence_recipe: Path, tmp_path: Path, evidence_build: tuple[Path, EvidenceModel]
) -> None:
    out, model = tmp_path / "out", EvidenceModel(IMAGES)
    with VlmServer(lasting_trouble(model), model) as server:
        build_with_model(evidence_recipe, out, server, "train", **ALL_TRAIN)
        adds_up(out)
        fates = Counter(fate(fact) for fact in FACTS if trouble_with(fact, "questions") is None)
        pages = {fact.page for fact in FACTS}
        lost = [trouble_with(next(f for f in FACTS if f.page == number), "questions") for number in pages]
        fates.update(("synthesize", trouble) for trouble in lost if trouble)
        assert len(table(out, "qa")) == fates.pop(None)
        asked = ("synthesize", "refine", "verify", "choices")
        ledger = Counter((r["stage"], r["reason"]) for r in table(out, "ledger") if r["stage"] in asked)
        assert ledger == fates
        assert {reason for _, reason in fates} >= LASTING.keys()
        served = server.served
        build_with_model(evidence_recipe, out, server, "train", **ALL_TRAIN)
        assert server.served == served  # failures are kept
        before, server.script = len(table(out, "qa")), lambda number, payload: Act()
        stored = {json.dumps(payload, sort_keys=True) for payload in healthy(server, model)}
        server.payloads.clear()
        build_with_model(evidence_recipe, out, server, "train", retry=True, **ALL_TRAIN)
        again = [json.dumps(payload, sort_keys=True) for payload in server.payloads]
        assert again
        assert not stored & set(again)
    assert len(table(out, "qa")) > before
    # What a model answered badly stays answered: only its failures are asked again.
    unparsable = Counter(r["stage"] for r in table(out, "ledger") if r["reason"] == "unparsable")
    assert unparsable == Counter(stage for stage, reason in fates.elements() if reason == "unparsable")
    assert not {r["reason"] for r in table(out, "ledger")} & (LASTING.keys() - {"unparsable"})


def healthy(server: VlmServer, model: EvidenceModel) -> Iterator[Payload]:
    """Requests so far that got an answer, however useless."""
    for payload in server.payloads:
        if trouble_of(model, *model.shown(payload)) in (None, "unparsable"):
            yield payload
