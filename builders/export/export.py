"""``export``: write a dataset in the format of another tool."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.export.dataset import Source
from nyxqa.builders.export.factory import TARGETS
from nyxqa.builders.export.readme import LEFT_OUT, LeftOut
from nyxqa.schemas.errors import UsageError, WorldError, nearest
from nyxqa.schemas.loading.hub import COMMIT
from nyxqa.schemas.loading.locate import find_published
from nyxqa.schemas.tables import QA_SPLITS


@dataclass(frozen=True)
class Exported:
    """What was written.

    :param left_out: Number of items the format has no place for, by reason; ``left_out.jsonl`` lists each of them.
    """

    folder: Path
    left_out: dict[str, int]

    def text(self) -> str:
        """The folder and each reason, one line each."""
        lines = [f"wrote {self.folder}"]
        lines += [f"{reason}: {count}, see {self.folder / LEFT_OUT}" for reason, count in sorted(self.left_out.items())]
        return "".join(f"{line}\n" for line in lines)


def export(
    data: str | Path,
    to: str,
    out: str | Path,
    *,
    split: str | None = None,
    max_negatives: int | None = None,
    expand_negatives: bool = False,
    revision: str | None = None,
) -> Exported:
    """Write the triplets of a dataset, including their images, into the folder ``out`` in the format of ``to``.

    The folder appears when it is complete. Items that the format has no place for are counted and listed.

    :param data: A dataset's folder, or ``user/name`` on the Hub.
    :param to: A name in ``nyxqa.builders.export.factory.TARGETS``.
    :param split: One split; None writes every split that has rows.
    :param max_negatives: Most negatives of a row, the first by rank; None keeps all.
    :param expand_negatives: A row for each negative, where the target's rows have one (``vlm2vec``).
    :raises UsageError: If the target is unknown or has several negatives a row, or the dataset has no such triplets.
    :raises WorldError: If ``out`` exists and is not an empty folder.
    """
    if to not in TARGETS:
        raise UsageError(f"{to!r} is not an export target{nearest(str(to), list(TARGETS))}")
    if expand_negatives and not TARGETS[to].one_negative:
        raise UsageError(f"rows of {to} have all their negatives: leave out --expand-negatives")
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorldError(f"{folder} exists and is not an empty folder: name a new folder or an empty one")
    published = find_published(data, revision, ("triplets", "corpus"))
    if COMMIT.match(published.folder.name) and not Path(data).is_dir():
        revision = published.folder.name  # all parts come from this commit, whatever is pushed meanwhile
    stored = published.manifest.splits("triplets")
    splits = [one for one in QA_SPLITS if one in stored and split in (None, one)]
    if not splits:
        raise UsageError(f"{data} has no triplets" + (f" in split {split!r}" if split else ""))
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with LeftOut(part) as left_out:
            TARGETS[to].writer()(Source(data, revision, tuple(splits), max_negatives, expand_negatives), part, left_out)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Exported(folder, dict(left_out.counts))
