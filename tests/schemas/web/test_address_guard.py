"""Which addresses are public, at build time and at load time, and what a recipe may allow."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest

from nyxqa.builders.images.fetch.connections import Resolver
from nyxqa.builders.images.fetch.retry import FetchError
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.loading.image_fetch import fetch_image
from nyxqa.schemas.web.address_guard import AddressGuard, PrivateAddressError, is_public

PRIVATE = [
    "0.0.0.1", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.7", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "2600:1234::5efe:10.0.0.1", "2600:1234::200:5efe:127.0.0.1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "192.169.0.1",
    "198.17.0.1", "223.255.255.255", "2001:4860:4860::8888", "2600::1", "2a00:1450::1", "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8", "2002:808:808::1", "2600:1234::5efe:8.8.8.8",
]  # fmt: skip


def built(text: str) -> list[str]:
    """Addresses that the fetcher of a build takes for a host at ``text``."""
    names = Resolver(AddressGuard(), lambda host, port: [text], 1)
    try:
        return asyncio.run(names.addresses("host.example", 80))
    finally:
        names.close()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts of the requests that loading sends; none leaves the process."""
    import httpx2

    hosts: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        hosts.append(request.url.host)
        return httpx2.Response(200, content=b"image")

    client = httpx2.Client

    def faked(**options: Any) -> httpx2.Client:
        return client(**options, transport=httpx2.MockTransport(handle))

    monkeypatch.setattr(httpx2, "Client", faked)
    return hosts


def resolve_to(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let every name resolve to ``text``."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **_: [(0, 0, 0, "", (text, port))])


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_refused_at_both_ends(
    text: str, monkeypatch: pytest.MonkeyPatch, connected: list[str]
) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(PrivateAddressError, match="which is not a public address"):
        AddressGuard().check("host.example", [text])
    AddressGuard(allow_all=True).check("host.example", [text])
    with pytest.raises(FetchError) as error:
        built(text)
    assert error.value.reason == "private_address"
    assert error.value.detail == f"host.example is at {text}, which images.allow_private does not allow"
    assert not error.value.transient
    resolve_to(monkeypatch, text)
    with pytest.raises(
        WorldError, match=r"image http://host\.example/x\.png cannot be fetched: .* not a public address"
    ):
        fetch_image("http://host.example/x.png")
    assert connected == []


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_pass_at_both_ends(text: str, monkeypatch: pytest.MonkeyPatch, connected: list[str]) -> None:
    assert is_public(ip_address(text))
    assert built(text) == [text]
    resolve_to(monkeypatch, text)
    assert fetch_image("http://host.example/x.png") == b"image"
    assert [ip_address(host) for host in connected] == [ip_address(text)]


@pytest.mark.parametrize("text", ["", "somewhere", "1.2.3", "1.2.3.4.5", "::1::"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(PrivateAddressError):
        AddressGuard().check("host.example", [text])


def refused(guard: AddressGuard, host: str, *addresses: str) -> bool:
    try:
        guard.check(host, addresses)
    except PrivateAddressError:
        return True
    return False


def test_a_list_allows_blocks_and_names() -> None:
    guard = AddressGuard.from_recipe(["10.0.0.0/8", "127.0.0.1", "Wiki.Intern.", "fd00::/8"])
    assert not refused(guard, "x", "10.2.3.4")
    assert not refused(guard, "x", "::ffff:10.2.3.4")
    assert not refused(guard, "x", "fd12::1")
    assert not refused(guard, "wiki.intern.", "192.168.3.3")
    assert not refused(guard, "x", "8.8.8.8", "10.0.0.1")
    assert refused(guard, "x", "127.0.0.2")
    assert refused(guard, "x", "192.168.3.3")
    assert refused(guard, "other.wiki.intern", "192.168.3.3")
    assert refused(guard, "x", "10.2.3.4", "192.168.3.3")  # one bad address spoils all


def test_the_refusal_names_host_and_address() -> None:
    with pytest.raises(PrivateAddressError, match=r"wiki\.intern is at 10\.0\.0\.1, which is not a public address"):
        AddressGuard.from_recipe(["192.168.0.0/16"]).check("wiki.intern", ["8.8.8.8", "10.0.0.1"])


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "*.intern", "", "http://wiki/", "a b", "::1::"])
def test_entries_that_mean_nothing_are_refused(entry: str) -> None:
    with pytest.raises(UsageError, match=r"images\.allow_private"):
        AddressGuard.from_recipe([entry])
