"""Making files visible by one commit, whatever gets lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nyxqa.builders.publish.hub.files import Difference, Local, difference
from nyxqa.builders.publish.hub.remote import Remote, State
from nyxqa.builders.publish.hub.retry import patiently

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

Say = Callable[[str], None]


@dataclass
class Publication:
    """One push: the files that shall lie there, and those already handed over.

    :param title: Title of the commit; it names the run, so that a pull request is found again by it.
    :param say: Takes lines on what is being done.
    """

    remote: Remote
    files: Sequence[Local]
    title: str
    say: Say
    create_pr: bool = False
    _sent: dict[str, CommitOperationAdd] = field(default_factory=dict)
    _tried: bool = False

    def publish(self) -> str:
        """Upload what is missing and commit it; gives the commit or, with ``create_pr``, the pull request's ref.

        Every try begins with a look at the repository: a commit whose reply was lost is found and not made again, and
        one that somebody else made meanwhile becomes the new ground.
        """
        return patiently(self._once)

    def _once(self) -> str:
        state = self.remote.state()
        if self.create_pr and self._tried and (found := self.remote.pull_request(self.title)) is not None:
            number, proposed = found
            if difference(self.files, proposed.files).nothing:
                return f"refs/pr/{number}"
        change = difference(self.files, state.files)
        if change.nothing and state.commit is not None:
            return state.commit
        self._upload(change, state)
        return self._commit(change, state)

    def _upload(self, change: Difference, state: State) -> None:
        """Send large files one by one; the Hub says of each whether it has the bytes already."""
        from huggingface_hub import CommitOperationAdd

        todo = [file for file in change.missing if file.path not in self._sent]
        for number, file in enumerate(todo, start=1):
            self.say(f"uploading {number} of {len(todo)}: {file.path}, {file.size:,} bytes")
            content = file.content if isinstance(file.content, bytes) else str(file.content)
            operation = CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=content)
            operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # else the client reads the file once more
            self.remote.api.preupload_lfs_files(
                self.remote.name,
                [operation],
                repo_type="dataset",
                revision=self.remote.branch,
                create_pr=self.create_pr,
                num_threads=1,
            )
            self._sent[file.path] = operation

    def _commit(self, change: Difference, state: State) -> str:
        from huggingface_hub import CommitOperationDelete

        adds = [self._sent[file.path] for file in change.missing]
        self._tried = True
        info = self.remote.api.create_commit(
            self.remote.name,
            [*adds, *(CommitOperationDelete(path_in_repo=path) for path in change.obsolete)],
            commit_message=self.title,
            repo_type="dataset",
            revision=self.remote.branch,
            create_pr=self.create_pr,
            parent_commit=state.commit,
            num_threads=1,
        )
        return str(info.pr_revision) if self.create_pr else str(info.oid)
