"""Stage ``captions``: a model writes a caption for each image that has none, so that text encoders read pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.activity import ACTIVITY
from nyxqa.builders.engine.part_files import read_record
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.engine.workdir import steps_folder
from nyxqa.builders.rows import PAGES
from nyxqa.builders.stages.names import CAPTIONS
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.handle import VlmHandle, vlm_images
from nyxqa.builders.vlm.prompt import CAPTION_PROMPT, load_prompt
from nyxqa.builders.vlm.protocol import CaptioningVlm, Failed, VlmImage
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Recipe

VERSION = 1
_FAILED = "no_caption_"  # before the reason in the ledger
_UNPARSABLE = f"{_FAILED}unparsable"
ORIGIN = "model"  # in ``caption_origins``
_PARAMS = ("model", "version", "max_pixels", "answer_tokens", "seed")


def require_sight(model: str) -> None:
    """Refuse a model that cannot write captions, before anything is read.

    :raises UsageError: Naming the key.
    """
    try:
        info = make_provider(model).info
    except UsageError as error:
        raise UsageError(str(error).replace("vlm.model", "captions.model")) from error
    if not info.needs_images:
        raise UsageError(f"captions.model = {info.generator!r} sees no pictures; name one: openai:MODEL@URL")


def captions_to_retry(work: Path, recipe: Recipe) -> set[str]:
    """Name whose generation grows if captions are retried: that of the stage, if one failed in its last run."""
    runs = [one for one in (steps_folder(work) / CAPTIONS).glob("*") if read_record(one) is not None]
    if not recipe.captions.model or not runs:
        return set()
    last = max(runs, key=lambda one: one.stat().st_mtime_ns)
    reasons = [pq.read_table(file, columns=["reason"])["reason"].to_pylist() for file in last.glob("ledger-*.parquet")]
    # An answer of another form is stored as an answer: the same request would get it again.
    retried = (one.startswith(_FAILED) and one != _UNPARSABLE for several in reasons for one in several)
    return {CAPTIONS} if any(retried) else set()


def captions_handle(recipe: Recipe, answers: Path, packs: Path, retry_failed: bool = False) -> VlmHandle | None:
    """The model that writes captions; None where the recipe names none."""
    if not recipe.captions.model:
        return None
    settings = recipe.vlm.model_copy(update={"model": recipe.captions.model, "batch": False})
    return VlmHandle(settings, recipe.seed, answers, packs, retry_failed)


def captions(run: Run, pages: StepOutput, handle: VlmHandle) -> StepOutput:
    """Pages whose images without a caption got one of the model.

    :param pages: Rows of PAGES.
    :returns: Rows of PAGES.
    """
    known = handle.params()
    params: dict[str, Any] = {name: known[name] for name in _PARAMS}
    params = {"captions": {**params, "prompt": load_prompt(CAPTION_PROMPT).hash}}
    if retries := run.generation(CAPTIONS):
        params["generation"] = retries
    step = Step(CAPTIONS, VERSION, params, (pages.fingerprint,), unit_in="page", unit_out="page")
    try:
        return run.map(step, partial(caption_shard, handle), pages.files, PAGES, handle.where)
    finally:
        handle.close()  # one model at a time owns the stored answers


def caption_shard(handle: VlmHandle, file: Path) -> ShardOutput:
    """Pages of one shard; an image whose caption failed stays without, with a ledger row."""
    pages = pq.read_table(file).to_pylist()
    model = handle.open()
    if not isinstance(model, CaptioningVlm):
        raise UsageError(f"{model.info.generator} sees no pictures")
    ids = [page["page_id"] for page in pages]
    account = Account(ids, ids)
    missing = [
        (page, number, part["image"]) for page in pages for number, part in enumerate(page["parts"]) if _lacks(part)
    ]
    outcomes = model.captions(_pictures(handle, [image for _, _, image in missing]))
    for (page, number, image), outcome in zip(missing, outcomes, strict=True):
        if isinstance(outcome, Failed):
            name = f"{page['page_id']}:{number}"
            account.notes.append(Drop("image", name, page["page_id"], f"{_FAILED}{outcome.reason}", outcome.detail))
        elif outcome.value.strip():
            image |= {"caption": " ".join(outcome.value.split()), "caption_origin": ORIGIN}
    rows = list(ACTIVITY.counted(pages))
    return ShardOutput(pa.Table.from_pylist(rows, schema=PAGES), account)


def _lacks(part: Mapping[str, Any]) -> bool:
    return part["image"] is not None and not part["image"]["caption"]


def _pictures(handle: VlmHandle, images: Sequence[Mapping[str, Any]]) -> Iterator[VlmImage]:
    for image in images:
        yield from vlm_images([image], handle)
