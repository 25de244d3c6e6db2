"""The real Hub clients in a process of their own, pointed at a test server before they are imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.hub_server import HubServer
from tests.support.running import ROOT, environment

WRITES = "hf_write"

_LOOP = """
import contextlib, io, json, os, sys, traceback
from dataclasses import replace
import nyxqa.builders.publish.hub.retry as retry
from nyxqa.cli import main
retry.POLICY = replace(retry.POLICY, first_wait=0.05)
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    asked = json.loads(line)
    os.environ.pop("HF_TOKEN", None)
    os.environ.update({"HF_TOKEN": asked["token"]} if asked["token"] else {})
    out, err, code, scope = io.StringIO(), io.StringIO(), 0, {}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec(asked["code"], scope) if "code" in asked else main(asked["arguments"])
        except SystemExit as left:
            code = left.code or 0
        except BaseException as error:
            code = 1
            err.write("".join(traceback.format_exception(error)))
    result = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "result": scope.get("result")}
    answers.write(json.dumps(result) + "\\n")
    answers.flush()
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str
    result: Any = None


class Client:
    """A user's machine: one process with the real clients, told what to do line by line.

    :param home: Where it keeps the Hub's cache.
    """

    def __init__(self, server: HubServer, home: Path) -> None:
        self.server = server
        self.home = home
        self.token: str | None = WRITES
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            cwd=ROOT,
            env=client_environment(server, home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object) -> Done:
        """Run ``nyxqa`` with these arguments."""
        return self._ask({"arguments": [str(one) for one in arguments]})

    def push(self, *arguments: object) -> Done:
        """Push and succeed."""
        done = self.run("push", *arguments)
        assert done.returncode == 0, done.stderr
        return done

    def attempt(self, code: str) -> Done:
        """Run ``code``, which may fail."""
        return self._ask({"code": code})

    def python(self, code: str) -> Any:
        """What ``code`` leaves in ``result``, as JSON types."""
        done = self.attempt(code)
        assert done.returncode == 0, done.stderr
        return done.result

    def _ask(self, what: dict[str, Any]) -> Done:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"token": self.token, **what}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Done(answer["code"], answer["out"], answer["err"], answer["result"])

    def close(self) -> None:
        """End its process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def client_of(server: HubServer, home: Path) -> Iterator[Client]:
    """A client for as long as the block."""
    client = Client(server, home)
    try:
        yield client
    finally:
        client.close()


def client_environment(server: HubServer, home: Path) -> dict[str, str]:
    """Environment of a process whose Hub is ``server``, without a token."""
    own = {
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(home),
        "HF_DATASETS_CACHE": str(home / "datasets"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    kept = {key: value for key, value in environment().items() if not key.startswith(("HF_", "HUGGING"))}
    return {**kept, **own}
