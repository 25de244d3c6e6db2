"""A repository on the Hub: its state, and what is created before a push."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.publish.card import CARD
from nyxqa.builders.publish.hub.retry import with_retries
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.loading.hub import COMMIT, REPOSITORY, hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

MAIN = "main"


@dataclass(frozen=True)
class State:
    """A revision: its commit and its files by path; the commit is None if there is no repository yet."""

    commit: str | None
    files: Mapping[str, RepoFile] = field(default_factory=dict)


@dataclass(frozen=True)
class Remote:
    """The repository and the branch to write to.

    :param user: Name of the token's owner; empty without a token.
    :param kind: What it holds: ``dataset`` or ``model``.
    """

    api: HfApi
    name: str
    branch: str
    user: str
    kind: str = "dataset"

    def state(self, revision: str | None = None) -> State:
        """The current state of the branch, or of another revision."""
        from huggingface_hub.hf_api import RepoFile

        def read() -> State:
            commit = self.api.repo_info(self.name, repo_type=self.kind, revision=revision or self.branch).sha
            tree = self.api.list_repo_tree(self.name, repo_type=self.kind, revision=commit, recursive=True)
            return State(commit, {entry.path: entry for entry in tree if isinstance(entry, RepoFile)})

        return with_retries(read)

    def card(self, state: State) -> str | None:
        """Text of the card at ``state``; None if it has none."""
        if CARD not in state.files:
            return None
        path = with_retries(
            lambda: self.api.hf_hub_download(self.name, CARD, repo_type=self.kind, revision=state.commit)
        )
        return Path(path).read_text(encoding="utf-8")

    def pull_request(self, title: str) -> tuple[int, State] | None:
        """Number and state of the newest unmerged pull request of that title by this user; None if there is none."""
        listed: list[Any] = with_retries(
            lambda: list(self.api.get_repo_discussions(self.name, repo_type=self.kind, author=self.user))
        )
        open_ = [one.num for one in listed if one.is_pull_request and one.title == title and one.status != "merged"]
        return (max(open_), self.state(f"refs/pr/{max(open_)}")) if open_ else None


def require_names(name: str, revision: str | None, create_pr: bool) -> None:
    """Refuse names that the Hub would not take; nobody is asked.

    :raises UsageError: Naming the argument.
    """
    if not REPOSITORY.match(name):
        raise UsageError(f"{name!r} is not the name of a Hub repository: give it as user/name")
    if revision is not None and COMMIT.match(revision):
        raise UsageError(f"--revision {revision} is a commit: give a branch to push to")
    if create_pr and revision not in (None, MAIN):
        raise UsageError(f"--create-pr targets main: leave out --revision {revision}")


def connect(name: str, revision: str | None, create_pr: bool, read_only: bool = False, kind: str = "dataset") -> Remote:
    """The repository, with a token that the Hub knows and that may write.

    :param kind: What it holds: ``dataset`` or ``model``.
    :param read_only: Whether the repository is only read, which needs no token.
    :raises UsageError: If name or revision are not valid.
    :raises WorldError: If the token is missing, unknown to the Hub, or may only read.
    """
    from huggingface_hub import HfApi, get_token

    require_names(name, revision, create_pr)
    token = get_token()
    if token is None and read_only:
        return Remote(HfApi(token=False, library_name="nyxqa"), name, revision or MAIN, "", kind)
    if token is None:
        raise WorldError("no token for the Hub: set HF_TOKEN or run: hf auth login")
    api = HfApi(token=token, library_name="nyxqa")
    with hub_errors(name):
        owner = with_retries(api.whoami)
    role = owner.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        raise WorldError("the token for the Hub may only read: create one with write access and set HF_TOKEN to it")
    return Remote(api, name, revision or MAIN, str(owner["name"]), kind)


def find(remote: Remote) -> State:
    """The state of the branch, without creating anything; empty if the repository or the branch does not exist.

    Without a token the Hub answers for a private repository as for a missing one.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        return remote.state()
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        if error.response.status_code == 401 and remote.user:
            raise
        return State(None)


def prepare(remote: Remote, private: bool) -> State:
    """Create the repository and the branch if they are missing.

    :raises WorldError: If the repository is public although ``private`` was asked for.
    """
    api = remote.api
    with_retries(lambda: api.create_repo(remote.name, repo_type=remote.kind, private=private or None, exist_ok=True))
    if private and not with_retries(lambda: api.repo_info(remote.name, repo_type=remote.kind)).private:
        raise WorldError(
            f"{remote.kind} {remote.name} exists and is public: make it private in its settings, or push without "
            "--private"
        )
    if remote.branch != MAIN and not remote.branch.startswith("refs/"):
        with_retries(lambda: api.create_branch(remote.name, repo_type=remote.kind, branch=remote.branch, exist_ok=True))
    return remote.state()
