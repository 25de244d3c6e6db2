"""Packs give back what was put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.images import packs
from nyxqa.builders.images.decode import StoredImage
from nyxqa.builders.images.packs import PackReader, pack_file, writing_pack
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import image_id


def image(data: bytes) -> StoredImage:
    return StoredImage(data, image_id(data), 0)


def test_equal_images_lie_once_in_a_pack(tmp_path: Path) -> None:
    with writing_pack(tmp_path, 3) as writer:
        places = [writer.add(image(data)) for data in (b"one", b"three", b"one")]
    assert pack_file(tmp_path, 3).read_bytes() == b"onethree"
    assert places[0] == places[2]
    with PackReader(tmp_path) as reader:
        assert [reader.read(place) for place in places] == [b"one", b"three", b"one"]


def test_a_reader_holds_a_bounded_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "_OPEN_PACKS", 2)
    places = []
    for shard in range(5):
        with writing_pack(tmp_path, shard) as writer:
            places.append(writer.add(image(b"image %d" % shard)))
    with PackReader(tmp_path) as reader:
        for _ in range(2):
            assert [reader.read(place) for place in places] == [b"image %d" % shard for shard in range(5)]
            assert len(reader._open) == 2
    assert not reader._open


def test_a_pack_that_is_gone_or_cut_is_an_error(tmp_path: Path) -> None:
    with writing_pack(tmp_path, 0) as writer:
        place = writer.add(image(b"whole"))
    pack_file(tmp_path, 0).write_bytes(b"who")
    with PackReader(tmp_path) as reader, pytest.raises(WorldError, match="ends early"):
        reader.read(place)
    with PackReader(tmp_path) as reader, pytest.raises(WorldError, match=r"pack-000001\.bin cannot be read"):
        reader.read({**place, "shard": 1})


def test_a_pack_is_whole_or_absent(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), writing_pack(tmp_path, 0) as writer:
        writer.add(image(b"half"))
        raise RuntimeError
    assert not list(tmp_path.iterdir())
