"""Made facts as questions of the test split."""

from __future__ import annotations

from pathlib import Path

from tests.support.facts import Facts, Row


def asked_in_test(facts: Facts, root: Path) -> Facts:
    """Publish the questions of ``facts`` into ``root`` as test questions."""
    for table in ("qa", "triplets"):
        facts.tiny.tables[table]["test"] = facts.tiny.tables[table].pop("train")
    facts.tiny.tables["corpus"]["web"] = facts.pools["web"]  # the scripted model knows no other pictures
    facts.write(root)
    return facts


def triplets(facts: Facts) -> list[Row]:
    """The test triplets, in their order."""
    return facts.tiny.tables["triplets"]["test"]
