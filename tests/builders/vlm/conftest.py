"""A key that no test may find anywhere, and no proxy on the way to servers of the tests."""

from __future__ import annotations

import pytest

from tests.support.model_answers import SECRET


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NYXQA_API_KEY", SECRET)
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    monkeypatch.delenv("http_proxy", raising=False)
