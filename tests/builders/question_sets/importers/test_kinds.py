import json
import re
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.importers.kinds import IMPORT_READERS, import_rows
from nyxqa.builders.question_sets.importers.repair import ImportedRow
from nyxqa.builders.question_sets.importers.report import repair_report
from nyxqa.builders.report.lines import shortfall_lines
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe_types import ImportKind

DOCS = Path(__file__).parents[4] / "docs" / "recipe.md"
IMAGE_LINE = "<|image_1|>\n"


def six(query: Any = "q", images: Any = "", positive: Any = "p", positive_images: Any = "", **more: Any) -> Any:
    return {
        "qry": query,
        "qry_image_path": images,
        "pos_text": positive,
        "pos_image_path": positive_images,
        **more,
    }


def parquet(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def write_json(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(rows)))
    return path


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def rows_of(kind: str, path: Path, images: Path | None = None) -> list[ImportedRow]:
    found = list(import_rows(kind, path, images))
    assert not any(isinstance(item, Drop) for item in found), found
    return [item for item in found if isinstance(item, ImportedRow)]


def one(tmp_path: Path, row: Any, kind: str = "mme5_hardneg") -> ImportedRow | Drop:
    images = pictures(tmp_path / "images", "a.jpg", "b.jpg", "c.avif")
    (found,) = import_rows(kind, write_json(tmp_path / "set.json", row), images)
    return found


def imported(tmp_path: Path, row: Any, kind: str = "mme5_hardneg") -> ImportedRow:
    found = one(tmp_path, row, kind)
    assert isinstance(found, ImportedRow), found
    return found


def test_mmeb_folder_of_subsets_with_images_in_zips(tmp_path: Path) -> None:
    parquet(tmp_path / "OK-VQA/original-00000-of-00002.parquet", six(f"{IMAGE_LINE}What?", "OK-VQA/1.jpg", "A dog"))
    parquet(tmp_path / "OK-VQA/original-00001-of-00002.parquet", six(f"{IMAGE_LINE}Who?", "OK-VQA/2.jpg", "Ann"))
    parquet(tmp_path / "OK-VQA/diverse_instruction-00000-of-00001.parquet", six("never read"))
    parquet(
        tmp_path / "MSCOCO_t2i/train-00000-of-00001.parquet",
        six("Find a cat", "", IMAGE_LINE, "MSCOCO_t2i/c.jpg", neg_text="", neg_image_path="", odd_column=1),
    )
    (tmp_path / "images_zip").mkdir()
    for subset, members in {"OK-VQA": ["1.jpg", "2.jpg"], "MSCOCO_t2i": ["MSCOCO_t2i/c.jpg"]}.items():
        with zipfile.ZipFile(tmp_path / f"images_zip/{subset}.zip", "w") as archive:
            for member in members:
                archive.writestr(member, f"{subset} {member}")
    found = rows_of("mmeb", tmp_path)
    assert [(row.dataset, row.own_id, row.split) for row in found] == [
        ("mmeb/MSCOCO_t2i", 0, "train"),
        ("mmeb/OK-VQA", 0, "train"),
        ("mmeb/OK-VQA", 1, "train"),
    ]
    assert [row.query.text for row in found] == ["Find a cat", f"{PLACEHOLDER}\nWhat?", f"{PLACEHOLDER}\nWho?"]
    assert found[0].positive.text == PLACEHOLDER
    assert found[0].positive.images[0].read(100) == b"MSCOCO_t2i MSCOCO_t2i/c.jpg"
    assert found[2].query.images[0].read(100) == b"OK-VQA 2.jpg"
    # Rows without negatives, on which the Nyx code fails, are rows.
    assert all(row.negatives == () for row in found)


# As published, neg_text and neg_image_path are Python literals, one string or a list.
def test_hardneg_lists_in_strings(tmp_path: Path) -> None:
    row = imported(tmp_path, six(neg_text=str(["n1", "", "n2"]), neg_image_path=str(["", "a.jpg", "None"])))
    assert [(side.text, [image.path for image in side.images]) for side in row.negatives] == [
        ("n1", []),
        (PLACEHOLDER, ["a.jpg"]),
        ("n2", []),
    ]
    assert set(row.repairs) == {
        ("neg_text", "parsed_list"),
        ("neg_image_path", "parsed_list"),
        ("neg_text", "missing_token"),
    }


