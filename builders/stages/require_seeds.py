"""Step ``split/filled``: every split that is built has documents to ask about, checked before any model is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.formatting import counted
from nyxqa.builders.report.funnel import largest_loss
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import SplitSection
from nyxqa.schemas.sql import file_list

_GROUPS = """
SELECT coalesce(sum(pages), 0)::BIGINT, count(*), coalesce(max(pages), 0)
FROM (SELECT count(DISTINCT page_id) AS pages FROM read_parquet({files}) GROUP BY "group")
"""


def require_seeds(
    run: Run,
    documents: StepOutput,
    settings: SplitSection,
    min_tokens: int,
    splits: Sequence[str],
    set_splits: Collection[str] = (),
) -> None:
    """Stop the build if one of ``splits`` has no seed; say which other splits have none.

    :param documents: Rows of SPLIT_DOCUMENTS.
    :param min_tokens: Tokens of the shortest document that questions are asked about (``sample.min_tokens``).
    :param splits: Splits that are built now.
    :param set_splits: Splits of the recipe's question sets and imports.
    :raises WorldError: Naming the split and the reason.
    """
    params = {"splits": list(splits), "min_tokens": min_tokens}
    step = Step("split/filled", 1, params, (documents.fingerprint,))
    wanted = Wanted(settings, min_tokens, tuple(splits), frozenset(set_splits))
    run.run_once(step, partial(check_seeds, run.say, documents, wanted, tuple(run.outputs())))


@dataclass(frozen=True)
class Wanted:
    """Which splits need seeds; the fields are the parameters of ``require_seeds``."""

    settings: SplitSection
    min_tokens: int
    splits: tuple[str, ...]
    set_splits: frozenset[str] = frozenset()


def check_seeds(
    say: Callable[[str], None], documents: StepOutput, wanted: Wanted, ledgers: Sequence[StepOutput], folder: Path
) -> None:
    """Count the seeds of every split.

    :param say: Prints one line for the user.
    :param ledgers: Outputs of the steps so far, which explain where documents were dropped.
    :param folder: Folder for a temporary database.
    :raises WorldError: If one of ``wanted.splits`` has no seed, with the reason.
    """
    settings, min_tokens = wanted.settings, wanted.min_tokens
    documents_of, seeds_of, longest = _counts(documents, min_tokens)
    if not documents_of:
        with database(folder) as db:
            raise WorldError(f"no document is left to ask about: {largest_loss(db, ledgers, '')}")
    if not seeds_of:
        raise WorldError(
            f"none of {counted(sum(documents_of.values()), 'document')} has sample.min_tokens = {min_tokens} tokens, "
            f"the longest has {longest}; lower sample.min_tokens"
        )
    empty = [name for name in settings.splits if not seeds_of.get(name)]
    for name in empty:
        if name in wanted.splits:
            raise WorldError(_reason(documents, wanted, name, documents_of, folder))
    if empty:
        say(f"no page is left for split {' and '.join(empty)}, which is not built now")
    for name in sorted(wanted.set_splits - set(settings.splits)):
        say(f"rows of split {name} of question sets and imports are left out, because split.{name} is 0")


def _counts(documents: StepOutput, min_tokens: int) -> tuple[dict[str, int], dict[str, int], int]:
    """Number of documents and of seeds by split, without zeros, and the tokens of the longest document."""
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


def _reason(documents: StepOutput, wanted: Wanted, split: str, documents_of: Mapping[str, int], folder: Path) -> str:
    """Why ``split`` has no seed though another has, and which setting to change."""
    settings, min_tokens = wanted.settings, wanted.min_tokens
    with database(folder) as db:
        pages, groups, largest = db.execute(_GROUPS.format(files=file_list(documents.files()))).fetchall()[0]
    groups_text = (
        f"{counted(pages, 'page')} in {counted(groups, 'group')} that must not be cut, "
        f"the largest of {counted(largest, 'page')}"
    )
    count = documents_of.get(split, 0)
    own = "its only document has" if count == 1 else f"all of its {count} documents have"
    too_short = f"{own} fewer than sample.min_tokens = {min_tokens} tokens"
    if split == "train":
        others = [name for name in settings.splits if name != split]
        if others:
            taken = " and ".join(f"split.{name} = {getattr(settings, name)}" for name in others)
            what = "every group" if not count else "every group with a document long enough to ask about"
            return f"split train stays empty: {taken} took {what} ({groups_text}); lower them, or give more pages"
        return f"split train stays empty: {too_short}"
    if split in documents_of:
        return f"split {split} stays empty: {too_short}; give more pages, or set split.{split}=0"
    return f"split {split} stays empty: {groups_text}; give more pages, raise split.{split}, or set split.{split}=0"
