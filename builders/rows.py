"""Schemas of the rows between stages; images are locators of bytes in packs."""

from __future__ import annotations

import pyarrow as pa

from nyxqa.schemas.tables import QA, QRELS, TRIPLETS, table_in_format

_S, _I32, _I64 = pa.string(), pa.int32(), pa.int64()

# One part of a page as read from its source: exactly one of text and image (a reference) is set.
# ``caption_origin`` says what the caption was: ``figure``, ``alt``, ``title``, or "" without one.
# ``locator`` says where in a PDF the part stands; null elsewhere.
SOURCE_PART = pa.struct(
    [("text", _S), ("image", _S), ("caption", _S), ("caption_origin", _S), ("section", _S), ("locator", _S)]
)

# A stored image: the place of its bytes in the packs of stage images, and its metadata.
_LOCATOR = [
    ("image_id", _S),
    ("phash", _I64),
    ("caption", _S),
    ("url", _S),
    ("shard", _I32),
    ("offset", _I64),
    ("length", _I64),
]
LOCATOR = pa.struct([*_LOCATOR, ("caption_origin", _S)])
SET_LOCATOR = pa.struct(_LOCATOR)  # of an image of a question set, which brings no caption

PART = pa.struct([("text", _S), ("image", LOCATOR), ("section", _S), ("locator", _S)])

_PAGE = [
    ("page_id", _S),
    ("row", _S),  # name of the source row: its path, with ":NUMBER" in a file of many rows
    ("path", _S),  # base of relative image references, inside the source
    ("title", _S),
    ("url", _S),
    ("language", _S),
    ("license", _S),
    ("source", _S),
]

SOURCE_PAGES = pa.schema([*_PAGE, ("parts", pa.list_(SOURCE_PART))])
PAGES = pa.schema([*_PAGE, ("parts", pa.list_(PART))])

_DOCUMENT = [
    ("doc_id", _S),
    ("text", _S),
    ("images", pa.list_(LOCATOR)),
    ("kind", _S),
    ("n_tokens", _I32),
    ("page_id", _S),
    ("chunk", _I32),
    ("title", _S),
    ("section", _S),
    ("url", _S),
    ("license", _S),
    ("language", _S),
    ("external_id", _S),
    ("source", _S),
    ("start", _I32),  # characters of the page's text: its parts joined by line ends, a placeholder for each image
    ("end", _I32),
    ("locator", _S),  # sheet and box in a PDF, else ""
]

# ``place`` (PAGE:CHUNK) names a chunk until chunks of equal content become one document.
CHUNKS = pa.schema([("place", _S), *_DOCUMENT])

_ALSO_AT = pa.list_(pa.struct([("page_id", _S), ("chunk", _I32), ("url", _S)]))
DOCUMENTS = pa.schema([*_DOCUMENT, ("cluster", _S), ("also_at", _ALSO_AT)])
SPLIT_DOCUMENTS = pa.schema([*DOCUMENTS, ("group", _S), ("split", _S)])

# The fields of its document that a question carries.
_SOURCE_DOCUMENT = pa.struct(
    [
        DOCUMENTS.field(name)
        for name in ("doc_id", "text", "images", "kind", "page_id", "title", "language", "source", "cluster")
    ]
)

# A question as the model wrote it; images are cited as <imageN>, counted from 1.
DRAFTS = pa.schema(
    [
        ("draft", _S),  # DOC:ORDINAL
        ("question", _S),
        ("answer", _S),
        ("generator", _S),
        ("prompts", QA.schema.field("prompts").type),
        ("document", _SOURCE_DOCUMENT),
    ]
)

# With what a recipe asks for besides facts about one document: ``facts`` are the nuggets that the model lists,
# ``second`` the other document of a question that needs two.
KIND_DRAFTS = pa.schema(
    [*DRAFTS, pa.field("type", _S), pa.field("facts", pa.list_(_S)), pa.field("second", _SOURCE_DOCUMENT)]
)

QUESTIONS = pa.schema(
    [
        ("qa_id", _S),
        ("draft", _S),
        ("key", _S),  # equal for questions of the same words about the same images
        ("order_key", pa.uint64()),  # order in which quotas are filled
        ("question", _S),  # with placeholders
        ("images", pa.list_(LOCATOR)),
        *[QA.schema.field(name) for name in ("answer", "answers", "answer_long", "choices", "label")],
        *[table_in_format(QA, 1).schema.field(name) for name in ("generator", "prompts", "evidence")],
        *[TRIPLETS.schema.field(name) for name in ("positives", "negative_ids", "negative_ranks", "negative_scores")],
        ("miner", _S),
        ("document", _SOURCE_DOCUMENT),
    ]
)

KIND_QUESTIONS = pa.schema(
    [
        *[QA.schema.field("evidence") if one.name == "evidence" else one for one in QUESTIONS],
        *[QA.schema.field(name) for name in ("type", "nuggets", "answerable")],
        ("second", _SOURCE_DOCUMENT),
    ]
)


def question_rows(has_kinds: bool) -> pa.Schema:
    """The rows of questions: a recipe that asks for nothing but facts about one document keeps the narrower ones."""
    return KIND_QUESTIONS if has_kinds else QUESTIONS


# A row of any builder as human verdicts leave it. ``source`` is the number of its set among those of the split, -1 for
# questions of pages; ``place`` is its part file and row.
REVIEWED = pa.schema(
    [
        ("source", _I32),
        ("place", _I64),
        ("query_id", _S),
        *[
            TRIPLETS.schema.field(name)
            for name in ("positives", "negative_ids", "negative_ranks", "negative_scores", "reviews", "row_hash")
        ],
    ]
)

# Stage ``qrels``: one row a judged document.
JUDGEMENTS = QRELS.schema
