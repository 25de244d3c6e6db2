"""Random choice by keyed hash, not by a random stream: an item's draw does not depend on the other items."""

from __future__ import annotations

import hashlib


def keyed_hash(seed: int, stage: str, item: str) -> int:
    """A 64-bit number that depends only on (seed, stage, item); sort by it to shuffle, take it modulo n to pick."""
    key = f"{seed}\x1f{stage}\x1f{item}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")


def chance(seed: int, stage: str, item: str) -> float:
    """A number in [0, 1) that depends only on (seed, stage, item)."""
    return keyed_hash(seed, stage, item) / 2**64
