"""Datasets on the Hub: resolve a revision, download a snapshot, report errors in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nyxqa.schemas.errors import NyxqaError, WorldError, first_line, one_line
from nyxqa.schemas.manifest import MANIFEST

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+\Z")
COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_LOGIN = "set HF_TOKEN or run: hf auth login"
# Status codes of errors that may pass: rate limits, server errors, a concurrent commit.
PASSING = frozenset({408, 409, 412, 429, 500, 502, 503, 504})


def is_unreachable(error: BaseException) -> bool:
    """Whether an error of ``hub_errors`` means that the Hub did not answer at all."""
    import httpx2

    return isinstance(error.__cause__, httpx2.TransportError | ConnectionError)


def fetch_snapshot(repository: str, revision: str | None, tables: Sequence[str]) -> Path:
    """Download the manifest and the files of ``tables`` at one commit; returns their folder.

    A branch or tag is resolved on the Hub every time, so the cache never replaces a newer state. Only a full commit
    hash, whose files cannot change, is read from the cache without a request to the Hub.

    :raises WorldError: If the Hub cannot be reached, refuses, or has no such dataset, or the cache cannot be written.
    """
    from huggingface_hub import HfApi, snapshot_download

    wanted = [MANIFEST, *(f"data/{name}/*" for name in tables)]
    if revision is not None and COMMIT.match(revision):
        folder = _cached(repository, revision, wanted)
        if folder is not None:
            return folder
    with hub_errors(repository, revision, "a copy in the cache may be of an older state, so it is not used; ask for "):
        info = HfApi(library_name="nyxqa").dataset_info(repository, revision=revision)
        if info.gated:
            HfApi(library_name="nyxqa").auth_check(repository, repo_type="dataset")
        if info.sha is None:
            raise WorldError(f"the Hub returned no commit for dataset {repository}")
    with hub_errors(repository, revision):
        folder = Path(snapshot_download(repository, repo_type="dataset", revision=info.sha, allow_patterns=wanted))
    if not (folder / MANIFEST).is_file():
        raise WorldError(f"dataset {repository} on the Hub is not a nyxqa dataset: it has no {MANIFEST} at {info.sha}")
    return folder


def _cached(repository: str, commit: str, wanted: list[str]) -> Path | None:
    """The snapshot of a commit, if the cache holds all its wanted files."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    from nyxqa.schemas.manifest import read_manifest

    try:
        found = snapshot_download(
            repository, repo_type="dataset", revision=commit, allow_patterns=wanted, local_files_only=True
        )
    except (HfHubHTTPError, OSError):
        return None
    folder = Path(found)
    if not (folder / MANIFEST).is_file():
        return None
    prefixes = tuple(pattern.removesuffix("*") for pattern in wanted[1:])
    listed = [path for path in read_manifest(folder).files if path.startswith(prefixes)]
    return folder if all((folder / path).is_file() for path in listed) else None


@contextmanager
def hub_errors(repository: str, revision: str | None = None, advice: str = "") -> Iterator[None]:
    """Turn errors of the Hub's clients into one line.

    :param advice: Text for the case that the Hub cannot be reached; how to pin a commit follows it.
    :raises WorldError: For each error of the Hub, the network or the disk.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    at = f" at revision {revision}" if revision is not None else ""
    try:
        yield
    except HfHubHTTPError as error:
        raise WorldError(f"dataset {repository}{at}: {_explained(error)}") from error
    except HFValidationError as error:
        raise WorldError(f"{repository} is not the name of a dataset on the Hub: {first_line(error)}") from error
    except NyxqaError:
        raise
    except ValueError as error:  # a card that the Hub does not accept, a response that its client cannot parse
        raise WorldError(f"dataset {repository}{at}: {one_line(error)}") from error
    except (httpx2.TransportError, ConnectionError) as error:  # also where HF_HUB_OFFLINE is set
        pin = f"; {advice}revision=COMMIT, a full hash, to read that one without the Hub" if advice else ""
        raise WorldError(f"dataset {repository}{at}: the Hub cannot be reached: {first_line(error)}{pin}") from error
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise WorldError(
            f"dataset {repository}{at}: {error.strerror or first_line(error)}{where}; HF_HOME names the cache"
        ) from error
    except RuntimeError as error:  # an upload that failed for good; the client's message has only the file
        if error.__cause__ is None:
            raise
        with hub_errors(repository, revision, advice):
            raise error.__cause__ from error


def _explained(error: Exception) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    response = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    if isinstance(error, GatedRepoError):
        return f"it is gated and this token has no access: ask for it on its page on the Hub, then {_LOGIN}"
    if status == 401:
        return f"the Hub does not accept the token, or the dataset is private or does not exist: {_LOGIN}"
    if status == 403:
        return f"the token may not do that: {_LOGIN} with a token that has the permission"
    if isinstance(error, RepositoryNotFoundError):
        return "it does not exist on the Hub, or it is private and the token may not see it"
    if isinstance(error, RevisionNotFoundError):
        return "the revision does not exist; give a branch, a tag or a commit"
    message = getattr(error, "server_message", None) or first_line(error)
    again = "; run again later, uploaded files are not sent again" if status in PASSING else ""
    return f"the Hub answered {status}: {message}{again}"
