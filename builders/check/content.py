"""Checks of single rows of the tables that carry content: what can be seen without looking elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.builders.check.dataset import Examined
from nyxqa.builders.check.images import PICTURE_CHECKS, Pictures
from nyxqa.builders.qa.keys import question_key
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import PLACEHOLDER, kind_of
from nyxqa.schemas.ids import doc_id, qa_id
from nyxqa.schemas.tables import QA_SPLITS, WEB

if TYPE_CHECKING:
    import duckdb

ROW_CHECKS = ("content", "aligned_lists", "kinds", "doc_ids", "qa_ids", "choices", "pools")
_OPTIONS = 4
_KEYS = pa.schema([(name, pa.string()) for name in ("pool", "doc_id", "key")])
_KEYS_AT_ONCE = 10_000


def check_rows(db: duckdb.DuckDBPyConnection, examined: Examined, pictures: Pictures) -> None:
    """Look at every row of every table but ``preview``; leaves table ``content`` (pool, doc_id, key).

    ``key`` is equal for documents of the same words and images.
    """
    db.execute("CREATE TABLE content (pool VARCHAR, doc_id VARCHAR, key VARCHAR)")
    shared = ("nulls", "content", "aligned_lists", *PICTURE_CHECKS)
    if examined.ready(("corpus",), "kinds", "doc_ids", "pools", *shared):
        check_documents(db, examined, pictures)
    if examined.ready(("qa",), "qa_ids", "choices", *shared):
        check_questions(examined, pictures)
    if examined.ready(("triplets",), *shared):
        check_triplets(examined, pictures)
    for name in ("mixture", "feedback", "ledger"):
        if examined.ready((name,), "nulls"):
            for _ in examined.rows(name):
                pass


def check_documents(db: duckdb.DuckDBPyConnection, examined: Examined, pictures: Pictures) -> None:
    """Look at every row of ``corpus``."""
    fail = examined.findings.fail
    keys: list[dict[str, str]] = []
    for pool, row in examined.rows("corpus"):
        where = f"corpus {pool} {row['doc_id']}"
        _content(examined, where, row["text"], row["images"])
        own = len(row["image_ids"])
        for name in ("images", "image_phashes", "captions", "image_urls"):
            if len(row[name]) != own:
                fail("aligned_lists", f"{where}: {len(row[name])} {name} but {own} image_ids")
        if row["kind"] != kind_of(own):
            fail("kinds", f"{where}: kind {row['kind']!r} with {own} images")
        if (found := doc_id(row["text"], row["image_ids"])) != row["doc_id"]:
            fail("doc_ids", f"{where}: its content gives {found}")
        if wrong := _wrong_place(pool, row):
            fail("pools", f"{where}: {wrong}")
        pictures.look(where, row["images"], row["image_ids"], row["image_phashes"])
        keys.append({"pool": pool, "doc_id": row["doc_id"], "key": question_key(row["text"], row["image_ids"])})
        if len(keys) >= _KEYS_AT_ONCE:
            _store(db, keys)
    _store(db, keys)


def _store(db: duckdb.DuckDBPyConnection, keys: list[dict[str, str]]) -> None:
    db.register("keys", pa.Table.from_pylist(keys, schema=_KEYS))
    db.execute("INSERT INTO content SELECT pool, doc_id, key FROM keys")
    db.unregister("keys")
    keys.clear()


def _wrong_place(pool: str, row: Mapping[str, Any]) -> str:
    if not row["cluster"]:
        return "no cluster"
    if pool == WEB:
        return "" if row["split"] in QA_SPLITS else f"split {row['split']!r}"
    if row["split"] or row["group"] != row["doc_id"]:
        return f"split {row['split']!r} and group {row['group']!r} outside pool {WEB}"
    return ""


def check_questions(examined: Examined, pictures: Pictures) -> None:
    """Look at every row of ``qa``."""
    fail = examined.findings.fail
    for split, row in examined.rows("qa"):
        where = f"qa {split} {row['qa_id']}"
        _content(examined, where, row["question"], row["images"])
        if len(row["images"]) != len(row["image_ids"]):
            fail("aligned_lists", f"{where}: {len(row['images'])} images but {len(row['image_ids'])} image_ids")
        if (found := qa_id(row["question"], row["image_ids"], row["answer"], row["doc_id"])) != row["qa_id"]:
            fail("qa_ids", f"{where}: its content gives {found}")
        if wrong := wrong_options(row):
            fail("choices", f"{where}: {wrong}")
        pictures.look(where, row["images"], row["image_ids"])


def wrong_options(row: Mapping[str, Any]) -> str:
    """What is wrong with a question's options: four, distinct once normalised, the key at ``label``."""
    options, label = row["choices"], row["label"]
    if len(options) != _OPTIONS:
        return f"{len(options)} options"
    if len({normalise_answer(option) for option in options}) != _OPTIONS:
        return f"options that are alike: {options}"
    if not 0 <= label < _OPTIONS:
        return f"label {label}"
    if options[label] != row["answer"]:
        return f"option {label} is {options[label]!r}, the answer {row['answer']!r}"
    return ""


def check_triplets(examined: Examined, pictures: Pictures) -> None:
    """Look at every row of ``triplets``."""
    fail = examined.findings.fail
    for split, row in examined.rows("triplets"):
        where = f"triplets {split} {row['query_id']}"
        _content(examined, where, row["query"], row["query_images"])
        images, ids = len(row["query_images"]), len(row["query_image_ids"])
        if images != ids:
            fail("aligned_lists", f"{where}: {images} query_images but {ids} query_image_ids")
        negatives = len(row["negative_ids"])
        for name in ("negative_ranks", "negative_scores"):
            if len(row[name]) != negatives:
                fail("aligned_lists", f"{where}: {len(row[name])} {name} but {negatives} negative_ids")
        pictures.look(where, row["query_images"], row["query_image_ids"])


def _content(examined: Examined, where: str, text: str, images: list[Any]) -> None:
    if (found := text.count(PLACEHOLDER)) != len(images):
        examined.findings.fail("content", f"{where}: {found} placeholders but {len(images)} images")
