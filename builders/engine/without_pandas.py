"""Keep PyArrow from importing pandas, which takes .4 s and 60 MB of every process and serves nothing here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_PANDAS = "pandas"


class _Absent:
    """A finder of modules that says that pandas is not installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None, so that the next finder is asked, but for pandas.

        :raises ModuleNotFoundError: For pandas.
        """
        if name == _PANDAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def keep_pandas_out() -> None:
    """Let PyArrow look for pandas once, in vain; whoever imports pandas itself still gets it.

    PyArrow then takes no series and data frames for as long as this process lives, so this is for processes that are
    nyxqa's own: the command and its workers. Nothing happens where pandas is imported already.
    """
    if _PANDAS in sys.modules:
        return
    import pyarrow as pa

    finder = _Absent()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
