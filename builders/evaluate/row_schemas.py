"""Row schemas between the steps of an evaluation."""

from __future__ import annotations

import pyarrow as pa

_S, _I32, _I64, _F64 = pa.string(), pa.int32(), pa.int64(), pa.float64()

# One prefix length: ``ranks`` of the known documents, aligned with them and 0 where not found; rows of the first
# documents in their pool, with their scores.
RANKED = pa.struct([("dim", _I32), ("ranks", pa.list_(_I32)), ("rows", pa.list_(_I64)), ("scores", pa.list_(_F64))])
# One row a question, in the order of the questions.
RANKINGS = pa.schema([("query_id", _S), ("found", pa.list_(RANKED))])

# An answer with the first ``k`` documents; without a usable one the prediction is null and the reason is set.
_ANSWER = pa.struct(
    [
        ("k", _I32),
        ("prompt", _S),
        ("prediction", _S),
        ("reason", _S),
        ("detail", _S),
        ("prompt_tokens", _I64),
        ("completion_tokens", _I64),
    ]
)
ANSWERS = pa.schema([("query_id", _S), ("answers", pa.list_(_ANSWER))])
