"""Stage ``unanswerable``: edited forms of questions that neither their page nor the first documents found answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.qa.duplicates import write_duplicates
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.qa.rules import RuleViolation, resolve_citations
from nyxqa.builders.stages.judge import write_documents
from nyxqa.builders.stages.names import UNANSWERABLE
from nyxqa.builders.stages.negatives import Mining, found_documents
from nyxqa.builders.stages.refine import drop_repeated
from nyxqa.builders.vlm.handle import VlmHandle, question_documents, vlm_document, vlm_images, vlm_request
from nyxqa.builders.vlm.prompt import UNANSWERABLE_PROMPT, form_of, load_prompt
from nyxqa.builders.vlm.protocol import Answered, Conversation, EditingVlm, Failed, VlmRequest
from nyxqa.schemas.chance import chance, keyed_hash
from nyxqa.schemas.content import Content, plain_text
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.ids import qa_id
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.recipe import Negatives
from nyxqa.schemas.words import words

VERSION = 1
DEPTH = 20  # first documents found that must not answer
_MOST_OF_PAGE = 20  # documents of the page that must not answer, those nearest to its own first
_TABLE = "documents.arrow"

_Row = dict[str, Any]


@dataclass(frozen=True)
class Editor:
    """What a worker needs to edit questions.

    :param share: Share of the questions that are edited, by keyed hash.
    :param stored: Folder of the documents of the split.
    """

    handle: VlmHandle
    share: float
    mining: Mining
    stored: Path

    def chosen(self, row: _Row) -> bool:
        """Whether a question is edited."""
        return chance(self.handle.seed, UNANSWERABLE, row["qa_id"]) < self.share


def unanswerable(
    run: Run,
    questions: StepOutput,
    documents: StepOutput,
    index: StepOutput,
    packs: Path,
    handle: VlmHandle,
    share: float,
    settings: Negatives,
    split: str,
    schema: pa.Schema,
) -> StepOutput:
    """The questions, and for a share of them one more that no document answers.

    :param index: The index of the documents of the split, of ``settings.encoder``.
    :param settings: The section on negatives, whose encoder finds the documents that must not answer.
    :returns: Rows of ``schema``; those with ``answerable`` false have no answer.
    """
    store = Step(f"{UNANSWERABLE}/documents", VERSION, {}, (documents.fingerprint,), split)
    stored = run.run_once(store, partial(write_documents, documents, split))
    params = {"share": share, "prompt": load_prompt(UNANSWERABLE_PROMPT).hash, "vlm": handle.params(), "depth": DEPTH}
    inputs = (questions.fingerprint, stored.fingerprint, index.fingerprint)
    step = Step(f"{UNANSWERABLE}/edits", VERSION, params, inputs, split, "question", "question")
    editor = Editor(handle, share, Mining(settings, packs, index.folder), stored.folder)
    edited = run.map(step, partial(edit_shard, editor), partial(_tasks, questions, index), schema, handle.where)
    return decide_then_apply(
        run,
        edited,
        Step(f"{UNANSWERABLE}/repeated", VERSION, {}, split=split),
        partial(write_duplicates, edited, None),
        Step(UNANSWERABLE, VERSION, split=split, unit_in="question", unit_out="question"),
        paired_files,
        drop_repeated,
        schema,
    )


def _tasks(questions: StepOutput, index: StepOutput) -> Iterator[tuple[Path, int]]:
    shards = len(index.files())
    for file in questions.files():
        yield file, shards


def edit_shard(editor: Editor, task: tuple[Path, int]) -> ShardOutput:
    """The questions of one shard, each edited one behind that which it was made of."""
    file, shards = task
    table = pq.read_table(file)
    rows: list[_Row] = table.to_pylist()
    account = Account([row["qa_id"] for row in rows])
    edits = {edit["of"]: edit for edit in _edits(editor, [row for row in rows if editor.chosen(row)], account)}
    found = found_documents(editor.mining, list(edits.values()), DEPTH, shards) if edits else []
    answered = editor.handle.open().converse(
        _asks(editor, edit, ids) for edit, ids in zip(edits.values(), found, strict=True)
    )
    for edit, fault in zip(list(edits.values()), ACTIVITY.counted(answered), strict=True):
        if fault is not None:
            account.notes.append(_note(edit["of"], *fault))
            del edits[edit["of"]]
    made = [one for row in rows for one in (row, edits.get(row["qa_id"])) if one is not None]
    account.parents = [str(row.get("of", row["qa_id"])) for row in made]
    return ShardOutput(pa.Table.from_pylist(made, schema=table.schema), account)


def _note(of: str, reason: str, detail: str) -> Drop:
    return Drop("row", f"{of}:0", of, reason, detail)


def _edits(editor: Editor, rows: Sequence[_Row], account: Account) -> Iterator[_Row]:
    """Edited questions that are new and well formed; the others are noted."""
    model = editor.handle.open()
    if not isinstance(model, EditingVlm):
        raise UsageError(f"synthesize.unanswerable needs a real model, not {model.info.generator}")
    outcomes = model.edit(vlm_request(row, editor.handle, id_column="qa_id") for row in rows)
    for row, outcome in zip(rows, outcomes, strict=True):
        edited = _edited(editor.handle.seed, row, outcome)
        if isinstance(edited, RuleViolation):
            account.notes.append(_note(row["qa_id"], edited.reason, edited.detail))
        else:
            yield edited


def _edited(seed: int, row: _Row, outcome: Answered[str] | Failed) -> _Row | RuleViolation:
    """The row of an edited question, or what is wrong with it."""
    if isinstance(outcome, Failed):
        return RuleViolation(outcome.reason, outcome.detail)
    if not outcome.value:
        return RuleViolation("not_edited", "the model found no edit")
    resolved = resolve_citations(outcome.value, len(row["images"]), "repaired")
    if isinstance(resolved, RuleViolation):
        return resolved
    if words(plain_text(resolved.question)) == words(plain_text(row["question"])):
        return RuleViolation("not_edited", "the edited question has the words of the one before")
    if sorted(resolved.images) != list(range(len(row["images"]))):
        return RuleViolation("bad_citation", "the edited question cites other images")
    images = [row["images"][place] for place in resolved.images]
    ids = [image["image_id"] for image in images]
    own = qa_id(resolved.question, ids, "", "")
    empty = (
        "answers",
        "choices",
        "nuggets",
        "positives",
        "negative_ids",
        "negative_ranks",
        "negative_scores",
        "judged",
    )
    return {
        **row,
        **{name: [] for name in empty},
        **{"answer": "", "answer_long": "", "label": -1, "evidence": None, "answerable": False, "second": None},
        **{"of": row["qa_id"], "qa_id": own, "draft": f"{row['qa_id']}:0", "question": resolved.question},
        **{"images": images, "key": question_key(resolved.question, ids), "miner": ""},
        "order_key": keyed_hash(seed, "assemble", own),
    }


@lru_cache(maxsize=8)
def _documents(folder: Path) -> IdTable:
    return IdTable(folder / _TABLE, "doc_id")


def _of_page(documents: IdTable, row: _Row) -> list[str]:
    """Documents of the page of a question, its own first."""
    pages = documents.table.column("page_id")
    ids = documents.table.column("doc_id").filter(pc.equal(pages, row["document"]["page_id"])).to_pylist()
    own = [document["doc_id"] for document in question_documents(row)]
    return list(dict.fromkeys([*own, *ids]))[:_MOST_OF_PAGE]


def _asks(editor: Editor, edit: _Row, found: Sequence[str]) -> Conversation[tuple[str, str] | None]:
    """Ask for an answer from one document after another; why the edited question goes, None if it stays."""
    documents, handle = _documents(editor.stored), editor.handle
    question = Content(edit["question"], vlm_images(edit["images"], handle))
    for doc_id in dict.fromkeys([*_of_page(documents, edit), *found]):
        (place,) = documents.rows([doc_id]).tolist()
        names = ("doc_id", "text", "images", "title", "language")
        shown = vlm_document({name: documents.table.column(name)[place].as_py() for name in names}, handle)
        outcome = yield VlmRequest(edit["qa_id"], question, "", (shown,), form_of(edit["type"] or ""))
        if isinstance(outcome, Failed):
            return outcome.reason, outcome.detail
        if outcome.value.strip():
            return "answered_after_all", f"document {doc_id} answers it"
    return None
