"""Build the site.

    python -m docs.generate [--out site]

Writes the pages into OUT/pages and the site into OUT/html; any warning is an error.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from docs.generate.pages import write_pages


def main() -> int:
    """Write the pages and build them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("site"))
    out = parser.parse_args().out
    write_pages(out)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", str(out / "zensical.toml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    said = done.stdout + done.stderr
    sys.stdout.write(said)
    return done.returncode or int("No issues found" not in said)


if __name__ == "__main__":
    sys.exit(main())
