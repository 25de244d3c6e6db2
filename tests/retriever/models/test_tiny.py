"""``tiny``: what it reads and sees, what it keeps, and that it can be searched with."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.models.batching import encode_inputs, truncate_and_normalise
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.models.tiny_features import WIDTH, image_features, text_features
from nyxqa.retriever.protocols import ModelInput, SearchEntry
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.training.trainer import train
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import ContentError, FormatError, WorldError
from tests.support.triplet_rows import triplets


def colour(name: str, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), name).save(stream, format=form)
    return stream.getvalue()


def cosines(*sides: ModelInput) -> np.ndarray:
    unit = truncate_and_normalise(encode_inputs(TinyModel(), list(sides)), 256)
    return np.asarray(unit @ unit.T)


def test_shared_words_make_texts_alike_before_training() -> None:
    near = cosines(ModelInput("the mill by the river"), ModelInput("a river mill"), ModelInput("seven green parrots"))
    assert near[0, 1] > 0.4 > 0.2 > near[0, 2]


def test_features_are_counted_once_with_their_number() -> None:
    found = text_features("Mill mill")
    assert found.kinds.tolist() == sorted(found.kinds.tolist())
    words = found.kinds == 0
    assert words.sum() == 1
    assert found.amounts[words][0] == pytest.approx(1 + np.log(2))
    assert text_features("").buckets.tolist() == []


def test_images_count_also_without_text_and_in_order() -> None:
    red, blue = colour("red"), colour("blue")
    one, same, other = (
        ModelInput(PLACEHOLDER, (red,)),
        ModelInput(PLACEHOLDER, (red,)),
        ModelInput(PLACEHOLDER, (blue,)),
    )
    near = cosines(one, same, other, ModelInput(PLACEHOLDER * 2, (red, blue)), ModelInput(PLACEHOLDER * 2, (blue, red)))
    assert near[0, 1] == pytest.approx(1, abs=1e-6)
    assert near[0, 2] < 0.9
    assert near[0, 3] > near[2, 0]
    assert near[3, 4] < 0.9999


def test_a_decoded_picture_is_its_bytes() -> None:
    data = colour("green")
    found = image_features(data)
    assert found.shape == (WIDTH,) and found.dtype == np.float32
    assert np.array_equal(found, image_features(Image.open(io.BytesIO(data))))
    assert np.linalg.norm(found) == pytest.approx(np.sqrt(2 / 3), abs=1e-5)  # a plain colour has no edges


def test_what_is_no_picture_is_named() -> None:
    with pytest.raises(FormatError, match="an image of 5 bytes cannot be decoded"):
        image_features(b"wrong")


def test_images_and_placeholders_must_agree() -> None:
    with pytest.raises(ContentError):
        TinyModel().prepare([ModelInput("none here", (colour("red"),))])


def test_a_side_without_anything_has_a_vector_of_zeros() -> None:
    assert np.array_equal(encode_inputs(TinyModel(), [ModelInput("")]), np.zeros((1, 256), dtype=np.float32))


def test_a_vector_does_not_depend_on_its_batch() -> None:
    sides = [
        ModelInput("the mill", role="query"),
        ModelInput(f"bridge {PLACEHOLDER}", (colour("red"),)),
        ModelInput("tower"),
    ]
    model = TinyModel()
    together = encode_inputs(model, sides)
    for row, side in enumerate(sides):
        np.testing.assert_allclose(encode_inputs(model, [side])[0], together[row], atol=1e-7)


def test_saved_and_loaded_it_gives_the_same_vectors(tmp_path: Path) -> None:
    model = TinyModel(3)
    train(model, triplets(8), TrainSettings(batch_size=4, learning_rate=1e-2))
    model.save(tmp_path / "model")
    sides = [ModelInput("the old amill5", role="query"), ModelInput(PLACEHOLDER, (colour("blue"),))]
    assert np.array_equal(encode_inputs(model, sides), encode_inputs(TinyModel.load(tmp_path / "model"), sides))
    assert not np.array_equal(encode_inputs(model, sides), encode_inputs(TinyModel(3), sides))


@pytest.mark.parametrize("content", [None, "{}", '{"model_type": "bert", "version": 1}'])
def test_a_folder_without_a_model_is_named(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(WorldError, match="does not hold a tiny model"):
        TinyModel.load(tmp_path)


def test_directions_do_not_change_with_versions() -> None:
    """Saved models hold no directions: these must come out the same for ever."""
    directions = TinyModel().module.directions
    assert isinstance(directions, torch.Tensor)
    assert (directions[:2, :8] > 0).int().tolist() == [[0, 1, 1, 1, 1, 0, 1, 0], [1, 0, 0, 1, 1, 0, 1, 1]]


def test_searched_as_an_encoder(tmp_path: Path) -> None:
    encoder = make_encoder("tiny")
    assert encoder.needs_images and encoder.name == "tiny"
    entries = [
        SearchEntry("b", f"a picture {PLACEHOLDER}", images=(colour("red"),)),
        SearchEntry("a", f"a picture {PLACEHOLDER}", images=(colour("blue"),)),
        SearchEntry("c", "the mill by the river"),
    ]
    encoder.build(entries, tmp_path)
    index = encoder.open(tmp_path)
    asked = [SearchEntry("q", PLACEHOLDER, images=(colour("red"),)), SearchEntry("r", "which mill is at the river?")]
    hits = index.search(asked, 3)
    assert [[index.ids[row] for row in rows] for rows in hits.rows.tolist()] == [["b", "a", "c"], ["c", "b", "a"]]
    assert index.search([], 3).rows.shape == (0, 3)


def test_another_picture_is_another_vector_on_disk(tmp_path: Path) -> None:
    """Vectors are kept by the hash of text and images together."""
    encoder = make_encoder("tiny")
    asked = [SearchEntry("q", PLACEHOLDER, images=(colour("red"),))]
    scores = []
    for name in ("red", "blue"):
        encoder.build([SearchEntry("a", PLACEHOLDER, images=(colour(name),))], tmp_path)
        scores.append(float(encoder.open(tmp_path).search(asked, 1).scores[0, 0]))
    assert scores[0] == pytest.approx(1, abs=1e-6)
    assert scores[1] < 0.9


def test_a_trained_model_has_its_own_fingerprint(tmp_path: Path) -> None:
    TinyModel(1).save(tmp_path / "one")
    TinyModel(2).save(tmp_path / "two")
    prints = {make_encoder(f"tiny:{tmp_path / name}").fingerprint for name in ("one", "two")}
    assert len(prints | {make_encoder("tiny").fingerprint}) == 3
    assert make_encoder(f"tiny:{tmp_path / 'one'}").name == "tiny:one"
