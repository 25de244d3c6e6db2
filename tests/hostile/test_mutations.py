"""Seeded mutations of good inputs: each ends in time, in a result or in a refusal of one line, and reads nothing else.

``NYXQA_MUTATIONS`` says how many there are; 10,000 take about a minute.
"""

from __future__ import annotations

import io
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.references import locate
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import RefusedHtmlError, read_html
from nyxqa.builders.vlm.openai.parsing import parse_pairs
from nyxqa.schemas.errors import NyxqaError
from nyxqa.schemas.loading.arrow_copy import Layout, arranged
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.manifest import MANIFEST, read_manifest
from tests.support.ingest import encoded, picture
from tests.support.tiny_dataset import tiny_dataset

COUNT = int(os.environ.get("NYXQA_MUTATIONS", "4000"))
REFUSALS = (NyxqaError, DeadImageError, RefusedHtmlError)
RUNS = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"<",
    b'"',
    b"{",
    b"[[[[",
    b"%",
    b"&#",
    b"\\",
    b"../",
    b"*",
)


def mutated(seed: int, data: bytes) -> bytes:
    """``data`` with some bytes changed, removed, inserted or repeated."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place, other = chance.randrange(len(changed) + 1), chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[place : place + chance.randrange(1, 40)]
            case 2:
                changed[place:place] = chance.randbytes(chance.randrange(1, 40))
            case 3:
                changed[place:place] = changed[other : other + chance.randrange(1, 60)] * chance.choice((1, 1, 50))
            case 4:
                run = chance.choice(RUNS)
                changed[place : place + len(run)] = run
            case _:
                del changed[place:]
    return bytes(changed)


@cache
def images() -> tuple[bytes, ...]:
    kinds = [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {"lossless": True}), ("WEBP", {})]
    kinds += [("GIF", {}), ("BMP", {}), ("AVIF", {}), ("JPEG2000", {})]
    moving = encoded(picture(1), "PNG", save_all=True, append_images=[picture(2)])
    return (
        *(encoded(picture(size=(24, 20)), kind, **options) for kind, options in kinds),
        encoded(picture().quantize(8), "PNG", transparency=3),
        encoded(picture().convert("CMYK"), "JPEG"),
        moving,
    )


PAGE = b"""<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>A town</title><base href="b/"></head><body>
<nav><a href=x>Menu</a></nav><main><h1>A town</h1><p>The tower was built of stone in <b>1310</b> &amp; still stands.</p>
<figure><img src="a.png" srcset="b.png 2x, c.png 800w" alt="A tower"><figcaption>The tower</figcaption></figure>
<table><tr><th>Year<td rowspan=2>1310</tr><tr><th>End</tr></table><ul><li>One<li>Two</ul><pre>a  b\n c</pre>
<math><mi>x</mi><mo>=</mo><mn>2</mn></math></main><footer>End</footer></body></html>"""
ANSWER = json.dumps(
    {"pairs": [{"question": f"What stands at {n}?", "answer": f"tower {n}"} for n in range(5)]}
).encode()
REFERENCES = (b"../images/a.png?x#y", b"data:image/png;base64,iVBORw0KGgo=", b"http://user@example.org:80/a%20b.png")


def image(data: bytes, folder: Path) -> None:
    stored = stored_image(data, 1_000_000)
    assert stored_image(stored.data, 1_000_000) == stored


def page(data: bytes, folder: Path) -> None:
    for part in read_html(data, TextCleaner()).parts:
        assert "<|image|>" not in (part["text"] or "")


def answer(data: bytes, folder: Path) -> None:
    for pair in parse_pairs(data.decode("utf-8", "replace")) or []:
        assert pair is not None


def reference(data: bytes, folder: Path) -> None:
    found = locate(data.decode("utf-8", "replace"), "pages/p.html", folder, True)
    assert getattr(found, "path", folder).is_relative_to(folder)


def parquet(data: bytes, folder: Path) -> None:
    """Read the file as part of a dataset that is sound otherwise."""
    out = folder / "out"
    if not out.exists():
        tiny_dataset(full=True).write(out)
    (path,) = read_manifest(out).paths("triplets", "train")
    (out / path).write_bytes(data)
    for batch in arranged(open_published(out), "triplets", "train", Layout(joined=True, with_bytes=True)):
        batch.to_pylist()


@cache
def triplets() -> tuple[bytes, ...]:
    with TemporaryDirectory() as folder:
        files = tiny_dataset(full=True).write(Path(folder))
        return tuple((Path(folder) / path).read_bytes() for path in files.paths("triplets", "train"))


def manifest(data: bytes, folder: Path) -> None:
    (folder / MANIFEST).write_bytes(data)
    read_manifest(folder)


@contextmanager
def only_inside(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse to open any file outside ``folder`` and any connection."""
    real = io.open

    def opened(file: object, *given: object, **named: object) -> object:
        assert isinstance(file, int) or Path(os.fsdecode(file)).is_relative_to(folder), file  # type: ignore[arg-type]
        return real(file, *given, **named)  # type: ignore[call-overload]

    def connected(*given: object) -> None:
        raise AssertionError(f"a connection to {given}")

    with patch.context() as inside:
        inside.setattr("builtins.open", opened)
        inside.setattr("socket.socket.connect", connected)
        yield


INPUTS: dict[str, tuple[Callable[[], tuple[bytes, ...]], Callable[[bytes, Path], None], int]] = {
    "images": (images, image, 5),
    "pages": (lambda: (PAGE,), page, 3),
    "answers": (lambda: (ANSWER, b"```json\n" + ANSWER + b"\n```"), answer, 3),
    "references": (lambda: REFERENCES, reference, 2),
    "parquet": (triplets, parquet, 3),
    "manifests": (lambda: (b"",), manifest, 2),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", INPUTS)
def test_each_ends_in_a_result_or_in_one_line(
    name: str, built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, use, share = INPUTS[name]
    goods = make() if name != "manifests" else ((built_sample / MANIFEST).read_bytes(),)
    ends: Counter[str] = Counter()
    for data in goods:
        use(data, tmp_path)
    with only_inside(tmp_path, monkeypatch):
        for seed in range(COUNT * share // 18):
            try:
                use(mutated(seed, goods[seed % len(goods)]), tmp_path)
                ends["result"] += 1
            except REFUSALS as refused:
                ends["refusal"] += 1
                assert "\n" not in str(refused), seed
            except Exception as error:
                raise AssertionError(f"mutation {seed} of {name}: {type(error).__name__}: {error}") from error
    assert ends["result"] > 0
