"""The card of a trained model: README.md of its folder, as the Hub shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nyxqa.retriever.evaluation.evaluate import ALL, Line
from nyxqa.retriever.models.settings import EmbedderSettings
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.version import VERSION

CARD = "README.md"
_SHOWN = ("recall@1", "recall@5", "mrr", "ndcg@10")

FOLDER = "FOLDER"  # in snippets: the folder, or its name on the Hub
_NYXQA = """\
import nyxqa

model = nyxqa.encoder("{kind}:FOLDER")
vectors = model.encode({documents}, kind="document")
queries = model.encode(["what is in the harbour"], kind="query")
"""
_SENTENCE_TRANSFORMERS = """\
{imports}from sentence_transformers import SentenceTransformer

model = SentenceTransformer("FOLDER")
{documents}queries = model.encode(["what is in the harbour"], prompt_name="query")
"""
_ST_IMAGES = """\
parts = [{"type": "text", "text": "a boat: "}, {"type": "image", "image": Image.open("boat.png")}]
vectors = model.encode([[{"role": "user", "content": parts}]], prompt_name="document")
"""
_ST_TEXTS = """\
vectors = model.encode(["a boat in the harbour"], prompt_name="document")
"""
_TRANSFORMERS = """\
import torch
{imports}from transformers import AutoModel, {processor}

{load}
processor = {processor}.from_pretrained("FOLDER")
inputs = {inputs}
with torch.no_grad():
    states = model.eval()(**inputs).last_hidden_state
mask = inputs["attention_mask"]
{pool}
vectors = {vectors}
"""
_POOLS = {
    "last": "pooled = states[torch.arange(len(states)), mask.sum(dim=1) - 1]",
    "cls": "pooled = states[:, 0]",
    "mean": "pooled = (states * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)",
}


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


@dataclass(frozen=True)
class Usage:
    """How a model is used.

    :param kind: ``tiny``, ``nyx`` or ``hf``.
    :param settings: Of the embedder; None for ``tiny``.
    :param adapted: Whether the folder holds adapters.
    :param base: The base as the card names it.
    """

    kind: str
    settings: EmbedderSettings | None = None
    adapted: bool = False
    base: str = ""

    @property
    def images(self) -> bool:
        """Whether the model sees images."""
        return self.settings is None or self.settings.images

    @property
    def library(self) -> str:
        """The library under which the Hub lists it."""
        return "nyxqa" if not self._plain else "sentence-transformers"

    @property
    def _plain(self) -> bool:
        """Whether the folder has the layout of sentence-transformers."""
        return self.settings is not None and (self.kind == "nyx" or not self.settings.images)

    def snippets(self) -> dict[str, str]:
        """Python by library; ``FOLDER`` is the folder of the model."""
        seen = '[{"text": "a boat: <|image|>", "images": ["boat.png"]}]' if self.images else '["a boat in the harbour"]'
        found = {"nyxqa": _NYXQA.format(kind=self.kind, documents=seen)}
        if self._plain:
            imports = "from PIL import Image\n" if self.images else ""
            found["sentence-transformers"] = _SENTENCE_TRANSFORMERS.format(
                imports=imports, documents=_ST_IMAGES if self.images else _ST_TEXTS
            )
        if self._plain and self.settings is not None and self.settings.padding == "right":
            found["transformers and peft" if self.adapted else "transformers"] = self._transformers(self.settings)
        return found

    def _transformers(self, settings: EmbedderSettings) -> str:
        template = settings.template.replace("{instruction}", settings.document_instruction)
        if self.images:
            text = template.replace("{text}", f"{settings.document_prefix}a boat: {settings.image_token}")
            inputs = f'processor(text=[{text!r}], images=[Image.open("boat.png")], return_tensors="pt")'
            imports, processor = "from PIL import Image\n", "AutoProcessor"
        else:
            text = template.replace("{text}", f"{settings.document_prefix}a boat in the harbour")
            inputs = f'processor([{text!r}], padding=True, return_tensors="pt")'
            imports, processor = "", "AutoTokenizer"
        if self.adapted:
            imports += "from peft import PeftModel\n"
            load = f'model = PeftModel.from_pretrained(AutoModel.from_pretrained("{self.base}"), "FOLDER")'
        else:
            load = 'model = AutoModel.from_pretrained("FOLDER")'
        cut = f"pooled[:, :{settings.dimensions}]" if settings.dimensions else "pooled"
        return _TRANSFORMERS.format(
            imports=imports,
            processor=processor,
            load=load,
            inputs=inputs,
            pool=_POOLS[settings.pooling],
            vectors=f"torch.nn.functional.normalize({cut}, dim=-1)" if settings.normalise else cut,
        )

    def text(self) -> str:
        """The snippets as Markdown, and the command that searches with the model."""
        parts = [f"With {library}:\n\n```python\n{code}```\n\n" for library, code in self.snippets().items()]
        build = f"nyxqa build --split train --encoder {self.kind}:{FOLDER}"
        return "".join(parts) + f"Mining negatives with it:\n\n```\n{build}\n```\n"
