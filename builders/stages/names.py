"""Names of the stages, in their order."""

from __future__ import annotations

from collections.abc import Iterable

from nyxqa.builders.question_sets.outputs import pool_of
from nyxqa.schemas.recipe import Recipe

SOURCE = "source"  # also the name of the generation that ``--rescan`` raises
CAPTIONS = "captions"
UNANSWERABLE = "unanswerable"
DIFFICULTY = "difficulty"
QRELS = "qrels"  # there is none unless the recipe names systems
UPDATE = "update"  # brings in the questions of a published version; there is none unless one is updated
REVIEW = "review"  # works on the rows of all builders; there is none without verdicts

# Stages of the web builder; those of question sets and imports come before the last.
STAGES = (
    "source",
    "prefilter",
    "images",
    "captions",
    "chunk",
    "dedup",
    "filter",
    "split",
    "sample",
    "synthesize",
    "refine",
    "verify",
    "choices",
    "negatives",
    "judge",
    "unanswerable",
    "difficulty",
    "assemble",
)
# Those that a build without them leaves out.
OPTIONAL_STAGES = frozenset({CAPTIONS, "judge", UNANSWERABLE, DIFFICULTY})


# The stage that ``nyxqa feedback`` adds to a dataset.
FEEDBACK = "feedback"


def pool_stage(pool: str) -> str:
    """Name of the stage that reads the passages of a pool."""
    return f"passages.{pool}"


def text_stage(name: str) -> str:
    """Name of the stage that makes the triplets of a question set."""
    return f"text.{name}"


def qa_stage(name: str) -> str:
    """Name of the stage that reads a ``[[qa]]`` set and makes its triplets."""
    return f"qa.{name}"


def import_stage(kind: str) -> str:
    """Name of the stage that imports a published dataset."""
    return f"import.{kind}"


def qrels_stage(name: str) -> str:
    """Name of the stage that judges documents for the questions of a set."""
    return f"{QRELS}.{name}"


def is_qrels(name: str) -> bool:
    """Whether a stage judges documents."""
    return name.partition(".")[0] == QRELS


def set_stages(recipe: Recipe) -> list[str]:
    """Names of the stages of the recipe's passage pools, question sets and imports, and of judgements, each once."""
    names = [pool_stage(pool_of(text)) for text in recipe.text]
    names += [pool_stage(pool_of(section)) for section in recipe.qa]
    names += [text_stage(text.name) for text in recipe.text]
    names += [qa_stage(section.name) for section in recipe.qa]
    names += [import_stage(section.kind) for section in recipe.imports]
    if recipe.qrels.systems:
        names += [QRELS, *(qrels_stage(text.name) for text in recipe.text)]
        names += [qrels_stage(section.name) for section in recipe.qa]
    return list(dict.fromkeys(names))


def with_sets(names: Iterable[str]) -> list[str]:
    """All stages in their order: the web builder's, those of ``names``, ``review``, ``assemble``, and feedback."""
    *web, last = STAGES
    known, listed = {*STAGES, UPDATE, REVIEW, FEEDBACK}, list(dict.fromkeys(names))
    judged = [name for name in listed if is_qrels(name)]
    sets = [name for name in listed if name not in known and name not in judged]
    update = [name for name in listed if name == UPDATE]
    return [*web, *update, *sets, REVIEW, *judged, last, FEEDBACK]
