import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bm25s import BM25

import nyxqa.retriever.encoders.bm25 as bm25
from nyxqa.retriever.encoders.bm25 import K1, B, Bm25Encoder, Bm25Index
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import FormatError


def index_of(folder: Path, *entries: SearchEntry) -> Bm25Index:
    folder.mkdir(parents=True, exist_ok=True)
    encoder = Bm25Encoder()
    encoder.build(entries, folder)
    return encoder.open(folder)


def test_scores_are_those_of_the_formula(tmp_path: Path) -> None:
    texts = ["red fox runs", "red red dog", "a cat sleeps on the long mat"]
    index = index_of(tmp_path, *(SearchEntry(str(row), text) for row, text in enumerate(texts)))
    hits = index.search([SearchEntry("q", "Red!")], 3)
    mean = (3 + 3 + 7) / 3
    idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = [idf * tf / (K1 * (1 - B + B * 3 / mean) + tf) for tf in (2, 1)]
    assert hits.rows.tolist() == [[1, 0, -1]]
    assert hits.scores.dtype == np.float64
    assert hits.scores[0, :2] == pytest.approx(expected, rel=1e-6)
    assert hits.scores[0, 2] == -np.inf


def test_equal_scores_stand_by_id_also_where_k_cuts_them(tmp_path: Path) -> None:
    ids = ["d", "a", "é", "c", "b"]
    index = index_of(tmp_path, *(SearchEntry(name, "same words") for name in ids))
    assert list(index.ids) == ids
    for k in (1, 2, 3, 5, 7):
        rows = index.search([SearchEntry("q", "words")], k).rows[0]
        assert [ids[row] for row in rows if row >= 0] == ["a", "b", "c", "d", "é"][:k]
        assert (rows[5:] == -1).all()


def test_order_of_entries_does_not_matter(tmp_path: Path) -> None:
    entries = [SearchEntry(f"{n:02}", f"word{n % 3} word{n % 5} common") for n in range(40)]
    queries = [SearchEntry("q", "word1 word4"), SearchEntry("r", "common")]
    forward = index_of(tmp_path / "f", *entries)
    backward = index_of(tmp_path / "b", *reversed(entries))
    for one, other in zip(forward.search(queries, 12).rows, backward.search(queries, 12).rows, strict=True):
        assert [forward.ids[row] for row in one] == [backward.ids[row] for row in other]


def test_captions_are_read_and_placeholders_are_not(tmp_path: Path) -> None:
    index = index_of(
        tmp_path, SearchEntry("a", f"{PLACEHOLDER} image", captions=("a lighthouse",)), SearchEntry("b", "plain")
    )
    rows = index.search([SearchEntry("q", "lighthouse"), SearchEntry("r", f"{PLACEHOLDER}")], 2).rows
    assert rows.tolist() == [[0, -1], [-1, -1]]


def test_wordless_entries_and_queries_are_no_hits(tmp_path: Path) -> None:
    index = index_of(tmp_path / "some", SearchEntry("a", ""), SearchEntry("b", "... !"), SearchEntry("c", "日本 word"))
    queries = [SearchEntry("q", ""), SearchEntry("r", "unknown"), SearchEntry("s", "本")]
    assert index.search(queries, 2).rows.tolist() == [[-1, -1], [-1, -1], [2, -1]]
    for entries in ((), (SearchEntry("a", ""), SearchEntry("b", "?"))):
        empty = index_of(tmp_path / f"empty{len(entries)}", *entries)
        assert len(empty.ids) == len(entries)
        assert empty.search([SearchEntry("q", "word")], 2).rows.tolist() == [[-1, -1]]
    assert index.search([], 2).rows.shape == (0, 2)


def test_same_entries_give_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from nyxqa.retriever.encoders.bm25 import Bm25Encoder\n"
        "from nyxqa.retriever.protocols import SearchEntry\n"
        "folder = pathlib.Path(sys.argv[1]); folder.mkdir()\n"
        "Bm25Encoder().build((SearchEntry(str(n), f'one two{n} three{n % 7}') for n in range(50)), folder)\n"
        "index = Bm25Encoder().open(folder); index.search([SearchEntry('q', 'one')], 3)\n"
        "assert not {'torch', 'numba', 'jax', 'transformers', 'datasets', 'scipy'} & set(sys.modules)"
    )
    found = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder)], env=environment, capture_output=True, check=True
        )
        assert done.stdout + done.stderr == b""
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]


@pytest.mark.parametrize("shard", [1, 7, 8192])
def test_scores_are_those_of_bm25s_to_the_bit_however_entries_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard: int
) -> None:
    texts = [
        " ".join(f"w{number % prime}" for prime in (2, 3, 5, 7, 11, 13) for _ in range(number % prime))
        for number in range(90)
    ]
    monkeypatch.setattr(bm25, "SHARD_ENTRIES", shard)
    index = index_of(tmp_path, *(SearchEntry(f"{number % 50:02} {number}", text) for number, text in enumerate(texts)))
    peer = BM25(k1=K1, b=B, method="lucene")
    peer.index([text.split() for text in texts], create_empty_token=False, show_progress=False)
    for query in ("w1 w2 w2 w12", "w0", "w6 unknown w10 w1 w1"):
        expected = np.zeros(len(texts))
        for word in query.split():
            if word in peer.vocab_dict:
                expected += peer.get_scores([word]).astype(np.float64)
        hits = index.search([SearchEntry("q", query)], len(texts))
        order = sorted(np.flatnonzero(expected).tolist(), key=lambda row: (-expected[row], index.ids[row], row))
        assert [row for row in hits.rows[0].tolist() if row >= 0] == order
        assert hits.scores[0, : len(order)].tolist() == expected[order].tolist()
        few = index.search([SearchEntry("q", query)], 5)
        assert few.rows[0].tolist() == [*order, *[-1] * 5][:5]


def test_an_index_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="build it again"):
        Bm25Encoder().open(tmp_path)
