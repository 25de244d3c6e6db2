"""``e5:MODEL?vectors=FILE``: vectors made elsewhere give what encoding gives, and wrong ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest

from nyxqa.build import run
from nyxqa.builders.question_sets.passage_pool import PassagePool, write_pool
from nyxqa.builders.question_sets.passages import read_passages
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.encoders.public import encoder as public_encoder
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from tests.support.published import table
from tests.support.sets import TEXTS, write_passages, write_questions, write_text
from tests.support.tiny_bert import make_tiny_bert

Vectors = npt.NDArray[np.float32]
# Rows of this file of passages, with one that cannot be read and one that is there twice.
CONTENTS = [f'"{"abcdefgh"[n % 8] * (n + 1)}"\n{"xyz 19 kw"[n % 9 :]} {n * 7}' for n in range(40)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> PassagePool:
    folder = tmp_path_factory.mktemp("pool")
    lines = [json.dumps({"id": str(n), "contents": text}) for n, text in enumerate(CONTENTS)]
    lines[3] = '{"id": "3", '
    lines[11] = json.dumps({"id": "11", "contents": CONTENTS[10]})
    (folder / "passages.jsonl").write_text("\n\n".join(lines) + "\n")
    write_pool(read_passages(f"flashrag:{folder / 'passages.jsonl'}"), folder, lambda drop: None)
    return PassagePool(folder)


@pytest.fixture(scope="module")
def vectors(model: Path) -> Vectors:
    entries = [SearchEntry(str(n), text) for n, text in enumerate(CONTENTS)]
    found: Vectors = make_encoder(f"e5:{model}").encode(entries, "document")  # type: ignore[attr-defined]
    return found


def index(kind: str, vectors: Vectors, file: Path) -> Path:
    made = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    if hasattr(made, "cp"):
        made.cp.min_points_per_centroid = 1
    made.train(vectors)
    made.add(vectors)
    faiss.write_index(made, str(file))
    return file


def flashrag(vectors: Vectors, folder: Path) -> Path:
    np.ascontiguousarray(vectors, dtype="<f4").tofile(folder / "emb_e5.memmap")
    index("Flat", vectors[::-1].copy(), folder / "e5_Flat.index")  # beside vectors an index is not read
    return folder


def search(spec: str, pool: PassagePool, folder: Path) -> Any:
    encoder = make_encoder(spec)
    encoder.build(pool.entries(), folder)
    queries = [SearchEntry(str(n), text) for n, text in enumerate(["abc 19", "kw 70", CONTENTS[10]])]
    return encoder.open(folder).search(queries, 38)


@pytest.mark.parametrize(
    "kind", ["folder", "memmap", "npy", "half", "longer", "Flat", "IVF4,Flat", "HNSW8,Flat", "SQfp16"]
)
def test_read_vectors_find_what_encoded_ones_find(
    kind: str, model: Path, pool: PassagePool, vectors: Vectors, tmp_path: Path
) -> None:
    file = tmp_path / "vectors.npy"
    if kind in ("folder", "memmap"):
        file = flashrag(vectors, tmp_path) / ("emb_e5.memmap" if kind == "memmap" else ".")
    elif kind == "longer":  # as some programs store them
        np.save(file, 7 * vectors)
    elif kind in ("npy", "half"):
        np.save(file, vectors.astype(np.float16 if kind == "half" else np.float32))
    else:
        file = index(kind, vectors, tmp_path / "e5.index")
    encoded = search(f"e5:{model}", pool, tmp_path / "encoded")
    read = search(f"e5:{model}?vectors={file}", pool, tmp_path / "read")
    assert len(pool) == 38
    exact = kind not in ("half", "SQfp16")
    assert read.scores == pytest.approx(encoded.scores, abs=1e-5 if exact else 2e-3)
    if exact:
        differ = read.rows != encoded.rows
        assert np.allclose(read.scores[differ], encoded.scores[differ], atol=1e-6)  # ties
        assert differ.mean() < 0.1


def test_only_some_passages_are_encoded_beside_the_queries(
    model: Path, pool: PassagePool, vectors: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nyxqa.retriever.models.text_model import TextModel

    seen: list[str] = []
    encode = TextModel.encode

    def counted(self: TextModel, texts: Any) -> Any:
        seen.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(TextModel, "encode", counted)
    search(f"e5:{model}?vectors={flashrag(vectors, tmp_path)}", pool, tmp_path / "read")
    assert (len(seen), len(set(seen))) == (8 + 3, 11)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda vectors: np.roll(vectors, 1, axis=0), "row .*: the model gives another vector .*in another order"),
        (lambda vectors: vectors[:20], "holds 20 vectors, and the passages have a row 39"),
        (lambda vectors: vectors[:, :24], "float32 40x24; the encoder's vectors have 32 dimensions"),
        (lambda vectors: np.where(np.arange(40)[:, None] == 7, np.nan, vectors), "row 7: the vector is zero or not"),
        (lambda vectors: vectors * (np.arange(40)[:, None] != 9), "row 9: the vector is zero or not finite"),
    ],
)
def test_other_vectors_are_refused(
    change: Any, message: str, model: Path, pool: PassagePool, vectors: Vectors, tmp_path: Path
) -> None:
    np.save(tmp_path / "v.npy", change(vectors).astype(np.float32))
    with pytest.raises(FormatError, match=message):
        search(f"e5:{model}?vectors={tmp_path / 'v.npy'}", pool, tmp_path / "read")


def test_files_of_other_kinds_are_refused(model: Path, pool: PassagePool, vectors: Vectors, tmp_path: Path) -> None:
    def refused(name: str, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            search(f"e5:{model}?vectors={tmp_path / name}", pool, tmp_path / "read")

    refused("none.memmap", WorldError, "do not exist")
    (tmp_path / "empty").mkdir()
    refused("empty", WorldError, "holds no vectors")
    (tmp_path / "cut.memmap").write_bytes(vectors.tobytes()[:-3])
    refused("cut.memmap", FormatError, "5117 bytes, which is no whole number of float32 vectors of 32")
    (tmp_path / "text.npy").write_text("no numbers")
    refused("text.npy", FormatError, "is not a NumPy file")
    (tmp_path / "text.index").write_text("no index")
    refused("text.index", FormatError, "is not a FAISS index")
    index("SQ8", vectors, tmp_path / "coarse.index")
    refused("coarse.index", FormatError, "IndexScalarQuantizer, which does not keep the vectors whole")
    index("Flat", vectors[:, :16].copy(), tmp_path / "short.index")
    refused("short.index", FormatError, "16 dimensions; those of the encoder have 32")


def test_a_pool_without_rows_of_one_file_is_refused(model: Path, vectors: Vectors, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", vectors)
    with pytest.raises(UsageError, match="goes with the passages of one file"):
        make_encoder(f"e5:{model}?vectors={tmp_path / 'v.npy'}").build([SearchEntry("a", "text")], tmp_path / "read")


def test_the_public_encoder_reads_them_by_place(model: Path, vectors: Vectors, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", vectors)
    found = public_encoder(f"e5:{model}?vectors={tmp_path / 'v.npy'}").search(CONTENTS, [CONTENTS[5]], k=3)
    assert (found.rows == public_encoder(f"e5:{model}").search(CONTENTS, [CONTENTS[5]], k=3).rows).all()


def test_a_build_reads_them_beside_its_recipe(model: Path, tmp_path: Path) -> None:
    write_passages(tmp_path, 60)
    write_questions(tmp_path)
    plain = TEXTS.replace("license", f'encoder = "e5:{model}"\nlicense')
    run("train", recipe=write_text(tmp_path / "a.toml", plain), out=tmp_path / "a", workers=1)
    passages = [one.text for one in read_passages(f"flashrag:{tmp_path / 'passages.jsonl.gz'}") if hasattr(one, "text")]
    np.save(tmp_path / "v.npy", public_encoder(f"e5:{model}").encode(passages))
    ready = plain.replace(str(model), f"{model}?vectors=v.npy")
    run("train", recipe=write_text(tmp_path / "b.toml", ready), out=tmp_path / "b", workers=1)
    one, other = (table(tmp_path / name, "triplets") for name in "ab")
    assert {row["miner"] for row in other} == {"e5:bert?vectors=v.npy"}
    for left, right in zip(one, other, strict=True):
        assert left["negative_scores"] == pytest.approx(right["negative_scores"], abs=1e-5)
    assert [row["positive_id"] for row in one] == [row["positive_id"] for row in other]
    assert str(tmp_path) not in (tmp_path / "b" / "manifest.json").read_text()
