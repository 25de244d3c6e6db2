"""The ledger of an export: what the target has no place for, row by row."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import TracebackType

LEFT_OUT = "left_out.jsonl"


class LeftOut:
    """Writes ``left_out.jsonl``; there is none if nothing was left out.

    :param folder: Folder of the export.
    """

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._path = folder / LEFT_OUT
        self._stream = self._path.open("w", encoding="utf-8")

    def add(self, split: str, item_type: str, item_id: str, reason: str, detail: str) -> None:
        """Note one thing."""
        self.counts[reason] += 1
        row = {"split": split, "item_type": item_type, "item_id": item_id, "reason": reason, "detail": detail}
        self._stream.write(json.dumps(row, ensure_ascii=False) + "\n")

    def __enter__(self) -> LeftOut:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if not self.counts:
            self._path.unlink()
