"""Folds by group, and shuffled positives."""

from __future__ import annotations

from nyxqa.builders.check.folds import grouped_folds, shuffled_positives
from nyxqa.retriever.protocols import ModelInput
from nyxqa.retriever.training.examples import Document, Example


def example(number: int, positive: str, negatives: tuple[str, ...] = ()) -> Example:
    documents = tuple(Document(name, ModelInput(name)) for name in negatives)
    one = Document(positive, ModelInput(positive))
    return Example(f"q{number}", "nyxqa", ModelInput("?", role="query"), (one,), documents, frozenset({positive}))


def test_a_group_is_never_on_both_sides() -> None:
    groups = [f"g{row % 13}" for row in range(100)]
    folds = grouped_folds(groups, 5, 42)
    assert sorted(row for fold in folds for row in fold.test) == list(range(100))
    for fold in folds:
        assert not {groups[row] for row in fold.train} & {groups[row] for row in fold.test}
        assert sorted([*fold.train, *fold.test]) == list(range(100))
        assert 10 <= len(fold.test) <= 30
    assert folds == grouped_folds(groups, 5, 42) != grouped_folds(groups, 5, 43)


def test_fewer_groups_than_folds() -> None:
    assert [len(fold.test) for fold in grouped_folds(["a", "a", "b"], 5, 1)] == [2, 1]


def test_no_query_keeps_its_positive() -> None:
    examples = [example(row, f"d{row // 5}") for row in range(60)]
    found = shuffled_positives(examples, 42)
    assert [one.id for one in found] == [one.id for one in examples]
    assert all(new.positives != old.positives for new, old in zip(found, examples, strict=True))
    used, given = ([one.positives[0].id for one in side] for side in (found, examples))
    assert sorted(used) == sorted(given)
    assert found == shuffled_positives(examples, 42) != shuffled_positives(examples, 43)


def test_a_negative_that_becomes_the_positive_goes() -> None:
    one, other = shuffled_positives([example(0, "a", ("b", "c")), example(1, "b")], 1)
    assert (one.positives[0].id, [document.id for document in one.negatives]) == ("b", ["c"])
    assert one.known == {"b"}
    assert other.positives[0].id == "a"


def test_a_row_without_a_partner_is_left_out() -> None:
    assert shuffled_positives([example(0, "a"), example(1, "a")], 1) == []
