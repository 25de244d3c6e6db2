"""PyPI's torchvision beside a CPU build of torch, for tests that want a processor of transformers which needs it.

That build has compiled operators for CUDA alone. They cannot be loaded here, and ``import torchvision`` then stops at
the first operator it describes. Once the two names it describes exist, the parts in plain Python work; of the others
image processors use the decoding of pictures alone, which Pillow does here.

``python tests/support/torchvision_cpu.py`` makes it so in every process of an environment (this file goes to its
site-packages with a ``.pth`` line); importing it makes it so in this process.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

_NAME = "torchvision"
_OPERATORS = ("nms", "qnms")
_kept: list[Any] = []  # an operator lives as long as its library


class _OperatorsFirst(Loader):
    """Loads torchvision after its operators have been declared."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        _declare()
        self._loader.exec_module(module)
        _decode_by_pillow()


class _Finder(MetaPathFinder):
    """Finds torchvision where it is, with another loader."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _NAME:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _OperatorsFirst(spec.loader)
        return spec


def _declare() -> None:
    import torch

    if torch.version.cuda is None:
        library = torch.library.Library(_NAME, "DEF")
        for operator in _OPERATORS:
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)


def _decode_by_pillow() -> None:
    """Give ``torchvision.io`` a decoder where its own cannot be loaded."""
    image = importlib.import_module(f"{_NAME}.io.image")
    if image._has_image_ops():
        return
    import numpy as np
    import torch
    from PIL import Image

    def decode_image(data: Any, mode: int, apply_exif_orientation: bool) -> Any:
        if mode != image.ImageReadMode.RGB.value:
            raise NotImplementedError("only pictures in RGB are decoded here")
        with Image.open(BytesIO(data.numpy().tobytes())) as picture:
            return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)

    library = torch.library.Library("image", "DEF")
    library.define("decode_image(Tensor data, int mode, bool apply_exif_orientation) -> Tensor")
    library.impl("decode_image", decode_image, "CPU")
    _kept.append(library)
    image._has_image_ops = lambda: True


def missing_torchvision() -> str:
    """Why torchvision cannot be imported, empty if it can."""
    try:
        importlib.import_module(_NAME)
    except (ImportError, RuntimeError) as error:
        return f"torchvision cannot be imported: {error}; pip install --no-deps torchvision==0.28.0"
    return ""


def install() -> None:
    """Put this file and the line that imports it at every start into this environment's site-packages."""
    packages = Path(sysconfig.get_paths()["purelib"])
    shutil.copy(__file__, packages / "torchvision_cpu.py")
    (packages / "torchvision_cpu.pth").write_text("import torchvision_cpu\n")


if __name__ == "__main__":
    install()
elif not any(type(finder).__name__ == _Finder.__name__ for finder in sys.meta_path):
    sys.meta_path.insert(0, _Finder())
