"""Every block of code in the README and in the docs runs, against one built sample and the tests' servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.doc_blocks import PAGES, ROOT, PageRun, World, blocks_of, server
from tests.support.hub_client import client_of
from tests.support.hub_server import hub

# What is not run, with the reason that the page states below it.
NOT_RUN = {
    ("docs/cluster.md", "ray start --head --port 6379 --num-cpus 16             # on "): "needs a cluster",
    ("docs/cluster.md", "#!/bin/bash"): "needs a cluster",
    ("docs/evaluate.md", "nyxqa evaluate nyxqa_data --retriever bm25 --retriever nyx:s"): "needs a GPU",
    ("docs/evaluate.md", "nyxqa evaluate mmeb_eval:MMEB-eval --retriever nyx:stage2 --"): "needs a GPU",
    ("docs/install.md", "pip install torch --index-url https://download.pytorch.org/w"): "needs the internet",
    ("docs/models.md", "until nyxqa build ... --set vlm.batch=true; [ $? -ne 4 ]; do"): "needs the internet",
    ("docs/reproduce.md", "vllm serve OpenGVLab/InternVL3-78B --tensor-parallel-size 4 "): "needs a GPU",
    ("docs/reproduce.md", "nyxqa build --split train --recipe stage1.toml --out stage1_"): "needs the internet",
    ("docs/reproduce.md", "torchrun --nproc-per-node 8 -m nyxqa train stage1_data --mod"): "needs a GPU",
    ("docs/reproduce.md", "nyxqa recipe paper-stage2 > stage2.toml     # HotpotQA, MuSi"): "needs a GPU",
    ("docs/reproduce.md", "nyxqa build --split test --recipe table1.toml --out table1_d"): "needs a GPU",
    ("docs/training.md", "nyxqa train nyxqa_data --model nyx:Qwen/Qwen2.5-VL-3B-Instru"): "needs a GPU",
    ("docs/training.md", "torchrun --nproc-per-node 4 -m nyxqa train nyxqa_data --mode"): "needs a GPU",
    (
        "docs/training.md",
        "ACCELERATE_USE_CPU=true accelerate launch --num_processes 2 ",
    ): "takes a minute of two processes",
    ("docs/training.md", "nyxqa improve nyxqa_data --base hf:FOLDER --out improved"): "needs a GPU",
    ("docs/recipe.md", "export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=..."): "needs a bucket",
    ("docs/tutorials/cluster.md", "nyxqa build --split all --source html:manual/ --out manual_d"): "needs a cluster",
    ("docs/tutorials/cluster.md", "torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d -"): "needs a cluster",
    ("docs/updating.md", "nyxqa diff you/manual@v1 you/manual             # versions o"): "needs the internet",
    ("docs/tutorials/train_st.md", "torchrun --nproc-per-node 4 examples/train_st.py exported MO"): "needs a GPU",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("hub")
    with server() as running, hub(home / "large") as remote, client_of(remote, home / "home") as client:
        yield World(tmp_path_factory.mktemp("reader"), running, client)


def test_what_is_not_run_is_marked_and_listed() -> None:
    marked = {
        (block.place.rpartition(":")[0], block.code.split("\n")[0][:60]): block.reason
        for page in PAGES
        for block in blocks_of(page)
        if block.reason
    }
    assert marked == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_the_blocks_of_a_page_run(page: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NYXQA_DATA", "NYXQA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    run = PageRun(world)
    for block in blocks_of(page):
        if not block.reason:
            try:
                run.run(block)
            except Exception as error:
                raise AssertionError(f"{block.place}: {type(error).__name__}: {error}") from error
