"""The card of a trained model: README.md of its folder, as the Hub shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.retriever.evaluation.evaluate import ALL, Line
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.version import VERSION

CARD = "README.md"
_SHOWN = ("recall@1", "recall@5", "mrr", "ndcg@10")


@dataclass(frozen=True)
class Card:
    """The contents of a card.

    :param model: The model's name on the command line.
    :param rows: What it was trained on: table and number of rows.
    :param settings: Name and value of each setting.
    :param lines: Figures of the evaluation; empty without validation questions.
    :param usage: How the model is used, a command or code.
    """

    model: str
    rows: str
    steps: int
    settings: Mapping[str, Any]
    lines: Sequence[Line]
    usage: str


def write_card(folder: Path, card: Card) -> None:
    """Write the card into ``folder`` in one atomic step."""
    write_bytes(folder / CARD, card_text(card).encode())


def card_text(card: Card) -> str:
    """The card as Markdown with the front matter of the Hub."""
    head = "---\nlibrary_name: nyxqa\npipeline_tag: feature-extraction\ntags:\n- retrieval\n- mixed-modal\n---\n"
    settings = "".join(f"| {name} | {value} |\n" for name, value in card.settings.items())
    return (
        f"{head}\n# A retriever trained with nyxqa\n\n"
        f"Model `{card.model}`, trained for {card.steps} steps on {card.rows} with Matryoshka InfoNCE; nyxqa {VERSION}."
        " It encodes a text with images at any position as one vector; the settings list the prefix lengths to which"
        " the vector can be truncated.\n\n"
        f"```\n{card.usage}\n```\n\n## Settings\n\n| setting | value |\n| --- | --- |\n{settings}\n"
        f"## Evaluation\n\n{_table(card.lines)}"
    )


def _table(lines: Sequence[Line]) -> str:
    if not lines:
        return "Not run: the dataset has no validation questions.\n"
    shown: dict[tuple[str, int, str, str], dict[str, str]] = {}
    longest = max(line.dim for line in lines)
    for line in lines:
        if line.dim not in (0, longest) and (line.dataset, line.kind) != (ALL, ALL):
            continue  # those are in evaluation.json
        value = line.value
        figure = f"{value.mean:.3f} ({value.low:.3f} to {value.high:.3f})"
        shown.setdefault((line.system, line.dim, line.dataset, line.kind), {})[line.metric] = figure
    head = f"| system | length | dataset | kind | {' | '.join(_SHOWN)} |\n|{' --- |' * (4 + len(_SHOWN))}\n"
    count = next(line.value.count for line in lines if line.dataset == line.kind == ALL)
    rows = "".join(
        f"| {system} | {dim or ''} | {dataset} | {kind} | {' | '.join(figures[name] for name in _SHOWN)} |\n"
        for (system, dim, dataset, kind), figures in shown.items()
    )
    return f"{count} validation questions over their whole pools; intervals of 95 % by bootstrap.\n\n{head}{rows}"
