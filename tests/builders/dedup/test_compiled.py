"""Compiled loops make the bytes that numpy makes, and a machine without them loses nothing but time."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nyxqa.builders.dedup import compiled, kernel_source
from nyxqa.builders.dedup.character_table import WIDTH, meet, table
from nyxqa.builders.dedup.deduplicate import deduplicate
from nyxqa.builders.dedup.minhash import Banding
from nyxqa.builders.dedup.sketch import sketch_texts
from nyxqa.builders.dedup.word_hashes import word_hashes
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.words import words
from tests.support.near_duplicates import make_rows
from tests.support.near_duplicates import table as rows_as_table

CORNERS = "aB9_ '.-\u2019\u2026\u00bd\u00df\u2122\u00a0\u0301\u0e01\u0e31\u4e00\u3042\u30ac\u3099\uac00\u11a8\u1161\n"
CORNERS += "\u0130\u0149\u2126\ufb01\ufdfa\u3316\ufefe\uffff\U0001f600\U0001d400\U0001fffe\U00020000\U000e0001"
TEXTS = st.lists(st.one_of(st.text(CORNERS, max_size=30), st.text(max_size=20)), max_size=8)
ADVERSARIAL = [
    "",
    " ",
    "word",
    "a b",
    "one two three four " * 400,
    "same " * 500,
    "x" * 3000,
    "\u4e2d\u6587\u5b57" * 300,
    "\U0001f600\U0001f680 " * 50,
    "e\u0301 " * 40,
    "\u3316" * 50,
    " ".join(f"w{number}" for number in range(3000)),
    "-.'" * 90,
]


@pytest.fixture(scope="module")
def kernels() -> compiled.Kernels:
    """The compiled functions of this machine, compiled now if they never were."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv(compiled.SWITCH, raising=False)
        patched.setattr(compiled, "_loaded", None)
        compiled.prepare(compiled.COMPILE_BYTES)
        found = compiled.loaded()
    assert found is not None, "install nyxqa[fast]"
    return found


def sketch(texts: pa.Array, shingle: int, layout: Banding) -> list[Any]:
    found = sketch_texts(texts, shingle, layout)
    sets = found.sets
    return [*word_hashes(texts), sets.values, sets.sizes, sets.words, found.set_keys, found.band_keys]


def assert_same(kernels: compiled.Kernels, texts: pa.Array, shingle: int, layout: Banding) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compiled, "_loaded", None)
        plain = sketch(texts, shingle, layout)
        patched.setattr(compiled, "_loaded", kernels)
        fast = sketch(texts, shingle, layout)
    for one, other in zip(plain, fast, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, shingle=st.integers(1, 5), start=st.integers(0, 2))
@example(texts=ADVERSARIAL, shingle=3, start=0)
@example(texts=["\u0130stanbul", "stra\u00dfe 1\u00bd\u2026x", "o'neil-3.5 a..b -x-"], shingle=1, start=1)
def test_same_bytes_for_any_text(kernels: compiled.Kernels, texts: list[str], shingle: int, start: int) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]  # Arrow holds no half of a pair
    assert_same(kernels, pa.array(texts, pa.string())[start:], shingle, Banding(5, 3))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_same_bytes_for_each_type_of_text(kernels: compiled.Kernels, kind: pa.DataType) -> None:
    chance = random.Random(3)
    drawn = [" ".join(f"w{chance.randrange(300)}" for _ in range(chance.randrange(120))) for _ in range(300)]
    assert_same(kernels, pa.array(drawn + ADVERSARIAL).cast(kind), 3, Banding(12, 4))


def test_words_are_those_of_the_word_rule_for_every_character(kernels: compiled.Kernels) -> None:
    every = [chr(code) for code in (*range(0xD800), *range(0xE000, WIDTH, 3))]
    for around in ("a{}b", "\u4e00{}."):
        texts = [around.format(character) for character in every]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(compiled, "_loaded", kernels)
            _, counts = word_hashes(pa.array(texts))
        assert counts.tolist() == [len(words(text)) for text in texts]


