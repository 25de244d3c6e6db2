"""The published tables, each declared once: Arrow schema, splits, order of rows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import pyarrow as pa

DATASET = "nyxqa"


FORMAT = 1
FORMAT_KEY = b"nyxqa.format"
QA_SPLITS = ("train", "validation", "test")
WEB = "web"
POOL_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")

# What datasets calls Image(): a struct of encoded bytes and a path; nyxqa always fills the bytes.
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

_S, _I32, _I64, _F32, _B = pa.string(), pa.int32(), pa.int64(), pa.float32(), pa.bool_()
_STRINGS = pa.list_(_S)
_VERDICT = pa.struct([("prediction", _S), ("correct", _B)])
_SCORED = [("prediction", _S), ("f1", _F32), ("correct", _B)]


@dataclass(frozen=True)
class Table:
    """A table's name, Arrow schema, splits (empty: one per pool), sort order and nullable columns."""

    name: str
    schema: pa.Schema
    splits: tuple[str, ...]
    order: tuple[str, ...]
    nullable: frozenset[str] = field(default_factory=frozenset)

    @property
    def has_images(self) -> bool:
        """Whether rows carry image bytes, which keeps row groups small."""
        return any(_holds_image(column.type) for column in self.schema)


def _holds_image(kind: pa.DataType) -> bool:
    if kind.equals(IMAGE):
        return True
    return any(_holds_image(kind.field(i).type) for i in range(kind.num_fields))


_PLACE = pa.struct([("page_id", _S), ("chunk", _I32), ("url", _S)])
_POSITIVE = pa.struct([("doc_id", _S), ("rank", _I32), ("score", _F32), ("origin", _S)])
_CANDIDATE = pa.struct([("doc_id", _S), ("rank", _I32), ("score", _F32), *_SCORED])
_PROMPTS = pa.struct(
    [(name, _S) for name in ("questions", "questions_multi", "shorten", "answer", "answer_closed", "distractors")]
)
_EVIDENCE = pa.struct([(name, _VERDICT) for name in ("closed_book", "document", "no_images", "images_only")])
SIDE = pa.struct([("text", _S), ("images", pa.list_(IMAGE))])

CORPUS = Table(
    "corpus",
    pa.schema(
        [
            ("doc_id", _S),
            ("text", _S),
            ("images", pa.list_(IMAGE)),
            ("image_ids", _STRINGS),
            ("image_phashes", pa.list_(_I64)),
            ("captions", _STRINGS),
            ("kind", _S),
            ("n_tokens", _I32),
            ("page_id", _S),
            ("chunk", _I32),
            ("title", _S),
            ("section", _S),
            ("url", _S),
            ("image_urls", _STRINGS),
            ("license", _S),
            ("language", _S),
            ("external_id", _S),
            ("source", _S),
            ("split", _S),
            ("group", _S),
            ("cluster", _S),
            ("also_at", pa.list_(_PLACE)),
        ]
    ),
    splits=(),
    order=(),
    nullable=frozenset({"title", "url", "license", "language", "external_id"}),
)

QA = Table(
    "qa",
    pa.schema(
        [
            ("qa_id", _S),
            ("question", _S),
            ("images", pa.list_(IMAGE)),
            ("image_ids", _STRINGS),
            ("answer", _S),
            ("answers", _STRINGS),
            ("answer_long", _S),
            ("choices", _STRINGS),
            ("label", _I32),
            ("doc_id", _S),
            ("page_id", _S),
            ("kind", _S),
            ("source", _S),
            ("generator", _S),
            ("prompts", _PROMPTS),
            ("evidence", _EVIDENCE),
        ]
    ),
    splits=QA_SPLITS,
    order=("qa_id",),
    nullable=frozenset({"evidence"}),
)

TRIPLETS = Table(
    "triplets",
    pa.schema(
        [
            ("query_id", _S),
            ("dataset", _S),
            ("pool", _S),
            ("instruction", _S),
            ("query", _S),
            ("query_images", pa.list_(IMAGE)),
            ("query_image_ids", _STRINGS),
            ("answers", _STRINGS),
            ("positive_id", _S),
            ("positives", pa.list_(_POSITIVE)),
            ("negative_ids", _STRINGS),
            ("negative_ranks", pa.list_(_I32)),
            ("negative_scores", pa.list_(_F32)),
            ("miner", _S),
            ("kind", _S),
        ]
    ),
    splits=QA_SPLITS,
    order=("dataset", "query_id"),
)

MIXTURE = Table(
    "mixture",
    pa.schema([("position", _I64), ("query_id", _S), ("dataset", _S)]),
    splits=("train",),
    order=("position",),
)

FEEDBACK = Table(
    "feedback",
    pa.schema(
        [
            ("query_id", _S),
            ("dataset", _S),
            ("candidates", pa.list_(_CANDIDATE)),
            ("closed_book", pa.struct(_SCORED)),
            ("positive_ids", _STRINGS),
            ("negative_ids", _STRINGS),
            ("generator", _S),
        ]
    ),
    splits=("train",),
    order=("dataset", "query_id"),
)

LEDGER = Table(
    "ledger",
    pa.schema([(n, _S) for n in ("stage", "split", "item_type", "item_id", "parent_id", "reason", "detail")]),
    splits=("rows",),
    order=("stage", "split", "item_type", "item_id", "parent_id", "reason"),
)

PREVIEW = Table(
    "preview",
    pa.schema(
        [
            ("query_id", _S),
            ("dataset", _S),
            ("pool", _S),
            ("instruction", _S),
            ("query", SIDE),
            ("query_image_ids", _STRINGS),
            ("answers", _STRINGS),
            ("positive_id", _S),
            ("positive", SIDE),
            ("positives", pa.list_(_POSITIVE)),
            ("negative_ids", _STRINGS),
            ("negatives", pa.list_(SIDE)),
            ("negative_ranks", pa.list_(_I32)),
            ("negative_scores", pa.list_(_F32)),
            ("miner", _S),
            ("kind", _S),
        ]
    ),
    splits=("train",),
    order=("dataset", "query_id"),
)

TABLES = {t.name: t for t in (PREVIEW, CORPUS, QA, TRIPLETS, MIXTURE, FEEDBACK, LEDGER)}


def published_schema(schema: pa.Schema) -> pa.Schema:
    """``schema`` with the metadata every published file carries: our format and the ``datasets`` features.

    Lists are spelled ``[feature]``, the one form that datasets 3.6 and 5 both read.
    """
    features = {column.name: _feature(column.type) for column in schema}
    info = json.dumps({"info": {"features": features}})
    return schema.with_metadata({FORMAT_KEY: str(FORMAT).encode(), b"huggingface": info.encode()})


def _feature(kind: pa.DataType) -> object:
    if kind.equals(IMAGE):
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type) for i in range(kind.num_fields)}
    return {"dtype": _DTYPES[kind], "_type": "Value"}


_DTYPES = {_S: "string", _I32: "int32", _I64: "int64", _F32: "float32", _B: "bool"}
