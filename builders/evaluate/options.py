"""What the caller of an evaluation chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from nyxqa.builders.engine.executors.factory import DEFAULT
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.retriever.index.approximate import IndexKind
from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_file import recipe_of
from nyxqa.schemas.tables import QA_SPLITS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
TOP_K = (0, 1)
EXACT = "exact"
INDEXES = (EXACT, *get_args(IndexKind))
BUDGETS = (1_000,)


@dataclass(frozen=True)
class EvaluateOptions:
    """What is evaluated, on which questions, and how.

    :param retrievers: Encoders by the name a recipe gives them.
    :param vlm: The model that answers, as ``[vlm] model`` has it; None scores retrieval alone.
    :param split: Split whose questions are asked.
    :param datasets: Datasets of the questions; all of the split if empty.
    :param top_k: Numbers of documents put before a question; 0 is closed-book.
    :param dims: Prefix lengths of vectors; only the full length if empty.
    :param limit: Most questions of each dataset, first by keyed hash.
    :param runs: Files of rankings that other systems made, by the system's name.
    :param reranker: Cross-encoder that orders the first documents of each ranking again, ``ce:MODEL``.
    :param budgets: Numbers of tokens within which the evidence is looked for.
    :param index: ``exact`` search of vectors, or an approximate index: ``ivf`` or ``hnsw``.
    :param name: Name of the files that are written; the split if empty.
    :param settings: Values of sections ``vlm`` of the recipe by dotted key.
    :param retry_failed: Whether to ask the model again where it failed.
    """

    retrievers: Sequence[str] = ()
    vlm: str | None = None
    split: str = "test"
    datasets: Sequence[str] = ()
    top_k: Sequence[int] = TOP_K
    dims: Sequence[int] = ()
    limit: int | None = None
    runs: Mapping[str, str] = field(default_factory=dict)
    reranker: str | None = None
    budgets: Sequence[int] = BUDGETS
    index: str = EXACT
    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    executor: str = DEFAULT
    workers: int | None = None
    retry_failed: bool = False

    def check(self) -> None:
        """Refuse values that cannot be meant.

        :raises UsageError: Naming the option.
        """
        if not self.retrievers and not self.runs:
            raise UsageError("nothing to evaluate: give --retriever SPEC or --run NAME=FILE, once or more")
        if self.split not in QA_SPLITS:
            raise UsageError(f"--split {self.split!r}{nearest(self.split, QA_SPLITS)}")
        if not _NAME.match(self.file_name):
            raise UsageError(f"--name {self.name!r}: use letters, digits, dot, hyphen and underscore")
        if any(k < 0 for k in self.top_k):
            raise UsageError("--top-k: a number of documents is at least 0")
        if any(dim < 1 for dim in self.dims):
            raise UsageError("--dims: a prefix length is at least 1")
        if any(budget < 1 for budget in self.budgets):
            raise UsageError("--budget: a number of tokens is at least 1")
        if self.limit is not None and self.limit < 1:
            raise UsageError("--limit: give at least 1")
        repeated = [one for number, one in enumerate(self.retrievers) if one in self.retrievers[:number]]
        if repeated:
            raise UsageError(f"--retriever {repeated[0]} is given twice")
        self._check_index()
        self._check_model()

    def _check_index(self) -> None:
        if self.index not in INDEXES:
            raise UsageError(f"--index {self.index!r}{nearest(self.index, INDEXES)}")
        if self.index == EXACT:
            return
        if not any(map(is_dense, self.retrievers)):
            raise UsageError(
                f"--index {self.index}: none of the retrievers has vectors; name a dense one, or leave it out"
            )
        if self.dims:
            raise UsageError(f"--index {self.index} searches whole vectors; leave out --dims")

    def _check_model(self) -> None:
        if self.vlm is None:
            return
        info = make_provider(self.vlm).info
        if not info.can_judge:
            raise UsageError(
                f"--vlm {info.generator} only searches for words and cannot answer with documents; name a model: "
                "openai:MODEL@URL"
            )

    def recipe(self, seed: int, built: Mapping[str, Any]) -> Recipe:
        """A recipe with the section ``vlm`` to use: that of the dataset, this model and these settings.

        :param built: The recipe that the dataset was built by.
        :raises UsageError: If a key is not in this section, or a value is not valid.
        """
        for key in self.settings:
            if key.partition(".")[0] != "vlm":
                raise UsageError(f"--set {key}: evaluate reads section [vlm] alone")
        overrides = {**({"vlm.model": self.vlm} if self.vlm is not None else {}), **self.settings}
        return recipe_of({"seed": seed, "vlm": dict(built.get("vlm", {}))}, overrides, "of the dataset")

    @property
    def file_name(self) -> str:
        """Stem of the files that are written."""
        return self.name or self.split


def system_names(specs: Sequence[str]) -> dict[str, str]:
    """Name in tables of each retriever, numbered where two models have the same name.

    :raises UsageError: If a retriever is unknown.
    """
    names: dict[str, str] = {}
    for spec in specs:
        name = make_encoder(spec).name
        same = sum(known.partition(" #")[0] == name for known in names.values())
        names[spec] = f"{name} #{same + 1}" if same else name
    return names


def named_files(texts: Sequence[str]) -> dict[str, str]:
    """The files of ``NAME=FILE``, by name.

    :raises UsageError: If one has another form, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, mark, file = text.partition("=")
        if not (name and mark and file):
            raise UsageError(f"--run {text!r} is not NAME=FILE")
        if name in found:
            raise UsageError(f"--run {name} is given twice")
        found[name] = file
    return found


def numbers(text: str, flag: str) -> list[int]:
    """The numbers of ``1,2,4``, each once, in their order.

    :raises UsageError: If a part is not a whole number.
    """
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{flag} {text!r} is not a list of whole numbers; give for example 1,2,4") from None
    return list(dict.fromkeys(found))
