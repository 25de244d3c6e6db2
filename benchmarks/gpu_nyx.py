"""A Qwen2.5-VL-3B-shaped embedder with random weights on a GPU: what training and encoding reach of the card.

``python benchmarks/gpu_nyx.py --out FILE.json`` takes at most eight minutes on one GPU and needs no network: the
network is made from its configuration, tokenizer and image settings are written here, and rows are random. Packages:
torch, transformers, tokenizers, peft, accelerate, pillow, numpy, pyarrow, safetensors, pydantic. Without a GPU it says
"not run"; ``--tiny`` runs every section on small shapes wherever it is.

Every section runs in a process of its own under a time limit; what one measured is in FILE before the next starts, and
an error is a line of its own under ``errors``. A row's document has ``--text`` text tokens; of 100 documents 63 have no
image, 30 one and 7 two, as in the Nyx paper, each of 400 tokens, the paper's most.

Model FLOPs count what the algorithm needs: 2 for each weight and token forward, as many again backward (the weights of
the base are frozen), and the products of attention. Computed FLOPs also count what checkpointing and the cached loss
compute again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# The checkout in place of this folder, whose html.py would be taken for the standard library's.
sys.path[0] = str(Path(__file__).resolve().parents[1])

SECTIONS = {"ceiling": 60, "train": 90, "cached": 230, "encode": 100, "float16": 60}  # and their seconds
WHOLE = 450  # seconds of all sections


def main() -> int:
    """Run the sections, or one of them as a child."""
    options = _options()
    if options.section:
        print(json.dumps(_run_section(options)), flush=True)
        return 0
    import torch

    if not torch.cuda.is_available() and not options.tiny:
        print("gpu_nyx: not run: no GPU here (torch.cuda.is_available() is false)")
        _write(options.out, {"status": "not run"})
        return 0
    result: dict[str, Any] = {"status": "running", **_card(options), "sections": {}, "errors": {}}
    _write(options.out, result)
    started = time.monotonic()
    for name, seconds in SECTIONS.items():
        left = WHOLE - (time.monotonic() - started)
        if left < 20:
            result["errors"][name] = "not run: the eight minutes are spent"
        else:
            _child(name, min(seconds, left), result)
        print(f"{name}: {json.dumps(result['sections'].get(name)) or ''} {result['errors'].get(name, '')}", flush=True)
        _write(options.out, result)
    result["status"] = "done" if not result["errors"] else "done with errors"
    result["seconds"] = round(time.monotonic() - started, 1)
    _write(options.out, result)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tiny", action="store_true", help="small shapes, also without a GPU")
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--text", type=int, default=200, help="text tokens of a document (Nyx paper: a chunk's most)")
    parser.add_argument("--batch", type=int, default=640, help="rows of the large batch (Nyx paper: 640)")
    return parser.parse_args()


def _write(out: Path | None, result: dict[str, Any]) -> None:
    """Write the file whole or not at all."""
    if out is None:
        return
    temporary = out.with_name(f".{out.name}.part")
    temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    temporary.replace(out)


def _card(options: argparse.Namespace) -> dict[str, Any]:
    import torch
    import transformers

    from benchmarks.gpu.measure import PEAKS

    found: dict[str, Any] = {"gpu": None, "versions": {"torch": torch.__version__}, "peak_flops": None}
    found["versions"]["transformers"] = transformers.__version__
    found |= {"text_tokens": options.text, "batch": options.batch, "tiny": options.tiny}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
        found["memory_gib"] = round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1)
        found["peak_flops"] = next((peak for name, peak in PEAKS.items() if name in found["gpu"]), None)
    return found


def _child(name: str, seconds: float, result: dict[str, Any]) -> None:
    """Run one section in a process of its own; its last line that is JSON is the result, also of a stopped one."""
    command = [sys.executable, __file__, *sys.argv[1:], "--section", name]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = subprocess.Popen(command, stdout=out, stderr=error)
        try:
            code: int | None = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        for stream in (out, error):
            stream.seek(0)
        for line in out:
            if line.startswith("{"):
                with contextlib.suppress(ValueError):  # cut off by the kill
                    result["sections"][name] = json.loads(line)
        if code is None:
            result["errors"][name] = f"stopped after {seconds:.0f} s"
        elif code:
            lines = [line.strip() for line in error if line.strip()]
            result["errors"][name] = f"exit {code}: {lines[-1][:400] if lines else 'no message'}"


def _run_section(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from benchmarks.gpu import sections

    torch.manual_seed(0)
    found: dict[str, Any] = getattr(sections, options.section)(options)
    return found


if __name__ == "__main__":
    sys.exit(main())
