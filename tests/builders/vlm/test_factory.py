"""Providers by name, images within the pixel budget, and the text of prompts."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.openai.images import DataUris, TooLargeError, fit, fitted_sizes
from nyxqa.builders.vlm.openai.provider import OpenAiProvider
from nyxqa.builders.vlm.prompt import PROMPT_NAMES, Prompt, as_text, load_prompt, prompt_hashes
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.images.decode import ImageDecodeError
from nyxqa.schemas.recipe import VlmSection

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("spec", "name", "url"),
    [
        ("openai:m@http://host/v1", "m", "http://host/v1"),
        ("openai:org/m@2@https://host:8000/v1", "org/m@2", "https://host:8000/v1"),
        ("openai:m@http://user@http.example/v1", "m", "http://user@http.example/v1"),
    ],
)
def test_a_spec_is_split_at_the_first_http(spec: str, name: str, url: str) -> None:
    assert make_provider(spec) == OpenAiProvider(name, url)


@pytest.mark.parametrize(
    "spec", ["gpt", "openai:m", "openai:@http://h/v1", "openai:m@https://", "openai:m@http://h:x/v1"]
)
def test_a_wrong_spec_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="is not a model"):
        make_provider(spec)


def test_a_password_in_a_wrong_spec_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        make_provider("openai:m@http://me:hidden@h:x/v1")
    assert "hidden" not in str(caught.value)


def test_providers_state_their_abilities(tmp_path: Path) -> None:
    rules = make_provider("extractive")
    assert (rules.info.generator, rules.info.prompts, rules.info.version) == ("extractive", {}, 10)
    assert (rules.info.is_local, rules.info.can_judge, rules.info.needs_images) == (True, False, False)
    assert rules.info.where == "workers"
    served = make_provider("openai:org/m@http://h/v1")
    assert (served.info.generator, set(served.info.prompts), served.info.version) == (
        "openai:org/m",
        set(PROMPT_NAMES),
        3,
    )
    assert (served.info.is_local, served.info.can_judge, served.info.needs_images) == (False, True, True)
    assert served.info.where == "threads"
    for provider in (rules, served):
        assert provider.open(VlmSection(), 42, tmp_path).info == provider.info
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_model_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from nyxqa.builders.vlm.factory import make_provider;"
        "from nyxqa.schemas.recipe import VlmSection; make_provider('openai:m@http://h/v1');"
        "make_provider('extractive').open(VlmSection(), 1, Path('x'));"
        "print(sorted({'torch', 'httpx2', 'PIL', 'transformers', 'stamina', 'sqlite3'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


def encoded(kind: str, size: tuple[int, int], mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, 7 if mode == "L" else "red").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
def test_an_image_within_the_budget_keeps_its_bytes(kind: str, mime: str) -> None:
    data = encoded(kind, (40, 25))
    assert fit(data, 1000) == (mime, data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(400, 100), (100, 400), (1001, 1), (33, 31)])
def test_a_larger_image_is_shrunk_with_its_aspect(kind: str, size: tuple[int, int]) -> None:
    _, small = fit(encoded(kind, size), 1000)
    with Image.open(BytesIO(small)) as image:
        width, height = image.size
    assert width * height <= 1000
    assert abs(width - height * size[0] / size[1]) <= max(1, size[0] / size[1])


@pytest.mark.parametrize(("colour", "kind"), [((255, 0, 0), "JPEG"), ((255, 0, 0, 99), "PNG")])
def test_webp_goes_out_as_what_every_server_reads(colour: tuple[int, ...], kind: str) -> None:
    buffer = BytesIO()
    Image.new("RGB" if len(colour) == 3 else "RGBA", (64, 48), colour).save(buffer, "WEBP")
    mime, data = fit(buffer.getvalue(), 10_000)
    assert mime == f"image/{kind.lower()}"
    with Image.open(BytesIO(data)) as image:
        assert (image.size, image.format) == ((64, 48), kind)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((900, 3), (900, 32)),
        ((3, 900), (32, 900)),
        ((8, 6), (32, 32)),
        ((9000, 40), (9000, 60)),
        ((27, 200), (32, 200)),
        ((64, 64), (64, 64)),
    ],
)
def test_a_picture_too_small_or_too_thin_for_models_is_padded(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Qwen2.5-VL refuses sides under 28 pixels, Qwen3-VL under 32, and both sides of more than 200 : 1."""
    _, data = fit(encoded("PNG", size), 802_816)
    with Image.open(BytesIO(data)) as image:
        assert image.size == expected
        assert image.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


@given(st.integers(1, 30_000), st.integers(1, 30_000), st.integers(4096, 10**6))
def test_every_size_fits_models(width: int, height: int, budget: int) -> None:
    picture, canvas = fitted_sizes((width, height), budget)
    assert min(canvas) >= 32
    assert max(canvas) <= 200 * min(canvas)
    assert canvas[0] * canvas[1] <= max(1.05 * budget, 32 * max(canvas))
    assert picture[0] <= canvas[0]
    assert picture[1] <= canvas[1]


def test_a_larger_image_is_not_shrunk_where_that_is_forbidden() -> None:
    with pytest.raises(TooLargeError):
        fit(encoded("PNG", (100, 100)), 1000, shrink=False)
    with pytest.raises(ImageDecodeError, match="unsupported_format"):
        fit(b"nothing", 1000)


def test_prompts_are_named_by_the_hash_of_their_files() -> None:
    hashes = prompt_hashes()
    assert set(hashes) == set(PROMPT_NAMES)
    assert len(set(hashes.values())) == len(PROMPT_NAMES)
    for name in PROMPT_NAMES:
        text = (ROOT / "builders/vlm/prompts" / f"{name}.txt").read_text(encoding="utf-8").strip()
        assert hashes[name] == short_hash(text)


def test_slots_inside_values_are_not_filled() -> None:
    red, blue = VlmImage("r", ""), VlmImage("b", "")
    parts = Prompt("p", "Q {question} A {answer}.", "h").fill(
        question=["{answer} ", red, blue, ""], answer="{question}"
    )
    assert parts == ("Q {answer} ", red, blue, " A {question}.")
    assert as_text(parts) == "Q {answer} <|image|><|image|> A {question}."


@pytest.mark.parametrize("name", PROMPT_NAMES)
def test_every_prompt_asks_for_json_and_has_an_example(name: str) -> None:
    text = load_prompt(name).text
    assert "JSON only" in text
    assert "Example" in text


def test_the_uri_cache_is_bounded_and_keyed_by_image_and_budget() -> None:
    vlm_images = [VlmImage(colour, "", encoded("PNG", size)) for colour, size in (("a", (80, 20)), ("b", (60, 60)))]
    roomy = DataUris()
    first = [roomy.of(image, budget, shrink=True) for image in vlm_images for budget in (100, 10_000)]
    assert len(set(first)) == 4
    assert roomy.of(VlmImage("a", "", b"dropped"), 100, shrink=False) == first[0]
    tight = DataUris(max_characters=len(first[3]))
    assert [tight.of(image, budget, shrink=True) for image in vlm_images for budget in (100, 10_000)] == first
    assert tight.of(VlmImage("b", "", b"dropped"), 10_000, shrink=False) == first[3]
    with pytest.raises(ImageDecodeError, match="unsupported_format"):
        tight.of(VlmImage("a", "", b"dropped"), 100, shrink=False)
