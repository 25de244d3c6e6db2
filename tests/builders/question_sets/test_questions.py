import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.questions import Gold, Question, read_questions
from nyxqa.builders.row_files import text_files
from nyxqa.builders.row_files.hub import HubName
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import UsageError, WorldError

HOTPOT = {
    "_id": "5a7a",
    "question": "Which of two? ",
    "answer": "yes",
    "type": "comparison",
    "level": "medium",
    "supporting_facts": [["B", 0], ["A", 1], ["B", 1], ["Gone", 0]],
    "context": [["A", ["First.", " Second."]], ["B", ["Only."]], ["C", ["Noise."]]],
}
HOTPOT_HUB = {
    "id": "5a7a",
    "question": "Which of two?",
    "answer": "yes",
    "supporting_facts": {"title": ["B", "A", "B", "Gone"], "sent_id": [0, 1, 1, 0]},
    "context": {"title": ["A", "B", "C"], "sentences": [["First.", " Second."], ["Only."], ["Noise."]]},
}
HOTPOT_GOLD = (Gold("B", "Only."), Gold("A", "First. Second."), Gold("Gone", ""))
MUSIQUE = {
    "id": "2hop__1_2",
    "question": "Who?",
    "answer": "Ann",
    "answer_aliases": ["Anne", "Ann", " "],
    "answerable": True,
    "question_decomposition": [],
    "paragraphs": [
        {"idx": 0, "title": "T", "paragraph_text": "Text.", "is_supporting": True},
        {"idx": 1, "title": "U", "paragraph_text": "Other.", "is_supporting": False},
    ],
}
FLASHRAG = {"id": "train_0", "question": "Q?", "golden_answers": ["x", " y ", "x", ""], "metadata": {"type": "z"}}


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_lines(path: Path, *values: Any) -> Path:
    lines = "".join((value if isinstance(value, str) else json.dumps(value)) + "\n" for value in values)
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


def read(kind: str, path: Path, **options: Any) -> list[Question | Drop]:
    return list(read_questions(f"{kind}:{path}", **options))


@pytest.mark.parametrize("kind", ["hotpotqa", "2wiki"])
def test_hotpotqa_in_both_forms(kind: str, tmp_path: Path) -> None:
    expected = Question("q.json:0", "5a7a", "Which of two?", ("yes",), HOTPOT_GOLD)
    assert read(kind, write_json(tmp_path / "q.json", [HOTPOT])) == [expected]
    assert read(kind, write_json(tmp_path / "q.json", [HOTPOT_HUB])) == [expected]


def test_hub_form_in_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([HOTPOT_HUB] * 3), tmp_path / "q.parquet")
    found = read("hotpotqa", tmp_path / "q.parquet")
    assert [question.name for question in found if isinstance(question, Question)] == [
        f"q.parquet:{number}" for number in range(3)
    ]
    assert found[2] == Question("q.parquet:2", "5a7a", "Which of two?", ("yes",), HOTPOT_GOLD)


def test_2wiki_with_its_own_columns_and_a_test_row_without_answer(tmp_path: Path) -> None:
    row = {**HOTPOT, "evidences": [["a", "b", "c"]], "evidences_id": [], "answer_id": "Q1"}
    row.pop("level")
    blind = {"_id": "t", "question": "Q?", "context": []}
    found = read("2wiki", write_json(tmp_path / "q.json", [row, blind]))
    assert found[0] == Question("q.json:0", "5a7a", "Which of two?", ("yes",), HOTPOT_GOLD)
    assert found[1] == Question("q.json:1", "t", "Q?")


def test_sentences_without_blanks_are_joined_with_them(tmp_path: Path) -> None:
    row = {**HOTPOT, "context": [["A", ["First.", "Second."]]], "supporting_facts": [["A", 0]]}
    (found,) = read("2wiki", write_json(tmp_path / "q.json", [row]))
    assert isinstance(found, Question) and found.gold == (Gold("A", "First. Second."),)


def test_musique(tmp_path: Path) -> None:
    found = read("musique", write_lines(tmp_path / "q.jsonl", MUSIQUE, {**MUSIQUE, "answerable": False}))
    assert found[0] == Question("q.jsonl:0", "2hop__1_2", "Who?", ("Ann", "Anne"), (Gold("T", "Text."),))
    assert found[1] == Drop("row", "q.jsonl:1", "", "unanswerable")


