"""``collate``: joined rows into the inputs of a model, several images a side, whatever the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader

import nyxqa
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import ContentError, UsageError
from tests.support.dataset_cache import use_cache
from tests.support.tiny_bert import make_tiny_bert
from tests.support.tiny_dataset import TinyDataset, tiny_dataset
from tests.support.tiny_qwen import make_tiny_qwen

PICTURE = "<image>"
PATCHES = 4  # tokens an image of 28 pixels takes at patches of 14
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {% for c in m['content'] %}"
    "{% if 'image' in c %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}"
)
QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if 'image' in c %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}"
)


@pytest.fixture
def tiny() -> TinyDataset:
    return tiny_dataset(full=True)


@pytest.fixture
def root(tiny: TinyDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, tmp_path / "cache")
    tiny.write(tmp_path / "out")
    return tmp_path / "out"


def plain(texts: list[str], images: list[list[Any]]) -> list[tuple[str, list[tuple[int, int]]]]:
    return [(text, [image.size for image in own]) for text, own in zip(texts, images, strict=True)]


def processor(template: str | None) -> Any:
    """A real processor of transformers that runs without torchvision."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPImageProcessorPil, LlavaProcessor, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1, PICTURE: 2, "user": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", additional_special_tokens=[PICTURE]
    )
    side = 28
    pictures = CLIPImageProcessorPil(
        size={"height": side, "width": side}, do_center_crop=False, crop_size={"height": side, "width": side}
    )
    return LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="full",
        chat_template=template,
    )


def test_plain_callable_gets_texts_and_lists_of_images(root: Path, tiny: TinyDataset) -> None:
    rows = list(nyxqa.load("triplets", root, split="train"))
    batch = nyxqa.collate(plain, instruct=False)(rows)
    written = tiny.rows("triplets", "train")
    assert [text for text, _ in batch["query"]] == [row["query"] for row in written]
    assert batch["query_id"] == [row["query_id"] for row in written]
    assert batch["positive_id"] == [row["positive_id"] for row in written]
    assert batch["negative_counts"] == [len(row["negative_ids"]) for row in written]
    assert batch["negative_ids"] == [one for row in written for one in row["negative_ids"]]
    documents = [tiny.document(one) for one in batch["negative_ids"]]
    assert [text for text, _ in batch["negatives"]] == [row["text"] for row in documents]
    assert [len(images) for _, images in batch["negatives"]] == [len(row["images"]) for row in documents]
    assert max(len(images) for _, images in batch["negatives"]) == 2


def test_instruction_goes_before_the_query(root: Path) -> None:
    rows = list(nyxqa.load("triplets", root, split="test"))
    assert rows[0]["instruction"]
    ((text, _), *_) = nyxqa.collate(plain)(rows)["query"]
    assert text == f"{rows[0]['instruction']}\n{rows[0]['query']['text']}"


def test_fewer_negatives_and_none(root: Path) -> None:
    rows = list(nyxqa.load("triplets", root, split="train"))
    batch = nyxqa.collate(plain, max_negatives=1)(rows)
    assert batch["negative_counts"] == [1] * len(rows)
    assert batch["negative_ids"] == [row["negative_ids"][0] for row in rows]
    batch = nyxqa.collate(plain, max_negatives=0)(rows)
    assert (batch["negatives"], batch["negative_ids"]) == (None, [])


@pytest.mark.parametrize("template", [TEMPLATE, None])
def test_processor_of_transformers(root: Path, template: str | None) -> None:
    rows = list(nyxqa.load("triplets", root, split="train"))
    collator = nyxqa.collate(processor(template), instruct=False)
    batch = collator(rows)
    for name, sides in (
        ("query", [row["query"] for row in rows]),
        ("positive", [row["positive"] for row in rows]),
        ("negatives", [side for row in rows for side in row["negatives"]]),
    ):
        ids = batch[name]["input_ids"]
        counts = [len(side["images"]) for side in sides]
        assert (ids == 2).sum(dim=1).tolist() == [count * PATCHES for count in counts]
        assert len(batch[name]["pixel_values"]) == sum(counts) > 0
        assert batch[name]["attention_mask"].shape == ids.shape
        if template:
            assert (ids == 3).sum(dim=1).tolist() == [1] * len(sides)


