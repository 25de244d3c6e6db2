"""The card of a trained model: README.md of its folder, as the Hub shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nyxqa.retriever.evaluation.evaluate import ALL, Line
from nyxqa.retriever.training.usage import Usage
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.version import VERSION

CARD = "README.md"
_SHOWN = ("recall@1", "recall@5", "mrr", "ndcg@10")


@dataclass(frozen=True)
class Card:
    """The contents of a card.

    :param model: The model's name on the command line, without a path.
    :param base: What it was trained from: a name on the Hub or the name of a folder; empty for ``tiny``.
    :param data: Name of the dataset.
    :param licenses: Documents by licence; the empty name counts those that state none.
    :param rows: What it was trained on: table and number of rows.
    :param settings: Name and value of each setting.
    :param lines: Figures of the evaluation; empty without validation questions.
    :param trained: The system whose figures are the model's.
    :param usage: How the model is used.
    """

    model: str
    base: str
    data: str
    licenses: Mapping[str, int]
    rows: str
    steps: int
    settings: Mapping[str, Any]
    lines: Sequence[Line]
    trained: str
    usage: Usage


def write_card(folder: Path, card: Card) -> None:
    """Write the card into ``folder`` in one atomic step."""
    write_bytes(folder / CARD, card_text(card, folder.resolve().name).encode())


def card_text(card: Card, name: str) -> str:
    """The card as Markdown with the front matter of the Hub.

    :param name: Name of the model's folder.
    """
    head = yaml.safe_dump(_front_matter(card, name), sort_keys=False, allow_unicode=True)
    settings = "".join(f"| {key} | {value} |\n" for key, value in card.settings.items())
    base = f" from `{card.base}`" if card.base else ""
    what = "a text with images at any position" if card.usage.images else "a text"
    return (
        f"---\n{head}---\n\n# {name}: a retriever trained with nyxqa\n\n"
        f"Model `{card.model}`{base}, trained for {card.steps} steps on {card.rows} with Matryoshka InfoNCE; "
        f"dataset `{card.data}`, nyxqa {VERSION}. It encodes {what} as one vector; the settings list the prefix "
        f"lengths to which the vector can be truncated.\n\n## Use\n\n{card.usage.text()}\n"
        f"## Evaluation\n\n{_table(card.lines)}\n## Licence\n\n{_licence(card)}\n"
        f"## Settings\n\n| setting | value |\n| --- | --- |\n{settings}"
    )


def _front_matter(card: Card, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"library_name": card.usage.library, "pipeline_tag": "feature-extraction"}
    if card.usage.images:
        found["pipeline_tag"] = "visual-document-retrieval"
    found["tags"] = ["nyxqa", "retrieval", "mixed-modal"]
    if card.usage.library == "sentence-transformers":
        found["tags"].append("sentence-transformers")
    if card.base.count("/") == 1:  # a name on the Hub
        found["base_model"] = card.base.partition("@")[0]
        found["base_model_relation"] = "adapter" if card.usage.adapted else "finetune"
    stated = [one for one in card.licenses if one]
    found["license"] = stated[0].lower() if len(card.licenses) == len(stated) == 1 and not card.base else "other"
    metrics = _metrics(card)
    if metrics:
        task = {"type": "text-retrieval", "name": "Retrieval"}
        dataset = {"type": "nyxqa", "name": card.data, "split": "validation"}
        found["model-index"] = [{"name": name, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}]
    return found


def _metrics(card: Card) -> list[dict[str, Any]]:
    """The figures over all questions at the full length, as the Hub's evaluation widget reads them."""
    longest = max((line.dim for line in card.lines), default=0)
    return [
        {"type": line.metric.replace("@", "_at_"), "name": line.metric, "value": round(line.value.mean, 4)}
        for line in card.lines
        if line.system == card.trained and line.dim == longest and line.dataset == line.kind == ALL
    ]


def _licence(card: Card) -> str:
    lines = []
    if card.base:
        lines.append(f"The weights follow from `{card.base}`, whose licence holds for them, too.")
    stated = [f"{name or 'none stated'} ({count:,} documents)" for name, count in card.licenses.items()]
    lines.append(f"Licences of the documents of `{card.data}`: {', '.join(stated) or 'none stated'}.")
    return "\n".join(lines) + "\n"


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
