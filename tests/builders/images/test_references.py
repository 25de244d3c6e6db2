"""Where references point."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from nyxqa.builders.images.references import Data, LocalFile, Rejected, Url, locate


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    for name in ("a.png", "sub/b.png", "sub/with space.png", "sub/50%.png", "sub/x?y.png", "\u00e9.png"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    (folder / "link.png").symlink_to("../secret.png")
    (folder / "inner.png").symlink_to("sub/b.png")
    (folder / "out").symlink_to("..")
    return folder


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("b.png", "sub/b.png"),
        (" ./b.png ", "sub/b.png"),
        ("../a.png", "a.png"),
        ("/a.png", "a.png"),
        ("//////a.png", None),
        ("b.png?v=3#top", "sub/b.png"),
        ("with%20space.png", "sub/with space.png"),
        ("with space.png", "sub/with space.png"),
        ("50%.png", "sub/50%.png"),
        ("x?y.png", "sub/x?y.png"),
        ("x%3Fy.png", "sub/x?y.png"),
        ("../%C3%A9.png", "\u00e9.png"),
        ("../inner.png", "sub/b.png"),
        ("../out/site/a.png", "a.png"),
    ],
)
def test_files_of_the_source(root: Path, reference: str, name: str | None) -> None:
    found = locate(reference, "sub/page.html", root, slash_is_root=True)
    if name is None:
        assert isinstance(found, Rejected | Url)
    else:
        assert found == LocalFile((root / name).resolve(), name)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("../../secret.png", "outside_source"),
        ("/../secret.png", "outside_source"),
        ("%2e%2e/%2e%2e/secret.png", "outside_source"),
        ("../link.png", "outside_source"),
        ("../out/secret.png", "outside_source"),
        ("../../../../../../etc/passwd", "outside_source"),
        ("none.png", "missing_file"),
        ("../sub", "missing_file"),
        ("?only=query", "missing_file"),
        ("", "bad_reference"),
        ("file:///etc/passwd", "bad_reference"),
        ("javascript:void(0)", "bad_reference"),
        ("cid:part1", "bad_reference"),
        ("blob:http://x.org/1", "bad_reference"),
        ("a\0b.png", "bad_reference"),
        ("n" * 5000, "bad_reference"),
        ("http://", "bad_reference"),
        ("http://[::1/x.png", "bad_reference"),
        ("https://host:port/x.png", "bad_reference"),
        ("data:image/png;base64", "bad_reference"),
        ("data:image/png;base64,@@@", "bad_reference"),
    ],
)
def test_rejected(root: Path, reference: str, reason: str) -> None:
    found = locate(reference, "sub/page.html", root, slash_is_root=True)
    assert isinstance(found, Rejected)
    assert found.reason == reason
    assert str(root) not in found.detail


def test_urls() -> None:
    root = Path("nowhere")
    assert locate("https://x.org/a.png?b", "p.html", root, True) == Url("https://x.org/a.png?b")
    assert locate("HTTP://x.org/a.png", "p.html", root, True) == Url("HTTP://x.org/a.png")
    assert locate("//x.org/a.png", "p.html", root, True) == Url("https://x.org/a.png")


def test_data_urls() -> None:
    root = Path("nowhere")
    packed = base64.b64encode(b"\xfb\xff\xfepng!").decode()
    assert locate(f"data:image/png;base64,{packed}", "p.html", root, True) == Data(b"\xfb\xff\xfepng!")
    assert locate(f"DATA:;BASE64,{packed.rstrip('=')}", "p.html", root, True) == Data(b"\xfb\xff\xfepng!")
    spaced = f"{packed[:4]}\n {packed[4:]}".replace("+", "%2B")
    assert locate(f"data:image/png;base64,{spaced}", "p.html", root, True) == Data(b"\xfb\xff\xfepng!")
    assert locate("data:,a%20b", "p.html", root, True) == Data(b"a b")


def test_in_a_jsonl_a_slash_is_the_file_system(root: Path) -> None:
    found = locate("/a.png", "pages.jsonl", root, slash_is_root=False)
    assert isinstance(found, Rejected)
    assert found.reason == "outside_source"
    assert locate("sub/b.png", "pages.jsonl", root, slash_is_root=False) == LocalFile(root / "sub/b.png", "sub/b.png")
