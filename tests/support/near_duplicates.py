"""Documents with planted near-duplicates, and their clusters by brute force."""

from __future__ import annotations

import random
from itertools import combinations

import pyarrow as pa

from nyxqa.schemas.words import words

Row = dict[str, object]


def shingles(text: str, size: int = 3) -> set[tuple[str, ...]]:
    """The set that stands for a text: its shingles, all its words if they are fewer, nothing if it has none."""
    found = words(text)
    if len(found) < size:
        return {tuple(found)} if found else set()
    return {tuple(found[first : first + size]) for first in range(len(found) - size + 1)}


def jaccard(left: str, right: str) -> float:
    """Similarity by definition; 0 for empty texts."""
    a, b = shingles(left), shingles(right)
    return len(a & b) / len(a | b) if a and b else 0.0


def hamming(left: int, right: int) -> int:
    """Bits in which two signed 64-bit hashes differ."""
    return ((left ^ right) & (2**64 - 1)).bit_count()


def signed(value: int) -> int:
    """64 bits as int64 holds them."""
    return value - 2**64 if value >> 63 else value


def make_rows(seed: int, count: int = 60) -> list[Row]:
    """Documents varied from a few originals, with images varied from a few pictures, on three sides."""
    rng = random.Random(seed)
    originals = [[f"w{rng.randrange(40)}" for _ in range(rng.randrange(25))] for _ in range(12)]
    pictures = [rng.getrandbits(64) for _ in range(8)]
    rows: list[Row] = []
    for number in range(count):
        text = list(rng.choice(originals))
        for _ in range(rng.randrange(3)):
            if text:
                text[rng.randrange(len(text))] = f"W{rng.randrange(40)}"
        hashes = []
        for _ in range(rng.randrange(3)):
            turned = rng.choice(pictures)
            for _ in range(rng.randrange(6)):
                turned ^= 1 << rng.randrange(64)
            hashes.append(signed(turned))
        rows.append(
            {
                "doc_id": f"d{number:03d}",
                "text": " ".join(text),
                "p": hashes,
                "split": rng.choice(["train", "test", "v"]),
            }
        )
    return rows


def table(rows: list[Row]) -> pa.Table:
    """Rows as Arrow."""
    schema = pa.schema(
        [("doc_id", pa.string()), ("text", pa.string()), ("p", pa.list_(pa.int64())), ("split", pa.string())]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def components(ids: list[str], edges: list[tuple[str, str]]) -> dict[str, str]:
    """Each id with the smallest of its component."""
    name = {i: i for i in ids}
    for _ in ids:
        for a, b in edges:
            name[a] = name[b] = min(name[a], name[b])
    return name


def text_edges(rows: list[Row], threshold: float) -> list[tuple[str, str]]:
    """All pairs alike in text."""
    return [
        (str(a["doc_id"]), str(b["doc_id"]))
        for a, b in combinations(rows, 2)
        if jaccard(str(a["text"]), str(b["text"])) >= threshold
    ]
