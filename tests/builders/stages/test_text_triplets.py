"""From files to triplets: reading, pool, search, evidence, rules and report together."""

import gzip
import json
from pathlib import Path

import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.mining.gold import GoldFinder
from nyxqa.builders.mining.report import MiningReport, mining_report
from nyxqa.builders.mining.text_rules import Choice, Rules, mine_set_question
from nyxqa.builders.question_sets.passage_pool import PassagePool, write_pool
from nyxqa.builders.question_sets.passages import Passage, read_passages
from nyxqa.builders.question_sets.questions import Question, read_questions
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.protocols import Encoder, SearchEntry
from tests.support.tiny_bert import make_tiny_bert

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
COLOURS = ["red", "orange", "yellow", "green", "blue", "indigo", "violet", "black", "white", "grey"]


def mine(questions: str, passages: str, rules: Rules, folder: Path, encoder: Encoder) -> list[Choice | Drop]:
    asked = [item for item in read_questions(questions) if isinstance(item, Question)]
    pool_folder, index_folder = folder / "pool", folder / "index"
    pool_folder.mkdir(), index_folder.mkdir()
    dropped: list[Drop] = []
    written = write_pool(read_passages(passages), pool_folder, dropped.append)
    pool = PassagePool(pool_folder)
    assert len(pool) == written
    finder = GoldFinder(question.gold for question in asked)
    for row, passage in pool.places():
        finder.match(row, Passage(passage.name, passage.external_id, passage.title, passage.text))
    encoder.build(pool.entries(), index_folder)
    hits = encoder.open(index_folder).search([SearchEntry(str(item.own_id), item.text) for item in asked], 20)
    return [
        mine_set_question(item.name, item.answers, rows, scores, pool.__getitem__, rules, finder.rows(number))
        for number, (item, rows, scores) in enumerate(zip(asked, hits.rows.tolist(), hits.scores.tolist(), strict=True))
    ]


def write(path: Path, rows: list[object]) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    passages = [
        {"id": n, "contents": f'"Lake {n}"\nThe water of lake {n} is {COLOURS[n % 10]} in spring.'} for n in range(40)
    ]
    questions = [
        {
            "id": f"q{n}",
            "question": f"What colour is lake {n} in spring?",
            "golden_answers": [COLOURS[n % 10]],
            "metadata": {"passage_id": n},
        }
        for n in range(40)
    ]
    return (
        f"flashrag:{write(tmp_path / 'questions.jsonl.gz', list(questions))}",
        f"flashrag:{write(tmp_path / 'passages.jsonl.gz', list(passages))}",
    )


@pytest.mark.parametrize("positive", ["answer", "gold"])
def test_triplets_hold_their_rules(files: tuple[str, str], tmp_path: Path, positive: str) -> None:
    rules = Rules(positive="gold" if positive == "gold" else "answer")
    outcomes = mine(*files, rules, tmp_path, make_encoder("bm25"))
    pool = {passage.id: passage for passage in PassagePool(tmp_path / "pool")}
    for number, outcome in enumerate(outcomes):
        assert isinstance(outcome, Choice)
        assert pool[outcome.positives[0].id].external_id == str(number)
        assert outcome.positives[0].rank == 1
        assert all(COLOURS[number % 10] not in pool[negative.id].text for negative in outcome.negatives)
        assert all(11 <= (negative.rank or 0) <= 20 for negative in outcome.negatives)
    report = mining_report(outcomes, rules.wanted)
    assert (report.triplets, report.share_holding) == (40, 1.0)
    assert report.short == sum(len(outcome.negatives) < 10 for outcome in outcomes if isinstance(outcome, Choice))


def test_a_dense_encoder_fits_the_same_place(files: tuple[str, str], tmp_path: Path) -> None:
    encoder = make_encoder(f"e5:{make_tiny_bert(tmp_path / 'model')}")
    outcomes = mine(*files, Rules(positive="top1", exclude=()), tmp_path, encoder)
    assert all(isinstance(item, Choice) and len(item.negatives) == 10 for item in outcomes)
    again = tmp_path / "again"
    again.mkdir()
    assert mine(*files, Rules(positive="top1", exclude=()), again, encoder) == outcomes


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the folder of shared data beside the checkout")
def test_wikipedia_questions_find_their_passages(tmp_path: Path) -> None:
    questions, passages = "wiki_vital_questions.jsonl.gz", "wiki_vital_10k.jsonl.gz"
    outcomes = mine(
        f"flashrag:{SHARED / questions}",
        f"flashrag:{SHARED / passages}",
        Rules(positive="gold"),
        tmp_path,
        make_encoder("bm25"),
    )
    found: list[int | None] = [item.positives[0].rank for item in outcomes if isinstance(item, Choice)]
    assert len(found) == 2000
    recall = [sum(rank is not None and rank <= k for rank in found) / 2000 for k in (1, 10, 20)]
    assert recall == pytest.approx([0.5765, 0.8475, 0.886], abs=0.01)
    report: MiningReport = mining_report(outcomes, 10)
    assert report.share_holding is not None and report.share_holding > 0.95
