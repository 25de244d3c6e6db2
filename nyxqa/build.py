"""Building a dataset: ``nyxqa.build.run`` and ``python -m nyxqa.build``."""

from __future__ import annotations

from nyxqa.builders.runner.api import OUT, BuildOptions, estimate, run

__all__ = ["OUT", "BuildOptions", "estimate", "run"]

if __name__ == "__main__":
    import sys

    from nyxqa.cli import main

    main(["build", *sys.argv[1:]])
