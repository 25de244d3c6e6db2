"""Crafted image references and addresses: nothing outside the source is read, no private address is reached."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nyxqa.builders.images.references import Data, LocalFile, Rejected, Url, locate
from nyxqa.builders.sources.folder import listed_files
from nyxqa.schemas.web.address_guard import AddressGuard, PrivateAddressError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with links that leave it or lead nowhere."""
    base = tmp_path_factory.mktemp("base")
    (base / "secret.png").write_bytes(b"secret")
    (base / "source_more").mkdir()
    (base / "source_more" / "secret.png").write_bytes(b"secret")
    folder = base / "source"
    (folder / "pages").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"a")
    (folder / "out.png").symlink_to(base / "secret.png")
    (folder / "up").symlink_to(base)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "b.html").symlink_to("c.html")
    (folder / "c.html").symlink_to("b.html")
    (folder / "round").symlink_to(".")
    (folder / "pipe.png.d").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "page.html").write_text("<p>words</p>")
    return folder


INSIDE = [
    "../a.png",
    "/a.png",
    "..//a.png",
    "./../a.png",
    "%2e%2e/a.png",
    "../a.png?v=1",
    "../a.png#x",
    "../round/a.png",
]
OUTSIDE = [
    "../../secret.png", "../../../../../../etc/passwd", "/../secret.png", "/../../etc/passwd", "../out.png",
    "../up/secret.png", "%2e%2e%2f%2e%2e%2fsecret.png", "..%2f..%2fsecret.png", "../../source_more/secret.png",
    "../round/../../secret.png",
]  # fmt: skip
NOWHERE = [
    "", " ", "\0", "a\0.png", "../loop.png", "../pipe.png", "../pipe.png.d", "..", "/", ".", "a" * 5000, "../" * 3000,
    "file:///etc/passwd", "FILE:/etc/passwd", "ftp://example.org/a.png", "javascript:alert(1)", "blob:x", "about:blank",
    "jar:file:///a!/b", "\\\\host\\share\\a.png", "\ud800.png", "%00.png", "%ff%fe.png", "http://", "https://", "http:///a.png",
    "http://[::1", "http://[::1]:99999/a.png", "http://a:99999/a.png", "http://a:x/a.png", "http://" + "a" * 9000,
    "data:", "data:image/png", "data:image/png;base64,!!!!", "data:image/png;base64,A", "data:;base64,\u00e9",
]  # fmt: skip


@pytest.mark.parametrize("reference", INSIDE)
def test_inside(root: Path, reference: str) -> None:
    found = locate(reference, "pages/page.html", root, True)
    assert isinstance(found, LocalFile)
    assert (found.name, found.path.read_bytes()) == ("a.png", b"a")


@pytest.mark.parametrize("reference", OUTSIDE)
@pytest.mark.parametrize("slash_is_root", [True, False])
def test_outside(root: Path, reference: str, slash_is_root: bool) -> None:
    found = locate(reference, "pages/page.html", root, slash_is_root)
    assert isinstance(found, Rejected)
    assert found.reason in ("outside_source", "missing_file")


@pytest.mark.parametrize("reference", NOWHERE)
def test_nowhere(root: Path, reference: str) -> None:
    found = locate(reference, "pages/page.html", root, True)
    assert isinstance(found, Rejected)
    assert "\n" not in found.detail and len(found.detail) < 600
    assert str(root) not in found.detail


def test_data_and_odd_addresses_are_taken_as_what_they_are(root: Path) -> None:
    assert locate("DATA:,a%20b", "p.html", root, True) == Data(b"a b")
    assert locate("//example.org/a", "p.html", root, True) == Url("https://example.org/a")
    assert locate("HTTP://u:p@example.org/a", "p.html", root, True) == Url("HTTP://u:p@example.org/a")


def test_links_that_lead_to_themselves_are_no_files_of_a_source(root: Path) -> None:
    assert [name for name, _ in listed_files(root, ".html")] == ["page.html"]


PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.1.2.3", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.31.255.255",
    "192.168.1.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1",
    "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1", "fe80::1", "febf::1", "fec0::1",
    "fc00::1", "fd00::1", "ff02::1", "3fff::1", "4000::1", "100::1", "2001:4860::5efe:127.0.0.1",
    "2001:4860::200:5efe:10.0.0.1", "fe80::1%eth0", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    with pytest.raises(PrivateAddressError):
        AddressGuard().check("a.example", ["8.8.8.8", address])


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]
)
def test_public(address: str) -> None:
    AddressGuard().check("a.example", [address])
