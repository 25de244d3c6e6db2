"""``push``: a finished dataset onto the Hub, all at once or not at all."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.publish.card import CARD, render_card
from nyxqa.builders.publish.card_merge import merge_card
from nyxqa.builders.publish.hub.commit import Publication
from nyxqa.builders.publish.hub.files import card_file, difference, local_files
from nyxqa.builders.publish.hub.image_urls import with_addresses
from nyxqa.builders.publish.hub.preconditions import ImagesAs, choose_images, refuse_unfit
from nyxqa.builders.publish.hub.remote import Remote, State, connect, find, prepare
from nyxqa.builders.publish.hub.retry import patiently
from nyxqa.schemas.loading.hub import hub_errors
from nyxqa.schemas.manifest import Manifest, read_manifest

_DIGITS = 12


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    :param revision: The commit that holds the dataset, the ref of the pull request, or None after ``dry_run``.
    :param tag: Tag of the run; None for a pull request and after ``dry_run``.
    :param sent: Paths of files that were not there yet.
    :param removed: Paths of files of an earlier push that are gone.
    """

    revision: str | None
    tag: str | None
    sent: tuple[str, ...]
    removed: tuple[str, ...]

    def text(self, repository: str) -> str:
        """The same in lines."""
        verb = "would send" if self.revision is None else "sent"
        lines = [f"{verb} {path}" for path in self.sent] or ["every file is there already"]
        lines += [f"{'would remove' if self.revision is None else 'removed'} {path}" for path in self.removed]
        if self.revision is not None:
            lines.append(f"{repository} is at {self.revision}" + (f", tag {self.tag}" if self.tag else ""))
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
    force: bool = False,
) -> Pushed:
    """Publish the dataset in ``data`` as ``repository``; the token comes from ``HF_TOKEN`` or the Hub login.

    Files are uploaded one by one, those that the Hub has by their hash are skipped, and one commit makes all visible.

    :param repository: ``user/name``; made if it is not there.
    :param private: Makes a new repository private.
    :param revision: Branch to push to; made if it is not there.
    :param create_pr: Proposes the commit as a pull request.
    :param dry_run: Says what would be sent, and sends nothing; needs no token, without which a private repository looks
        as if there were none.
    :param images: ``bytes`` publishes images, ``urls`` their addresses in their place; must be said where a source of
        images has no known licence.
    :param force: Pushes what fails the checks or has no passed report.
    :raises LawError: If a check fails or there is no passed report on these bytes.
    :raises UsageError: If an argument is not valid, or ``images`` must be said.
    :raises FormatError: If ``data`` holds no finished dataset.
    :raises WorldError: If the Hub refuses or cannot be reached.
    """
    out = Path(data)
    manifest = read_manifest(out)
    remote = connect(repository, revision, create_pr, look=dry_run)
    if not force:
        refuse_unfit(out)
    files = local_files(out, manifest)
    if choose_images(out, manifest, images) == "urls":
        folder, manifest = with_addresses(out, manifest)
        files = local_files(folder, manifest)
    with hub_errors(repository, revision):
        state = find(remote) if dry_run else prepare(remote, private)
        if not remote.user and state.commit is None:
            _say(f"without a token the Hub shows no dataset {repository}: it is not there yet, or private")
        files.append(card_file(_card(out, manifest, remote, state)))
        change = difference(files, state.files)
        sent = tuple(file.path for file in change.missing)
        if dry_run:
            return Pushed(None, None, sent, change.obsolete)
        tag = f"nyxqa-{fingerprint(manifest)}"
        publication = Publication(remote, files, f"Dataset of run {tag}", _say, create_pr)
        commit = publication.publish()
        if create_pr and commit != state.commit:
            return Pushed(commit, None, sent, change.obsolete)
        patiently(
            lambda: remote.api.create_tag(repository, repo_type="dataset", tag=tag, revision=commit, exist_ok=True)
        )
    return Pushed(commit, tag, sent, change.obsolete)


def fingerprint(manifest: Manifest) -> str:
    """12 digits over the stages' fingerprints and the files: equal for runs that made the same dataset."""
    stages = [[stage.name, stage.split, stage.fingerprint] for stage in manifest.stages]
    files = sorted((path, entry.sha256) for path, entry in manifest.files.items())
    return hashlib.sha256(json.dumps([stages, files]).encode()).hexdigest()[:_DIGITS]


def _card(out: Path, manifest: Manifest, remote: Remote, state: State) -> str:
    """The card for the repository, with the prose of the one there, else of the one here."""
    local = out / CARD
    existing = remote.card(state) or (local.read_text(encoding="utf-8") if local.is_file() else "")
    return merge_card(existing, render_card(manifest, remote.name))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
