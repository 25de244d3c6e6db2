"""URLs that are not URLs end in one line."""

from __future__ import annotations

import socket
from typing import Any

import httpx2
import pytest

from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.loading.image_fetch import fetch_image

ODD = [
    "http://[::1",
    "http://[::1/x.png",
    "http://::1]/x.png",
    "http://[x]/x.png",
    "http://h.example:99999/x.png",
    "http://h.example:-1/x.png",
    "http://h.example:port/x.png",
    "http://h.example:8 0/x.png",
    "http://a..b/x.png",
    "http://.../x.png",
    f"http://{'a' * 64}.example/x.png",
    "http:///x.png",
    "http://",
    "http://:80/x.png",
    "http://user@/x.png",
    "http://a\0b/x.png",
    "http://h\udcff.example/x.png",
    "//h.example/x.png",
    "x.png",
    "",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", ODD)
def test_an_odd_url_is_one_line(url: str) -> None:
    with pytest.raises(WorldError, match=r"\Aimage .* cannot be fetched: ") as error:
        fetch_image(url)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("url", [*ODD[:8], "file:///etc/hostname"])
def test_a_redirect_to_an_odd_url_is_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = httpx2.Client

    def faked(**options: Any) -> httpx2.Client:
        redirect = httpx2.MockTransport(lambda request: httpx2.Response(302, headers={"Location": url}))
        return client(**options, transport=redirect)

    monkeypatch.setattr(httpx2, "Client", faked)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **_: [(0, 0, 0, "", ("8.8.8.8", port))])
    with pytest.raises(WorldError, match=r"\Aimage http://good\.example/x\.png cannot be fetched: "):
        fetch_image("http://good.example/x.png")
