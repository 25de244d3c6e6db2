"""A build keeps its page, and rewrites nothing when it is repeated."""

from __future__ import annotations

from pathlib import Path

from nyxqa.build import run


def test_a_repeated_build_rewrites_no_byte_and_a_lost_page_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def build() -> bool:
        return run("train", out=out, limit=12, workers=1, settings={"text": []}).changed

    assert build()
    page = out / "report.html"
    written = page.read_bytes()
    assert b"What became of 12 pages" in written
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and ".work" not in path.parts}
    assert page in files
    assert not build()
    assert {path: path.stat().st_mtime_ns for path in files} == files
    page.unlink()
    assert not build()
    assert page.read_bytes() == written
