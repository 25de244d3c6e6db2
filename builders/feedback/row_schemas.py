"""Row schemas between the steps of feedback."""

from __future__ import annotations

import pyarrow as pa

_S, _I32, _I64, _F32 = pa.string(), pa.int32(), pa.int64(), pa.float32()

# Equal values mark equal content: page and cluster in pool ``web``, the key of the text in any pool.
_SHARED_KEYS = [("doc_id", _S), ("page_id", _S), ("cluster", _S), ("key", _S)]
# ``row`` is the document's row in its index.
CANDIDATE = pa.struct([*_SHARED_KEYS, ("row", _I64), ("rank", _I32), ("score", _F32)])
# A model's answer; without a usable one prediction and f1 are null and the reason is set.
_ANSWER = [("prediction", _S), ("f1", _F32), ("reason", _S), ("detail", _S)]

# One row for each train question, in the order of ``triplets``.
CANDIDATES = pa.schema([("dataset", _S), ("query_id", _S), ("pool", _S), ("candidates", pa.list_(CANDIDATE))])

# ``query_key`` is equal for questions that are asked in the same words; ``known`` are the triplet's positives;
# ``found`` counts the candidates before an early stop; ``unasked`` says why a question was not asked at all.
ANSWERS = pa.schema(
    [
        ("dataset", _S),
        ("query_id", _S),
        ("query_key", _S),
        ("pool", _S),
        ("known", pa.list_(pa.struct(_SHARED_KEYS))),
        ("candidates", pa.list_(pa.struct([*CANDIDATE, *_ANSWER]))),
        ("closed_book", pa.struct(_ANSWER)),
        ("found", _I32),
        ("unasked", _S),
    ]
)
