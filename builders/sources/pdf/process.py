"""Runs the process that reads a PDF file, and says why one ended without an answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from nyxqa.builders.sources.pdf.child import OCR_TIMES

SECONDS = 1800  # of the clock


class FailedReadError(Exception):
    """The process ended without an answer.

    :param reason: Reason in the ledger.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_apart(request: dict[str, Any], seconds: float | None = None) -> dict[str, Any]:
    """The answer of a process of its own.

    :param request: File, resolution, unit and whether text is read from pictures, as ``child`` takes them.
    :param seconds: Time that it gets.
    :raises FailedReadError: If it crashed, ran too long or said nothing.
    """
    seconds = SECONDS * (OCR_TIMES if request["ocr"] else 1) if seconds is None else seconds
    search = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nyxqa.builders.sources.pdf.child"],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=seconds,
            env={**os.environ, "PYTHONPATH": search},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FailedReadError("timed_out", f"not read within {seconds:g} seconds") from error
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise FailedReadError("timed_out", "ended by the limit of processor time")
    if done.returncode < 0:
        raise FailedReadError("crashed", f"the reader ended with {signal.Signals(-done.returncode).name}")
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FailedReadError("crashed", f"the reader ended with code {done.returncode}: {lines[-1] if lines else ''}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
