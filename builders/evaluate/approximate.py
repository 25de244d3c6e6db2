"""Step ``evaluate/approximate``: an approximate index of each pool, and how much of exact search it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex
from nyxqa.retriever.index.approximate import ApproximateIndex, IndexKind, Tuned
from nyxqa.retriever.protocols import Hits, SearchEntry
from nyxqa.schemas.files import read_json, write_json

VERSION = 1
_TUNED = "tuned.json"


@dataclass(frozen=True)
class Approximate:
    """The approximate index of a pool, built in ``folder`` over the vectors of an exact one."""

    kind: IndexKind
    folder: Path
    encoder: VectorEncoder[Any]

    @property
    def tuned(self) -> Tuned:
        """Its effort, and the recall that was measured."""
        return Tuned(**read_json(self.folder / _TUNED))

    def over(self, index: VectorIndex[Any]) -> ApproximateIndex:
        """The index, opened."""
        fingerprint = self.encoder.fingerprint
        return ApproximateIndex(self.folder, fingerprint, index.vectors, index.ids.order, self.kind)

    def build(self, index: VectorIndex[Any], queries: Sequence[SearchEntry], k: int, at: int) -> None:
        """Build it, and raise its effort until the first ``at`` are found."""
        tuned = Tuned(1.0, 1, 0)
        if queries and len(index.ids):
            tuned = self.over(index).tune(self.encoder.encode(queries, "query"), k, at)
        write_json(self.folder / _TUNED, asdict(tuned))


class ApproximateSearch:
    """Searches a pool as ``VectorIndex`` does, but approximately."""

    def __init__(self, index: VectorIndex[Any], approximate: Approximate) -> None:
        self.ids = index.ids
        self._encoder, self._effort = approximate.encoder, approximate.tuned.effort
        self._built, self._exact = approximate.over(index) if len(index.ids) else None, index

    def search(self, queries: Sequence[SearchEntry], k: int) -> Hits:
        """The ``k`` best entries of each query that the measured effort finds; equal scores are ordered by id."""
        if self._built is None or not queries:
            return self._exact.search(queries, k)
        return self._built.search(self._encoder.encode(queries, "query"), k, self._effort)


def approximate_of(
    run: Run,
    encoder: VectorEncoder[Any],
    kind: IndexKind,
    exact: StepOutput,
    params: Mapping[str, Any],
    queries: Sequence[SearchEntry],
    k: int,
    at: int,
) -> Approximate:
    """The approximate index over ``exact``; it is built and measured once.

    :param params: What the queries depend on.
    """

    def build(folder: Path) -> None:
        index = encoder.open(exact.folder)
        Approximate(kind, folder, encoder).build(index, queries, k, at)

    step = Step(
        "evaluate/approximate",
        VERSION,
        {**params, "encoder": f"{encoder.fingerprint}/index={kind}", "vectors": exact.fingerprint, "at": at},
    )
    return Approximate(kind, run.run_once(step, build).folder, encoder)
