from __future__ import annotations

import pytest

from nyxqa.builders.engine.executors.factory import make_executor
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.schemas.errors import UsageError
from tests.support import tasks


def test_local_is_the_default() -> None:
    executor = make_executor(workers=1)
    assert isinstance(executor, LocalExecutor)
    assert executor.workers == 1
    with make_executor("local", 2) as opened:
        assert list(opened.map(tasks.double, range(3))) == [0, 2, 4]


def test_an_unknown_name_is_refused_with_what_exists() -> None:
    with pytest.raises(UsageError, match=r"'ray' is not an executor; choose --executor from: local$"):
        make_executor("ray")
