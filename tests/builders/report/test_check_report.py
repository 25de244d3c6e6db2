"""Reading ``report.json``."""

from __future__ import annotations

import json
from pathlib import Path

from nyxqa.builders.report.check_report import REPORT, read_report


def test_a_report_of_0_1_0_is_read_under_the_new_name(tmp_path: Path) -> None:
    written = {
        "passed": False,
        "failed": ["kinds", "teaches"],
        "not_run": [],
        "findings": [{"name": "kinds"}, {"name": "teaches"}],
        "teaches": {"judged": "mrr"},
    }
    (tmp_path / REPORT).write_text(json.dumps(written))
    report = read_report(tmp_path)
    assert report == {
        "passed": False,
        "failed": ["kinds", "training_signal"],
        "not_run": [],
        "findings": [{"name": "kinds"}, {"name": "training_signal"}],
        "training_signal": {"judged": "mrr"},
    }
