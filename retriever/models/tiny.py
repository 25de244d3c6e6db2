"""``tiny[:PATH]``: the bundled encoder. Hashed words and image patches, mixed in order into one vector.

A feature's direction is fixed and random, so texts that share words are close before any training. Training learns a
weight per feature, the projection of image features into the same space, and a linear map of queries towards documents:
few enough parameters for a few hundred rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nyxqa.retriever.models.tiny_features import WIDTH, image_features, text_features
from nyxqa.retriever.protocols import ModelInput, Tensors
from nyxqa.schemas.content import PLACEHOLDER, check_content
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import read_json, write_json

if TYPE_CHECKING:
    import torch

DIM = 256
VERSION = 1
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
_TYPE = "nyxqa-tiny"
# Length of an image in words; only batch sizes depend on it.
_IMAGE_LENGTH = 16


class TinyModel:
    """The bundled encoder, for training and search.

    :param seed: Seed of the fixed directions and the initial weights; nothing else is random.
    """

    name = "tiny"
    dim = DIM

    def __init__(self, seed: int = 0) -> None:
        from nyxqa.retriever.models.tiny_module import TinyModule

        self.seed = seed
        self._module = TinyModule(DIM, seed)

    @classmethod
    def load(cls, folder: Path) -> TinyModel:
        """The model that ``save`` wrote.

        :raises WorldError: If ``folder`` does not hold a tiny model.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            config = read_json(folder / CONFIG)
            if config["model_type"] != _TYPE or config["version"] != VERSION:
                raise ValueError(f"model_type {config['model_type']}, version {config['version']}")
            model = cls(config["seed"])
            model._module.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise WorldError(
                f"{folder} does not hold a tiny model: {error}; train one with: "
                f"nyxqa train DATA --model tiny --out {folder}"
            ) from error
        return model

    @property
    def module(self) -> torch.nn.Module:
        """What holds the weights."""
        return self._module

    def length(self, content: ModelInput) -> int:
        """Words and images of an input."""
        return content.text.count(" ") + 1 + _IMAGE_LENGTH * len(content.images)

    def prepare(self, contents: Sequence[ModelInput]) -> Tensors:
        """Features of all inputs, one after another, with the number of the input each belongs to.

        :raises ContentError: If an input has more or fewer images than placeholders.
        """
        import torch

        from nyxqa.retriever.models.tiny_module import ROLES

        buckets, kinds, amounts, owners = [], [], [], []
        images, image_owners = [], []
        ordinals: list[int] = []
        for number, content in enumerate(contents):
            check_content(content.text, len(content.images))
            found = text_features(content.text.replace(PLACEHOLDER, "\n"))
            buckets.append(found.buckets)
            kinds.append(found.kinds)
            amounts.append(found.amounts)
            owners.append(len(found.buckets))
            images += [image_features(image) for image in content.images]
            image_owners += [number] * len(content.images)
            ordinals += range(len(content.images))
        stacked = np.stack(images) if images else np.zeros((0, WIDTH), dtype=np.float32)
        return {
            "buckets": torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.int64), *buckets])),
            "kinds": torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.int64), *kinds])),
            "amounts": torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.float32), *amounts])),
            "counts": torch.tensor(owners, dtype=torch.int64),
            "images": torch.from_numpy(stacked),
            "image_owners": torch.tensor(image_owners, dtype=torch.int64),
            "ordinals": torch.tensor(ordinals, dtype=torch.int64),
            "roles": torch.tensor([ROLES.index(content.role) for content in contents], dtype=torch.int64),
        }

    def embed(self, inputs: Tensors) -> torch.Tensor:
        """Vectors, float32 [inputs, 256]."""
        import torch

        device = next(self._module.parameters()).device
        moved: Mapping[str, Any] = {name: tensor.to(device) for name, tensor in inputs.items()}
        with torch.autocast(device.type, enabled=False):  # sums of many small numbers
            vectors: torch.Tensor = self._module(**moved)
        return vectors

    def save(self, folder: Path) -> None:
        """Write weights and settings; the fixed directions follow from the seed."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self._module.state_dict().items()}
        save_file(state, folder / WEIGHTS)
        write_json(folder / CONFIG, {"model_type": _TYPE, "version": VERSION, "seed": self.seed, "dim": DIM})
