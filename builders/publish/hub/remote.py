"""A dataset repository on the Hub, looked at before and written to by single commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.publish.card import CARD
from nyxqa.builders.publish.hub.retry import patiently
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.loading.hub import COMMIT, REPOSITORY, hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

MAIN = "main"


@dataclass(frozen=True)
class State:
    """A revision as it is: its commit and its files by path; no commit where there is no repository yet."""

    commit: str | None
    files: Mapping[str, RepoFile] = field(default_factory=dict)


@dataclass(frozen=True)
class Remote:
    """The repository and the branch that is written to.

    :param user: Name of the token's owner; empty where there is no token.
    """

    api: HfApi
    name: str
    branch: str
    user: str

    def state(self, revision: str | None = None) -> State:
        """The branch, or another revision, as it is now."""
        from huggingface_hub.hf_api import RepoFile

        def look() -> State:
            commit = self.api.dataset_info(self.name, revision=revision or self.branch).sha
            tree = self.api.list_repo_tree(self.name, repo_type="dataset", revision=commit, recursive=True)
            return State(commit, {entry.path: entry for entry in tree if isinstance(entry, RepoFile)})

        return patiently(look)

    def card(self, state: State) -> str | None:
        """Text of the card at ``state``; None if there is none."""
        if CARD not in state.files:
            return None
        path = patiently(lambda: self.api.hf_hub_download(self.name, CARD, repo_type="dataset", revision=state.commit))
        return Path(path).read_text(encoding="utf-8")

    def pull_request(self, title: str) -> tuple[int, State] | None:
        """The newest pull request of that title by this user."""
        listed: list[Any] = patiently(
            lambda: list(self.api.get_repo_discussions(self.name, repo_type="dataset", author=self.user))
        )
        open_ = [one.num for one in listed if one.is_pull_request and one.title == title and one.status != "merged"]
        return (max(open_), self.state(f"refs/pr/{max(open_)}")) if open_ else None


def connect(name: str, revision: str | None, create_pr: bool, look: bool = False) -> Remote:
    """The Hub with a token that is known there and may write.

    :param look: Whether the repository is looked at only, which needs no token.
    :raises UsageError: If name and revision cannot be meant.
    :raises WorldError: If there is no token, the Hub does not know it, or it may only read.
    """
    from huggingface_hub import HfApi, get_token

    if not REPOSITORY.match(name):
        raise UsageError(f"{name!r} is no name on the Hub: give it as user/name")
    if revision is not None and COMMIT.match(revision):
        raise UsageError(f"--revision {revision} is a commit: give a branch to push to")
    if create_pr and revision not in (None, MAIN):
        raise UsageError(f"--create-pr asks for main: leave out --revision {revision}")
    token = get_token()
    if token is None and look:
        return Remote(HfApi(token=False, library_name="nyxqa"), name, revision or MAIN, "")
    if token is None:
        raise WorldError("there is no token for the Hub: set HF_TOKEN or run: hf auth login")
    api = HfApi(token=token, library_name="nyxqa")
    with hub_errors(name):
        owner = patiently(api.whoami)
    role = owner.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        raise WorldError("the token for the Hub may only read: make one that may write and set HF_TOKEN to it")
    return Remote(api, name, revision or MAIN, str(owner["name"]))


def find(remote: Remote) -> State:
    """The branch as it is, without making anything; an empty state if there is no repository or no such branch.

    To whom has no token the Hub says the same of a private repository as of none.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        return remote.state()
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        if error.response.status_code == 401 and remote.user:
            raise
        return State(None)


def prepare(remote: Remote, private: bool) -> State:
    """Make repository and branch where they are missing.

    :raises WorldError: If the repository is public and was to be private.
    """
    api = remote.api
    patiently(lambda: api.create_repo(remote.name, repo_type="dataset", private=private or None, exist_ok=True))
    if private and not patiently(lambda: api.dataset_info(remote.name)).private:
        raise WorldError(f"dataset {remote.name} exists and is public: make it private in its settings, or push anew")
    if remote.branch != MAIN and not remote.branch.startswith("refs/"):
        patiently(lambda: api.create_branch(remote.name, repo_type="dataset", branch=remote.branch, exist_ok=True))
    return remote.state()
