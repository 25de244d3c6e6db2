"""How a trained folder is used: snippets for nyxqa, sentence-transformers and transformers, for its card."""

from __future__ import annotations

from dataclasses import dataclass

from nyxqa.retriever.models.settings import EmbedderSettings

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
