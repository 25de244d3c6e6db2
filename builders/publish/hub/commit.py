"""Publishing files by one commit, and how the Hub's history loses what was taken out of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nyxqa.builders.publish.hub.files import Difference, PushFile, difference
from nyxqa.builders.publish.hub.remote import Remote, State
from nyxqa.builders.publish.hub.retry import with_retries
from nyxqa.schemas.live import task

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_SQUASH = "python -c \"from huggingface_hub import HfApi; HfApi().super_squash_history('{}', repo_type='dataset'{})\""
Report = Callable[[str], None]
_MEGABYTE = 1_000_000


@dataclass
class Publication:
    """One push: the files that the repository shall hold, and those already uploaded.

    :param title: Title of the commit; it names the run, so that its pull request can be found again.
    :param report: Receives progress lines.
    """

    remote: Remote
    files: Sequence[PushFile]
    title: str
    report: Report
    create_pr: bool = False
    _sent: dict[str, CommitOperationAdd] = field(default_factory=dict)
    _commit_sent: bool = False

    def publish(self) -> str:
        """Upload missing files and commit them; returns the commit or, with ``create_pr``, the ref of the pull request.

        Each try first reads the state of the repository: a commit whose reply was lost is recognised and not repeated,
        and a commit that somebody else made meanwhile becomes the parent.
        """
        return with_retries(self._try)

    def _try(self) -> str:
        state = self.remote.state()
        if self.create_pr and self._commit_sent and (request := self.remote.pull_request(self.title)) is not None:
            number, proposed = request
            if difference(self.files, proposed.files).is_empty:
                return f"refs/pr/{number}"
        change = difference(self.files, state.files)
        if change.is_empty and state.commit is not None:
            return state.commit
        self._upload(change, state)
        return self._commit(change, state)

    def _upload(self, change: Difference, state: State) -> None:
        """Upload large files one by one; the Hub answers for each whether it has the bytes already."""
        from huggingface_hub import CommitOperationAdd

        todo = [file for file in change.missing if file.path not in self._sent]
        with task("push", sum(file.size for file in todo) // _MEGABYTE + 1, "MB") as bar:
            for number, file in enumerate(todo, start=1):
                self.report(f"uploading {number} of {len(todo)}: {file.path}, {file.size:,} bytes")
                bar.note(file.path)
                content = file.content if isinstance(file.content, bytes) else str(file.content)
                operation = CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=content)
                operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # else the client reads the file again
                self.remote.api.preupload_lfs_files(
                    self.remote.name,
                    [operation],
                    repo_type=self.remote.kind,
                    revision=self.remote.branch,
                    create_pr=self.create_pr,
                    num_threads=1,
                )
                self._sent[file.path] = operation
                bar.done = sum(one.size for one in todo[:number]) // _MEGABYTE

    def _commit(self, change: Difference, state: State) -> str:
        from huggingface_hub import CommitOperationDelete

        adds = [self._sent[file.path] for file in change.missing]
        self._commit_sent = True
        info = self.remote.api.create_commit(
            self.remote.name,
            [*adds, *(CommitOperationDelete(path_in_repo=path) for path in change.obsolete)],
            commit_message=self.title,
            repo_type=self.remote.kind,
            revision=self.remote.branch,
            create_pr=self.create_pr,
            parent_commit=state.commit,
            num_threads=1,
        )
        return str(info.pr_revision) if self.create_pr else str(info.oid)


def clearing_commands(remote: Remote, tag: str) -> tuple[str, ...]:
    """Commands that leave of the repository's history what was just pushed alone.

    Tags and other branches keep the commits that they name, so they are deleted; the tag of this push is set again on
    the squashed commit.

    :param tag: Of the commit that was just pushed.
    """
    name, branch = remote.name, remote.branch or "main"
    tags, branches = _refs(remote, tag)
    at = "" if branch == "main" else f", branch='{branch}'"
    return (
        _SQUASH.format(name, at),
        *(f"hf repos tag delete {name} {one} --type dataset --yes" for one in tags),
        f"hf repos tag create {name} {tag} --revision {branch} --type dataset",
        *(f"hf repos branch delete {name} {one} --type dataset" for one in branches if one != branch),
    )


def _refs(remote: Remote, tag: str) -> tuple[list[str], list[str]]:
    """Tags and branches; the tag of this push alone where the Hub does not list them, as it is published already."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        refs = with_retries(lambda: remote.api.list_repo_refs(remote.name, repo_type="dataset"))
    except HfHubHTTPError:
        return [tag], []
    return [one.name for one in refs.tags], [one.name for one in refs.branches]
