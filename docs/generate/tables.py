"""The page of tables: each column with its type, its meaning and the value of an example row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from docs.generate.markdown import code, table
from nyxqa.schemas.columns import IMAGE, Table
from nyxqa.schemas.tables import TABLES

EXAMPLES = Path(__file__).parent / "example_rows.json"
_LONG = 160  # characters of a value

_HEAD = """# Tables

A dataset is a folder of Parquet files, `data/TABLE/SPLIT-00000-of-0000N.parquet`, read by `nyxqa.load`, `nyxqa.frame`,
`nyxqa sql`, `datasets.load_dataset` and everything else that reads Parquet. Each table is declared once, in
`schemas/tables.py`, from which this page is made. The values are those of one row of the bundled sample; `qrels` and
`feedback` need a model, so theirs are made up. A list is never null; a column that may be null says so.
"""


def tables_page() -> str:
    """The page."""
    examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    parts = [_HEAD]
    for name, one in TABLES.items():
        splits = (
            ", ".join(map(code, one.splits)) if one.splits else "one for each pool (`web`, the pools of question sets)"
        )
        order = f" Rows are in the order of {', '.join(map(code, one.order))}." if one.order else ""
        rows = [
            (
                code(column.name),
                type_name(column.type) + (", may be null" if column.name in one.nullable else ""),
                column.description + (" (format 2)" if column.since > 1 else ""),
                code(shown(examples[name][column.name])),
            )
            for column in one.columns
        ]
        parts.append(
            f"## {name}\n\nSplits: {splits}.{order}\n\n{table(('column', 'type', 'meaning', 'example'), rows)}\n"
        )
    return "\n".join(parts)


def type_name(kind: pa.DataType) -> str:
    """The type in words, such as list of string."""
    if kind.equals(IMAGE):
        return "image"
    if pa.types.is_list(kind):
        return f"list of {type_name(kind.value_type)}"
    if pa.types.is_struct(kind):
        fields = (kind.field(number) for number in range(kind.num_fields))
        return "{" + ", ".join(f"{one.name}: {type_name(one.type)}" for one in fields) + "}"
    return {"float": "float32"}.get(str(kind), str(kind))


def shown(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    text = text.replace("`", "'")
    return text if len(text) <= _LONG else text[:_LONG] + " ..."


def example_row(rows: Table, folder: Path, split: str) -> dict[str, Any]:
    """The first row of a table with bytes in words, for ``example_rows.json``."""
    import pyarrow.parquet as pq

    file = sorted((folder / "data" / rows.name).glob(f"{split}-*.parquet"))[0]
    row: dict[str, Any] = _without_bytes(pq.read_table(file).slice(0, 1).to_pylist()[0])
    return row


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, dict):
        return {name: _without_bytes(one) for name, one in value.items()}
    return [_without_bytes(one) for one in value] if isinstance(value, list) else value
