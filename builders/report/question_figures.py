"""How hard the questions of each split are, how many copy their document, and how many need a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.database import arrow_rows, database
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.words import words

if TYPE_CHECKING:
    import duckdb

Rows = list[dict[str, Any]]

DEPTH = 20  # ranks in which a document counts as found
MOST = 1_000  # questions of a dataset's split that are looked at, the first by id, which is a hash
COPIED = 0.8  # share of a question's words that stand in its document, from which it copies it
BM25 = "bm25"
_BATCH = 256

_FIRST = "list_filter(positives, lambda one: one.doc_id = positive_id)[1].rank"
_MINED = f"""
SELECT dataset, split, miner, count(*), count(*) FILTER (rank = 1), count(*) FILTER (rank <= {DEPTH}),
       coalesce(sum(1 / rank) FILTER (rank <= {DEPTH}), 0) / count(*)
FROM (SELECT dataset, split, miner, {_FIRST} AS rank FROM triplets WHERE miner <> '') GROUP BY ALL ORDER BY ALL
"""  # noqa: S608
_ASKED = f"""
SELECT t.dataset, t.split, t.pool, t.instruction, t.query, t.query_id, t.positive_id, t.query_image_ids,
       c.text, c.captions, c.image_ids{{images}}
FROM (SELECT * FROM triplets QUALIFY row_number() OVER (PARTITION BY dataset, split ORDER BY query_id) <= {MOST}) t
JOIN corpus c ON c.pool = t.pool AND c.doc_id = t.positive_id
ORDER BY t.dataset, t.split, t.query_id
"""  # noqa: S608
_OF_QUERY = ", list_transform(t.query_images, lambda i: i.bytes) AS images"
_POOL = """
SELECT doc_id, text, captions{images} FROM corpus WHERE pool = $pool AND (pool <> 'web' OR split = $split)
"""
_PICTURES = """
SELECT q.dataset, q.split, q.answers, c.captions,
       q.evidence.document.correct AND NOT q.evidence.no_images.correct AND NOT q.evidence.closed_book.correct AS needs
FROM qa q JOIN corpus c ON c.pool = q.pool AND c.doc_id = q.doc_id WHERE q.evidence.no_images IS NOT NULL
"""


def question_figures(folder: Path, files: Iterable[str], recipe: Recipe) -> dict[str, Rows]:
    """Parts ``difficulty``, ``question_words`` and ``pictures`` of the summary; one without rows is left out.

    :param folder: Folder of the tables.
    :param files: Their files.
    """
    tables = {name: [one for one in files if one.startswith(f"data/{name}/")] for name in ("corpus", "qa", "triplets")}
    if not tables["corpus"] or not tables["triplets"]:
        return {}
    with database(folder) as db:
        for name, listed in tables.items():
            _view(db, name, folder, listed)
        mined = _mined(db)
        systems = _systems(recipe, mined)
        asked = _Asked(db, folder, any(make_encoder(one).needs_images for one in systems))
        computed = [row for system in systems for row in asked.found_by(system)]
        found = {
            "difficulty": sorted([*mined, *computed], key=lambda row: (row["dataset"], row["split"], row["system"])),
            "question_words": asked.copied(),
            "pictures": _pictures(db) if tables["qa"] else [],
        }
    return {name: rows for name, rows in found.items() if rows}


def _view(db: duckdb.DuckDBPyConnection, name: str, folder: Path, files: Sequence[str]) -> None:
    column = "pool" if name == "corpus" else "split"
    place = f"regexp_extract(filename, '([^/]+)-[0-9]+-of-[0-9]+', 1) AS {column}"
    read = f"read_parquet({file_list([folder / one for one in files])}, filename = true)"
    if files:
        there = {row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}  # noqa: S608
        known = "*" if column not in there else f"* EXCLUDE ({column})"
        db.execute(f"CREATE VIEW {name} AS SELECT {known}, {place} FROM {read}")  # noqa: S608


def _mined(db: duckdb.DuckDBPyConnection) -> Rows:
    names = ("dataset", "split", "system", "questions", "first", "found", "mrr")
    return [dict(zip(names, row, strict=True)) for row in db.execute(_MINED).fetchall()]


def _systems(recipe: Recipe, mined: Sequence[Mapping[str, Any]]) -> list[str]:
    """Encoders whose figures are computed: BM25 where it is not the miner, and those that the recipe names."""
    named = [BM25, *([recipe.filters.difficulty_encoder] if recipe.filters.difficulty else []), *recipe.qrels.systems]
    known = {row["system"] for row in mined} if len({row["system"] for row in mined}) == 1 else set()
    return [one for one in dict.fromkeys(named) if make_encoder(one).name not in known]


class _Asked:
    """The questions that are looked at, with their documents.

    :param pictures: Whether an encoder reads their pictures.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, folder: Path, pictures: bool) -> None:
        self._db, self._folder = db, folder
        query = _ASKED.format(images=_OF_QUERY if pictures else "")
        self._rows: list[dict[str, Any]] = list(arrow_rows(db, query, _BATCH))

    def _groups(self) -> Iterator[tuple[tuple[str, str], Rows]]:
        groups: dict[tuple[str, str], Rows] = {}
        for row in self._rows:
            groups.setdefault((row["dataset"], row["split"]), []).append(row)
        yield from groups.items()

    def copied(self) -> Rows:
        """How many questions have over 80 % of their words from their document's text and captions."""
        found = []
        for (dataset, split), rows in self._groups():
            over = sum(_copies(row) for row in rows)
            found.append({"dataset": dataset, "split": split, "questions": len(rows), "copied": over})
        return found

    def found_by(self, system: str) -> Rows:
        """How well an encoder finds the documents of the questions, searched as for negatives."""
        encoder = make_encoder(system)
        found = []
        for (dataset, split), rows in self._groups():
            pools = sorted({row["pool"] for row in rows})
            ranks = [rank for pool in pools for rank in self._ranks(encoder, pool, split, rows)]
            near = [rank for rank in ranks if rank is not None]
            counts = {"questions": len(ranks), "first": near.count(1), "found": len(near)}
            mrr = sum(1 / rank for rank in near) / len(ranks)
            found.append({"dataset": dataset, "split": split, "system": encoder.name, **counts, "mrr": mrr})
        return found

    def _ranks(self, encoder: Any, pool: str, split: str, rows: Rows) -> list[int | None]:
        """The rank of the document of each question of a pool among the first ``DEPTH``."""
        own = [row for row in rows if row["pool"] == pool]
        images = ", list_transform(images, lambda i: i.bytes) AS images" if encoder.needs_images else ""
        query = _POOL.format(images=images).replace("$pool", f"'{pool}'").replace("$split", f"'{split}'")
        entries = (_entry(row["doc_id"], row["text"], row) for row in arrow_rows(self._db, query, _BATCH))
        with TemporaryDirectory(dir=self._folder) as place:
            encoder.build(entries, Path(place))
            index = encoder.open(Path(place))
            asked = [_entry(row["query_id"], row["query"], {**row, "captions": _shown(row)}) for row in own]
            hits = index.search(asked, DEPTH).rows.tolist()
            ids = [[index.ids[one] for one in listed if one >= 0] for listed in hits]
        pairs = zip(own, ids, strict=True)
        return [listed.index(row["positive_id"]) + 1 if row["positive_id"] in listed else None for row, listed in pairs]


