"""What negatives are worth, measured on vectors made for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from nyxqa.builders.check.negatives_worth import is_installed, load_encoder, measure_negatives_worth
from nyxqa.retriever.evaluation.evaluate import Pool, Question
from nyxqa.retriever.evaluation.test_set import Searched, TestSet
from nyxqa.retriever.protocols import ModelInput, SearchEntry
from nyxqa.retriever.training.examples import Document, Example

TOPICS, DIM = 60, 80


def encode(entries: Sequence[SearchEntry]) -> npt.NDArray[np.float32]:
    """A topic's direction each; a decoy is nearer to its query than the answer, along an axis that all decoys share.

    Queries have an axis in common, so that what is learned on some holds for others.
    """
    made = np.zeros((len(entries), DIM), np.float32)
    for row, entry in enumerate(entries):
        name, _, number = entry.text.partition(" ")
        made[row, int(number)] = 1.0
        made[row, -1] = {"query": 0.1, "decoy": 0.3, "answer": -0.3, "other": -0.3}[name]
        made[row, -2] = float(name == "query")
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def content(text: str) -> ModelInput:
    return ModelInput(text, ())


def runs(hard: bool) -> list[tuple[list[Example], TestSet]]:
    """Two folds; negatives are the decoys of the same topic, or documents of other topics."""
    examples, questions, texts = [], [], {}
    for topic in range(TOPICS):
        answer, decoy = (Document(f"{name}{topic}", content(f"{name} {topic}")) for name in ("answer", "decoy"))
        far = Document(f"other{topic}", content(f"other {(topic + 7) % TOPICS}"))
        texts.update({one.id: one.content for one in (answer, decoy, far)})
        query = content(f"query {topic}")
        example = Example(f"q{topic}", "d", query, (answer,), (decoy if hard else far,), frozenset([answer.id]))
        examples.append(example)
        questions.append(Question(f"q{topic}", "d", "text", query, (answer.id,), f"g{topic}"))
    pool = Pool(sorted(texts), [texts[one] for one in sorted(texts)])
    half = TOPICS // 2
    return [
        (examples[half:], TestSet((Searched(tuple(questions[:half]), pool),))),
        (examples[:half], TestSet((Searched(tuple(questions[half:]), pool),))),
    ]


def test_negatives_that_look_like_answers_are_worth_something() -> None:
    worth = measure_negatives_worth(runs(hard=True), encode, 1)
    assert worth.questions == TOPICS
    assert set(worth.means) == {"with", "without", "shuffled", "frozen"}
    assert worth.gains["without"].low > 0.1
    assert worth.means["with"] > worth.means["frozen"]
    assert worth.as_dict()["gains"]["without"]["low"] == worth.gains["without"].low


def test_easy_negatives_are_worth_nothing() -> None:
    worth = measure_negatives_worth(runs(hard=False), encode, 1)
    assert worth.gains["without"].low <= 0.02
    assert measure_negatives_worth(runs(hard=False), encode, 1) == worth


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(), reason="needs the extra 'slow'")
def test_a_real_encoder_reads_texts() -> None:
    vectors = load_encoder().encode([SearchEntry("a", "a cat"), SearchEntry("b", "a kitten")], "document")
    assert vectors.shape == (2, 384)
