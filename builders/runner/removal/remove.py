"""``remove``: take pages and images out of a dataset and out of everything that was kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nyxqa.builders.engine.executors.factory import DEFAULT, make_executor
from nyxqa.builders.engine.part_files import is_done
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.trace import read_trace
from nyxqa.builders.engine.workdir import output_folder
from nyxqa.builders.formatting import counted
from nyxqa.builders.images.fetch.pack_files import key_of
from nyxqa.builders.runner.execute import execute
from nyxqa.builders.runner.published import published_in, published_splits, stored_recipe
from nyxqa.builders.runner.purge import Pending, begin_removal, pending_removal
from nyxqa.builders.runner.removal.matches import Matches, Steps, find_matches, queries_on
from nyxqa.builders.runner.removal.requested import Request, requests_of
from nyxqa.builders.runner.request import BuildRequest
from nyxqa.builders.sources.factory import open_source
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.manifest import WORK, Manifest
from nyxqa.schemas.recipe import Recipe, Web
from nyxqa.schemas.removals import read_removals
from nyxqa.schemas.tables import FORMAT

_STEPS = ("source/read", "images/store", "chunk")


@dataclass(frozen=True)
class Removed:
    """What a take-down did.

    :param pages: Pages that went as a whole.
    :param images: Images named by the bytes that are stored.
    :param documents: Documents that went or changed.
    :param unknown: Lines of lists that name nothing in the dataset; they stay out from now on.
    :param changed: Whether the dataset was built again.
    """

    out: Path
    pages: int
    images: int
    documents: int
    unknown: int
    changed: bool

    def text(self) -> str:
        """The same as lines of text."""
        if not self.changed:
            return f"{self.out} holds nothing of it any more\n"
        if not self.pages and not self.images and not self.documents:
            lines = [f"what was to be removed from {self.out} is gone"]
        else:
            lines = [self._counts()]
        if self.unknown:
            lines.append(f"{counted(self.unknown, 'name')} of lists not in the dataset; they stay out from now on")
        lines.append(f"published before? nyxqa push {self.out} USER/NAME sends it and says how to clear the history")
        return "".join(f"{line}\n" for line in lines)

    def _counts(self) -> str:
        return (
            f"removed from {self.out}: {counted(self.pages, 'page')}, {counted(self.images, 'image')} by id, "
            f"{counted(self.documents, 'document')} gone or changed"
        )


def remove(
    data: str | Path,
    *,
    urls: Sequence[str] = (),
    pages: Sequence[str] = (),
    images: Sequence[str] = (),
    hosts: Sequence[str] = (),
    files: Sequence[Path] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> Removed:
    """Take pages and images out of the dataset in ``data``, build it again, and delete all that was kept of them.

    Hashed keys in ``removals.jsonl`` keep them out of later builds. A take-down that was stopped is completed by the
    next one, also without a name, or by the next finished build.

    :param urls: URLs of pages or images.
    :param pages: Ids of pages, or their paths in the source.
    :param images: Ids of stored images, their URLs, or their paths in the source.
    :param hosts: Hosts; everything on them and on their subdomains goes.
    :param files: Lists with one of these a line.
    :raises UsageError: If a name is malformed or names nothing in the dataset.
    :raises NyxqaError: If the build fails; nothing new is published then, and what was named is still published.
    """
    out = Path(data)
    progress = progress or Progress(False)
    recipe = _recipe_of(out)
    waiting = pending_removal(out / WORK) is not None
    named = bool(urls or pages or images or hosts or files)
    asked = requests_of(urls, pages, images, hosts, files) if named or not waiting else []
    if waiting:  # first of all: a stopped build need not hold the steps that names are looked up in
        _build(out, recipe, workers, progress)
    if not asked:
        return Removed(out, 0, 0, 0, 0, changed=True)
    with output_folder(out):
        found, unknown, fresh = _note(out, recipe, asked)
    if not fresh:
        return Removed(out, 0, 0, 0, unknown, changed=waiting)
    _build(out, recipe, workers, progress)
    return Removed(out, len(found.pages), len(found.images), len(found.documents), unknown, changed=True)


def _build(out: Path, recipe: Recipe, workers: int | None, progress: Progress) -> None:
    execute(BuildRequest(recipe, "all", out, make_executor(DEFAULT, workers), republish=True), progress)


def _recipe_of(out: Path) -> Recipe:
    """The recipe that the dataset in ``out`` was built by.

    :raises FormatError: If no dataset is published in ``out``.
    :raises UsageError: If its format is an earlier one, its recipe is not known, or has no pages.
    """
    published = published_in(out)
    if published is None:
        raise FormatError(f"{out} holds no finished dataset; build it first: nyxqa build --split train --out {out}")
    if published.format < FORMAT:
        raise UsageError(f"{out} has format {published.format}; build it again, which writes format {FORMAT}")
    recipe = stored_recipe(out)
    _web(out, recipe)
    return recipe


def _web(out: Path, recipe: Recipe) -> Web:
    """Where the pages of a recipe come from.

    :raises UsageError: If it has none.
    """
    if recipe.web is None:
        raise UsageError(f"{out} was made of question sets alone; take the items out of their files and build again")
    return recipe.web


def _note(out: Path, recipe: Recipe, asked: Sequence[Request]) -> tuple[Matches, int, bool]:
    """Note what is to be removed; returns what goes, the number of unknown names, and whether any is new.

    :raises UsageError: If a name that was given by itself names nothing in the dataset.
    """
    opened = open_source(_web(out, recipe), recipe.pdf, recipe.chunk.unit)
    found = find_matches(asked, _steps(out), opened, recipe.images)
    earlier = read_removals(out)
    unknown = [one for one in asked if not found.matched & set(one.names) and not earlier.any_of(one.names)]
    if missing := [one.given for one in unknown if not one.listed]:
        raise UsageError(
            f"{', '.join(missing)}: nothing in {out} has this name, so nothing was removed; nyxqa show {out} ID tells "
            "what an id is, and names that may be missing go into a list for --file"
        )
    entries = found.entries - set(earlier.entries)
    if not entries:
        return found, len(unknown), False
    published = published_in(out)
    _refuse_nothing_left(out, found, recipe, published)
    triplets = [path for path in (published.files if published else ()) if path.startswith("data/triplets/")]
    pending = Pending(
        tuple(sorted(entries)),
        datetime.now(UTC).isoformat(timespec="seconds"),
        tuple(key_of(url) for url in found.addresses),
        tuple(found.documents),
        tuple(queries_on(out, triplets, found.documents)),
    )
    begin_removal(out, pending)
    return found, len(unknown), True


def _refuse_nothing_left(out: Path, found: Matches, recipe: Recipe, published: Manifest | None) -> None:
    """Refuse a take-down after which the dataset could not be built, before anything is changed.

    :raises UsageError: If fewer pages stay than there are splits of pages.
    """
    present = () if published is None else published_splits(published)
    splits = [name for name in present if name in recipe.split.splits]
    if len(found.left) >= max(1, len(splits)):
        return
    stays = "takes every page"
    if found.left:
        stays = f"leaves {counted(len(found.left), 'page')} for the splits {', '.join(splits)}"
    raise UsageError(
        f"this {stays} of {out}, so nothing was removed: no dataset can be built of what stays; delete the whole "
        f"folder (rm -r {out}, and its repository on the Hub if it was pushed), or name fewer"
    )


def _steps(out: Path) -> Steps:
    """The steps of the last build that hold its pages.

    :raises UsageError: If one of them is not there.
    """
    traced = {step.name: step for step in read_trace(out / WORK)[0]}
    found = []
    for name in _STEPS:
        step = traced.get(name)
        if step is None or not is_done(step.folder(out / WORK)):
            raise UsageError(
                f"{out} lacks the pages that it was built of (step {name} in its work folder); run its build once "
                "more, then remove"
            )
        found.append(StepOutput(step.fingerprint, step.folder(out / WORK)))
    return Steps(*found)
