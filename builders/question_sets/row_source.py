"""Where the rows of a question set or passage pool come from: ``KIND:FILE``, ``hf:NAME`` or ``sample``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.hub import HubName, hub_rows
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import UsageError, WorldError

HUB = "hf"
SAMPLE = "sample"
PASSAGES = "passages"
_SAMPLE_FOLDER = Path(__file__).parents[1] / "sample_pages" / "wiki"


@dataclass(frozen=True, slots=True)
class RowSource:
    """A file or a dataset on the Hub.

    :param kind: Which reader takes its rows: the prefix of the specification, ``hf`` or ``sample``.
    :param place: The file, or the dataset's name.
    """

    kind: str
    place: Path | HubName

    def rows(self, split: str) -> Iterator[Row | Drop]:
        """Yield the rows.

        :param split: Split of a dataset on the Hub; a file has only one.
        :raises WorldError: If the source is missing or cannot be read.
        """
        return hub_rows(self.place, split) if isinstance(self.place, HubName) else file_rows(self.place)


def parse_row_source(spec: str, kinds: Collection[str], sample: str) -> RowSource:
    """Return the source that ``spec`` names; nothing is read yet.

    :param kinds: Prefixes that are valid before a file.
    :param sample: Name of the bundled file that ``sample`` refers to: ``passages`` or a split.
    :raises UsageError: If ``spec`` has another form.
    """
    kind, _, place = spec.partition(":")
    if spec == SAMPLE:
        return RowSource(SAMPLE, _sample_file(sample))
    if kind == HUB and place:
        return RowSource(HUB, HubName.parse(place))
    if kind in kinds and place:
        return RowSource(kind, Path(place))
    valid = ", ".join((*(f"{name}:FILE" for name in kinds), "hf:USER/NAME[/CONFIG]@REVISION", SAMPLE))
    problem = f"has the unknown kind {kind!r}" if place else "names neither a file nor a dataset"
    raise UsageError(f"{spec!r} {problem}; valid are {valid}")


def hub_name(spec: str) -> HubName | None:
    """Return the dataset on the Hub that ``spec`` names, or None if it names something else.

    :raises UsageError: If the name is malformed.
    """
    kind, _, place = spec.partition(":")
    return HubName.parse(place) if kind == HUB else None


def kind_of_source(spec: str) -> str:
    """Return the kind of the reader: the part before the colon."""
    return spec.partition(":")[0]


def source_state(spec: str, sample: str) -> Any:
    """Return what a step that reads ``spec`` has in its fingerprint: kind and state of the file, or the Hub's name.

    :param sample: Name of the bundled file that ``sample`` refers to.
    :raises WorldError: If the file is missing.
    """
    kind, _, place = spec.partition(":")
    if kind == HUB:
        return [HUB, place]
    return [kind, file_state(_sample_file(sample) if spec == SAMPLE else Path(place))]


def file_state(path: Path) -> list[Any]:
    """Return name, size in bytes and modification time in nanoseconds of a file.

    :raises WorldError: If the file is missing.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise WorldError(f"file {path} cannot be read: {error.strerror}") from error
    return [path.name, state.st_size, state.st_mtime_ns]


def _sample_file(name: str) -> Path:
    """FlashRAG file of the bundled ``passages``, or of the bundled questions of a split."""
    return _SAMPLE_FOLDER / f"{name}.jsonl"
