"""``push``: uploading a finished dataset to the Hub, all at once or not at all."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.formatting import counted
from nyxqa.builders.publish.card import CARD, merge_card, render_card
from nyxqa.builders.publish.hub.bucket import Copied, bucket_of, copy_to_bucket, described
from nyxqa.builders.publish.hub.commit import Publication, clearing_commands
from nyxqa.builders.publish.hub.files import (
    PushFile,
    difference,
    generated_files,
    is_model,
    local_files,
    model_files,
    page_file,
)
from nyxqa.builders.publish.hub.image_urls import with_addresses
from nyxqa.builders.publish.hub.preconditions import ImagesAs, Plan, choose_images, plan_of, require_clean, require_fit
from nyxqa.builders.publish.hub.remote import Remote, State, connect, find, prepare, require_names
from nyxqa.builders.publish.hub.retry import single_tries, with_retries
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.loading.hub import hub_errors, is_unreachable
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.manifest import MANIFEST, Manifest
from nyxqa.schemas.removals import read_removals
from nyxqa.schemas.web.s3 import is_s3

_DIGITS = 12
_UNSEEN = "without a token the Hub shows no dataset {}: it does not exist yet, or is private"


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    :param revision: The commit that holds the dataset, the ref of the pull request, or None after ``dry_run``.
    :param tag: Tag of the run; None for a pull request and after ``dry_run``.
    :param sent: Paths of files that the repository did not have yet.
    :param removed: Paths of files of an earlier push that were removed.
    :param size: Bytes of the files in ``sent``.
    :param reached: Whether the Hub answered; after ``dry_run`` it need not.
    :param history: Commands that clear the Hub's history of what was removed; none if nothing was.
    """

    revision: str | None
    tag: str | None
    sent: tuple[str, ...]
    removed: tuple[str, ...]
    size: int = 0
    reached: bool = True
    history: tuple[str, ...] = ()

    def text(self, repository: str) -> str:
        """The same as lines of text."""
        if not self.reached:
            return "(Hub not reachable)\n"
        verb = "would send" if self.revision is None else "sent"
        lines = [f"{verb} {path}" for path in self.sent] or ["the repository has every file already"]
        lines += [f"{'would remove' if self.revision is None else 'removed'} {path}" for path in self.removed]
        if self.revision is not None:
            sent = f"sent {counted(len(self.sent), 'file')}, {self.size / 1e6:,.1f} MB: " if self.sent else ""
            lines.append(f"{sent}{repository} is at {self.revision}" + (f", tag {self.tag}" if self.tag else ""))
            if self.tag:
                lines.append(f'use: nyxqa.load("triplets", "{repository}", revision="{self.tag}")')
        if self.history:
            lines.append(f"the history of {repository} still holds what was removed; clear it with:")
            lines += [f"  {command}" for command in self.history]
        return "".join(f"{line}\n" for line in lines)


def push(
    data: str | Path,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    dry_run: bool = False,
    images: ImagesAs | None = None,
    report: bool = False,
    force: bool = False,
    accept_findings: bool = False,
    base: str | None = None,
    planned: Callable[[Plan], object] | None = None,
) -> Pushed | Copied:
    """Publish the dataset or trained model in ``data`` as ``repository``; the token is ``HF_TOKEN`` or the Hub login's.

    Files are uploaded one by one, except those whose hash the Hub knows, and one commit makes all of them visible. A
    dataset may go to S3 instead, as a plain copy of which only files that differ are sent.

    :param repository: ``user/name``, created if it does not exist; or ``s3://BUCKET/PREFIX``.
    :param private: Create a new repository as private.
    :param revision: Branch to push to; created if it does not exist.
    :param create_pr: Propose the commit as a pull request.
    :param dry_run: Report what would be sent without sending it. Needs no report, no token and no Hub; without a token
        a private repository looks as if it did not exist.
    :param images: ``bytes`` publishes images, ``urls`` publishes only their URLs; required if a source of images has no
        known licence.
    :param report: Publish ``report.html`` as well, which quotes items that were dropped.
    :param force: Push a dataset that fails checks or has no passed report.
    :param accept_findings: Push a dataset that holds secrets or personal data, as far as they are found.
    :param base: For adapters: name on the Hub of the model that they were trained on.
    :param planned: Receives the plan of a dry run before the Hub is asked.
    :raises LawError: If a check fails, there is no passed report on these bytes, or something secret is found.
    :raises UsageError: If an argument is not valid, or ``images`` is required.
    :raises FormatError: If ``data`` is not a finished dataset.
    :raises WorldError: If the Hub or S3 refuses or cannot be reached.
    """
    out = Path(data)
    if is_s3(repository):
        _require_none({"--private": private, "--revision": revision, "--create-pr": create_pr, "--base": base})
        address = bucket_of(out, repository)
        files = _copied(out, images, report, force, accept_findings, planned or _ignored if dry_run else None)
        return copy_to_bucket(files, address, dry_run, _report)
    _check_options(out, images is not None or force or report or accept_findings, base)
    require_names(repository, revision, create_pr)
    if is_model(out):
        remote = connect(repository, revision, create_pr, read_only=dry_run, kind="model")
        return _push_files(remote, model_files(out, repository, base), private, create_pr, dry_run)
    manifest = _opened(out, needs_fit=not (force or dry_run))
    if dry_run:
        files, manifest = _to_send(out, manifest, images, report)
        (planned or _ignored)(plan_of(out, manifest, files))
        return _rehearsed(repository, revision, create_pr, out, manifest, files)
    remote = connect(repository, revision, create_pr)
    _require(out, force, accept_findings)
    files, manifest = _to_send(out, manifest, images, report)
    with hub_errors(repository, revision):
        return _publish(remote, out, files, manifest, private, create_pr)


