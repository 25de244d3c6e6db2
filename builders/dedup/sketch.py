"""What a search needs of each text: its shingle set, the keys of the set, and those of its bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.compiled import Kernels, loaded, scratch
from nyxqa.builders.dedup.kernel_source import PLACES
from nyxqa.builders.dedup.minhash import Banding, band_keys, factors, set_keys
from nyxqa.builders.dedup.shingles import ShingleSets, shingle_sets
from nyxqa.builders.dedup.word_hashes import U64, compiled_hashes


@dataclass(frozen=True)
class Sketch:
    """Sets and keys of some texts; the keys of texts without words are 0.

    :param sets: Their shingle sets.
    :param set_keys: 128 bits that equal sets share, uint64 [2, texts].
    :param band_keys: uint64 [texts, bands].
    """

    sets: ShingleSets
    set_keys: U64
    band_keys: U64


def sketch_texts(texts: pa.Array, shingle: int, layout: Banding | None) -> Sketch:
    """Shingle sets and keys of at most 16,384 texts.

    :param shingle: Words of a shingle.
    :param layout: How the sets are banded; None for no bands.
    """
    layout = layout or Banding(0, 1)
    keys, bands = np.zeros((2, len(texts)), np.uint64), np.zeros((len(texts), layout.bands), np.uint64)
    kernels = loaded()
    if kernels is not None:
        return Sketch(_compiled_sketch(kernels, texts, shingle, layout, keys, bands), keys, bands)
    sets = shingle_sets(texts, shingle)
    some = np.flatnonzero(sets.sizes)
    keys[:, some] = set_keys(sets.values, sets.sizes[some])
    if layout.bands:
        bands[some] = band_keys(sets.values, sets.sizes[some], layout).T
    return Sketch(sets, keys, bands)


def _compiled_sketch(
    kernels: Kernels, texts: pa.Array, shingle: int, layout: Banding, keys: U64, bands: U64
) -> ShingleSets:
    """The sets by compiled functions, which fill ``keys`` and ``bands``."""
    hashes, starts, counts = compiled_hashes(kernels, texts)
    values, sizes = np.empty(int(counts.sum()), np.uint64), np.empty(len(texts), np.int64)
    longest = int(counts.max(initial=0))
    spare, low = scratch.array("spare", np.uint64, longest), scratch.array("low", np.uint32, longest)
    numbers = factors(layout.bands * layout.rows)
    given = (hashes, starts, counts, len(texts), shingle, numbers, layout.bands, layout.rows)
    places = scratch.array("places", np.int64, PLACES)
    total = kernels.call("sketch_sets", *given, values, sizes, keys, bands, spare, low, places)
    return ShingleSets(values[:total], sizes, counts)
