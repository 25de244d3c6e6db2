"""The probes of a dataset: the sample passes, options that give the key away do not."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.check.probes import PROBE_CHECKS, measure_probes
from nyxqa.builders.check.structure import check
from nyxqa.builders.report.views import connect
from tests.support.restamp import Row, rewrite


def test_the_sample_has_no_shortcut(built_sample: Path) -> None:
    probes = measure_probes(connect(built_sample))
    assert tuple(probes) == PROBE_CHECKS
    assert all(probe is None or probe.low <= probe.chance + 0.15 for probe in probes.values())
    assert probes["probe_question"] is not None and probes["probe_negatives"] is not None
    found = {one.name: one for one in check(built_sample).findings}
    assert found["probe_question"].status == "ok"
    assert found["probe_question"].note.startswith("accuracy 0.")
    assert found["probe_negatives"].note.startswith("AUC 0.")


def longer(rows: list[Row]) -> None:
    """The right option of each row ends in a full stop and a word more."""
    for row in rows:
        row["choices"][row["label"]] += " indeed it is."
        row["answer"] = row["choices"][row["label"]]
        row["answers"] = [row["answer"]]


def test_long_keys_fail(dataset: Path) -> None:
    for split in ("train", "validation", "test"):
        rewrite(dataset, "qa", split, longer)
    failed = check(dataset).failed
    assert "probe_length" in failed and "probe_options" in failed
    assert "probe_position" not in failed
