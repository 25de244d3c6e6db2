"""How the Hub's history loses what was taken out of a dataset: names the commands, runs none of them."""

from __future__ import annotations

from nyxqa.builders.publish.hub.remote import Remote
from nyxqa.builders.publish.hub.retry import with_retries

_SQUASH = "python -c \"from huggingface_hub import HfApi; HfApi().super_squash_history('{}', repo_type='dataset'{})\""


def clearing_commands(remote: Remote, tag: str) -> tuple[str, ...]:
    """Commands that leave of the repository's history what was just pushed alone.

    Tags and other branches keep the commits that they name, so they are deleted; the tag of this push is set anew on
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
