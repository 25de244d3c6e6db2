"""``export``: write a dataset in the format of another tool."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.export.dataset import LEFT_OUT, ImagesAs, LeftOut, Source
from nyxqa.builders.export.factory import TARGETS
from nyxqa.schemas.errors import UsageError, WorldError, nearest
from nyxqa.schemas.loading.hub import COMMIT
from nyxqa.schemas.loading.published import find_published
from nyxqa.schemas.tables import QA_SPLITS


@dataclass(frozen=True)
class Exported:
    """What was written.

    :param rows: Number of queries, documents and qrels, as far as the format has them.
    :param left_out: Number of items the format has no place for, by reason; ``left_out.jsonl`` lists each of them.
    :param load: How it is read, in a line.
    :param notes: What became of rows that the format has in another form, a line each.
    """

    folder: Path
    rows: dict[str, int]
    left_out: dict[str, int]
    load: str
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """For example ``wrote ex: 83 queries, 178 documents, 83 qrels; ... Load: ...``."""
        rows = ", ".join(f"{count:,} {_noun(name, count)}" for name, count in self.rows.items())
        lost = ", ".join(
            f"{count:,} {_REASONS.get(name, name.replace('_', ' '))}" for name, count in sorted(self.left_out.items())
        )
        noted = f"; {lost} ({LEFT_OUT})" if lost else ""
        return "\n".join([f"wrote {self.folder}: {rows}{noted}. Load: {self.load}", *self.notes, ""])


_REASONS = {"images_beside_text": "rows with images beside the text"}
_PLURALS = {"query": "queries"}


def _noun(name: str, count: int) -> str:
    return name if count == 1 else _PLURALS.get(name, f"{name}s")


def export(
    data: str | Path,
    to: str,
    out: str | Path,
    *,
    split: str | None = None,
    max_negatives: int | None = None,
    expand_negatives: bool = False,
    images: ImagesAs | None = None,
    revision: str | None = None,
) -> Exported:
    """Write the triplets of a dataset, including their images, into the folder ``out`` in the format of ``to``.

    The folder appears when it is complete. Items that the format has no place for are counted and listed.

    :param data: A dataset's folder, or ``user/name`` on the Hub.
    :param to: A name in ``nyxqa.builders.export.factory.TARGETS``.
    :param split: One split; None writes every split that has rows.
    :param max_negatives: Most negatives of a row, the first by rank; None keeps all. Where all rows must have equally
        many (``sentence-transformers``), rows with fewer are filled up to it, or to the most that a row has.
    :param expand_negatives: A row for each negative, where the target's rows have one (``vlm2vec``).
    :param images: ``keep``, the default where the target has a place for images; ``captions``, the default elsewhere,
        writes the caption of each image in its place; ``none`` leaves images out.
    :raises UsageError: If the target is unknown or has several negatives a row, has no place for images that are to be
        kept, or the dataset has no such triplets.
    :raises UsageError: If ``out`` has a name under which the format's readers refuse it.
    :raises WorldError: If ``out`` exists and is not an empty folder.
    """
    if to not in TARGETS:
        raise UsageError(f"{to!r} is not an export target{nearest(str(to), list(TARGETS))}")
    if expand_negatives and not TARGETS[to].one_negative:
        raise UsageError(f"rows of {to} have all their negatives: leave out --expand-negatives")
    if images == "keep" and not TARGETS[to].images:
        raise UsageError(f"{to} has no place for images: take --images captions or --images none")
    folder = Path(out)
    if to == "mteb" and folder.name == "task":  # datasets takes NAME/NAME.py for a loading script, and refuses it
        raise UsageError("datasets reads no folder 'task' with a file task.py in it: choose another name for --out")
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
        shown = images or ("keep" if TARGETS[to].images else "captions")
        source = Source(data, revision, tuple(splits), max_negatives, expand_negatives, shown)
        with LeftOut(part) as left_out:
            TARGETS[to].writer()(source, part, left_out)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    load = TARGETS[to].load.format(folder=folder, split=splits[0])
    return Exported(folder, dict(source.counts), dict(left_out.counts), load, tuple(source.notes))
