from __future__ import annotations

import pytest

from nyxqa.builders.qa.options_probe import MAX_QUESTIONS, MIN_QUESTIONS, ProbeItem, probe_options, wilson_interval
from nyxqa.schemas.chance import keyed_hash
from tests.support.pages import name


def made(count: int, longest: bool = False) -> list[ProbeItem]:
    """Questions with invented options of one kind; the key is any of them, or always the longest."""
    items = []
    for number in range(count):
        options = [name("option", number, index) for index in range(4)]
        label = keyed_hash(3, "key", str(number)) % 4
        if longest:
            options[label] += " and the rest of it"
        items.append(ProbeItem(f"q{number}", f"d{number // 3}", options, label))
    return items


def test_a_fair_set_is_at_chance() -> None:
    found = probe_options(made(2_000), 42)
    assert found["chance"] == 0.25
    assert found["low"] < 0.25 < found["high"]  # type: ignore[operator]
    assert found["high"] - found["low"] < 0.04  # type: ignore[operator]


def test_a_set_whose_key_is_always_the_longest_is_found_out() -> None:
    found = probe_options(made(300, longest=True), 42)
    assert found["accuracy"] > 0.95  # type: ignore[operator]
    assert found["low"] > 0.9  # type: ignore[operator]


def odd(options: list[str], label: int) -> list[str]:
    """The others are alike and the key is not."""
    return [option if index == label else f"Brakk{index}" for index, option in enumerate(options)]


@pytest.mark.parametrize(
    "change",
    [
        odd,
        lambda options, label: [o if n == label else o.lower() for n, o in enumerate(options)],
        lambda options, label: [f"{o} 7" if n == label else f"{o} x" for n, o in enumerate(options)],
        lambda options, label: [o if n == label else "never so" + o for n, o in enumerate(options)],
    ],
)
def test_other_leaks_are_found_too(change) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    items = [ProbeItem(i.key, i.document, change(list(i.choices), i.label), i.label) for i in made(300)]
    assert probe_options(items, 42)["accuracy"] > 0.8  # type: ignore[operator]


def test_the_order_of_the_questions_changes_nothing() -> None:
    items = made(200)
    assert probe_options(items, 42) == probe_options(items[::-1], 42)


def test_a_set_too_small_is_not_judged_and_a_large_one_is_drawn_from() -> None:
    few = probe_options(made(MIN_QUESTIONS - 1), 42)
    assert few == {"questions": MIN_QUESTIONS - 1, "result": f"not run: fewer than {MIN_QUESTIONS} questions"}
    assert probe_options(made(MAX_QUESTIONS + 100), 42)["questions"] == MAX_QUESTIONS


def test_options_that_all_look_alike_are_guessed_at_chance() -> None:
    items = [ProbeItem(f"q{n}", f"d{n}", ["same"] * 4, n % 4) for n in range(100)]
    assert probe_options(items, 42)["accuracy"] == 0.25


def test_the_interval_of_wilson() -> None:
    low, high = wilson_interval(5, 10)
    assert (round(low, 4), round(high, 4)) == (0.2366, 0.7634)
    assert wilson_interval(0, 10)[0] == pytest.approx(0)
