"""Whether the splits that are to be built have documents to ask about, known before any model is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.question_sets.outputs import set_splits
from nyxqa.builders.report.losses import told_loss
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.sql import file_list

_GROUPS = """
SELECT coalesce(sum(pages), 0)::BIGINT, count(*), coalesce(max(pages), 0)
FROM (SELECT count(DISTINCT page_id) AS pages FROM read_parquet({files}) GROUP BY "group")
"""


def filled(run: Run, documents: StepOutput, recipe: Recipe, splits: Sequence[str]) -> None:
    """Refuse to go on if one of ``splits`` has no seed; of another that has none it is told.

    :param splits: Those that will be built; where the pages go does not depend on them.
    """
    params = {"splits": list(splits), "min_tokens": recipe.sample.min_tokens}
    step = Step("split/filled", 1, params, (documents.fingerprint,))
    run.run_once(step, partial(check_filled, run.say, documents, recipe, tuple(splits), tuple(run.outputs())))


def check_filled(
    say: Callable[[str], None],
    documents: StepOutput,
    recipe: Recipe,
    splits: Sequence[str],
    ledgers: Sequence[StepOutput],
    folder: Path,
) -> None:
    """Look for the seeds of every split.

    :param say: Takes a line for people.
    :param ledgers: Outputs of the steps so far, to say where documents went.
    :raises WorldError: If one of ``splits`` has none, with the reason.
    """
    have, seeds, longest = _counted(documents, recipe.sample.min_tokens)
    if not have:
        with database(folder) as db:
            raise WorldError(f"no document is left to ask about: {told_loss(db, ledgers, '')}")
    if not seeds:
        raise WorldError(
            f"none of {sum(have.values())} documents has the {recipe.sample.min_tokens} tokens of sample.min_tokens, "
            f"the longest has {longest}; lower it"
        )
    lacking = [name for name in recipe.split.splits if not seeds.get(name)]
    for name in lacking:
        if name in splits:
            raise WorldError(_reason(documents, recipe, name, have, folder))
    if lacking:
        say(f"no page is left for split {' and '.join(lacking)}, which is not built now")
    for name in sorted(set_splits(recipe) - set(recipe.split.splits)):
        say(f"rows of split {name} of question sets and imports are left out, because split.{name} is 0")


def _counted(documents: StepOutput, min_tokens: int) -> tuple[dict[str, int], dict[str, int], int]:
    """Documents and seeds of each split that has any, and the tokens of the longest document."""
    have: dict[str, int] = {}
    seeds: dict[str, int] = {}
    longest = 0
    for file in documents.files():
        table = pq.read_table(file, columns=["split", "n_tokens"])
        long = table.filter(pc.greater_equal(table["n_tokens"], min_tokens))
        for counts, rows in ((have, table), (seeds, long)):
            for row in pc.value_counts(rows["split"]).to_pylist():
                counts[row["values"]] = counts.get(row["values"], 0) + row["counts"]
        longest = max(longest, pc.max(table["n_tokens"]).as_py() or 0)
    return have, seeds, longest


def _reason(documents: StepOutput, recipe: Recipe, name: str, have: dict[str, int], folder: Path) -> str:
    """Why split ``name`` has no seed though others do, and what to set otherwise."""
    with database(folder) as db:
        pages, groups, largest = db.execute(_GROUPS.format(files=file_list(documents.files()))).fetchall()[0]
    told = f"{pages} pages in {groups} groups that must not be cut, the largest of {largest} pages"
    short = f"{have.get(name, 0)} documents, but none of at least sample.min_tokens = {recipe.sample.min_tokens} tokens"
    if name == "train":
        taken = [f"split.{other} = {getattr(recipe.split, other)}" for other in recipe.split.splits if other != name]
        if taken:
            what = "every group" if name not in have else "every group with a document long enough to ask about"
            return (
                f"split train stays empty: {' and '.join(taken)} took {what} ({told}); lower them, or give more pages"
            )
        return f"split train stays empty: it has {short}"
    if name in have:
        return f"split {name} stays empty: it has {short}; give more pages, or set split.{name}=0"
    return f"split {name} stays empty: {told}; give more pages, raise split.{name}, or set split.{name}=0"
