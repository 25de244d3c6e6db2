"""Checks of single rows: content, lists, ids, options and images, and how often the key is at each position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from nyxqa.builders.check.context import CheckContext
from nyxqa.builders.check.images import IMAGE_CHECKS, ImageChecks
from nyxqa.builders.qa.keys import question_key
from nyxqa.builders.stages.names import UPDATE
from nyxqa.builders.update.parent import STALE
from nyxqa.builders.vlm.prompt import LONG_TYPES
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import PLACEHOLDER, kind_of
from nyxqa.schemas.ids import doc_id, qa_id
from nyxqa.schemas.tables import DATASET, LEDGER, QA_SPLITS, WEB

_OPTIONS = 4  # of a question about a page
_MOST_OPTIONS = 10  # of a question of a set
# 99.99 % quantile of chi-square with 3 degrees of freedom: one balanced split in 10,000 exceeds it.
_MAX_CHI_SQUARE = 21.108
# Ten expected at each position; the chi-square approximation needs at least five.
_MIN_QUESTIONS = 40

ROW_CHECKS = ("content", "aligned_lists", "kinds", "doc_ids", "qa_ids", "choices", "pools")
_KEYS = pa.schema([(name, pa.string()) for name in ("pool", "doc_id", "key")])
_KEY_BATCH = 10_000
# Stage, reason and item type of the ledger row of a question that holds for a changed document.
_KEPT = (UPDATE, STALE, "document")


def check_rows(context: CheckContext) -> None:
    """Check every row of every table except ``preview``; creates the table ``content`` (pool, doc_id, key).

    ``key`` is equal for documents of the same words and images.
    """
    images = ImageChecks(context.findings, context.manifest.versions, context.by_address)
    context.db.execute("CREATE TABLE content (pool VARCHAR, doc_id VARCHAR, key VARCHAR)")
    shared = ("nulls", "content", "aligned_lists", *IMAGE_CHECKS)
    if context.ready(("corpus",), "kinds", "doc_ids", "pools", *shared):
        _check_documents(context, images)
    if context.ready(("qa",), "qa_ids", "choices", *shared):
        _check_questions(context, images)
    if context.ready(("triplets",), *shared):
        _check_triplets(context, images)
    for name in ("qrels", "mixture", "feedback", "ledger"):
        if context.ready((name,), "nulls"):
            for _ in context.rows(name):  # counts their nulls
                pass
    images.skip_unfetched()


def _check_documents(context: CheckContext, images: ImageChecks) -> None:
    fail = context.findings.fail
    keys: list[dict[str, str]] = []
    for pool, row in context.rows("corpus"):
        where = f"corpus {pool} {row['doc_id']}"
        _content(context, where, row["text"], row["images"])
        count = len(row["image_ids"])
        for name in ("images", "image_phashes", "captions", "caption_origins", "image_urls"):
            if len(row[name]) != count:
                fail("aligned_lists", f"{where}: {len(row[name])} {name} but {count} image_ids")
        if row["kind"] != kind_of(count):
            fail("kinds", f"{where}: kind {row['kind']!r} with {count} images")
        if (expected := doc_id(row["text"], row["image_ids"])) != row["doc_id"]:
            fail("doc_ids", f"{where}: its content gives {expected}")
        if wrong := _wrong_pool(pool, row):
            fail("pools", f"{where}: {wrong}")
        images.check(where, row["images"], row["image_ids"], row["image_phashes"])
        keys.append({"pool": pool, "doc_id": row["doc_id"], "key": question_key(row["text"], row["image_ids"])})
        if len(keys) >= _KEY_BATCH:
            _store(context, keys)
    _store(context, keys)


def _store(context: CheckContext, keys: list[dict[str, str]]) -> None:
    db = context.db
    db.register("keys", pa.Table.from_pylist(keys, schema=_KEYS))
    db.execute("INSERT INTO content SELECT pool, doc_id, key FROM keys")
    db.unregister("keys")
    keys.clear()


def _wrong_pool(pool: str, row: Mapping[str, Any]) -> str:
    if not row["cluster"]:
        return "no cluster"
    if pool == WEB:
        return "" if row["split"] in QA_SPLITS else f"split {row['split']!r}"
    if row["split"] or row["group"] != row["doc_id"]:
        return f"split {row['split']!r} and group {row['group']!r} outside pool {WEB}"
    return ""


def _check_questions(context: CheckContext, images: ImageChecks) -> None:
    fail, asked_of = context.findings.fail, _asked_of(context)
    for split, row in context.rows("qa"):
        where = f"qa {split} {row['qa_id']}"
        _content(context, where, row["question"], row["images"])
        if len(row["images"]) != len(row["image_ids"]):
            fail("aligned_lists", f"{where}: {len(row['images'])} images but {len(row['image_ids'])} image_ids")
        own = row["dataset"] == DATASET
        document = asked_of.get(row["qa_id"], row["doc_id"])
        expected = qa_id(row["question"], row["image_ids"], row["answer"], document) if own else row["qa_id"]
        if expected != row["qa_id"]:  # those of sets are made of the sets' own ids, which no table holds
            fail("qa_ids", f"{where}: its content gives {expected}")
        if wrong := _wrong_options(row) if own else _wrong_set_options(row):
            fail("choices", f"{where}: {wrong}")
        images.check(where, row["images"], row["image_ids"])


def _asked_of(context: CheckContext) -> dict[str, str]:
    """The document that each question was asked of first which holds for a changed one now, as the ledger says.

    Such a question keeps its id.
    """
    if LEDGER.name in context.unreadable:
        return {}
    columns = ("stage", "reason", "item_type", "item_id", "parent_id")
    rows = (values for _, values in context.keys(LEDGER.name, columns))
    return {one[4]: one[3].partition(":")[2] for one in rows if one[:3] == _KEPT}


def _wrong_options(row: Mapping[str, Any]) -> str:
    """What is wrong with a question's options, "" if nothing: four, distinct once normalised, the key at ``label``."""
    options, label = row["choices"], row["label"]
    if row["type"] in LONG_TYPES or not row["answerable"]:
        kind = f"of type {row['type']}" if row["answerable"] else "that no document answers"
        return "" if not options and label == -1 else f"{len(options)} options of a question {kind}"
    if len(options) != _OPTIONS:
        return f"{len(options)} options"
    if len({normalise_answer(option) for option in options}) != _OPTIONS:
        return f"options that are equal once normalised: {options}"
    if not 0 <= label < _OPTIONS:
        return f"label {label}"
    if options[label] != row["answer"]:
        return f"option {label} is {options[label]!r}, the answer {row['answer']!r}"
    return ""