@pytest.mark.parametrize(
    ("texts", "images", "expected"),
    [
        ("one string", "", ["one string"]),
        ("one string", None, ["one string"]),
        ('["json", "list"]', "[]", ["json", "list"]),
        (["a", "b"], [], ["a", "b"]),
        (["a", "b"], [""], ["a", "b"]),
        (["a", "b"], [["a.jpg", "b.jpg"], []], [f"{PLACEHOLDER}\n{PLACEHOLDER}\na", "b"]),
        ("", "['a.jpg', 'b.jpg']", [PLACEHOLDER, PLACEHOLDER]),
        (None, None, []),
        ("[]", "[]", []),
    ],
)
def test_negatives_in_every_shape(tmp_path: Path, texts: Any, images: Any, expected: list[str]) -> None:
    row = imported(tmp_path, six(neg_text=texts, neg_image_path=images))
    assert [side.text for side in row.negatives] == expected
    assert row.notes == ()


# In the Nyx code an empty negative becomes the positive, or another negative's text with the old image.
def test_a_negative_that_cannot_be_used_is_noted_and_replaced_by_nothing(tmp_path: Path) -> None:
    texts = ["", "fine", " p ", "fine", "gone", 7, "bad \ud800"]
    row = imported(tmp_path, six(neg_text=texts, neg_image_path=["", "", "", "", "gone.jpg", "", ""]))
    assert [side.text for side in row.negatives] == ["fine"]
    name = "set/set.json:0"
    assert [(note.item_id, note.parent_id, note.reason) for note in row.notes] == [
        (f"{name}:0", name, "empty_text"),
        (f"{name}:2", name, "equal"),
        (f"{name}:3", name, "equal"),
        (f"{name}:4", name, "missing_image"),
        (f"{name}:5", name, "bad_type"),
        (f"{name}:6", name, "bad_unicode"),
    ]
    row = imported(tmp_path, six(neg_text=["", ""], neg_image_path=["", ""]))
    assert row.negatives == () and len(row.notes) == 2


def test_negatives_that_do_not_pair_up_are_not_guessed(tmp_path: Path) -> None:
    row = imported(tmp_path, six(neg_text=["a", "b", "c"], neg_image_path=["a.jpg", "b.jpg"]))
    assert row.negatives == ()
    assert [(note.reason, note.detail) for note in row.notes] == [("misaligned", "3 texts but 2 images")]


# The Nyx code calls eval() on the same strings.
def test_code_in_a_list_column_is_a_negative_text(tmp_path: Path) -> None:
    target = tmp_path / "run"
    code = f"[open({str(target)!r}, 'w')]"
    assert [side.text for side in imported(tmp_path, six(neg_text=code)).negatives] == [code]
    assert one(tmp_path, six("q", code)) == Drop(
        "row", "set/set.json:0", "", "missing_image", f"qry_image_path: {code}"
    )
    assert not target.exists()


# As published, queries may hold a token with no image; synthetic T2I queries start with one.
@pytest.mark.parametrize("kind", ["mmeb", "mme5_hardneg", "mme5_synthetic"])
@pytest.mark.parametrize("path", ["", "None", None, "[]", []])
def test_stray_tokens_go_with_their_line_end(tmp_path: Path, kind: str, path: Any) -> None:
    row = imported(tmp_path, six(f"{IMAGE_LINE}Find a <|image|>cat", path, IMAGE_LINE, "a.jpg", modality="T2I"), kind)
    assert row.query.text == "Find a cat" and row.query.images == ()
    assert row.positive.text == PLACEHOLDER
    assert row.repairs.count(("qry", "stray_token")) == 2


# The Nyx code filters images by extension while their placeholder stays.
def test_placeholders_and_images_always_agree(tmp_path: Path) -> None:
    row = imported(
        tmp_path, six("<|image|><|image|> both", ["c.avif", "a.jpg"], "<|image_1|> <|image_2|> p", ["b.jpg"])
    )
    assert row.query.text == f"{PLACEHOLDER}{PLACEHOLDER} both"
    assert [image.path for image in row.query.images] == ["c.avif", "a.jpg"]
    assert row.positive.text == f"{PLACEHOLDER} p"


