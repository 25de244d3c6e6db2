"""``export``: a dataset as another tool reads it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nyxqa.builders.export.beir import write_beir
from nyxqa.builders.export.dataset import Source
from nyxqa.builders.export.left_out import LEFT_OUT, LeftOut
from nyxqa.builders.export.sentence_transformers import write_sentence_transformers
from nyxqa.builders.export.shards import write_shards
from nyxqa.builders.export.tevatron import write_tevatron
from nyxqa.builders.export.vlm2vec import write_vlm2vec
from nyxqa.schemas.errors import UsageError, WorldError, nearest
from nyxqa.schemas.loading.hub import COMMIT
from nyxqa.schemas.loading.locate import find_published
from nyxqa.schemas.tables import QA_SPLITS

Target = Literal["sentence-transformers", "tevatron", "vlm2vec", "beir", "shards"]

_WRITERS: dict[str, Callable[[Source, Path, LeftOut], None]] = {
    "sentence-transformers": write_sentence_transformers,
    "tevatron": write_tevatron,
    "vlm2vec": write_vlm2vec,
    "beir": write_beir,
    "shards": write_shards,
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    :param left_out: How much the target has no place for, by reason; each stands in ``left_out.jsonl``.
    """

    folder: Path
    left_out: dict[str, int]

    def text(self) -> str:
        """The same in lines."""
        lines = [f"wrote {self.folder}"]
        lines += [f"{reason}: {count}, see {self.folder / LEFT_OUT}" for reason, count in sorted(self.left_out.items())]
        return "".join(f"{line}\n" for line in lines)


def export(
    data: str | Path,
    to: Target,
    out: str | Path,
    *,
    split: str | None = None,
    max_negatives: int | None = None,
    revision: str | None = None,
) -> Exported:
    """Write the triplets of a dataset into the folder ``out`` in the form of ``to``, images included.

    The folder appears when it is complete. What the target has no place for is counted and listed.

    :param data: A dataset's folder, or ``user/name`` on the Hub.
    :param split: One split; None writes all that have rows.
    :param max_negatives: Most negatives of a row, the first by rank; None keeps all.
    :raises UsageError: If the target is not known, or there are no such triplets.
    :raises WorldError: If ``out`` is there already and not empty.
    """
    if to not in _WRITERS:
        raise UsageError(f"there is no export to {to!r}{nearest(str(to), list(get_args(Target)))}")
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorldError(f"{folder} is there already: name a folder that is not, or an empty one")
    published = find_published(data, revision, ("triplets", "corpus"))
    if COMMIT.match(published.folder.name) and not Path(data).is_dir():
        revision = published.folder.name  # whatever is pushed meanwhile, all parts come from this commit
    found = published.manifest.splits("triplets")
    splits = [one for one in QA_SPLITS if one in found and split in (None, one)]
    if not splits:
        raise UsageError(f"{data} has no triplets" + (f" of split {split!r}" if split else ""))
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with LeftOut(part) as left_out:
            _WRITERS[to](Source(data, revision, tuple(splits), max_negatives), part, left_out)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Exported(folder, dict(left_out.counts))
