"""Which addresses are public, and what a recipe may allow."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from nyxqa.builders.images.fetch.address_guard import Guard, is_public
from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.schemas.errors import UsageError

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


@pytest.mark.parametrize("text", PRIVATE)
def test_private_in_every_form(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(FetchError) as error:
        Guard.of(False).check("host.example", [text])
    assert error.value.reason == "private_address"
    assert not error.value.passing
    Guard.of(True).check("host.example", [text])


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert is_public(ip_address(text))
    Guard.of(False).check("host.example", [text])


def refused(guard: Guard, host: str, *addresses: str) -> bool:
    try:
        guard.check(host, addresses)
    except FetchError:
        return True
    return False


def test_a_list_allows_blocks_and_names() -> None:
    guard = Guard.of(["10.0.0.0/8", "127.0.0.1", "Wiki.Intern.", "fd00::/8"])
    assert not refused(guard, "x", "10.2.3.4")
    assert not refused(guard, "x", "::ffff:10.2.3.4")
    assert not refused(guard, "x", "fd12::1")
    assert not refused(guard, "wiki.intern.", "192.168.3.3")
    assert not refused(guard, "x", "8.8.8.8", "10.0.0.1")
    assert refused(guard, "x", "127.0.0.2")
    assert refused(guard, "x", "192.168.3.3")
    assert refused(guard, "other.wiki.intern", "192.168.3.3")
    assert refused(guard, "x", "10.2.3.4", "192.168.3.3")  # one bad address spoils all


def test_the_refusal_says_which_address_and_which_setting() -> None:
    with pytest.raises(FetchError, match=r"wiki\.intern is at 10\.0\.0\.1, .* images\.allow_private"):
        Guard.of(["192.168.0.0/16"]).check("wiki.intern", ["10.0.0.1"])


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "*.intern", "", "http://wiki/", "a b", "::1::"])
def test_entries_that_mean_nothing_are_refused(entry: str) -> None:
    with pytest.raises(UsageError, match=r"images\.allow_private"):
        Guard.of([entry])