# In the Nyx code a slice [:-1] drops the last row, and NyxQA is cut to 20,000.
def test_every_row_is_read(tmp_path: Path) -> None:
    path = parquet(tmp_path / "Retrieval.parquet", *(six(f"q{number}", modality="T2I") for number in range(20_011)))
    found = rows_of("mme5_synthetic", path)
    assert len(found) == 20_011
    assert (found[-1].query.text, found[-1].own_id, found[-1].dataset) == ("q20010", 20_010, "mme5_synthetic/Retrieval")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (six(positive=""), "empty_text"),
        (six(positive=None), "empty_text"),
        (six(query=IMAGE_LINE), "empty_text"),
        (six(positive=["p"]), "bad_type"),
        (six(images="gone.jpg"), "missing_image"),
        (six(images="../set.json"), "missing_image"),
        (six(positive_images=["a.jpg", "gone.jpg"]), "missing_image"),
    ],
)
def test_rows_that_cannot_be_used_are_drops(tmp_path: Path, row: Any, reason: str) -> None:
    found = one(tmp_path, row)
    assert isinstance(found, Drop)
    assert (found.item_id, found.reason) == ("set/set.json:0", reason)


def test_images_may_come_as_bytes(tmp_path: Path) -> None:
    path = parquet(tmp_path / "set.parquet", six(f"{IMAGE_LINE}q", {"bytes": b"picture", "path": "x.jpg"}))
    (row,) = rows_of("mmeb", path)
    assert row.query.images[0].read(100) == b"picture"


def nyxqa(**more: Any) -> Any:
    return {
        "qry": "Which? <|image|>",
        "ans": "blue",
        "pos_text": "Sky <|image|> is blue <|image|>",
        "choices": ["red", "blue", "green", "grey"],
        "right_choice": 1,
        "pos_image_path": ["images/NyxQA/a.jpg", "images/NyxQA/b.jpg"],
        "qry_image_path": ["images/NyxQA/a.jpg"],
        "img_num": 2,
        **more,
    }


def test_nyxqa_published(tmp_path: Path) -> None:
    images = pictures(tmp_path / "data", "NyxQA/a.jpg", "NyxQA/b.jpg")
    mined = nyxqa(neg_text=["n <|image|>", "m"], neg_image_path=[["images/NyxQA/b.jpg"], []])
    write_json(tmp_path / "set/train.json", nyxqa())
    write_json(tmp_path / "set/train_hardneg.json", mined)
    write_json(tmp_path / "set/dev.json", nyxqa(choices="A. red B. blue", right_choice="B"))
    write_json(tmp_path / "set/test.json", nyxqa(right_choice="C"))
    write_json(tmp_path / "set/corpus.json", {"text": "never read", "images": []})
    validation, test, train = rows_of("nyxqa_published", tmp_path / "set", images)
    assert [(row.split, row.own_id) for row in (train, validation, test)] == [
        ("train", 0),
        ("validation", "validation:0"),
        ("test", "test:0"),
    ]
    assert train.dataset == "nyxqa_published" and train.answers == ("blue",)
    assert (train.choices, train.label, test.label) == (("red", "blue", "green", "grey"), 1, 2)
    assert (validation.choices, validation.label) == ((), None)
    assert ("choices", "unreadable") in validation.repairs
    assert train.positive.text == f"Sky {PLACEHOLDER} is blue {PLACEHOLDER}"
    assert [side.text for side in train.negatives] == [f"n {PLACEHOLDER}", "m"]
    assert train.negatives[0].images[0].read(100) == b"NyxQA/b.jpg"


# A table with nulls in a column of whole numbers comes back with floats.
def test_nyxqa_numbers_stored_as_floats(tmp_path: Path) -> None:
    images = pictures(tmp_path / "data", "NyxQA/a.jpg", "NyxQA/b.jpg")
    whole = nyxqa(right_choice=1.0, img_num=2.0, ans=["blue", "azure"])
    path = write_json(tmp_path / "train.json", whole, nyxqa(img_num=3.0), nyxqa(right_choice=1.5))
    first, second, third = import_rows("nyxqa_published", path, images)
    assert isinstance(first, ImportedRow) and isinstance(third, ImportedRow) and isinstance(second, Drop)
    assert (first.label, first.answers, second.reason) == (1, ("blue", "azure"), "image_count")
    assert (third.choices, third.label) == ((), None)


def test_nyxqa_count_of_images_must_be_right(tmp_path: Path) -> None:
    images = pictures(tmp_path / "data", "NyxQA/a.jpg", "NyxQA/b.jpg")
    path = write_json(tmp_path / "train.json", nyxqa(img_num=3))
    (found,) = import_rows("nyxqa_published", path, images)
    assert isinstance(found, Drop) and found.reason == "image_count"


