"""The programs, recipes and notebook below examples/ run."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.export.export import export
from nyxqa.schemas.manifest import read_manifest
from tests.support.doc_blocks import working_in
from tests.support.published import table
from tests.support.running import environment

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_own_pages_have_negatives_and_every_split(tmp_path: Path) -> None:
    run("all", recipe=EXAMPLES / "own_pages" / "recipe.toml", out=tmp_path / "out", workers=1)
    manifest = read_manifest(tmp_path / "out")
    assert manifest.splits("triplets") == ["test", "train", "validation"]
    assert manifest.summary["documents"]["single"] == 8  # each drawing with its text
    assert manifest.summary["without_negatives"] == {}


def test_filters_drop_by_their_conditions(tmp_path: Path) -> None:
    run("all", recipe=EXAMPLES / "filters.toml", out=tmp_path / "out", workers=1)
    details = {row["detail"] for row in table(tmp_path / "out", "ledger") if row["reason"] == "filter"}
    conditions = read_manifest(tmp_path / "out").recipe["filters"]
    assert details and details <= {*conditions["corpus"], *conditions["qa"]}


def test_the_notebook_runs(built_sample: Path, tmp_path: Path) -> None:
    """Cell by cell; of each the value of its last line, as a notebook shows it."""
    (tmp_path / "nyxqa_data").symlink_to(built_sample)
    cells = json.loads((EXAMPLES / "look.ipynb").read_text())["cells"]
    names: dict[str, Any] = {}
    shown = []
    with working_in(tmp_path):
        for cell in cells:
            if cell["cell_type"] == "code":
                tree = ast.parse("".join(cell["source"]))
                last = tree.body.pop()
                assert isinstance(last, ast.Expr)
                exec(compile(tree, "cell", "exec"), names)  # noqa: S102
                shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))  # noqa: S307
    assert shown[0][0] == sum(1 for _ in table(built_sample, "triplets", "train"))
    assert "<img" in shown[1]._repr_html_()
    assert shown[2].height == 5 and shown[3].height > 0
    assert names["triplets"][0]["positive"]["text"] in [
        names["documents"][int(row)]["text"] for row in names["hits"].rows[0]
    ]


@pytest.mark.skipif("NYXQA_CLIENTS" not in os.environ, reason="NYXQA_CLIENTS names no interpreter that has mteb")
def test_mteb_evaluates_an_encoder_of_ours(built_sample: Path, tmp_path: Path) -> None:
    export(built_sample, "mteb", tmp_path / "mteb_task", split="test", images="none")
    command = [os.environ["NYXQA_CLIENTS"], str(EXAMPLES / "evaluate_mteb.py"), str(tmp_path / "mteb_task"), "tiny"]
    offline = {**environment(), "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(command, cwd=tmp_path, env=offline, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    scores = json.loads(done.stdout.splitlines()[-1])
    ours = nyxqa_scores(built_sample)
    assert scores["ndcg_at_10"] == pytest.approx(ours, abs=0.02)  # ties and captions apart


def nyxqa_scores(data: Path) -> float:
    """nDCG@10 of the same encoder over the same texts, by nyxqa."""
    import nyxqa

    documents = nyxqa.load("corpus", data, images="none")["web"]
    queries = nyxqa.load("triplets", data, split="test", join=False, images="none")
    held = [[one["doc_id"] for one in row] for row in queries["positives"]]
    ids = list(documents["doc_id"])
    texts = [
        f"{title or ''} {text.replace('<|image|>', ' ')}".strip()  # as mteb joins them
        for title, text in zip(documents["title"], documents["text"], strict=True)
    ]
    asked = [text.replace("<|image|>", " ").strip() for text in queries["query"]]
    hits = nyxqa.encoder("tiny").search(texts, asked, k=10)
    import math

    total = 0.0
    for rows, known in zip(hits.rows, held, strict=True):
        gained = sum(1 / math.log2(rank + 2) for rank, row in enumerate(rows) if ids[int(row)] in known)
        total += gained / sum(1 / math.log2(rank + 2) for rank in range(min(len(known), 10)))
    return total / len(held)
