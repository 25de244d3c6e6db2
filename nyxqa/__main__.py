"""``python -m nyxqa``, and the command ``nyxqa``."""

from __future__ import annotations

import sys

from nyxqa.guard import guarded


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its exit code; what it imports is imported under guard, too."""
    given = sys.argv[1:] if arguments is None else arguments

    def command() -> object:
        from nyxqa.cli import run

        return run(given)

    sys.exit(guarded(command, debug="--debug" in given))


if __name__ == "__main__":
    main()
