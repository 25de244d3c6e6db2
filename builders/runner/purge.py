"""Delete what was kept of removed items: superseded steps, stored answers, packs, feedback, evaluations, caches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nyxqa.builders.engine.workdir import steps_folder
from nyxqa.builders.images.fetch.store import forget, settle
from nyxqa.builders.report.check_report import REPORT
from nyxqa.builders.report.page import refresh_page
from nyxqa.builders.vlm.openai.answer_store import ANSWERS, begin_marking, drop_unused
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import read_json, write_bytes, write_json
from nyxqa.schemas.manifest import MANIFEST, WORK
from nyxqa.schemas.removals import FILE, Removal, add_removals
from nyxqa.schemas.verdicts import FOLDER as REVIEW

_PENDING = "removal.json"
_NOTED = ("fetched", "documents", "queries")
_ANSWERS = "answers"
_FETCHED = "fetched"
# Files of the work folder that hold names of steps and counts alone.
_KEPT = {"steps", _ANSWERS, _FETCHED, _PENDING, "lock", "nyxqa.json", "generations.json", "source.json", "recipe.json"}
_KEPT |= {"trace.json", "end.json"}
# What is about the bytes that were published before.
_ABOUT_EARLIER = (REPORT, "report.png", "evaluation")
_PUBLISHED = {"data", MANIFEST, "README.md", "croissant.json", "report.html", FILE, REVIEW, WORK}
_EXPORT = "# Export for "


@dataclass(frozen=True)
class Pending:
    """A take-down whose data was not yet deleted; nothing in it tells what was removed.

    :param entries: The keys to keep, hashed.
    :param at: Time of the request, as text.
    :param fetched: Keys of fetched images that no page needs any more.
    :param documents: Ids of removed documents.
    :param queries: Ids of questions about them.
    """

    entries: tuple[Removal, ...]
    at: str
    fetched: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()


def pending_removal(work: Path) -> Pending | None:
    """The take-down that the next finished build completes, if any."""
    file = work / _PENDING
    if not file.is_file():
        return None
    noted = read_json(file)
    entries = tuple(Removal(**one) for one in noted["entries"])
    return Pending(entries, noted["at"], *(tuple(noted[name]) for name in _NOTED))


def begin_removal(out: Path, pending: Pending) -> None:
    """Note a take-down, delete the verdicts on rows that go, and keep its keys.

    Once it is noted, ``resume_removal`` goes on wherever this was stopped. Verdicts go before the build that follows:
    those that are left decide its rows.
    """
    work = out / WORK
    begin_marking(work / _ANSWERS)
    earlier = pending_removal(work) or pending
    joined = {name: sorted({*getattr(earlier, name), *getattr(pending, name)}) for name in _NOTED}
    entries = [asdict(one) for one in sorted({*earlier.entries, *pending.entries})]
    write_json(work / _PENDING, {"entries": entries, "at": pending.at, **joined})
    resume_removal(out)


def resume_removal(out: Path) -> None:
    """Bring a take-down that was stopped to where its build can start; without one nothing is done."""
    work = out / WORK
    settle(work / _FETCHED)
    pending = pending_removal(work)
    if pending is None:
        return
    for file in sorted((out / REVIEW).glob("*.jsonl")):
        _without_verdicts(file, {*pending.documents, *pending.queries})
    add_removals(out, pending.entries, pending.at)


def _without_verdicts(file: Path, removed: Collection[str]) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not _names(line) & set(removed)]
    if len(kept) < len(lines):
        write_bytes(file, b"".join(kept))


def _names(line: bytes) -> set[str]:
    """Ids that a line of verdicts names; a line that is none is left to its reader."""
    try:
        value = json.loads(line)
    except ValueError:
        return set()
    if not isinstance(value, dict):
        return set()
    relevant = value.get("relevant")
    return {str(value.get("query_id")), *(map(str, relevant) if isinstance(relevant, list) else ())}


def complete_removal(out: Path, folders: Collection[Path]) -> list[str]:
    """Delete everything that the dataset now published was not made of; returns lines for the user.

    :param folders: Of the steps that made it.
    :raises WorldError: If something cannot be deleted.
    """
    work = out / WORK
    pending = pending_removal(work)
    if pending is None:
        return []
    try:
        _drop_steps(work, folders)
        answers = drop_unused(work / _ANSWERS)
        _clear(work / _ANSWERS, {ANSWERS})
        for store in sorted((work / _FETCHED).glob("*")):
            forget(store, pending.fetched)
        _clear(work, _KEPT)
        left = list(_drop_earlier(out))
        failure = refresh_page(out)
        (work / _PENDING).unlink()
    except OSError as error:
        raise WorldError(f"{error.filename or out} cannot be deleted: {error.strerror}; run again") from error
    lines = [f"{answers} stored answers deleted"] if answers else []
    lines += [f"{path} is not of nyxqa and was left; delete it if it holds what was removed" for path in left]
    return [*lines, *([failure] if failure else [])]


def _drop_steps(work: Path, folders: Collection[Path]) -> None:
    kept = {folder.absolute() for folder in folders}
    for label in steps_folder(work).glob("*"):
        for folder in label.iterdir():
            if folder.absolute() not in kept:
                shutil.rmtree(folder)
        if not any(label.iterdir()):
            label.rmdir()


def _clear(folder: Path, kept: Collection[str]) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept:
            _delete(path)


def _drop_earlier(out: Path) -> Iterator[Path]:
    """Delete what is about the earlier dataset; yields what nyxqa did not write."""
    for path in sorted(out.iterdir()):
        if path.name in _ABOUT_EARLIER or _is_export(path):
            _delete(path)
        elif path.name not in _PUBLISHED:
            yield path


def _is_export(path: Path) -> bool:
    readme = path / "README.md"
    return readme.is_file() and _EXPORT in readme.read_text(encoding="utf-8", errors="replace")


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
