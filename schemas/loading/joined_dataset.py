"""Iterate over joined rows and batches in order, without Python objects for their references."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import Any

import pyarrow as pa
from datasets import Dataset, DatasetDict, arrow_dataset, combine

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.loading.join import CONTENTS, CUT, Joiner, one_join
from nyxqa.schemas.loading.joined_columns import joined_columns

# Rows looked up at once: references are small, and Arrow and the look-up have a cost for each batch.
_REFERENCES = 256
# What a column holds besides text and images where its rows name documents.
_REFERENCE_FIELDS = frozenset(("text", "images", "doc_id", "pool", "query_id"))
WAY_OUT = "load them whole with nyxqa.load(..., join='whole'), or the stored columns with join=False"


class JoinedDataset(Dataset):  # type: ignore[misc]
    """A ``Dataset`` that, read in order, looks rows up a few hundred at a time and reads contents one by one.

    ``select``, ``shuffle`` and the like return joined rows, too. What would give references instead of documents is
    refused with the way out.
    """

    def __iter__(self) -> Iterator[Any]:
        """The rows in order."""
        join = self._join
        if join is None:
            yield from super().__iter__()
            return
        for columns in self._columns(join, _REFERENCES):
            for values in zip(*columns.values(), strict=True):
                yield dict(zip(columns, values, strict=True))

    def iter(self, batch_size: int, drop_last_batch: bool = False) -> Iterator[Any]:
        """Batches of rows in order, as ``Dataset.iter`` returns them."""
        join = self._join
        if join is None:
            yield from super().iter(batch_size, drop_last_batch)
            return
        batches = len(self) // batch_size if drop_last_batch else -(-len(self) // batch_size)
        at_once = max(1, _REFERENCES // batch_size)
        for columns in self._columns(join, at_once * batch_size):
            for _ in range(min(at_once, batches)):
                yield {name: list(islice(column, batch_size)) for name, column in columns.items()}
            batches -= at_once

    def to_list(self) -> list[dict[str, Any]]:
        """The joined rows."""
        return list(self)

    def to_dict(self, batch_size: int | None = None) -> dict[str, list[Any]]:
        """The joined columns."""
        rows = self.to_list()
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else self.column_names)}

    def set_format(
        self, type: Any = None, columns: Any = None, output_all_columns: bool = False, **options: Any
    ) -> None:
        """As ``Dataset`` has it; a transform is given the joined batch.

        :raises UsageError: If columns that are joined on access would be given as they are stored.
        """
        if type == "custom":
            options["transform"] = _after(self._joiner, options["transform"])
        elif references(self._data.schema, columns):
            raise UsageError(f"rows that are joined on access have no format {type!r}: {WAY_OUT}")
        super().set_format(type, columns, output_all_columns, **options)

    def _columns(self, join: Joiner, rows: int) -> Iterator[dict[str, Iterator[Any]]]:
        """The columns of ``rows`` rows at a time; documents are read while a column is iterated over."""
        for stored in plain(self).with_format("arrow", columns=self.format["columns"]).iter(rows):
            yield {name: iter(column) for name, column in joined_columns(stored, join).items()}

    @property
    def _join(self) -> Joiner | None:
        """The transform, if it is a join and rows have no columns beside those that it gets."""
        form = self.format
        join = form["format_kwargs"].get("transform") if form["type"] == "custom" else None
        return join if isinstance(join, Joiner) and not form["output_all_columns"] else None

    @property
    def _joiner(self) -> Joiner | None:
        """The join, also behind a transform of the user's."""
        transform = self.format["format_kwargs"].get("transform")
        found = transform.join if isinstance(transform, _Joined) else transform
        return found if isinstance(found, Joiner) else None


@dataclass(frozen=True)
class _Joined:
    """A transform of the user's on joined batches."""

    join: Joiner
    transform: Callable[[Any], Any]

    def __call__(self, batch: Any) -> Any:
        return self.transform(self.join(batch))


def _after(join: Joiner | None, transform: Any) -> Any:
    return transform if join is None or isinstance(transform, Joiner | _Joined) else _Joined(join, transform)


def references(schema: pa.Schema, columns: Any = None) -> list[str]:
    """Names of the columns, among those given or all, whose stored form names documents instead of holding them."""
    wanted = schema.names if columns is None else [columns] if isinstance(columns, str) else columns
    return [name for name in wanted if name in schema.names and _names_documents(schema.field(name).type)]


