"""``README.md`` and ``left_out.jsonl`` of an export: what the files are, and what they have no place for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from nyxqa.schemas.card_configs import files_description
from nyxqa.schemas.writing import file_hash

LEFT_OUT = "left_out.jsonl"


def write_readme(
    folder: Path,
    target: str,
    files: Mapping[str, Mapping[str, str]],
    how: str,
    left_out: LeftOut,
    options: Mapping[str, str] | None = None,
) -> None:
    """Write ``README.md`` of an export.

    :param files: File or pattern of each split, by config, for ``datasets``.
    :param how: Instructions for reading it; ``FOLDER`` is the placeholder for its folder.
    :param options: What ``datasets`` must know to read the files of a config.
    """
    import yaml

    configs: list[dict[str, object]] = [
        {
            "config_name": name,
            "description": files_description(_hashes(folder, splits.values())),
            "data_files": [{"split": split, "path": path} for split, path in splits.items()],
            **(options or {}),
        }
        for name, splits in files.items()
    ]
    configs[0]["default"] = True
    head = yaml.safe_dump({"configs": configs}, sort_keys=False)
    lines = [f"- {reason}: {count}" for reason, count in sorted(left_out.counts.items())]
    note = f"Listed row by row in `{LEFT_OUT}`:\n\n" + "\n".join(lines) if lines else "Nothing."
    read = f"`FOLDER` is the path of this folder.\n\n{how}"
    text = f"---\n{head}---\n\n# Export for {target}\n\n{read}\n\n## Left out\n\n{note}\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def _hashes(folder: Path, patterns: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the files that ``patterns`` match, by path relative to ``folder``."""
    files = sorted(path for pattern in patterns for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}


class LeftOut:
    """Writes ``left_out.jsonl``, a row for each item that the format has no place for; no rows, no file.

    :param folder: Folder of the export.
    """

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._path = folder / LEFT_OUT
        self._stream = self._path.open("w", encoding="utf-8")

    def add(self, split: str, item_type: str, item_id: str, reason: str, detail: str) -> None:
        """Record one item."""
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