def test_images_stand_where_their_placeholders_stood(root: Path, tiny: TinyDataset) -> None:
    rows = [row for row in nyxqa.load("triplets", root, split="train") if PLACEHOLDER in row["query"]["text"]]
    ids = nyxqa.collate(processor(TEMPLATE), instruct=False)(rows)["query"]["input_ids"][0].tolist()
    before, after = rows[0]["query"]["text"].split(PLACEHOLDER)
    assert before and after
    first = ids.index(2)
    assert ids[first : first + PATCHES] == [2] * PATCHES
    assert set(ids[:first]) == {3, 0}
    assert 2 not in ids[first + PATCHES :]
    assert 0 in ids[first + PATCHES :]


def test_processor_of_qwen2_5_vl_feeds_its_model(root: Path, tmp_path: Path) -> None:
    """The real processor, with a chat template of its shape, and a tiny random model that takes what comes out."""
    pytest.importorskip("torchvision", reason="the video part of Qwen2.5-VL's processor needs torchvision")
    import torch
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

    folder = make_tiny_qwen(tmp_path / "qwen")
    processor: Any = AutoProcessor.from_pretrained(folder, chat_template=QWEN_TEMPLATE)
    pad = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    rows = list(nyxqa.load("triplets", root, split="train"))
    batch = nyxqa.collate(processor)(rows)
    model: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder).eval()
    for name, sides in (
        ("query", [row["query"] for row in rows]),
        ("positive", [row["positive"] for row in rows]),
        ("negatives", [side for row in rows for side in row["negatives"]]),
    ):
        inputs = batch[name]
        shown = iter((inputs["image_grid_thw"].prod(dim=1) // 4).tolist())  # two by two patches make a token
        expected = [sum(next(shown) for _ in side["images"]) for side in sides]
        assert max(expected) > min(expected) == 0
        assert (inputs["input_ids"] == pad).sum(dim=1).tolist() == expected
        assert len(inputs["pixel_values"]) == 4 * sum(expected)
        with torch.inference_mode():
            logits = model(**inputs).logits
        assert logits.shape[:2] == inputs["input_ids"].shape
        assert torch.isfinite(logits[inputs["attention_mask"].bool()]).all()


def test_tokenizer_takes_text_and_refuses_images(root: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_bert(tmp_path / "bert"))
    rows = list(nyxqa.load("triplets", root, split="train"))
    text = [row for row in rows if row["dataset"] == "hotpotqa"]
    batch = nyxqa.collate(tokenizer)(text)
    assert len(batch["query"]["input_ids"]) == len(text) == 2
    with pytest.raises(UsageError, match="does not take images"):
        nyxqa.collate(tokenizer)(rows)


def test_what_is_no_processor_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a processor or another callable, not str"):
        nyxqa.collate("qwen")


def test_content_out_of_step_is_refused() -> None:
    row = {"query": {"text": "no picture", "images": [1]}, "positive": {"text": "", "images": []}, "negatives": []}
    with pytest.raises(ContentError):
        nyxqa.collate(processor(TEMPLATE))([row])


def test_loader_uses_it_in_workers(root: Path, tiny: TinyDataset) -> None:
    rows = nyxqa.load("triplets", root, split="train")
    collator = nyxqa.collate(plain)
    loader: Any = DataLoader(rows, batch_size=2, num_workers=1, collate_fn=collator)
    seen = [one for batch in loader for one in batch["query_id"]]
    assert seen == [row["query_id"] for row in tiny.rows("triplets", "train")]


@pytest.mark.parametrize(
    ("table", "join", "column"),
    [("triplets", False, "positive"), ("qa", True, "query"), ("feedback", True, "positive")],
)
def test_rows_that_are_not_joined_triplets_are_refused(root: Path, table: str, join: bool, column: str) -> None:
    rows = nyxqa.load(table, root, split="train", join=join, images="none")
    with pytest.raises(UsageError, match=f"no column '{column}'; collate takes joined rows .* join=True"):
        nyxqa.collate(plain)([rows[0]])
