"""Which item an id means, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from nyxqa.builders.browse.find import ItemName, find_item
from nyxqa.builders.browse.lineage import Lineage, lineage
from nyxqa.builders.report.views import connect
from nyxqa.schemas.errors import UsageError


@pytest.fixture(scope="module")
def db(built_sample: Path) -> Iterator[DuckDBPyConnection]:
    connection = connect(built_sample)
    yield connection
    connection.close()


def one(db: DuckDBPyConnection, query: str) -> str:
    row = db.execute(query).fetchone()
    assert row is not None, query
    return str(row[0])


def titles(groups: tuple[object, ...]) -> list[str]:
    return [group.title for group in groups]  # type: ignore[attr-defined]


def story(db: DuckDBPyConnection, item_id: str) -> Lineage:
    return lineage(db, find_item(db, item_id))


def test_a_question_leads_back_to_its_document_and_page(db: DuckDBPyConnection) -> None:
    question = one(db, "SELECT min(qa_id) FROM qa WHERE split = 'train'")
    told = story(db, question)
    made_from = told.before[0]
    assert (told.name.kind, made_from.title) == ("question", "made from")
    assert [item.name.kind for item in made_from.items] == ["page", "document"]
    assert made_from.items[1].name.id == told.facts["doc_id"]
    assert told.triplet["query_id"] == question
    negatives = next(group for group in told.after if group.title == "negatives")
    assert [item.name.id for item in negatives.items] == told.triplet["negative_ids"]
    assert negatives.items[0].note.startswith(f"rank {told.triplet['negative_ranks'][0]}, score ")
    assert told.fate == ()


def test_a_document_names_all_that_use_it(db: DuckDBPyConnection) -> None:
    document = one(db, "SELECT unnest(negative_ids) AS d FROM triplets GROUP BY d ORDER BY count(*) DESC, d LIMIT 1")
    told = story(db, document)
    used = next(group for group in told.after if group.title == "negative of")
    count = f"SELECT count(*) FROM triplets WHERE list_contains(negative_ids, '{document}')"
    assert used.total == int(one(db, count))
    assert len(used.items) == min(used.total, 20)


def test_a_dropped_duplicate_names_its_page_and_the_document_that_stays(db: DuckDBPyConnection) -> None:
    dropped = one(db, "SELECT min(item_id) FROM ledger WHERE reason = 'near_duplicate'")
    told = story(db, dropped)
    assert told.name == ItemName("document", dropped)
    assert [row.reason for row in told.fate] == ["near_duplicate"]
    made_from, stays = told.before
    assert (made_from.title, made_from.items[-1].name) == ("made from", ItemName("page", dropped.partition(":")[0]))
    survivor = stays.items[0].name
    assert (stays.title, survivor.kind) == ("in favour of", "document")
    back = next(group for group in story(db, survivor.id).after if group.title == "dropped in favour of it")
    assert dropped in [item.name.id for item in back.items]


def test_a_dropped_question_leads_back_to_its_document(db: DuckDBPyConnection) -> None:
    dropped = one(db, "SELECT min(item_id) FROM ledger WHERE stage = 'choices'")
    told = story(db, dropped)
    assert told.facts == {}
    assert [item.name.kind for item in told.before[0].items] == ["page", "document"]


def test_an_image_names_its_documents(db: DuckDBPyConnection) -> None:
    image = one(db, "SELECT min(i) FROM (SELECT unnest(image_ids) AS i FROM corpus)")
    told = story(db, image[:40])
    assert (told.name, titles(told.after)[0]) == (ItemName("image", image), "in documents")


def test_an_image_that_was_left_out_everywhere_is_known_from_the_ledger(db: DuckDBPyConnection) -> None:
    found = db.execute("SELECT regexp_extract(detail, '[0-9a-f]{64}') FROM ledger WHERE reason = 'common_image'")
    image = (found.fetchone() or ("",))[0]
    assert len(image) == 64
    told = story(db, image)
    assert (told.name.kind, titles(told.after)) == ("image", ["ledger rows that name it"])


def test_a_page_counts_before_its_parts(db: DuckDBPyConnection) -> None:
    part = one(db, "SELECT min(item_id) FROM ledger WHERE item_type = 'document'")
    page = part.partition(":")[0]
    assert find_item(db, page) == ItemName("page", page)
    assert find_item(db, page[:20]).id == page
    assert find_item(db, part) == ItemName("document", part)


@pytest.mark.parametrize(
    ("prefix", "message"),
    [("", "an id is needed"), ("zzz", "begins with zzz"), ("0", "0 is not the beginning of one id alone: ")],
)
def test_what_is_no_item_is_told(db: DuckDBPyConnection, prefix: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_item(db, prefix)


def test_wildcards_are_no_wildcards(db: DuckDBPyConnection) -> None:
    for prefix in ("%", "_", "' OR 1 = 1 --"):
        with pytest.raises(UsageError, match="no page, document"):
            find_item(db, prefix)
