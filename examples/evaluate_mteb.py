"""An encoder on a dataset's test questions by mteb, whose figures can be compared with those of its other tasks.

    nyxqa export nyxqa_data --to mteb --out mteb_task --split test
    python examples/evaluate_mteb.py mteb_task tiny:retriever_out

ENCODER is any that nyxqa knows (bm25 searches without vectors, so not that one): tiny[:FOLDER], e5:MODEL, nyx:MODEL,
hf:MODEL. Texts alone are compared here; a picture counts by its caption where the encoder reads captions.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import mteb
import numpy as np
from mteb.models import ModelMeta

import nyxqa


class NyxqaModel:
    """An encoder of nyxqa with the interface that mteb asks for."""

    def __init__(self, spec: str) -> None:
        self._encoder = nyxqa.encoder(spec)
        empty = dict.fromkeys(
            ("revision", "release_date", "languages", "n_parameters", "memory_usage_mb", "max_tokens", "embed_dim")
        )
        rest = dict.fromkeys(
            (
                "license",
                "open_weights",
                "public_training_code",
                "public_training_data",
                "use_instructions",
                "training_datasets",
            )
        )
        self.mteb_model_meta = ModelMeta(
            name=f"nyxqa/{spec.partition(':')[0]}",
            loader=None,
            framework=[],
            similarity_fn_name="cosine",
            reference=None,
            **empty,
            **rest,
        )

    def encode(self, inputs: Iterable[Mapping[str, Any]], *, prompt_type: Any = None, **_: Any) -> np.ndarray:
        """Vectors of the texts of some batches, float32 [n, dimensions]."""
        kind = "query" if str(getattr(prompt_type, "value", prompt_type)) == "query" else "document"
        texts = [text for batch in inputs for text in batch["text"]]
        return self._encoder.encode(texts, kind=kind)

    def similarity(self, first: Any, second: Any) -> Any:
        """Cosines of two sets of vectors of unit length."""
        import torch

        return torch.as_tensor(np.asarray(first) @ np.asarray(second).T)

    def similarity_pairwise(self, first: Any, second: Any) -> Any:
        """Cosines of vectors row by row."""
        import torch

        return torch.as_tensor((np.asarray(first) * np.asarray(second)).sum(axis=1))


def task_of(folder: Path) -> Any:
    """The task of an export, from the ``task.py`` that lies in it."""
    spec = importlib.util.spec_from_file_location("exported_task", folder / "task.py")
    if spec is None or spec.loader is None or not (folder / "task.py").is_file():
        raise SystemExit(f"{folder} has no task.py; write it with nyxqa export --to mteb")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    classes = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == spec.name]
    return next(one for one in classes if issubclass(one, mteb.AbsTask))()


def main() -> None:
    """Evaluate, and print the main figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, help="folder of nyxqa export --to mteb")
    parser.add_argument("encoder")
    options = parser.parse_args()
    result = mteb.evaluate(NyxqaModel(options.encoder), task_of(options.export), cache=None)
    scores = next(iter(result.task_results[0].scores.values()))[0]
    print(json.dumps({name: scores[name] for name in ("ndcg_at_10", "recall_at_10", "mrr_at_10") if name in scores}))  # noqa: T201


if __name__ == "__main__":
    main()