def _names_documents(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return _names_documents(kind.value_type)
    return pa.types.is_struct(kind) and {"text", "images"} < {field.name for field in kind} & _REFERENCE_FIELDS


def plain(rows: Dataset) -> Dataset:
    """The same rows as a plain ``Dataset``, with the same format."""
    same = object.__new__(Dataset)
    same.__dict__.update(rows.__dict__)
    return same


def joined(made: Any) -> Any:
    """What a method of a plain ``Dataset`` made, as joined rows again."""
    if isinstance(made, Dataset):
        made.__class__ = JoinedDataset
    elif isinstance(made, dict):
        for one in made.values():
            joined(one)
    return made


def _keeping(name: str) -> Callable[..., Any]:
    @wraps(getattr(Dataset, name))
    def kept(self: JoinedDataset, *arguments: Any, **options: Any) -> Any:
        return joined(getattr(plain(self), name)(*arguments, **options))

    return kept


def _refusing(name: str) -> Callable[..., Any]:
    @wraps(getattr(Dataset, name))
    def refused(self: JoinedDataset, *arguments: Any, **options: Any) -> Any:
        if references(self._data.schema):
            raise UsageError(f"rows that are joined on access cannot do {name.strip('_')}: {WAY_OUT}")
        return getattr(plain(self), name)(*arguments, **options)

    return refused


def _refusing_columns(name: str) -> Callable[..., Any]:
    """For a method whose first argument is a column or a mapping of columns."""

    @wraps(getattr(Dataset, name))
    def refused(self: JoinedDataset, first: Any, *arguments: Any, **options: Any) -> Any:
        asked = [first] if isinstance(first, str) else list(first)
        named = [one for one in asked if one in {*references(self._data.schema), *CONTENTS, *CUT}]
        if named:
            raise UsageError(f"column {named[0]!r} is joined on access, so {name} does not go with it: {WAY_OUT}")
        return joined(getattr(plain(self), name)(first, *arguments, **options))

    return refused


_KEPT = (
    "select", "shuffle", "filter", "map", "sort", "train_test_split", "shard", "skip", "take", "repeat", "batch",
    "add_column", "add_item", "cast", "flatten_indices", "remove_columns", "select_columns",
    "_select_contiguous", "_select_with_indices_mapping",
)  # fmt: skip
_REFUSED = (
    "to_pandas", "to_polars", "to_csv", "to_json", "to_parquet", "to_sql", "save_to_disk", "push_to_hub",
    "_push_parquet_shards_to_hub", "to_iterable_dataset", "to_tf_dataset", "flatten",
)  # fmt: skip
_REFUSED_FOR_COLUMNS = ("rename_column", "rename_columns", "cast_column", "unique", "class_encode_column")
for _names, _wrapper in ((_KEPT, _keeping), (_REFUSED, _refusing), (_REFUSED_FOR_COLUMNS, _refusing_columns)):
    for _name in _names:
        if hasattr(Dataset, _name):
            setattr(JoinedDataset, _name, _wrapper(_name))


def _refusing_first(name: str) -> Callable[..., Any]:
    """For a method of a ``DatasetDict`` that makes a repository or a folder before it asks its sets one by one."""

    @wraps(getattr(DatasetDict, name))
    def refused(self: DatasetDict, *arguments: Any, **options: Any) -> Any:
        if any(isinstance(one, JoinedDataset) and references(one._data.schema) for one in self.values()):
            raise UsageError(f"rows that are joined on access cannot do {name}: {WAY_OUT}")
        return _PLAIN_DICT[name](self, *arguments, **options)

    return refused


_PLAIN_DICT = {name: getattr(DatasetDict, name) for name in ("push_to_hub", "save_to_disk")}
for _name in _PLAIN_DICT:
    setattr(DatasetDict, _name, _refusing_first(_name))


def _concatenating(concatenate: Callable[..., Dataset]) -> Callable[..., Dataset]:
    """``concatenate`` of ``datasets``, which drops the join where two sets were loaded one by one."""

    @wraps(concatenate)
    def concatenated(dsets: Any, *arguments: Any, **options: Any) -> Dataset:
        sets = list(dsets)
        joins = [one._joiner for one in sets if isinstance(one, JoinedDataset)]
        known = [join for join in joins if join is not None]
        if not known:
            return concatenate(sets, *arguments, **options)
        join = one_join(known)
        plain_sets = [plain(one).with_format("custom", transform=join) for one in sets]
        made: Dataset = joined(concatenate(plain_sets, *arguments, **options))
        return made

    return concatenated


# ``concatenate_datasets`` and ``interleave_datasets`` make a plain ``Dataset`` and leave no other way to say which.
_CONCATENATE = "_concatenate_map_style_datasets"
for _module in (arrow_dataset, combine):
    setattr(_module, _CONCATENATE, _concatenating(getattr(_module, _CONCATENATE)))
