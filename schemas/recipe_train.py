"""Section ``[train]`` of a recipe: how ``nyxqa train`` trains. It holds no data, so it enters no fingerprint."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nyxqa.schemas.recipe_types import Positive, Section

Above = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class LoraShape(Section):
    """Low-rank adapters of ``nyx:`` and ``hf:`` models; what is not given is as in the Nyx paper and code."""

    rank: Positive = Field(8, description="rank of each adapter")
    alpha: Positive = Field(64, description="the adapters are scaled by alpha / rank")
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="share of inputs dropped in training")
    dora: bool = Field(False, description="whether magnitude and direction are decomposed (DoRA)")
    targets: list[str] = Field(
        ["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"],
        min_length=1,
        description='suffixes of the names of the adapted layers, or ["all-linear"]',
    )


class Train(Section):
    """How a retriever is trained; a key that is not given is the model's default."""

    dims: list[Positive] = Field([], description="prefix lengths (Matryoshka); 1, 1/2, 1/4, 1/8 of the vector if empty")
    weights: list[NotNegative] = Field([], description="weight of the loss at each of dims; their sum is 1")
    temperature: Above | None = Field(None, description="divisor of the cosines")
    against: Literal["all", "own", "triplet"] | None = Field(
        None,
        description="negatives of a query: all documents of the batch; other positives and its own hard negatives "
        "(own); its own hard negatives alone (triplet)",
    )
    negatives: Annotated[int, Field(ge=0)] | None = Field(
        None, description="most hard negatives of a row, drawn again each epoch"
    )
    mixing: Literal["dataset", "mixed"] | None = Field(
        None, description="whether the rows of a batch are of one dataset or of any"
    )
    epochs: Positive | None = Field(None, description="passes over the rows")
    max_steps: Positive | None = Field(None, description="most steps; the rate reaches zero there")
    batch_size: Positive | None = Field(None, description="rows of a step, over all devices")
    chunk: Positive | None = Field(
        None, description="most queries and documents that a device embeds at a time; chosen by itself if not given"
    )
    learning_rate: Above | None = Field(None, description="rate at the end of warm-up")
    warmup: Annotated[float, Field(ge=0, lt=1)] | None = Field(None, description="share of the steps that warm up")
    schedule: Literal["linear", "cosine", "constant"] | None = Field(None, description="how the rate falls after it")
    weight_decay: NotNegative | None = Field(None, description="of AdamW")
    clip: Above | None = Field(None, description="most norm of the gradients")
    precision: Literal["auto", "no", "bf16"] | None = Field(
        None, description="arithmetic of the forward pass; auto is bf16 on a GPU that has it"
    )
    checkpointing: bool | None = Field(None, description="whether activations are computed again to save memory")
    checkpoint_steps: Positive | None = Field(None, description="steps between checkpoints")
    keep: Positive | None = Field(None, description="number of checkpoints to retain")
    lora: Literal["paper", "code"] | bool | LoraShape | None = Field(
        None, description="adapters: false trains all weights; a table sets their shape"
    )
    max_pixels: Positive | None = Field(None, description="pixels that an image is shrunk to")
    seed: int | None = Field(None, description="seed of every random choice; the recipe's if not given")