def test_nyx_t2t_as_published_and_as_retrieved(tmp_path: Path) -> None:
    row = six("Who?", [], "Ann did.", [], neg_text=["n1", "n2"], neg_image_path=[], ans=["Ann"])
    parquet(tmp_path / "hotpotqa/train-00000-of-00001.parquet", row)
    parquet(tmp_path / "hotpotqa/test-00000-of-00001.parquet", row)
    docs = [f"d{number}" for number in range(25)]
    write_json(
        tmp_path / "musique/train_with_retrieved_docs.json",
        {"id": "m", "question": "Who?", "golden_answers": ["Ann"], "retrieved_docs": docs},
    )
    test, train, retrieved = rows_of("nyx_t2t", tmp_path)
    assert [(row.dataset, row.split) for row in (test, train, retrieved)] == [
        ("nyx_t2t/hotpotqa", "test"),
        ("nyx_t2t/hotpotqa", "train"),
        ("nyx_t2t/musique", "train"),
    ]
    assert [side.text for side in train.negatives] == ["n1", "n2"] and train.answers == ("Ann",)
    assert retrieved.positive.text == "d0"
    assert [side.text for side in retrieved.negatives] == docs[10:20]
    # The Nyx code does not check that the positive holds the answer.
    assert repair_report([test, train, retrieved]).without_answer == 1


def test_a_missing_column_names_file_row_and_column(tmp_path: Path) -> None:
    row = six()
    del row["pos_image_path"]
    path = write_json(tmp_path / "VQA.json", six(), row)
    with pytest.raises(WorldError, match=r"VQA/VQA\.json, row 1: column 'pos_image_path' is missing"):
        list(import_rows("mme5_synthetic", path))


def test_kinds_are_those_of_the_recipe_and_of_its_docs() -> None:
    assert tuple(IMPORT_READERS) == get_args(ImportKind)
    (row,) = (line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `kind` "))
    assert re.findall(r"`(\w+)`", row)[1:] == list(IMPORT_READERS)


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown kind of import 'mmeb2'; did you mean 'mmeb'"):
        list(import_rows("mmeb2", tmp_path))
    with pytest.raises(UsageError, match="does not exist"):
        list(import_rows("mmeb", tmp_path / "gone"))
    with pytest.raises(WorldError, match="has no file of a format"):
        list(import_rows("mmeb", tmp_path))
    archive = tmp_path / "images.tar.gz"
    archive.write_bytes(b"not a zip")
    with pytest.raises(WorldError, match="neither a folder nor a zip archive; unpack it"):
        list(import_rows("mmeb", tmp_path, archive))


def test_the_report_counts_rows_by_column_and_repair(tmp_path: Path) -> None:
    path = write_json(
        tmp_path / "set.json",
        six(f"{IMAGE_LINE}q", neg_text="['n', '']"),
        six(f"{IMAGE_LINE}{IMAGE_LINE}r"),
        six(positive=""),
        "no row",
    )
    report = repair_report(import_rows("mme5_hardneg", path))
    assert (report.rows, report.imported, report.without_negatives) == (4, 2, 1)
    assert report.dropped == {"bad_row": 1, "empty_text": 1}
    assert report.repaired == {"neg_text": {"parsed_list": 1}, "qry": {"stray_token": 2}}
    assert report.lost == {"empty_text": 1}
    assert report.datasets == {"mme5_hardneg/set": 2}
    assert "repaired qry: stray_token 2" in report.text()


def test_a_broken_or_missing_archive_is_named_once_with_its_rows(tmp_path: Path) -> None:
    names = ["images/set/a.png"] * 3 + ["images/far/b.png"] * 2 + ["images/taped/c.png"] * 4 + [""]
    rows = [{**six(f"q{n}"), "qry_image_path": name} for n, name in enumerate(names)]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "images_zip").mkdir()
    (tmp_path / "images_zip" / "set.zip").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "taped.tar.gz").write_bytes(b"\x1f\x8b cut short")
    found = list(import_rows("mmeb", tmp_path / "set.jsonl", tmp_path))
    assert [row.reason for row in found if isinstance(row, Drop)] == ["missing_image"] * 9
    report = repair_report(found)
    tar = "taped.tar.gz is a tar archive, of which no image is read, unpack it"
    assert report.archives == {"far.zip is missing": 2, "set.zip is broken": 3, tar: 4}
    assert "set.zip is broken: 3 rows dropped" in report.text()
    manifest = Manifest({}, 42, {}, {}, [], [], {}, {}, {}, {"repairs": {"mmeb train": asdict(report)}})
    assert "import mmeb train: archive set.zip is broken, 3 rows dropped" in shortfall_lines(manifest)
