"""Building a dataset: ``nyxqa.build.run`` and ``python -m nyxqa.build``."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # in front of the other imports, which are made under guard
    from nyxqa.__main__ import main

    main(["build", *sys.argv[1:]], own_process=True)

from nyxqa.builders.runner.api import OUT, BuildOptions, estimate, run

__all__ = ["OUT", "BuildOptions", "estimate", "run"]
