"""Documents of an index read by their rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.mining.indexed_documents import IndexedDocuments, documents_file, write_documents


def document(number: int) -> dict[str, Any]:
    return {
        "doc_id": f"d{number}",
        "page_id": f"p{number // 2}",
        "cluster": None,
        "text": f"Text {number}",
        "captions": [] if number % 3 else [f"Caption {number}"],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files with batches of 2, 1 and 3, and of 0 and 4 documents."""
    write_documents(
        documents_file(tmp_path, 0), [[*map(document, some)] for some in (range(2), range(2, 3), range(3, 6))]
    )
    write_documents(documents_file(tmp_path, 1), [[], [*map(document, range(6, 10))]])
    return tmp_path


def test_rows_are_found_across_files_and_batches(folder: Path) -> None:
    documents = IndexedDocuments(folder, 2)
    assert documents.read(range(10)) == {row: document(row) for row in range(10)}
    assert documents.read([9, 2, 2, 6]) == {row: document(row) for row in (2, 6, 9)}
    assert documents.read([]) == {}


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no list of mapped files")
def test_what_was_read_is_not_held(folder: Path) -> None:
    documents = IndexedDocuments(folder, 2)
    found = documents.read(range(10))
    assert found[7]["folded"]
    for _ in range(500):  # a thread of Arrow may let go a moment later
        if str(folder) not in Path("/proc/self/maps").read_text():
            return
        time.sleep(0.01)
    pytest.fail("the files are still mapped")
