"""What a worker on a node does: see that the node is like the driver's, then work on a task."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.executors.cluster.transport import unpacked
from nyxqa.builders.engine.limits import Limits, limited
from nyxqa.builders.engine.without_pandas import keep_pandas_out
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.version import VERSION

# Packages that decide bytes of a dataset.
_PACKAGES = (
    *("numpy", "pyarrow", "duckdb", "pillow", "torch", "transformers", "tokenizers", "faiss-cpu", "turbohtml"),
    *("py3langid", "pypdfium2", "markdown-it-py", "chardetng-py", "detect-secrets", "phonenumbers"),
)
_WAIT = 3.0  # seconds until a file of another machine is visible on a network file system
_PAUSE = 0.1


@dataclass(frozen=True)
class Token:
    """A file in the shared folder, by which a node is seen to have the same folder.

    :param file: Its absolute path.
    :param text: What it holds.
    """

    file: Path
    text: str


@dataclass(frozen=True)
class Session:
    """What all workers of one build have in common with its driver.

    :param versions: Versions of what decides bytes.
    :param folder: Working directory of the driver; a worker goes there if its node has it.
    :param environment: Environment of the driver, where it differs from a worker's own.
    """

    token: Token
    versions: Mapping[str, str]
    folder: Path
    environment: Mapping[str, str]


def versions() -> dict[str, str]:
    """Versions of Python, this package and what else decides bytes, and the kind of processor, of this process."""
    found = {"machine": platform.machine(), "python": platform.python_version(), "nyxqa": VERSION}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def run_task(session: bytes, limits: Limits, task: bytes) -> Any:
    """Work on one task in a worker.

    :param session: A packed ``Session``.
    :param limits: Limits of databases in the driver; temporary ones lie on the node's own disk.
    :param task: A packed pair of a function and its argument.
    :raises WorldError: If the node is not like that of the driver.
    """
    join(session)
    function, argument = unpacked(task)
    with limited(replace(limits, scratch=Path(tempfile.gettempdir()))):
        return function(argument)


def join(session: bytes) -> None:
    """Make this process a worker of a session, once.

    :raises WorldError: If the node is not like that of the driver, with the name of the node.
    """
    _join(session)


@cache
def _join(packed_session: bytes) -> None:
    session: Session = unpacked(packed_session)
    os.environ.update(session.environment)
    if session.folder.is_dir():
        os.chdir(session.folder)
    keep_pandas_out()
    _compare(session.versions)
    _read(session.token)


def node_name() -> str:
    """Name of this node for a message: host and address."""
    import ray.util

    return f"node {platform.node()} ({ray.util.get_node_ip_address()})"


def _compare(expected: Mapping[str, str]) -> None:
    own = versions()
    different = [f"{name} {own[name]} (here {known})" for name, known in expected.items() if own[name] != known]
    if different:
        raise WorldError(
            f"{node_name()} has {', '.join(different)} in {sys.executable}; other versions give other bytes: install "
            "the same on every node and run again"
        )


def _read(token: Token) -> None:
    until = time.monotonic() + _WAIT
    while True:
        try:
            text = token.file.read_text()
        except OSError:
            text = ""
        if text == token.text:
            return
        if time.monotonic() > until:
            raise WorldError(
                f"{node_name()} does not have {token.file}: put the output folder on a file system that every node of "
                "the cluster has at the same path, and run again"
            )
        time.sleep(_PAUSE)
