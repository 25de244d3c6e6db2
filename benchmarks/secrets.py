"""Secrets found among planted ones, and false alarms on real pages.

    python -m benchmarks.secrets --pages DIR --pages DIR --passages FILE.jsonl[.gz]

Of real pages the result counts those with a finding, by kind, and those with one that is no address of a person
(``--judged FILE`` names the pages whose findings were looked at and are such addresses, a name a line).
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nyxqa.builders.filters.secrets.detect import find, mask
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_page import RefusedHtmlError, read_html
from tests.support.planted_secrets import planted

_RESULT = Path(__file__).parent / "results" / "secrets.json"


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, action="append", default=[], help="folder of HTML files")
    parser.add_argument(
        "--passages", type=Path, action="append", default=[], help="JSON lines with key contents or text"
    )
    parser.add_argument("--judged", type=Path, help="names of pages whose findings are right")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--show", action="store_true", help="print what is found on real pages")
    given = parser.parse_args()
    secrets = planted(200)
    missed = Counter(kind for kind, secret, text in secrets if secret in mask(text)[0] or not find(text))
    texts = list(_texts(given.pages, given.passages, given.count))
    started = time.process_time()
    findings = [(name, text, find(text)) for name, text in texts]
    seconds = time.process_time() - started
    kinds: Counter[str] = Counter()
    for name, text, spans in findings:
        kinds.update({kind for kind, _, _ in spans})
        if given.show and spans:
            print(name, [(kind, text[max(0, start - 15) : end + 5]) for kind, start, end in spans][:6])
    judged = set(given.judged.read_text().split()) if given.judged else set()
    alarms = sum(bool(spans) and name not in judged for name, _, spans in findings)
    keys = sum(any(kind not in _PERSONAL for kind, _, _ in spans) for _, _, spans in findings)
    flagged = sum(bool(spans) for _, _, spans in findings)
    result = {
        "command": "python -m benchmarks.secrets --pages DIR --passages FILE --judged FILE",
        "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
        "date": time.strftime("%Y-%m-%d"),
        "planted": len(secrets),
        "found": len(secrets) - missed.total(),
        "missed": dict(missed),
        "pages": len(texts),
        "characters": sum(len(text) for _, text in texts),
        "pages_with_a_finding": flagged,
        "pages_with_a_false_alarm": alarms,
        "pages_with_a_key_or_password": keys,
        "pages_by_kind": dict(kinds.most_common()),
        "milliseconds_a_page": round(1000 * seconds / max(1, len(texts)), 3),
    }
    _RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


_PERSONAL = {"email_address", "phone_number", "internal_host", "internal_address"}


def _texts(folders: list[Path], files: list[Path], count: int) -> Iterator[tuple[str, str]]:
    pages = [file for folder in folders for file in sorted(folder.rglob("*.html")) if file.is_file()]
    pages = pages[:: max(1, len(pages) // count)] if len(pages) > count else pages
    left = count
    for file in pages[:count]:
        try:
            parts = read_html(file.read_bytes(), TextCleaner(), lambda _: False).parts
        except RefusedHtmlError:
            continue
        left -= 1
        yield f"{file.parent.name}/{file.name}", "\n".join(part["text"] or part["caption"] for part in parts)
    for file in files:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            for line in lines:
                if left <= 0:
                    return
                row = json.loads(line)
                left -= 1
                yield str(row.get("id")), str(row.get("contents") or row.get("text"))


if __name__ == "__main__":
    main()
