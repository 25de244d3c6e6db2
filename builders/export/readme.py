"""The note beside an export: what the files are, and what had no place in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nyxqa.builders.export.left_out import LEFT_OUT, LeftOut


def write_readme(
    folder: Path, target: str, files: Mapping[str, Mapping[str, str]], how: str, left_out: LeftOut
) -> None:
    """Write ``README.md``.

    :param files: File or pattern of each split, by config, for ``datasets``; empty where it does not read the export.
    :param how: How to read it; ``FOLDER`` stands for the folder.
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
    note = f"Row by row in `{LEFT_OUT}`:\n\n" + "\n".join(lines) if lines else "Nothing."
    text = f"---\n{head}---\n\n# Export for {target}\n\n{how}\n\n## What had no place here\n\n{note}\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
