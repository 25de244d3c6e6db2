"""Where the parts of a set in the layout of MTEB or BEIR lie: a folder, or a dataset on the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.mixed.references import need_folder, stem_of
from nyxqa.builders.question_sets.row_source import file_state
from nyxqa.builders.row_files.factory import file_rows
from nyxqa.builders.row_files.hub import HubName, hub_configs, hub_rows, hub_splits
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import WorldError

Part = Literal["corpus", "queries", "qrels"]
# Names of each part as a file, a folder or a config.
NAMES: dict[Part, tuple[str, ...]] = {
    "corpus": ("corpus", "documents"),
    "queries": ("queries", "query"),
    "qrels": ("qrels", "default", "qrel"),
}
_TABULAR = (".tsv", ".csv")


class Parts(Protocol):
    """The parts of one set."""

    @property
    def root(self) -> Path:
        """Folder that relative paths of images start at."""
        ...

    def state(self) -> Any:
        """What identifies the content, as JSON types."""
        ...

    def splits(self, part: Part) -> list[str]:
        """Names of the splits of a part; "" for one that names none.

        :raises WorldError: If the part is missing.
        """
        ...

    def rows(self, part: Part, split: str) -> Iterator[Row | Drop]:
        """Rows of one split of a part."""
        ...


@dataclass(frozen=True)
class FolderParts:
    """``corpus``, ``queries`` and ``qrels`` below a folder, each a file, or a folder with a file for each split."""

    folder: Path

    @property
    def root(self) -> Path:
        """The folder itself."""
        return self.folder

    def state(self) -> Any:
        """Names, sizes and times of all files."""
        need_folder("mteb", self.folder)
        return [[part, split, *file_state(file)] for part in NAMES for split, file in self._files.get(part, [])]

    def splits(self, part: Part) -> list[str]:
        """As in ``Parts``."""
        need_folder("mteb", self.folder)
        found = list(dict.fromkeys(split for split, _ in self._files.get(part, [])))
        if not found:
            raise WorldError(
                f"mteb: {self.folder} has no {part}: a file {part}.jsonl or {part}.parquet, or a folder {part}/"
            )
        return found

    def rows(self, part: Part, split: str) -> Iterator[Row | Drop]:
        """As in ``Parts``; rows are named by their place below the folder."""
        for own, file in self._files.get(part, []):
            if own == split:
                place = file.relative_to(self.folder).as_posix()
                for row in file_rows(file):
                    yield Row(place, row.number, row.values) if isinstance(row, Row) else row

    @cached_property
    def _files(self) -> dict[Part, list[tuple[str, Path]]]:
        """Files of each part with their splits: those of the first of its names that has any."""
        found: dict[Part, list[tuple[str, Path]]] = {}
        for part, names in NAMES.items():
            for name in names:
                files = [("", file) for file in sorted(self.folder.glob(f"{name}.*")) if _stem(file)]
                files += [
                    ((_stem(file) or "").partition("-")[0], file)
                    for file in sorted((self.folder / name).glob("*"))
                    if _stem(file)
                ]
                if files and part not in found:
                    found[part] = files
        return found


def _stem(file: Path) -> str | None:
    if file.suffix.lower() in _TABULAR:
        return file.stem
    return stem_of(file)


@dataclass(frozen=True)
class HubParts:
    """Configs ``corpus``, ``queries`` and ``qrels`` (or ``default``) of a dataset on the Hub."""

    name: HubName

    @property
    def root(self) -> Path:
        """Nowhere: rows on the Hub bring the bytes of their images."""
        return Path("/nonexistent")

    def state(self) -> Any:
        """Name and revision."""
        return ["hf", self.name.name, self.name.revision]

    def splits(self, part: Part) -> list[str]:
        """As in ``Parts``."""
        return hub_splits(self._config(part))

    def rows(self, part: Part, split: str) -> Iterator[Row | Drop]:
        """As in ``Parts``; rows are named by dataset, config and split, as their numbers start again in each."""
        source = f"{self.name.name}/{self._config(part).config}/{split}"
        for row in hub_rows(self._config(part), split):
            yield Row(source, row.number, row.values) if isinstance(row, Row) else row

    def _config(self, part: Part) -> HubName:
        config = next((name for name in NAMES[part] if name in self._configs), None)
        if config is None:
            raise WorldError(
                f"hf:{self.name.name} has no config {' or '.join(NAMES[part])}; its configs are "
                f"{', '.join(self._configs)}"
            )
        return HubName(self.name.name, config, self.name.revision)

    @cached_property
    def _configs(self) -> list[str]:
        return hub_configs(self.name)