def _publish(
    remote: Remote, out: Path, files: list[PushFile], manifest: Manifest, private: bool, create_pr: bool
) -> Pushed:
    """Publish the files of a dataset, and those that name the repository, by one commit."""
    state = prepare(remote, private)
    files += generated_files(_card(out, manifest, remote, state), manifest, remote)
    change, tag = difference(files, state.files), f"nyxqa-{fingerprint(manifest)}"
    commit = Publication(remote, files, f"Dataset of run {tag}", _report, create_pr).publish()
    if create_pr and commit != state.commit:
        return Pushed(commit, None, change.paths, change.obsolete, change.size)
    _tag(remote, tag, commit)
    return Pushed(commit, tag, change.paths, change.obsolete, change.size, history=_history(out, remote, tag))


def _copied(
    out: Path,
    images: ImagesAs | None,
    report: bool,
    force: bool,
    accept_findings: bool,
    planned: Callable[[Plan], object] | None,
) -> list[PushFile]:
    """All files of a copy.

    :param planned: Receives the plan of a dry run, for which nothing is checked.
    """
    manifest = _opened(out, needs_fit=not force and planned is None)
    if planned is None:
        _require(out, force, accept_findings)
    files, sent = _to_send(out, manifest, images, report)
    if planned is not None:
        planned(plan_of(out, sent, files))
    return [*files, *described(out, sent, sent is manifest)]


def _require_none(options: Mapping[str, object]) -> None:
    """:raises UsageError: If an option of the Hub is given for S3."""
    if given := [name for name, value in options.items() if value]:
        raise UsageError(f"{', '.join(given)}: of the Hub alone; a push to s3:// takes none of these")


def _require(out: Path, force: bool, accept_findings: bool) -> None:
    """:raises LawError: If the dataset is not fit to be pushed."""
    if not force:
        require_fit(out)
    if not accept_findings:
        require_clean(out)


def _history(out: Path, remote: Remote, tag: str) -> tuple[str, ...]:
    """Commands that clear the history of what was taken out of the dataset."""
    return clearing_commands(remote, tag) if read_removals(out) else ()


def _ignored(plan: Plan) -> None:
    pass


def _opened(out: Path, needs_fit: bool) -> Manifest:
    """The manifest of the dataset; one that cannot be read is reported by its checks where those are needed."""
    try:
        return open_published(out).manifest
    except FormatError:
        if needs_fit and (out / MANIFEST).is_file():
            require_fit(out)
        raise


def _to_send(out: Path, manifest: Manifest, images: ImagesAs | None, report: bool) -> tuple[list[PushFile], Manifest]:
    """All files but those of ``generated_files``, and the manifest that lists them."""
    folder, sent = out, manifest
    files = local_files(out, manifest)
    if choose_images(out, manifest, images) == "urls":
        folder, sent = with_addresses(out, manifest)
        files = local_files(folder, sent)
    return [*files, *([page_file(out)] if report else [])], sent


def _rehearsed(
    repository: str, revision: str | None, create_pr: bool, out: Path, manifest: Manifest, files: list[PushFile]
) -> Pushed:
    """What the repository lacks; nothing is sent, and nothing repeated where the Hub does not answer."""
    try:
        with single_tries():
            remote = connect(repository, revision, create_pr, read_only=True)
            with hub_errors(repository, revision):
                state = find(remote)
                if not remote.user and state.commit is None:
                    _report(
                        f"without a token the Hub shows no dataset {repository}: it does not exist yet, or is private"
                    )
                generated = generated_files(_card(out, manifest, remote, state), manifest, remote)
                change = difference([*files, *generated], state.files)
    except WorldError as error:
        if not is_unreachable(error):
            raise
        return Pushed(None, None, tuple(file.path for file in files), (), reached=False)
    return Pushed(None, None, change.paths, change.obsolete, change.size)


def _tag(remote: Remote, tag: str, commit: str) -> None:
    with_retries(
        lambda: remote.api.create_tag(remote.name, repo_type="dataset", tag=tag, revision=commit, exist_ok=True)
    )


def _check_options(out: Path, of_dataset: bool, base: str | None) -> None:
    """:raises UsageError: If an option of a dataset is given for a model, or the other way round."""
    if of_dataset and is_model(out):
        raise UsageError(f"{out} is a trained model, which has neither images nor checks; leave out those options")
    if base is not None and not is_model(out):
        raise UsageError("--base names the base of adapters; a dataset has none")


def _push_files(remote: Remote, files: list[PushFile], private: bool, create_pr: bool, dry_run: bool) -> Pushed:
    """Publish the files of a model by one commit."""
    with hub_errors(remote.name, None):
        state = find(remote) if dry_run else prepare(remote, private)
        change = difference(files, state.files)
        if dry_run:
            return Pushed(None, None, change.paths, (), change.size)
        commit = Publication(remote, files, "Retriever trained with nyxqa", _report, create_pr).publish()
    return Pushed(commit, None, change.paths, (), change.size)


def fingerprint(manifest: Manifest) -> str:
    """12 hexadecimal digits of a hash over stages and files; equal for runs that made the same dataset."""
    stages = [[stage.name, stage.split, stage.fingerprint] for stage in manifest.stages]
    files = sorted((path, entry.sha256) for path, entry in manifest.files.items())
    return hashlib.sha256(json.dumps([stages, files]).encode()).hexdigest()[:_DIGITS]


def _card(out: Path, manifest: Manifest, remote: Remote, state: State) -> str:
    """The card for the repository, merged into the one there, else into the local one."""
    local = out / CARD
    existing = remote.card(state) or (local.read_text(encoding="utf-8") if local.is_file() else "")
    return merge_card(existing, render_card(manifest, remote.name))


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")
