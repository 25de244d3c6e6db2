"""Vectors that another program made: FlashRAG's raw files, NumPy files, and FAISS indexes that hold them whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.errors import FormatError, WorldError

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# FAISS indexes that keep every number of a vector, to the precision of float16 at least.
_WHOLE = ("IndexFlat", "IndexFlatIP", "IndexFlatL2", "IndexIVFFlat", "IndexHNSWFlat", "IndexScalarQuantizer")
_INDEX_SUFFIXES = (".index", ".faiss")


class VectorFile(Protocol):
    """Vectors by the row of the passage in its own file."""

    @property
    def rows(self) -> int:
        """Number of vectors."""
        ...

    def read(self, rows: Rows) -> Vectors:
        """Vectors of ``rows``, float32 [rows, dimensions]."""
        ...


def vector_file(path: Path) -> Path:
    """The file that ``path`` names: itself, or in a folder of FlashRAG's index builder its vectors, else its index.

    :raises WorldError: If there is none, or more than one.
    """
    if not path.is_dir():
        if not path.is_file():
            raise WorldError(f"vectors {path} do not exist; name a .memmap, .npy or .index file, or its folder")
        return path
    for pattern in ("emb_*.memmap", "*.npy", "*.index"):
        found = sorted(path.glob(pattern))
        if len(found) == 1:
            return found[0]
        if found:
            raise WorldError(f"{path} holds {len(found)} files {pattern}; name one: {', '.join(f.name for f in found)}")
    raise WorldError(f"{path} holds no vectors: neither emb_*.memmap, *.npy nor *.index")


def open_vectors(file: Path, dimensions: int) -> VectorFile:
    """Vectors in ``file``, mapped and not read whole.

    :param dimensions: Length of a vector of the encoder.
    :raises FormatError: If they have another length, or the file is not of a kind that keeps vectors whole.
    """
    if file.suffix in _INDEX_SUFFIXES:
        return _FaissFile(file, dimensions)
    return _ArrayFile(file, dimensions)


class _ArrayFile:
    """A NumPy file, or float32 numbers without a header, as FlashRAG's ``emb_*.memmap``."""

    def __init__(self, file: Path, dimensions: int) -> None:
        self._array = _mapped(file, dimensions)
        if self._array.ndim != 2 or self._array.shape[1] != dimensions or self._array.dtype.kind != "f":
            shape = "x".join(map(str, self._array.shape))
            raise FormatError(
                f"{file} holds {self._array.dtype} {shape}; the encoder's vectors have {dimensions} dimensions"
            )

    @property
    def rows(self) -> int:
        return len(self._array)

    def read(self, rows: Rows) -> Vectors:
        return np.ascontiguousarray(self._array[rows], dtype=np.float32)


def _mapped(file: Path, dimensions: int) -> npt.NDArray[Any]:
    if file.suffix == ".npy":
        try:
            loaded: npt.NDArray[Any] = np.load(file, mmap_mode="r")
        except (ValueError, EOFError) as error:
            raise FormatError(f"{file} is not a NumPy file of numbers: {error}") from error
        return loaded
    size = file.stat().st_size
    if not size or size % (4 * dimensions):
        raise FormatError(
            f"{file} has {size} bytes, which is no whole number of float32 vectors of {dimensions} dimensions"
        )
    return np.memmap(file, dtype="<f4", mode="r", shape=(size // (4 * dimensions), dimensions))


class _FaissFile:
    """A FAISS index whose ids are the rows of the passages."""

    def __init__(self, file: Path, dimensions: int) -> None:
        import faiss

        try:
            index: Any = faiss.read_index(str(file), faiss.IO_FLAG_MMAP)
        except RuntimeError as error:
            raise FormatError(f"{file} is not a FAISS index: {str(error).splitlines()[-1][:200]}") from error
        kind = type(index).__name__
        coarse = kind == "IndexScalarQuantizer" and index.sq.qtype not in (
            faiss.ScalarQuantizer.QT_fp16,
            faiss.ScalarQuantizer.QT_bf16,
        )
        if kind not in _WHOLE or coarse:
            raise FormatError(
                f"{file} is a FAISS index of type {kind}, which does not keep the vectors whole; give one of type "
                "Flat, IVF...,Flat, HNSW...,Flat or SQfp16, or the vectors themselves"
            )
        if index.d != dimensions:
            raise FormatError(f"{file} holds vectors of {index.d} dimensions; those of the encoder have {dimensions}")
        if kind == "IndexIVFFlat":
            index.make_direct_map()
        self._index = index

    @property
    def rows(self) -> int:
        return int(self._index.ntotal)

    def read(self, rows: Rows) -> Vectors:
        read: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))
        return read
