"""The real Hub clients in processes of their own, pointed at a test server before they are imported."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.hub_server import HubServer
from tests.support.running import ROOT, environment


@dataclass
class Client:
    """A user's machine: a token, a home of the Hub's cache.

    :param token: None for a machine without one.
    """

    server: HubServer
    home: Path
    token: str | None = "hf_write"
    further: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Environment of its processes."""
        own = {
            "HF_ENDPOINT": self.server.url,
            "HF_HOME": str(self.home),
            "HF_DATASETS_CACHE": str(self.home / "datasets"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "TMPDIR": str(self.home.parent),
        }
        kept = {key: value for key, value in environment().items() if not key.startswith(("HF_", "HUGGING"))}
        return {**kept, **own, **({"HF_TOKEN": self.token} if self.token else {}), **self.further}

    def run(self, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run ``python -m nyxqa`` to its end."""
        return self._process([sys.executable, "-m", "nyxqa", *map(str, arguments)], timeout)

    def push(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Push and succeed."""
        done = self.run("push", *arguments)
        assert done.returncode == 0, done.stderr
        return done

    def python(self, code: str, timeout: float = 120) -> Any:
        """What ``code`` leaves in ``result``, as JSON types."""
        done = self.attempt(code, timeout)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def attempt(self, code: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run ``code``, which may fail."""
        return self._process([sys.executable, "-c", f"{code}\nimport json; print(json.dumps(result))"], timeout)

    def _process(self, command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=timeout, check=False
        )
