"""Stage ``assemble``: write the published tables into the work folder, not yet published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.assembly.inputs import RESULT, Assembly, Judgements, Packs, ReviewOutput, WebInputs
from nyxqa.builders.assembly.ledger import ledger_rows, own_drops, tally
from nyxqa.builders.assembly.mixture import mixture_rows
from nyxqa.builders.assembly.passages import embedded_rows, passage_rows
from nyxqa.builders.assembly.preview import preview_rows
from nyxqa.builders.assembly.published_rows import qa_rows, qrels_rows, triplet_rows
from nyxqa.builders.assembly.reviews import apply_reviews, load_reviews, rejected
from nyxqa.builders.assembly.select import select_questions, shortfall
from nyxqa.builders.assembly.set_triplets import load_entries, overlaps
from nyxqa.builders.dedup.across.published import find_leaks, leak_counts
from nyxqa.builders.dedup.certificate import certify
from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.database import arrow_rows, database
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.mining.judge_report import corrected, judge_counts
from nyxqa.builders.qa.options_probe import ProbeItem, probe_options
from nyxqa.builders.question_sets.outputs import Sets
from nyxqa.builders.report.funnel import largest_loss
from nyxqa.builders.report.question_figures import question_figures
from nyxqa.builders.report.set_reports import set_reports
from nyxqa.builders.report.summary import summarise
from nyxqa.builders.stages.corpus import corpus_steps, linked, written_files
from nyxqa.builders.stages.names import QRELS as QRELS_STAGE
from nyxqa.builders.stages.names import REVIEW, UPDATE, set_stages, with_sets
from nyxqa.builders.stages.sample import sample_shortfall
from nyxqa.schemas.errors import LawError, WorldError
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.manifest import FileEntry
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.tables import CORPUS, LEDGER, MIXTURE, PREVIEW, QA, QRELS, TRIPLETS, WEB
from nyxqa.schemas.writing import write_split

if TYPE_CHECKING:
    import duckdb

VERSION = 6
# The version that wrote format 1.
EARLIER_VERSION = 4
_TABLES_VERSION = 10
_BATCH = 10_000

# Documents with questions of the version that an update started from; those questions fill a quota first.
_ASKED_BEFORE = (
    "SELECT kind, count(DISTINCT doc_id) FROM question WHERE split = 'train' AND order_key = 0 GROUP BY kind"
)

Files = dict[str, FileEntry]


def split_step(
    recipe: Recipe,
    web: WebInputs | None,
    sets: Sets,
    split: str,
    reviews: Mapping[str, ReviewOutput] | None = None,
    qrels: Mapping[str, Sequence[Judgements]] | None = None,
) -> Step:
    """The step whose fingerprint decides the published form of one split, whatever the other splits are."""
    params: dict[str, Any] = {"seed": recipe.seed, "sets": sets.decisive(split)}
    inputs: tuple[str, ...] = ()
    if web is not None:
        # The benchmark files decide ``documents`` already.
        later = {"decontaminate", "difficulty", "difficulty_encoder", "secrets"}
        filters = recipe.filters.model_dump(mode="json", exclude=later)
        params |= {"filters": {**filters, "decontaminate": []}, "split": recipe.split}
        if recipe.negatives.instruction:
            params["instruction"] = recipe.negatives.instruction
        inputs = (web.documents.fingerprint, web.questions[split].fingerprint)
    if split == "train" and recipe.mixture is not None:
        params["mixture"] = recipe.mixture
    if reviews and split in reviews:
        params[REVIEW] = reviews[split].rows.fingerprint
    if qrels and qrels.get(split):
        first, *others = (one.rows.fingerprint for one in qrels[split])
        params[QRELS_STAGE] = [first, *others] if others else first
    return Step("assemble", VERSION, params, inputs, split, "question", "triplet")


def assemble(run: Run, assembly: Assembly) -> StepOutput:
    """Write all tables of all splits, with the certificate and the counts of each split."""
    steps = [
        split_step(assembly.recipe, assembly.web, assembly.sets, split, assembly.reviews, assembly.qrels)
        for split in assembly.splits
    ]
    params = {"stages": _stages(assembly)}
    inputs = tuple(step.fingerprint for step in steps)
    corpus = corpus_steps(run, assembly)
    inputs += tuple(output.fingerprint for output in corpus.values())
    leaks = None
    if WEB in corpus:
        web = corpus[WEB]
        leaks = find_leaks(run, "assemble", [web.fingerprint], partial(written_files, web), assembly.recipe.dedup)
    return run.run_once(
        Step("assemble/tables", _TABLES_VERSION, params, inputs), partial(write_tables, assembly, corpus, leaks)
    )


def _stages(assembly: Assembly) -> list[str]:
    """Names of all stages in their order."""
    updated = assembly.web is not None and assembly.web.updated
    return with_sets([*set_stages(assembly.recipe), *([UPDATE] if updated else [])])


def write_tables(
    assembly: Assembly, corpus: Mapping[str, StepOutput], leaks: tuple[StepOutput, StepOutput] | None, folder: Path
) -> None:
    """Write ``data/`` and the result file.

    :param corpus: The files of pools that workers wrote, by pool.
    :param leaks: What was found twice in pool ``web``, if there is one.
    :raises WorldError: If no question of a split is left.
    :raises LawError: If the certificate finds a leak.
    """
    recipe, web, sets, packs = assembly.recipe, assembly.web, assembly.sets, assembly.packs()
    files: Files = {}
    with database(folder) as db:
        load_reviews(db, assembly.reviews, sets)
        if web is not None:
            select_questions(db, web.questions, recipe, rejected("question", assembly.reviews))
            apply_reviews(db, "question", assembly.reviews)
        load_entries(db, sets.triplets)
        apply_reviews(db, "entry", assembly.reviews)
        counts = {split: _count(db, assembly, split) for split in assembly.splits}
        for split in assembly.splits:
            files |= write_split(QA, split, qa_rows(db, split, packs), folder)
            files |= write_split(
                TRIPLETS, split, triplet_rows(db, split, packs, instruction=recipe.negatives.instruction), folder
            )
            if split in QRELS.splits:
                judged = [one.rows for one in assembly.qrels.get(split, ())]
                files |= write_split(QRELS, split, qrels_rows(db, split, judged), folder)
        files |= _write_corpus(db, assembly, corpus, packs, folder)
        files |= write_split(LEDGER, "rows", ledger_rows(db, assembly.ledgers, _stages(assembly)), folder)
        if "train" in assembly.splits:
            files |= write_split(PREVIEW, "train", preview_rows(db, assembly, packs), folder)
            if recipe.mixture is not None:
                rows = mixture_rows(db, recipe.mixture, recipe.seed, web is not None)
                files |= write_split(MIXTURE, "train", rows, folder)
        missing = {split: lack for split in assembly.splits if web and (lack := shortfall(db, recipe, split))}
        notes = {"shortfall": missing, "overlaps": overlaps(db), **set_reports(sets.triplets, sets.pools)}
        notes["reviews"] = {split: read_json(output.figures) for split, output in assembly.reviews.items()}
        notes["judge"] = corrected(judge_counts(assembly.judged()), notes["reviews"])
        if web is not None:
            notes["probe"] = probe_options(_items(db), recipe.seed)
            if "train" in web.seeds:
                asked = dict(db.execute(_ASKED_BEFORE).fetchall())
                notes["sample_shortfall"] = sample_shortfall(recipe.sample, recipe.split, web.seeds["train"], asked)
    figures = question_figures(folder, files, recipe)
    summary = {**summarise(folder, files), **figures, **{name: value for name, value in notes.items() if value}}
    certificate = certify(folder, files, recipe.dedup, folder, leak_counts(*leaks) if leaks else None)
    found = {check: count for check, count in certificate.items() if count}
    if found:
        raise LawError(f"the certificate found leaks between splits, so nothing is published: {found}")
    write_json(
        folder / RESULT,
        {
            "files": {path: asdict(entry) for path, entry in sorted(files.items())},
            "certificate": certificate,
            "summary": summary,
            "counts": {split: asdict(count) for split, count in counts.items()},
        },
    )


def _items(db: duckdb.DuckDBPyConnection) -> Iterator[ProbeItem]:
    """Published questions with their options."""
    query = "SELECT qa_id, doc_id, choices, label FROM question WHERE reason IS NULL AND label >= 0"
    for row in arrow_rows(db, query, _BATCH):
        yield ProbeItem(*row.values())


def _count(db: duckdb.DuckDBPyConnection, assembly: Assembly, split: str) -> Counts:
    """Counts of one split.

    :raises WorldError: If no question or triplet is left.
    """
    counts = tally(db, "entry", "place", split)
    if assembly.web is not None:
        questions = tally(db, "question", "qa_id", split)
        if questions.rows_out == 0:
            raise WorldError(_nothing_left(db, assembly, split, "question", questions.rows_in))
        counts += questions
    if counts.rows_out == 0:
        raise WorldError(_nothing_left(db, assembly, split, "triplet", counts.rows_in))
    return counts


def _nothing_left(db: duckdb.DuckDBPyConnection, assembly: Assembly, split: str, unit: str, count: int) -> str:
    """The error for a split without rows."""
    why = largest_loss(db, assembly.ledgers, split, own_drops(db))
    return f"no {unit} of split {split} is left of the {count} that reached stage assemble: {why}"


def _write_corpus(
    db: duckdb.DuckDBPyConnection, assembly: Assembly, corpus: Mapping[str, StepOutput], packs: Packs, folder: Path
) -> Files:
    """Write all pools: pages, passages, and documents of imports."""
    files: Files = {}
    for name, output in corpus.items():
        files |= linked(name, output, folder)
    judged = [one for several in assembly.qrels.values() for one in several]
    for pool in assembly.sets.pools:
        if pool.name in corpus:
            continue
        files |= write_split(CORPUS, pool.name, passage_rows(db, pool, assembly.sets.triplets, judged), folder)
    for kind in dict.fromkeys(part.pool for part in assembly.sets.triplets if part.text is None):
        files |= write_split(CORPUS, kind, embedded_rows(db, kind, packs), folder)
    return files
