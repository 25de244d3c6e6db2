"""The published tables, each declared once: columns with their meaning, splits, order of rows."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa

from nyxqa.schemas.columns import IMAGE, Column, Table, features_metadata

DATASET = "nyxqa"

FORMAT = 2
FORMAT_KEY = b"nyxqa.format"
QA_SPLITS = ("train", "validation", "test")
WEB = "web"
POOL_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_S, _I32, _I64, _F32, _B = pa.string(), pa.int32(), pa.int64(), pa.float32(), pa.bool_()
_STRINGS = pa.list_(_S)
_VERDICT = pa.struct([("prediction", _S), ("correct", _B)])
_SCORED = [("prediction", _S), ("f1", _F32), ("correct", _B)]
_PLACE = pa.struct([("page_id", _S), ("chunk", _I32), ("url", _S)])
_POSITIVE = pa.struct([("doc_id", _S), ("rank", _I32), ("score", _F32), ("origin", _S)])
_CANDIDATE = pa.struct([("doc_id", _S), ("rank", _I32), ("score", _F32), *_SCORED])
_PROMPTS = pa.struct(
    [(name, _S) for name in ("questions", "questions_multi", "shorten", "answer", "answer_closed", "distractors")]
)
_CONDITIONS_1 = ("closed_book", "document", "no_images", "images_only")
# What a question was answered with: format 2 adds one of two documents alone.
CONDITIONS = (*_CONDITIONS_1, "first_only", "second_only")
_EVIDENCE_1 = pa.struct([(name, _VERDICT) for name in _CONDITIONS_1])
_EVIDENCE = pa.struct([(name, _VERDICT) for name in CONDITIONS])
_NUGGET = pa.struct([("text", _S), ("doc_id", _S), ("start", _I32), ("end", _I32)])
_SPAN = pa.struct([("start", _I32), ("end", _I32)])
SIDE = pa.struct([("text", _S), ("images", pa.list_(IMAGE))])

CORPUS = Table(
    "corpus",
    (
        Column("doc_id", _S, "id of the document: first 32 digits of a hash over text and image ids"),
        Column("text", _S, "text with one <|image|> for each image"),
        Column("images", pa.list_(IMAGE), "images, in the order of their placeholders"),
        Column("image_ids", _STRINGS, "SHA-256 of each image's bytes"),
        Column("image_phashes", pa.list_(_I64), "64-bit perceptual hash of each image"),
        Column("captions", _STRINGS, "best caption of each image (figure caption, alt text or title), empty if none"),
        Column("kind", _S, "text, single or multi, by the number of images"),
        Column("n_tokens", _I32, "number of text tokens; images do not count"),
        Column("page_id", _S, "id of the page that the document was cut from"),
        Column("chunk", _I32, "position of the document in its page, from 0"),
        Column("title", _S, "title of the page"),
        Column("section", _S, "heading above the start of the document, empty if none"),
        Column("url", _S, "URL of the page"),
        Column("image_urls", _STRINGS, "where each image was read from"),
        Column("license", _S, "licence of the page"),
        Column("language", _S, "BCP-47 tag of the page's language"),
        Column("external_id", _S, "id of the passage in the set that it was read from"),
        Column("source", _S, "source that the page was read from"),
        Column("split", _S, "split of the page: train, validation or test; empty outside pool web"),
        Column("group", _S, "pages of one group share a split; outside pool web the doc_id"),
        Column("cluster", _S, "near-duplicates share a cluster; the doc_id of a document without any"),
        Column("also_at", pa.list_(_PLACE), "other pages with the same content"),
        Column("caption_origins", _STRINGS, "what each caption was: figure, alt, title, model, or empty", since=2),
        Column("start", _I32, "first character of the document in the page's text, from 0", since=2, default=0),
        Column("end", _I32, "character behind its last; equal to start where the place is unknown", since=2, default=0),
        Column("locator", _S, "sheet and box in a PDF, else empty", since=2, default=""),
    ),
    splits=(),
    order=(),
    nullable=frozenset({"title", "url", "license", "language", "external_id"}),
)

_REVIEWS = Column("reviews", _I32, "number of human verdicts on the row", since=2, default=0)

QA = Table(
    "qa",
    (
        Column("qa_id", _S, "id of the question; also the query_id of its triplet"),
        Column("question", _S, "question, with one <|image|> for each image"),
        Column("images", pa.list_(IMAGE), "images of the question, in the order of their placeholders"),
        Column("image_ids", _STRINGS, "SHA-256 of each image's bytes"),
        Column("answer", _S, "short answer"),
        Column("answers", _STRINGS, "accepted forms of the answer"),
        Column("answer_long", _S, "answer before it was shortened"),
        Column("choices", _STRINGS, "options of the multiple-choice form"),
        Column("label", _I32, "position of the right option in choices, from 0"),
        Column("doc_id", _S, "document that the question was written about"),
        Column("page_id", _S, "page of that document"),
        Column("kind", _S, "kind of that document: text, single or multi"),
        Column("source", _S, "source of that document"),
        Column("generator", _S, "what wrote the question: extractive or openai:MODEL"),
        Column("prompts", _PROMPTS, "short hash of each prompt used"),
        Column("evidence", _EVIDENCE, "the model's answers with and without the evidence; null if not verified"),
        Column("dataset", _S, "set that the question belongs to, as in triplets", since=2, default=DATASET),
        Column("pool", _S, "split of corpus that holds the document", since=2, default=WEB),
        _REVIEWS,
        Column(
            "type", _S, "fact, howto, why, compare, list or boolean; empty where it is unknown", since=2, default=""
        ),
        Column("nuggets", pa.list_(_NUGGET), "facts of a long answer, each with its place", since=2, default=[]),
        Column("answerable", _B, "whether the documents answer the question", since=2, default=True),
    ),
    splits=QA_SPLITS,
    order=("dataset", "qa_id"),
    nullable=frozenset({"evidence"}),
)

_QUERY_ID = Column("query_id", _S, "id of the query")
_DATASET = Column("dataset", _S, "set that the query belongs to: nyxqa, the name of a text set, or mmeb/SUBSET")
_POOL = Column("pool", _S, "split of corpus that holds the documents")
_INSTRUCTION = Column("instruction", _S, "task instruction, empty if none")
_QUERY = Column("query", _S, "query, with one <|image|> for each image")
_QUERY_IMAGES = Column("query_images", pa.list_(IMAGE), "images of the query, in the order of their placeholders")
_QUERY_IMAGE_IDS = Column("query_image_ids", _STRINGS, "SHA-256 of the bytes of each image of the query")
_ANSWERS = Column("answers", _STRINGS, "accepted answers; empty if unknown")
_POSITIVE_ID = Column("positive_id", _S, "document that answers the query")
_POSITIVES = Column("positives", pa.list_(_POSITIVE), "documents known to answer, with rank, score and origin")
_NEGATIVE_IDS = Column("negative_ids", _STRINGS, "hard negatives, best ranked first")
_NEGATIVE_RANKS = Column("negative_ranks", pa.list_(_I32), "rank of each negative, from 1; null if not retrieved")
_NEGATIVE_SCORES = Column("negative_scores", pa.list_(_F32), "score of each negative; null if not retrieved")
_MINER = Column("miner", _S, "encoder that retrieved the negatives")
_KIND = Column("kind", _S, "kind of the positive: text, single or multi")

_ROW_HASH = Column(
    "row_hash", _S, "short hash over query_id, positive_id and negative_ids as they are reviewed", since=2, default=""
)
_NEEDS = Column("needs", _S, "any: each positive answers alone; all: they answer together", since=2, default="any")

TRIPLETS = Table(
    "triplets",
    (
        _QUERY_ID,
        _DATASET,
        _POOL,
        _INSTRUCTION,
        _QUERY,
        _QUERY_IMAGES,
        _QUERY_IMAGE_IDS,
        _ANSWERS,
        _POSITIVE_ID,
        _POSITIVES,
        _NEGATIVE_IDS,
        _NEGATIVE_RANKS,
        _NEGATIVE_SCORES,
        _MINER,
        _KIND,
        _REVIEWS,
        _ROW_HASH,
        _NEEDS,
    ),
    splits=QA_SPLITS,
    order=("dataset", "query_id"),
)

QRELS = Table(
    "qrels",
    (
        _QUERY_ID,
        Column("doc_id", _S, "document that was judged"),
        Column("grade", _I32, "0: does not help, 1: helps in part, 2: answers"),
        Column("by", _S, "who judged"),
        Column("span", _SPAN, "characters of the document that the judgement rests on; null without a judge"),
    ),
    splits=("validation", "test"),
    order=("query_id", "doc_id"),
    nullable=frozenset({"span"}),
)

MIXTURE = Table(
    "mixture",
    (Column("position", _I64, "position in the shuffled order, from 0"), _QUERY_ID, _DATASET),
    splits=("train",),
    order=("position",),
)

FEEDBACK = Table(
    "feedback",
    (
        _QUERY_ID,
        _DATASET,
        Column("candidates", pa.list_(_CANDIDATE), "retrieved documents, with the model's answer to each"),
        Column("closed_book", pa.struct(_SCORED), "the model's answer without any document"),
        Column("positive_ids", _STRINGS, "candidates that the model answered correctly with"),
        Column("negative_ids", _STRINGS, "candidates that it answered wrongly with"),
        Column("generator", _S, "model that answered"),
    ),
    splits=("train",),
    order=("dataset", "query_id"),
)

LEDGER = Table(
    "ledger",
    (
        Column("stage", _S, "stage that dropped the item"),
        Column("split", _S, "split of the item; empty up to stage split"),
        Column("item_type", _S, "page, block, image, document, question, negative or row"),
        Column("item_id", _S, "id of the item, or PARENT:ORDINAL until it has one"),
        Column("parent_id", _S, "id of the item that it was made from, empty if none"),
        Column("reason", _S, "why it was dropped, one word"),
        Column("detail", _S, "what exactly was wrong, one line"),
    ),
    splits=("rows",),
    order=("stage", "split", "item_type", "item_id", "parent_id", "reason"),
)

# A triplet joined with its documents: rows of the export for streaming, and of the preview of format 1.
JOINED = Table(
    "joined",
    (
        _QUERY_ID,
        _DATASET,
        _POOL,
        _INSTRUCTION,
        Column("query", SIDE, "query: text and images"),
        _QUERY_IMAGE_IDS,
        _ANSWERS,
        _POSITIVE_ID,
        Column("positive", SIDE, "document that answers the query: text and images"),
        _POSITIVES,
        _NEGATIVE_IDS,
        Column("negatives", pa.list_(SIDE), "hard negatives: text and images"),
        _NEGATIVE_RANKS,
        _NEGATIVE_SCORES,
        _MINER,
        _KIND,
        _REVIEWS,
        _ROW_HASH,
        _NEEDS,
    ),
    splits=QA_SPLITS,
    order=("dataset", "query_id"),
)

PREVIEW_NEGATIVES = (1, 2, 3)


def _preview_negative(number: int) -> tuple[Column, ...]:
    name = f"negative_{number}"
    return (
        Column(f"{name}_id", _S, f"hard negative {number}, best ranked first; empty if there are fewer"),
        Column(name, _S, "its text, with one <|image|> for each image"),
        Column(f"{name}_images", pa.list_(IMAGE), "its images"),
        Column(f"{name}_score", _F32, "its score; null if there are fewer, or it was not retrieved"),
    )


PREVIEW = Table(
    "preview",
    (
        _QUERY_ID,
        _DATASET,
        _QUERY,
        _QUERY_IMAGES,
        _ANSWERS,
        _POSITIVE_ID,
        Column("positive", _S, "text of the document that answers, with one <|image|> for each image"),
        Column("positive_images", pa.list_(IMAGE), "its images"),
        *(column for number in PREVIEW_NEGATIVES for column in _preview_negative(number)),
    ),
    splits=("train",),
    order=("dataset", "query_id"),
    nullable=frozenset(f"negative_{number}_score" for number in PREVIEW_NEGATIVES),
)

TABLES = {t.name: t for t in (PREVIEW, CORPUS, QA, TRIPLETS, QRELS, MIXTURE, FEEDBACK, LEDGER)}


def table_in_format(table: Table, number: int) -> Table:
    """``table`` as format ``number`` declares it."""
    if number >= FORMAT:
        return table
    declared = (JOINED if table is PREVIEW else table).columns
    columns = [column for column in declared if column.since <= number]
    earlier = [replace(one, type=_EVIDENCE_1) if one.name == "evidence" else one for one in columns]
    return replace(table, columns=tuple(earlier), nullable=table.nullable & {one.name for one in earlier})


def published_schema(schema: pa.Schema, number: int = FORMAT) -> pa.Schema:
    """``schema`` with the metadata every published file carries: our format and the ``datasets`` features.

    :param number: The format.
    """
    return schema.with_metadata({FORMAT_KEY: str(number).encode(), **features_metadata(schema)})