def _entry(key: str, text: str, row: Mapping[str, Any]) -> SearchEntry:
    instruction = row.get("instruction", "")
    return SearchEntry(key, text, tuple(row["captions"]), tuple(row.get("images") or ()), instruction=instruction)


def _shown(row: Mapping[str, Any]) -> list[str]:
    """Captions of the pictures of a question, as its document has them."""
    captions = dict(zip(row["image_ids"], row["captions"], strict=True))
    return [captions.get(one, "") for one in row["query_image_ids"]]


def _copies(row: Mapping[str, Any]) -> bool:
    asked = words(plain_text(row["query"]))
    held = set(words(plain_text(row["text"]))).union(*(words(one) for one in row["captions"]))
    return bool(asked) and sum(one in held for one in asked) > COPIED * len(asked)


def _pictures(db: duckdb.DuckDBPyConnection) -> Rows:
    """How many verified questions on documents with pictures need one: wrong without image and without caption.

    A caption that holds an accepted answer word by word would do in place of the picture.
    """
    counts: dict[tuple[str, str], list[int]] = {}
    for row in arrow_rows(db, _PICTURES, _BATCH):
        own = counts.setdefault((row["dataset"], row["split"]), [0, 0])
        own[0] += 1
        own[1] += bool(row["needs"]) and not _held(row["answers"], row["captions"])
    names = ("questions", "needed")
    return [
        {"dataset": key[0], "split": key[1], **dict(zip(names, own, strict=True))}
        for key, own in sorted(counts.items())
    ]


def _held(answers: Iterable[str], captions: Sequence[str]) -> bool:
    folded = [f" {' '.join(words(caption))} " for caption in captions]
    wanted = (" ".join(words(answer)) for answer in answers)
    return any(f" {one} " in caption for one in wanted if one for caption in folded)


def figure_lines(summary: Mapping[str, Any]) -> list[str]:
    """The figures in lines for report and card."""
    lines = []
    for row in summary.get("difficulty", []):
        first, found = (100 * row[name] / row["questions"] for name in ("first", "found"))
        line = (
            f"{row['dataset']} {row['split']}: {row['system']} finds the document of {first:.1f} % of "
            f"{row['questions']:,} questions first, of {found:.1f} % in its first {DEPTH} (MRR {row['mrr']:.3f})"
        )
        perfect = row["system"] == BM25 and first >= _PERFECT
        lines.append(f"{line}; words alone find nearly all, so it hardly ranks retrievers" if perfect else line)
    for row in summary.get("question_words", []):
        share = 100 * row["copied"] / row["questions"]
        lines.append(
            f"{row['dataset']} {row['split']}: {share:.1f} % of {row['questions']:,} questions have over 80 % of their "
            f"words from their document (at most {_AIM} % is good)"
        )
    lines += [
        f"{row['dataset']} {row['split']}: {row['needed']:,} of {row['questions']:,} verified questions on documents "
        "with pictures need one: the model is wrong without image and caption"
        for row in summary.get("pictures", [])
    ]
    return lines


_PERFECT = 95.0  # percent that BM25 finds first, from which a set says that words alone are enough
_AIM = 30
