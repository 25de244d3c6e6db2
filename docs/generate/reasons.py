"""The page of the ledger's reasons."""

from __future__ import annotations

from docs.generate.markdown import code, table
from nyxqa.schemas.reasons import SECTIONS

_HEAD = """# Reasons in the ledger

Every page, block, image, document, question, negative and row that was left out has a line in table `ledger` with one
of these reasons; `detail` says what exactly was wrong. A test fails if the code gives a reason that is not listed here.

`nyxqa report DATA` counts them, `nyxqa show DATA ID` tells one item's story,
`nyxqa sql DATA "SELECT item_id, detail FROM ledger WHERE reason = 'dead_image'"` lists items.
"""


def reasons_page() -> str:
    """The page."""
    parts = [
        f"## {title}\n\n{table(('reason', 'meaning'), [(code(name), text) for name, text in reasons.items()])}\n"
        for title, reasons in SECTIONS.items()
    ]
    return "\n".join([_HEAD, *parts])
