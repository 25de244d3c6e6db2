"""``python -m nyxqa``."""

from nyxqa.cli import main

main()
