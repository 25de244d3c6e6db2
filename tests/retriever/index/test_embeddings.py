from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import nyxqa.retriever.index.embeddings as embeddings
from nyxqa.retriever.index.embeddings import Embeddings, write_embeddings
from nyxqa.schemas.errors import FormatError


class Counting:
    """Vectors that say which text they are of; ends in the middle if told to."""

    dimensions = 2

    def __init__(self, dies_at: str | None = None) -> None:
        self.seen: list[str] = []
        self.dies_at = dies_at

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if self.dies_at in texts:
            raise KeyboardInterrupt
        self.seen += texts
        return np.array([[len(text), int(text[1:])] for text in texts], dtype=np.float32)


TEXTS = [(f"id{n}", f"t{n}") for n in range(10)]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "SHARD_ROWS", 4)
    monkeypatch.setattr(embeddings, "SEARCH_ROWS", 6)


def stored(folder: Path, fingerprint: str = "f") -> list[list[float]]:
    return [row.tolist() for _, shard in Embeddings(folder, fingerprint).shards() for row in shard]


@pytest.mark.parametrize("count", [0, 3, 4, 10])
@pytest.mark.parametrize("devices", [1, 3])
def test_vectors_come_back_in_order_whatever_the_devices(tmp_path: Path, count: int, devices: int) -> None:
    models = [Counting() for _ in range(devices)]
    write_embeddings(iter(TEXTS[:count]), tmp_path, "f", lambda: models)
    assert stored(tmp_path) == [[2, n] for n in range(count)]
    assert [start for start, _ in Embeddings(tmp_path, "f").shards()] == list(range(0, count, 6))


def test_a_killed_encoding_continues_without_encoding_a_shard_twice(tmp_path: Path) -> None:
    dying, heir = Counting(dies_at="t9"), Counting()
    with pytest.raises(KeyboardInterrupt):
        write_embeddings(iter(TEXTS), tmp_path, "f", lambda: [dying])
    with pytest.raises(FormatError, match="no complete vectors"):
        Embeddings(tmp_path, "f")
    write_embeddings(iter(TEXTS), tmp_path, "f", lambda: [heir])
    assert sorted(dying.seen + heir.seen) == [text for _, text in TEXTS]
    assert heir.seen == ["t8", "t9"]
    assert stored(tmp_path) == [[2, n] for n in range(10)]


def test_a_torn_line_of_the_journal_is_no_shard(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_embeddings(iter(TEXTS), tmp_path, "f", lambda: [Counting(dies_at="t9")])
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-3])
    heir = Counting()
    write_embeddings(iter(TEXTS), tmp_path, "f", lambda: [heir])
    assert heir.seen == ["t4", "t5", "t6", "t7", "t8", "t9"]
    assert stored(tmp_path) == [[2, n] for n in range(10)]


def test_a_repeat_loads_no_model(tmp_path: Path) -> None:
    def none() -> list[Counting]:
        raise AssertionError

    write_embeddings(iter(TEXTS), tmp_path, "f", lambda: [Counting()])
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    write_embeddings(iter(TEXTS), tmp_path, "f", none)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_only_what_changed_is_encoded_again(tmp_path: Path) -> None:
    write_embeddings(iter(TEXTS), tmp_path, "f", lambda: [Counting()])
    second = Counting()
    write_embeddings([*TEXTS[:5], ("id5", "t55"), *TEXTS[6:8]], tmp_path, "f", lambda: [second])
    assert second.seen == ["t4", "t55", "t6", "t7"]
    assert len(stored(tmp_path)) == 8
    other = Counting()
    write_embeddings(TEXTS[:8], tmp_path, "g", lambda: [other])
    assert len(other.seen) == 8
    with pytest.raises(FormatError, match="another encoder"):
        Embeddings(tmp_path, "f")
