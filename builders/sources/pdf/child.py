"""The process that reads one PDF file: ``python -m nyxqa.builders.sources.pdf.child``, a request on its standard input.

pdfium is not safe to use in threads and can crash, so that every file has a process of its own with limits.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from typing import Any

MEMORY = 3 << 30  # bytes of address space
SECONDS = 900  # of processor time
OCR_TIMES = 12  # the time that files take whose sheets have to be read from pictures


def main() -> None:
    """Read the file that the request names, and write its content or why it was dropped."""
    request = json.loads(sys.stdin.read())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seconds = SECONDS * (OCR_TIMES if request["ocr"] else 1)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(_answer(request), sys.stdout)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from nyxqa.builders.sources.pdf.document import UnreadablePdfError, read_pdf

    try:
        content = read_pdf(request["file"], request["dpi"], request["render"], request["unit"], request["ocr"])
    except UnreadablePdfError as error:
        return {"drop": [error.reason, error.detail]}
    except (MemoryError, RecursionError) as error:
        return {
            "drop": ["too_large", f"more memory than {MEMORY >> 20} MiB, or nested too deeply: {type(error).__name__}"]
        }
    blocks = [
        {
            "text": block.text,
            "role": block.role,
            "places": block.places,
            "section": section,
            "picture": None if block.picture is None else base64.b64encode(block.picture).decode(),
            "caption": block.caption,
        }
        for block, section in content.blocks
    ]
    return {"title": content.title, "language": content.language, "blocks": blocks, "notes": content.notes}


if __name__ == "__main__":
    main()
