"""MMEB-eval: precision@1 by task and meta-task, ties, broken rows, pictures in archives."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import nyxqa
from nyxqa.retriever.encoders.tiny import TinyEncoder
from nyxqa.retriever.models.batching import truncate_and_normalise
from nyxqa.retriever.protocols import SearchEntry
from tests.support.running import leave, states

_CLASSES = ("tabby cat", "golden retriever", "school bus", "lighthouse")
_COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (220, 220, 40))


def picture(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), _COLOURS[number % 4]).save(stream, "PNG")
    return stream.getvalue()


def row(query: str, image: str, texts: list[str], images: list[str] | None = None) -> dict[str, Any]:
    return {"qry_text": query, "qry_img_path": image, "tgt_text": texts, "tgt_img_path": images or [""] * len(texts)}


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """A task of texts, a task of pictures in an archive, and one with broken rows."""
    root = tmp_path / "MMEB-eval"
    (root / "OK-VQA").mkdir(parents=True)
    (root / "ImageNet-1K").mkdir()
    (root / "MyTask").mkdir()
    # Words of the query stand in the right answer alone, in another, or in none.
    rows = [
        row("where is the mill", "", ["the mill is here", "a bridge", "a tower"]),
        row("where is the bridge", "", ["by the river", "the bridge of stone", "a tower"]),
        row("who knows", "", ["nobody", "a bridge", "a tower"]),
        row("a tower of stone", "", ["a tower of stone", "a tower of stone", "a bridge"]),
    ]
    pq.write_table(pa.Table.from_pylist(rows), root / "OK-VQA" / "test-00000-of-00001.parquet")
    with zipfile.ZipFile(root / "images.zip", "w") as archive:
        for number in range(4):
            archive.writestr(f"ImageNet-1K/{number}.png", picture(number))
    lines = [
        row(
            "<|image_1|>\nWhat is shown?",
            f"ImageNet-1K/{number}.png",
            [_CLASSES[number], *(one for one in _CLASSES if one != _CLASSES[number])],
        )
        for number in range(4)
    ]
    (root / "ImageNet-1K" / "test.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    broken = [
        row("fine red thing", "", ["red thing", "blue thing"]),
        row("<|image_1|>\nlost", "ImageNet-1K/9.png", ["x", "y"]),
        row("no candidate", "", []),
        row("misaligned", "", ["a", "b"], ["", "", ""]),
        row("blue thing here", "", ["blue thing", "", "red thing"], ["", "", ""]),
    ]
    (root / "MyTask" / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in broken) + "{not json\n")
    return root


def test_precision_by_task_and_meta_task(benchmark: Path) -> None:
    result = nyxqa.evaluate(f"mmeb_eval:{benchmark}", ["bm25", "tiny"], dims=[256, 32])
    bm25, tiny, short = result["systems"]
    # The mill, and the equal pair whose duplicate is no rival; no word in common is a tie, and a tie is wrong.
    assert bm25["tasks"]["OK-VQA"] == 0.5 and bm25["tasks"]["MyTask"] == 1
    assert bm25["tasks"]["ImageNet-1K"] == 0
    assert bm25["meta_tasks"] == {"classification": 0, "vqa": 0.5, "other": 1}
    assert bm25["precision@1"] == pytest.approx((0.5 + 1 + 0) / 3, abs=1e-6)
    encoder = TinyEncoder("")
    queries = encoder.encode(
        [SearchEntry(str(n), "<|image|>\nWhat is shown?", (), (picture(n),)) for n in range(4)], "query"
    )
    documents = encoder.encode([SearchEntry(one, one) for one in _CLASSES], "document")
    for system, dim in ((tiny, 256), (short, 32)):
        scores = truncate_and_normalise(queries, dim) @ truncate_and_normalise(documents, dim).T
        right = [float(scores[n, n] > np.delete(scores[n], n).max()) for n in range(4)]
        assert system["dim"] == dim and system["tasks"]["ImageNet-1K"] == pytest.approx(np.mean(right))
    assert result["tasks"]["OK-VQA"] == {"rows": 4, "candidates": 7, "left_out": {}}
    assert result["tasks"]["MyTask"]["left_out"] == {
        "bad_json": 1,
        "candidate empty_text": 1,
        "misaligned": 1,
        "missing_image": 1,
        "no_candidate": 1,
    }
    report = (benchmark / "evaluation" / "mmeb_eval.md").read_text()
    assert "| system | classification | vqa | other | overall |" in report and "left out: bad_json 1" in report
    before = states(benchmark / "evaluation")
    nyxqa.evaluate(f"mmeb_eval:{benchmark}", ["bm25", "tiny"], dims=[256, 32])
    assert states(benchmark / "evaluation") == before


def test_one_task_and_few_rows(benchmark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("evaluate", f"mmeb_eval:{benchmark}", "--retriever", "bm25", "--dataset", "OK-VQA", "--limit", 2)
    assert leave(*command, "--json", "--name", "few") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["tasks"]["OK-VQA"]["rows"] == 2 and list(told["systems"][0]["tasks"]) == ["OK-VQA"]
    assert (benchmark / "evaluation" / "few.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--retriever", "bm25", "--dataset", "OKVQA"), 2, "did you mean 'OK-VQA'"),
        (("--retriever", "tiny", "--index", "ivf"), 2, "--index has no part in mmeb_eval"),
        (("--retriever", "bm25", "--vlm", "openai:m@http://127.0.0.1:9/v1"), 2, "--vlm has no part in mmeb_eval"),
        (("--retriever", "bm25", "--estimate"), 2, "nothing to estimate"),
        ((), 2, "give --retriever SPEC"),
    ],
)
def test_one_line_says_what_is_wrong(
    arguments: tuple[str, ...], code: int, message: str, benchmark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("evaluate", f"mmeb_eval:{benchmark}", *arguments) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_files_that_are_not_there_are_named(benchmark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("evaluate", f"mmeb_eval:{benchmark}/none", "--retriever", "bm25") == 1
    assert "is not a folder" in capsys.readouterr().err
    shutil.rmtree(benchmark / "OK-VQA")
    (benchmark / "OK-VQA").mkdir()
    (benchmark / "OK-VQA" / "test.jsonl").write_text('{"qry_text": "x"}\n')
    assert leave("evaluate", f"mmeb_eval:{benchmark}", "--retriever", "bm25") == 1
    assert "test.jsonl, row 0: column 'tgt_text' is missing" in capsys.readouterr().err.splitlines()[-1]
