"""An API key that must not leak anywhere, and no proxy in front of test servers."""

from __future__ import annotations

import pytest

from tests.support.model_answers import SECRET


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NYXQA_API_KEY", SECRET)
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    monkeypatch.delenv("http_proxy", raising=False)
