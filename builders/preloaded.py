"""What worker processes are forked with: the modules of all stages, and the model that detects languages.

Nothing here may start a thread or open a file: a fork has neither.
"""

from __future__ import annotations

import importlib

from nyxqa.builders.engine.without_pandas import keep_pandas_out
from nyxqa.builders.filters.language_scores import language_model

_MODULES = (
    "nyxqa.build",
    "nyxqa.builders.pipeline",
    "duckdb",
    "PIL.Image",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.WebPImagePlugin",
    "pyarrow.parquet",
    "pyarrow.compute",
)

keep_pandas_out()
for name in _MODULES:
    importlib.import_module(name)
language_model()
