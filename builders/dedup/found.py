"""What the results of searches share: tables made by queries when asked for, on files that are closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from nyxqa.builders.dedup.database import Database

if TYPE_CHECKING:
    import pyarrow as pa


class Found(ABC):
    """Tables of a complete search; it stands on files: close it, or use it in a ``with`` statement.

    :param database: The search's database.
    :param folder: Removed on closing, if given.
    """

    TABLES: ClassVar[tuple[str, ...]]

    def __init__(self, database: Database, folder: TemporaryDirectory[str] | None) -> None:
        self._database = database
        self._folder = folder

    def write(self, folder: Path) -> None:
        """Write every table of ``TABLES`` as a Parquet file of its name, whatever its size.

        :raises WorldError: If the folder is not writable.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.TABLES:
            file = str(folder / f"{name}.parquet").replace("'", "''")
            self._database.run(f"COPY ({self._sql(name)}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")

    def close(self) -> None:
        """Close the database, and with it every result that stands on it."""
        self._database.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _table(self, name: str) -> pa.Table:
        return self._database.table(self._sql(name))

    @abstractmethod
    def _sql(self, name: str) -> str:
        """The query of a table."""
