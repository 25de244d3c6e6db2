"""Stage ``assemble``: the published tables, written beside the output folder's and not yet visible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.assembly.inputs import Assembly
from nyxqa.builders.assembly.ledger import ledger_rows
from nyxqa.builders.assembly.preview import preview_rows
from nyxqa.builders.assembly.rows import corpus_rows, qa_row, question_rows, triplet_row
from nyxqa.builders.assembly.select import count_questions, select_questions, shortfall
from nyxqa.builders.assembly.summary import summarise
from nyxqa.builders.certificate import certify
from nyxqa.builders.engine.duck import database
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.images.pack import PackReader
from nyxqa.builders.probe import Item, probe
from nyxqa.builders.stages import STAGES
from nyxqa.schemas.errors import LawError, WorldError
from nyxqa.schemas.files import write_json
from nyxqa.schemas.manifest import FileEntry
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.tables import CORPUS, LEDGER, PREVIEW, QA, TRIPLETS, WEB
from nyxqa.schemas.writing import write_split

if TYPE_CHECKING:
    import duckdb

VERSION = 4
RESULT = "result.json"


def split_step(recipe: Recipe, documents: Parts, questions: Parts, split: str) -> Step:
    """What decides the published form of one split, apart from the other splits."""
    filters = recipe.filters.model_copy(update={"decontaminate": []})  # its files decide ``documents``, not their place
    params = {"filters": filters, "split": recipe.split, "seed": recipe.seed}
    return Step(
        "assemble", VERSION, params, (documents.fingerprint, questions.fingerprint), split, "question", "triplet"
    )


def assemble(run: Run, assembly: Assembly) -> Parts:
    """Write all tables of all splits, the certificate and the counts of each split into one folder."""
    web = assembly.web
    steps = [split_step(assembly.recipe, web.documents, parts, split) for split, parts in web.questions.items()]
    step = Step("assemble/tables", VERSION, {"stages": STAGES}, tuple(step.fingerprint for step in steps))
    return run.whole(step, partial(write_tables, assembly))


def write_tables(assembly: Assembly, folder: Path) -> None:
    """Write ``data/`` and the result file.

    :raises WorldError: If no question is left.
    :raises LawError: If the certificate finds a leak.
    """
    web, files = assembly.web, dict[str, FileEntry]()
    reader = PackReader(web.packs)
    with database(folder) as db:
        select_questions(db, web.questions, assembly.recipe)
        counts = {split: count_questions(db, split) for split in web.questions}
        lacks = {split: lack for split in web.questions if (lack := shortfall(db, assembly.recipe, split))}
        for split, found in counts.items():
            if found.rows_out == 0:
                raise WorldError(
                    f"no question of split {split} is left of {found.rows_in}; see the drops of each stage"
                )
            files |= write_split(QA, split, map(qa_row, question_rows(db, split, reader)), folder)
            files |= write_split(TRIPLETS, split, map(triplet_row, question_rows(db, split, reader)), folder)
        files |= write_split(CORPUS, WEB, corpus_rows(web), folder)
        files |= write_split(LEDGER, "rows", ledger_rows(db, assembly.ledgers, STAGES), folder)
        if "train" in web.questions:
            files |= write_split(PREVIEW, "train", preview_rows(db, web, assembly.recipe.seed), folder)
        probed = probe(list(_items(db)), assembly.recipe.seed)
    certificate = certify(folder, files, assembly.recipe.dedup)
    leaks = {check: count for check, count in certificate.items() if count}
    if leaks:
        raise LawError(f"the certificate found leaks, nothing is published: {leaks}")
    write_json(
        folder / RESULT,
        {
            "files": {path: asdict(entry) for path, entry in sorted(files.items())},
            "certificate": certificate,
            "summary": {
                **summarise(folder, files),
                "probe": probed,
                **({"shortfall": lacks} if lacks else {}),
            },
            "counts": {split: asdict(found) for split, found in counts.items()},
        },
    )


def _items(db: duckdb.DuckDBPyConnection) -> Iterator[Item]:
    """Options of the published questions."""
    for row in db.execute("SELECT qa_id, doc_id, choices, label FROM question WHERE reason IS NULL").fetchall():
        yield Item(*row)
