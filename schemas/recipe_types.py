"""Types of a recipe's values: what a key accepts beyond its Python type."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Split = Literal["train", "validation", "test"]
ImportKind = Literal["mmeb", "mme5_hardneg", "mme5_synthetic", "nyxqa_published", "nyx_t2t", "nyx_feedback"]
QuestionType = Literal["fact", "howto", "why", "compare", "list", "boolean"]
SplitName = Literal[Split, "all"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Size = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGT]i?B$")]


def _ascending(ranks: list[int]) -> list[int]:
    if ranks[0] > ranks[1]:
        raise ValueError("the first rank must not exceed the last")
    return ranks


def _not_all(name: str) -> str:
    if name == "all":
        raise ValueError("'all' names every split and pool together; choose another name")
    return name


def _bool_or_hosts(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        return value
    raise ValueError(
        'give false (none), true (all) or a list of hosts, addresses and CIDR blocks in quotes, as ["10.0.0.0/8"]'
    )


Hosts = Annotated[bool | list[str], BeforeValidator(_bool_or_hosts)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$"), AfterValidator(_not_all)]
RankRange = Annotated[list[Positive], Field(min_length=2, max_length=2), AfterValidator(_ascending)]


class Section(BaseModel):
    """A TOML table: unknown keys and values of another type are refused; values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
