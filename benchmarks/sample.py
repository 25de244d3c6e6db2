"""The bundled sample built and checked: its funnel, leaks, shortcut probes and training signal, for the page "why".

python -m benchmarks.sample
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from benchmarks.machine import machine
from nyxqa.build import run
from nyxqa.builders.check.check import check_all
from nyxqa.schemas.manifest import read_manifest

_SIGNAL = ("model", "judged", "how", "rows", "questions", "means", "gains")
RESULT = Path(__file__).parent / "results" / "sample.json"


def main() -> None:
    """Build, check, write the figures."""
    with tempfile.TemporaryDirectory() as folder:
        out, started = Path(folder) / "sample", time.perf_counter()
        run("all", out=out)
        built = time.perf_counter()
        check_all(out)
        checked = time.perf_counter()
        manifest, report = read_manifest(out), json.loads((out / "report.json").read_text())
    stages = [
        {"name": one.name, "split": one.split, "in": one.rows_in, "out": one.rows_out, "dropped": one.dropped}
        for one in manifest.stages
    ]
    figures = {
        "command": "python -m benchmarks.sample",
        "machine": machine(),
        "build_seconds": round(built - started, 1),
        "check_seconds": round(checked - built, 1),
        "stages": stages,
        "drops": manifest.summary["drops"],
        "certificate": manifest.certificate,
        "checks": {one["name"]: one["note"] for one in report["findings"] if one["note"]},
        "checks_passed": sum(one["status"] == "ok" for one in report["findings"]),
        "training_signal": {name: report["training_signal"][name] for name in _SIGNAL},
    }
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