def _wrong_set_options(row: Mapping[str, Any]) -> str:
    """What is wrong with the answer and options of a question of a set, "" if nothing."""
    options, label = row["choices"], row["label"]
    if row["answer"] not in row["answers"]:
        return f"the answer {row['answer']!r} is none of the accepted forms"
    if not options:
        return "" if label == -1 else f"label {label} without options"
    if not 2 <= len(options) <= _MOST_OPTIONS or len(set(options)) != len(options):
        return f"{len(options)} options: {options}"
    if not -1 <= label < len(options):
        return f"label {label}"
    if label >= 0 and options[label] not in row["answers"]:
        return f"option {label} is {options[label]!r}, which is no accepted form of the answer"
    return ""


def _check_triplets(context: CheckContext, images: ImageChecks) -> None:
    fail = context.findings.fail
    for split, row in context.rows("triplets"):
        where = f"triplets {split} {row['query_id']}"
        _content(context, where, row["query"], row["query_images"])
        count, ids = len(row["query_images"]), len(row["query_image_ids"])
        if count != ids:
            fail("aligned_lists", f"{where}: {count} query_images but {ids} query_image_ids")
        negatives = len(row["negative_ids"])
        for name in ("negative_ranks", "negative_scores"):
            if len(row[name]) != negatives:
                fail("aligned_lists", f"{where}: {len(row[name])} {name} but {negatives} negative_ids")
        images.check(where, row["query_images"], row["query_image_ids"])


def _content(context: CheckContext, where: str, text: str, images: list[Any]) -> None:
    if (placeholders := text.count(PLACEHOLDER)) != len(images):
        context.findings.fail("content", f"{where}: {placeholders} placeholders but {len(images)} images")


def check_labels(context: CheckContext) -> None:
    """Check that the key is equally often at each position, in each split with enough questions."""
    if not context.ready(("qa",), "label_balance"):
        return
    query = """
        SELECT split, label, count(*) FROM qa WHERE dataset = $dataset AND label BETWEEN 0 AND 3
        GROUP BY ALL ORDER BY ALL
    """
    counts: dict[str, list[int]] = {}
    for split, label, count in context.db.execute(query, {"dataset": DATASET}).fetchall():
        counts.setdefault(split, [0] * _OPTIONS)[label] = count
    large = {split: labels for split, labels in counts.items() if sum(labels) >= _MIN_QUESTIONS}
    if not large:
        context.findings.skip(f"no split has {_MIN_QUESTIONS} questions", "label_balance")
    for split, labels in large.items():
        if (value := _chi_square(labels)) > _MAX_CHI_SQUARE:
            line = f"qa {split}: labels {labels}, chi-square {value:.1f}, at most {_MAX_CHI_SQUARE}"
            context.findings.fail("label_balance", line)


def _chi_square(counts: list[int]) -> float:
    """Pearson's chi-square statistic of ``counts`` for equal expected shares."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)
