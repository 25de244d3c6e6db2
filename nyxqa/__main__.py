"""``python -m nyxqa``, and the command ``nyxqa``."""

from __future__ import annotations

import sys

from nyxqa.guard import guarded


def main(arguments: list[str] | None = None, own_process: bool = False) -> None:
    """Run the command line and exit with its exit code; what it imports is imported under guard, too.

    :param own_process: Whether nothing but the command runs in this process, as where ``arguments`` are not given.
    """
    given = sys.argv[1:] if arguments is None else arguments
    builds = given[:1] == ["build"] and not {"--help", "-h"} & set(given)

    def command() -> object:
        if builds and (own_process or arguments is None):
            from nyxqa.builders.engine.without_pandas import keep_pandas_out

            keep_pandas_out()
        from nyxqa.cli import run

        return run(given)

    sys.exit(guarded(command, debug="--debug" in given))


if __name__ == "__main__":
    main()
