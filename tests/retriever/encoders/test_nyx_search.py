from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.encoders.vision import VisionEncoder, vision_encoder
from nyxqa.retriever.models.nyx import load_nyx
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from tests.support.sides import picture

COLOURS = ("red", "green", "blue", "orange", "black")
ENTRIES = [
    SearchEntry(
        f"{n:03}", f"page {PLACEHOLDER} number {n % 3} {PLACEHOLDER}", (), (picture(colour), picture(COLOURS[n % 4]))
    )
    for n, colour in enumerate(COLOURS)
] + [SearchEntry("900", "text alone"), SearchEntry("901", "text alone")]


def encoder(folder: Path, *on: str) -> VisionEncoder:
    return vision_encoder("nyx", str(folder), load_nyx, on or ("cpu",))


def write_toml(folder: Path, text: str) -> None:
    (folder / "embedder.toml").write_text(text)


def test_by_name_no_weights_are_read(tiny_qwen: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    found = make_encoder(f"nyx:{bare}")
    assert (found.name, found.needs_images) == ("nyx:bare", True)
    with pytest.raises(WorldError, match="neither an existing folder"):
        make_encoder(f"nyx:{tmp_path / 'none'}")


def test_an_entry_finds_itself_and_its_images_decide(tiny_qwen: Path, tmp_path: Path) -> None:
    nyx = encoder(tiny_qwen)
    nyx.build(ENTRIES, tmp_path)
    hits = nyx.open(tmp_path).search(ENTRIES, 3)
    assert [row[0] for row in hits.rows.tolist()] == [0, 1, 2, 3, 4, 5, 5]
    assert hits.rows[5:, :2].tolist() == [[5, 6], [5, 6]]
    assert hits.scores[:, 0] == pytest.approx(np.ones(len(ENTRIES)), abs=1e-5)
    assert (hits.scores[:5, 1] < 0.999).all()


def test_the_instruction_of_a_query_is_read_before_it(tiny_qwen: Path, tmp_path: Path) -> None:
    """A query whose instruction makes up for the words it lacks is the query with all of them."""
    nyx = encoder(tiny_qwen)
    nyx.build(ENTRIES, tmp_path)
    queries = [
        SearchEntry("q", "find it\nhere"),
        SearchEntry("q", "here", instruction="find it"),
        SearchEntry("q", "here"),
    ]
    scores = nyx.open(tmp_path).search(queries, len(ENTRIES)).scores
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert scores[0] != pytest.approx(scores[2], abs=1e-6)


def test_bytes_are_the_same_whatever_the_devices(
    tiny_qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nyxqa.retriever.encoders.vision._SHARD_ROWS", 2)
    found = []
    for devices in (("cpu",), ("cpu", "cpu")):
        folder = tmp_path / str(len(devices))
        encoder(tiny_qwen, *devices).build(ENTRIES, folder)
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]


def test_only_shards_with_other_images_are_encoded_again(
    tiny_qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nyxqa.retriever.models.vision_model import DeviceEncoder

    monkeypatch.setattr("nyxqa.retriever.encoders.vision._SHARD_ROWS", 2)
    nyx = encoder(tiny_qwen)
    nyx.build(ENTRIES, tmp_path)
    seen: list[int] = []
    encode = DeviceEncoder.encode
    monkeypatch.setattr(DeviceEncoder, "encode", lambda self, sides: (seen.append(len(sides)), encode(self, sides))[1])
    nyx.build(ENTRIES, tmp_path)
    assert seen == []
    fifth = ENTRIES[4]
    nyx.build([*ENTRIES[:4], SearchEntry(fifth.id, fifth.text, (), fifth.images[::-1]), *ENTRIES[5:]], tmp_path)
    assert seen == [2]


def test_fingerprint_follows_weights_settings_and_the_base(tiny_qwen: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny-qwen"
    shutil.copytree(tiny_qwen, copy)
    first = encoder(tiny_qwen).fingerprint
    assert encoder(copy).fingerprint == first
    write_toml(copy, "max_pixels = 100000\n")
    second = encoder(copy).fingerprint
    assert second != first
    (copy / "README.md").write_text("a card")
    assert encoder(copy).fingerprint == second
    adapters = tmp_path / "adapters"
    adapters.mkdir()
    (adapters / "adapter_config.json").write_text('{"base_model_name_or_path": "' + str(copy) + '"}')
    third = encoder(adapters).fingerprint
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert encoder(adapters).fingerprint != third


def test_an_index_of_other_settings_is_refused(tiny_qwen: Path, tmp_path: Path) -> None:
    encoder(tiny_qwen).build(ENTRIES[:2], tmp_path / "index")
    copy = tmp_path / "tiny-qwen"
    shutil.copytree(tiny_qwen, copy)
    write_toml(copy, 'query_instruction = "Find it."\n')
    with pytest.raises(FormatError, match="another encoder"):
        encoder(copy).open(tmp_path / "index")


def test_fewer_dimensions_are_the_first_of_all(tiny_qwen: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny-qwen"
    shutil.copytree(tiny_qwen, copy)
    write_toml(copy, "dimensions = 16\n")
    whole, short = encoder(tiny_qwen).encode(ENTRIES, "document"), encoder(copy).encode(ENTRIES, "document")
    cut = whole[:, :16] / np.linalg.norm(whole[:, :16], axis=1, keepdims=True)
    assert short == pytest.approx(cut, abs=1e-5)
    write_toml(copy, "dimensions = 65\n")
    with pytest.raises(UsageError, match="dimensions = 65, but its vectors have 64"):
        encoder(copy).encode(ENTRIES, "document")


def test_vectors_that_are_not_finite_stop_the_search(tiny_qwen: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = tmp_path / "tiny-qwen"
    shutil.copytree(tiny_qwen, copy)
    weights = load_file(copy / "model.safetensors")
    weights["model.norm.weight"].fill_(float("nan"))
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WorldError, match="not finite"):
        encoder(copy).encode(ENTRIES[:1], "query")


def test_missing_weights_are_an_error(tiny_qwen: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = tmp_path / "tiny-qwen"
    shutil.copytree(tiny_qwen, copy)
    weights = load_file(copy / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WorldError, match=r"lacks 1 weights of its own network, first language_model\.norm\.weight"):
        encoder(copy).encode(ENTRIES[:1], "query")