def test_no_character_of_the_table_composes_with_the_one_before_it() -> None:
    meet(range(WIDTH))
    odd = table[:WIDTH] >> kernel_source.KIND_SHIFT == kernel_source.ODD
    pairs = [unicodedata.decomposition(chr(code)).split() for code in range(WIDTH)]
    seconds = {int(pair[1], 16) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    hangul = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}
    assert all(odd[code] for code in seconds | hangul if code < WIDTH)
    assert all(odd[code] for code in range(WIDTH) if unicodedata.combining(chr(code)))


def test_text_that_is_not_utf8_is_refused_either_way(
    kernels: compiled.Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (b"ab\xff", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xe4\xb8", b"\xf4\x90\x80\x80", b"\x80"):
        texts = pa.Array.from_buffers(pa.binary(), 1, pa.array([wrong]).buffers()).view(pa.string())
        for found in (None, kernels):
            monkeypatch.setattr(compiled, "_loaded", found)
            with pytest.raises(UnicodeDecodeError):
                word_hashes(texts)


@pytest.mark.parametrize("high", [0, 7, 1 << 49])
def test_hashes_of_one_bucket_are_sorted_too(high: int) -> None:
    values = high + np.random.default_rng(1).integers(0, 1 << 20, 300).astype(np.uint64)
    values[::3] = values[0]
    found = values.copy()
    kernel_source.sort_hashes(found, 0, 300, np.empty(300, np.uint64), np.empty(kernel_source.PLACES, np.int64))
    assert np.array_equal(found, np.sort(values))


def test_the_outcome_of_a_search_is_the_same(kernels: compiled.Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_as_table(make_rows(5, 300))
    found = []
    for functions in (None, kernels):
        monkeypatch.setattr(compiled, "_loaded", functions)
        with deduplicate(rows, phashes="p", threshold=0.6) as result:
            found.append([result.to_polars(name).to_dict(as_series=False) for name in result.TABLES])
    assert found[0] == found[1]


def test_where_nothing_can_be_kept_numpy_does_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_loaded", None)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(compiled, "compile_kernels", lambda: pytest.fail("compiled for one process"))
    compiled.prepare(1 << 40)
    assert compiled.loaded() is None
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv(compiled.SWITCH, "0")
    compiled.prepare(1 << 40)
    assert compiled.loaded() is None


def test_code_is_compiled_once_for_large_inputs_and_never_used_damaged(
    kernels: compiled.Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = compiled.cache_file()
    assert stored is not None
    code = stored.read_bytes()[32:]
    made: list[int] = []
    monkeypatch.setattr(compiled, "_loaded", None)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled, "compile_kernels", lambda: made.append(1) or code)
    compiled.prepare(compiled.LOAD_BYTES)
    assert compiled.loaded() is None
    compiled.prepare(compiled.COMPILE_BYTES)
    file = compiled.cache_file()
    assert file is not None
    assert file.read_bytes() == stored.read_bytes()
    monkeypatch.setattr(compiled, "_loaded", None)
    compiled.prepare(compiled.LOAD_BYTES)
    assert compiled.loaded() is not None
    assert len(made) == 1
    file.write_bytes(file.read_bytes()[:-9])
    monkeypatch.setattr(compiled, "_loaded", None)
    compiled.prepare(compiled.COMPILE_BYTES)
    assert compiled.loaded() is not None
    assert len(made) == 2


def test_a_compiler_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bytes:
        raise RuntimeError("no target\nat all")

    monkeypatch.setattr(compiled, "_loaded", None)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled, "compile_kernels", broken)
    with pytest.raises(WorldError, match=r"nyxqa\[fast\] cannot be made .*no target.* set NYXQA_COMPILED=0"):
        compiled.prepare(compiled.COMPILE_BYTES)