def test_bamboogle_in_both_forms(tmp_path: Path) -> None:
    with (tmp_path / "b.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["Question", "Answer"], ['Who, "really"?', "Ann"]])
    assert read("bamboogle", tmp_path / "b.csv") == [Question("b.csv:0", 0, 'Who, "really"?', ("Ann",))]
    (found,) = read("bamboogle", write_lines(tmp_path / "b.jsonl", FLASHRAG))
    assert found == Question("b.jsonl:0", "train_0", "Q?", ("x", "y"))


def test_flashrag_with_evidence_in_its_metadata(tmp_path: Path) -> None:
    hotpot = {key: HOTPOT_HUB[key] for key in ("supporting_facts", "context")}
    content = {"title": ["A"], "content": [["First.", "Second."]]}
    twowiki = {"supporting_facts": {"title": ["A"], "sent_id": [0]}, "context": content}
    metadata = [hotpot, twowiki, {"paragraphs": MUSIQUE["paragraphs"]}, {"passage_id": 7}, '{"passage_id": "8"}', None]
    path = write_lines(tmp_path / "q.jsonl.gz", *({**FLASHRAG, "metadata": value} for value in metadata))
    gold = [question.gold for question in read("flashrag", path) if isinstance(question, Question)]
    assert gold == [
        HOTPOT_GOLD,
        (Gold("A", "First. Second."),),
        (Gold("T", "Text."),),
        (Gold(passage_id="7"),),
        (Gold(passage_id="8"),),
        (),
    ]


def test_bad_rows_are_drops_and_count_as_rows(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "q.jsonl",
        "{broken",
        "",
        "[1]",
        {**FLASHRAG, "question": " "},
        {**FLASHRAG, "question": 5},
        {**FLASHRAG, "question": "<|image|> what?"},
        '{"question": "\\ud800", "golden_answers": []}',
        {**FLASHRAG, "golden_answers": {"a": 1}},
        {**FLASHRAG, "golden_answers": [3, None], "extra": 1},
    )
    found = read("flashrag", path)
    reasons = [(item.item_id, item.reason) for item in found if isinstance(item, Drop)]
    names = ["bad_json", "bad_row", "empty_text", "bad_type", "placeholder", "bad_unicode", "bad_type"]
    assert reasons == [(f"q.jsonl:{number}", name) for number, name in enumerate(names)]
    assert found[7:] == [Question("q.jsonl:7", "train_0", "Q?", ("3",))]
    assert len(read("flashrag", path, count=4)) == 4


@pytest.mark.parametrize(
    ("kind", "row", "column"),
    [
        ("flashrag", {"question": "Q?"}, "golden_answers"),
        ("hotpotqa", {"id": "1", "answer": "x"}, "question"),
        ("hotpotqa", {"question": "Q?", "supporting_facts": [["A", 0]]}, "context"),
        ("musique", {"question": "Q?"}, "paragraphs"),
        ("bamboogle", {"Question": "Q?"}, "Answer"),
    ],
)
def test_a_missing_column_names_file_row_and_column(tmp_path: Path, kind: str, row: Any, column: str) -> None:
    path = write_lines(tmp_path / "q.jsonl", "{broken", row)
    with pytest.raises(WorldError, match=rf"q\.jsonl, row 1: column '{column}'( or '\w+')? is missing"):
        read(kind, path)


def test_a_long_list_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "_CHUNK", 7)
    values = [{"id": str(n), "question": f"Q é{n}]?", "golden_answers": [str(n)]} for n in range(30)]
    path = tmp_path / "q.json"
    path.write_text(" \n" + json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8-sig")
    found = read("flashrag", path)
    assert [item.own_id for item in found if isinstance(item, Question)] == [str(n) for n in range(30)]
    assert read("flashrag", write_json(path, [])) == []
    path.write_text(json.dumps(values)[:-40])
    with pytest.raises(WorldError, match=r"q\.json, row 29: the JSON list is truncated"):
        read("flashrag", path)


def test_unreadable_sources_are_errors(tmp_path: Path) -> None:
    cut = write_lines(tmp_path / "cut.jsonl.gz", *([FLASHRAG] * 100))
    cut.write_bytes(cut.read_bytes()[:-20])
    with pytest.raises(WorldError, match="cannot be read to its end"):
        read("flashrag", cut)
    (tmp_path / "no.parquet").write_bytes(b"x" * 20)
    with pytest.raises(WorldError, match=r"no\.parquet cannot be read to its end: not valid Parquet"):
        read("flashrag", tmp_path / "no.parquet")
    with pytest.raises(WorldError, match="does not exist"):
        read("flashrag", tmp_path / "nowhere.jsonl")
    with pytest.raises(UsageError, match="valid are flashrag:FILE, hotpotqa:FILE"):
        list(read_questions("squad:x"))


def test_rows_of_the_hub_say_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def hub_rows(hub: HubName, split: str) -> Any:
        asked.append((hub, split))
        values = [HOTPOT_HUB, MUSIQUE, FLASHRAG, {"Question": "Q?", "Answer": "a"}]
        return (Row("set", number, value) for number, value in enumerate(values))

    monkeypatch.setattr("nyxqa.builders.question_sets.row_source.hub_rows", hub_rows)
    found = list(read_questions("hf:user/set/distractor@abc", split="validation"))
    assert [item.own_id for item in found if isinstance(item, Question)] == ["5a7a", "2hop__1_2", "train_0", 3]
    assert asked == [(HubName("user/set", "distractor", "abc"), "validation")]


@pytest.mark.parametrize("name", ["", "a/b/c/d", "user//set", "user/set@"])
def test_malformed_hub_names(name: str) -> None:
    with pytest.raises(UsageError, match="expected hf:USER/NAME"):
        HubName.parse(name)
