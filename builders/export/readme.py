"""``README.md`` and ``left_out.jsonl`` of an export: what the files are, and what they have no place for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

LEFT_OUT = "left_out.jsonl"


def write_readme(
    folder: Path, target: str, files: Mapping[str, Mapping[str, str]], how: str, left_out: LeftOut
) -> None:
    """Write ``README.md`` of an export.

    :param files: File or pattern of each split, by config, for ``datasets``; empty where it does not read the export.
    :param how: Instructions for reading it; ``FOLDER`` is the placeholder for its folder.
    """
    import yaml

    configs: list[dict[str, object]] = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in splits.items()]}
        for name, splits in files.items()
    ]
    if configs:
        configs[0]["default"] = True
    head = yaml.safe_dump({"configs": configs}, sort_keys=False) if configs else "{}\n"
    lines = [f"- {reason}: {count}" for reason, count in sorted(left_out.counts.items())]
    note = f"Listed row by row in `{LEFT_OUT}`:\n\n" + "\n".join(lines) if lines else "Nothing."
    text = f"---\n{head}---\n\n# Export for {target}\n\n{how}\n\n## Left out\n\n{note}\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


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
