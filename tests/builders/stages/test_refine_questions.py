"""The list of 200 questions: what must stay, what is certain to go by rules, and what only a model can tell."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.qa.rules import RuleViolation, resolve_citations
from nyxqa.builders.rows import DRAFTS
from nyxqa.builders.stages.refine import rules_shard
from nyxqa.builders.vlm.protocol import Vlm
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.recipe import Refine, VlmSection
from tests.support.model_answers import model
from tests.support.models import Told, ToldAsking
from tests.support.rows import document, write
from tests.support.vlm_server import Payload, VlmServer, prompt_text

LIST = Path(__file__).parents[2] / "support" / "refine_questions.tsv"
ROWS = [tuple(line.split("\t")) for line in LIST.read_text(encoding="utf-8").splitlines()]
FIVE = [question for verdict, _, question in ROWS[:5]]

Drops = dict[str, str]


def questions(*verdicts: str) -> list[str]:
    return [question for verdict, _, question in ROWS if verdict in verdicts]


def test_the_list_holds_a_hundred_of_each_in_four_languages() -> None:
    assert (len(questions("stay")), len(questions("rule")), len(questions("model"))) == (100, 30, 70)
    for verdict in ("stay", "rule", "model"):
        assert {language for one, language, _ in ROWS if one == verdict} == {"en", "de", "fr", "es"}


@pytest.mark.parametrize("question", questions("stay", "model"))
def test_by_rules_alone_all_stay_that_are_not_certain_to_go(question: str) -> None:
    assert not isinstance(resolve_citations(question, 2, "repaired"), RuleViolation)


@pytest.mark.parametrize("question", questions("rule"))
def test_by_rules_alone_the_certain_ones_go(question: str) -> None:
    assert isinstance(resolve_citations(question, 2, "repaired"), RuleViolation)


def refined(tmp_path: Path, vlm: Vlm, *pairs: tuple[str, str], images: int = 0) -> tuple[list[dict[str, Any]], Drops]:
    page = document("page", 0, "The bridge of Varn opened in 1902.", ["a" * 64, "b" * 64][:images])
    prompts = {field.name: "" for field in DRAFTS.field("prompts").type}
    shared = {"generator": "g", "prompts": prompts, "document": page}
    drafts = [{"draft": f"d:{n}", "question": q, "answer": a, **shared} for n, (q, a) in enumerate(pairs)]
    handle = ToldAsking(VlmSection(), 42, tmp_path, tmp_path, vlm=vlm)
    output = rules_shard(handle, Refine(), write(tmp_path / "part.parquet", drafts, DRAFTS))
    output.account.check("refine")
    return output.rows.to_pylist(), {drop.item_id: drop.reason for drop in output.account.dropped}


def asked_question(payload: Payload) -> str:
    return prompt_text(payload).rpartition("\nQuestion: ")[2].partition("\nAnswer: ")[0]


def test_with_a_model_every_pair_goes_through_it_and_all_hundred_go(tmp_path: Path) -> None:
    """Those of the rules are not sent; the model returns null for those that it cannot mend."""
    unclear = set(questions("model"))

    def reply(payload: Payload) -> str:
        assert "The bridge of Varn opened in 1902." in prompt_text(payload)
        return json.dumps({"answer": None if asked_question(payload) in unclear else "so"})

    pairs = [(question, "so") for _, _, question in ROWS if "<image" not in question or "<image3>" in question]
    with VlmServer(reply=reply) as server:
        vlm = model(server, tmp_path / "answers")
        rows, drops = refined(tmp_path, vlm, *pairs)
        vlm.close()
    kept = {row["question"] for row in rows}
    assert kept == {question for question in questions("stay") if "<image" not in question}
    assert kept >= set(FIVE)
    assert server.served == len(pairs) - 30
    reasons = Counter(drops.values())
    assert reasons["not_self_contained"] == 70
    assert sum(reasons.values()) == 100


def test_a_question_is_written_anew_and_asks_for_its_images_in_the_order_that_it_names_them(tmp_path: Path) -> None:
    told = Told(
        short={"d:0": "1902", "d:1": "red", "d:2": "red", "d:3": "red", "d:4": "1902"},
        anew={
            "d:0": "When did the bridge of Varn open?",
            "d:1": "Which colour do <image2> and <image1> share in Varn?",
            "d:2": "Which colour has the bridge of Varn?",
            "d:3": "Which colour has <image2>?",
            "d:4": "When did it open according to the text?",
        },
    )
    both, one = "Which colour do <image1> and <image2> share?", "Which colour has <image2>?"
    rows, drops = refined(
        tmp_path,
        told,
        ("When did it open?", "1902"),
        (both, "red"),
        (both, "red"),
        (one, "red"),
        ("When?", "1902"),
        images=2,
    )
    assert [row["question"] for row in rows] == [
        "When did the bridge of Varn open?",
        f"Which colour do {PLACEHOLDER} and {PLACEHOLDER} share in Varn?",
    ]
    assert [image["image_id"][0] for image in rows[1]["images"]] == ["b", "a"]
    assert drops == {"d:2": "bad_citation", "d:3": "bad_citation", "d:4": "refers_to_document"}


@pytest.mark.parametrize(
    ("reply", "question", "answer"),
    [
        ('{"answer": "1902"}', "When did it open?", "1902"),
        ('{"answer": "1902", "question": null}', "When did it open?", "1902"),
        ('{"answer": "1902", "question": "When did it open?"}', "When did it open?", "1902"),
        ('{"answer": "1902", "question": "When did Varn open?"}', "When did Varn open?", "1902"),
        (
            'Draft: {"answer": "x"}\n{"answer": "1902", "question": "When did Varn open?"}',
            "When did Varn open?",
            "1902",
        ),
    ],
)
def test_the_question_beside_the_answer_is_optional(reply: str, question: str, answer: str, tmp_path: Path) -> None:
    with VlmServer(reply=lambda payload: reply) as server:
        vlm = model(server, tmp_path / "answers")
        rows, drops = refined(tmp_path, vlm, ("When did it open?", "in 1902"))
        vlm.close()
    assert drops == {}
    assert [(row["question"], row["answer"], row["answers"]) for row in rows] == [
        (question, answer, [answer, "in 1902"])
    ]
    (format_,) = {json.dumps(payload["response_format"], sort_keys=True) for payload in server.payloads}
    assert set(json.loads(format_)["json_schema"]["schema"]["properties"]) == {"answer", "question"}
