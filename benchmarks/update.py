"""What an update of real pages asks of a model: ten pages added, ten changed, ten removed.

Run: python -m benchmarks.update --pages FOLDER_OF_HTML
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.machine import command, machine
from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.builders.report.changes import diff
from tests.support.published import table
from tests.support.vlm_server import Payload, VlmServer, prompt_text

_WORDS = re.compile(r"[A-Za-z]{4,}")
_ASKED = re.compile(r'follows "(.+?)"')


class Follower:
    """A scripted model: it asks which word follows three others, and knows it only from a document that says so."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, payload: Payload) -> str:
        """The reply to one request."""
        text = prompt_text(payload)
        if '"pairs"' in text:
            self.asked["questions"] += 1
            words = _WORDS.findall(text.rpartition("\nDocument:\n")[2])
            starts = [place for place in (5, 20) if place + 3 < len(words)]
            pairs = [(" ".join(words[at : at + 3]), words[at + 3]) for at in starts]
            return json.dumps({"pairs": [{"question": f'Which word follows "{a}"?', "answer": b} for a, b in pairs]})
        if '"options"' in text:
            self.asked["options"] += 1
            return json.dumps({"options": ["qwertz", "asdfgh", "yxcvbn", "uiopue", "hjkloe"]})
        self.asked["answers"] += 1
        head, _, question = text.rpartition("\nQuestion: ")
        wanted = _ASKED.search(question)
        told = " ".join(_WORDS.findall(head.rpartition("\nDocuments:\n")[2])) if "\nDocuments:\n" in head else ""
        found = re.search(re.escape(wanted[1]) + r" (\w+)", told) if wanted else None
        return json.dumps({"answer": found[1] if found else "unknown"})


def change(source: Path, held_back: list[tuple[Path, Path]]) -> dict[str, list[str]]:
    """Remove ten pages, change ten, and put those back that were held back."""
    pages = sorted(source.rglob("*.html"))
    gone, changed = pages[3::17][:10], pages[5::17][:10]
    for file in gone:
        file.unlink()
    for file in changed:
        text = file.read_text(encoding="utf-8")
        news = "<p>This paragraph was added lately, and nothing else on this page is different from before.</p>"
        file.write_text(re.sub(r"</h1>", "</h1>" + news, text, count=1), encoding="utf-8")
    for kept, place in held_back:
        shutil.move(kept, place)
    return {"gone": [file.name for file in gone], "changed": [file.name for file in changed]}


def measure(pages: Path, folder: Path) -> dict[str, Any]:
    """Build, change the pages, update twice, and build the changed pages whole."""
    source, out, model = folder / "pages", folder / "out", Follower()
    shutil.copytree(pages, source, ignore_dangling_symlinks=True)
    held_back = [(folder / f"later{n}.html", file) for n, file in enumerate(sorted(source.rglob("*.html"))[7::17][:10])]
    for kept, file in held_back:
        shutil.move(file, kept)
    found: dict[str, Any] = {}

    def step(name: str, folder: Path, update: bool) -> None:
        model.asked.clear()
        with VlmServer(reply=model) as server:
            options = {"vlm": f"openai:scripted@{server.url}", "source": f"html:{source}", "out": folder}
            done = run("all", update=update, **options)  # type: ignore[arg-type]
        found[name] = {"requests": dict(model.asked), "changed": done.changed}

    step("build", out, update=False)
    shutil.copytree(out, folder / "before")
    change(source, held_back)
    step("update", out, update=True)
    step("update again", out, update=True)
    step("full build", folder / "whole", update=False)
    before, after = ({row["qa_id"] for row in table(one, "qa", "test")} for one in (folder / "before", out))
    ledger = table(out, "ledger")
    retired = {row["item_id"]: row["reason"] for row in ledger if row["item_type"] == "question"}
    found["test questions"] = {
        "before": len(before),
        "after": len(after),
        "new": len(after - before),
        "retired": dict(Counter(retired.get(name, "no reason") for name in before - after)),
    }
    found["failed checks"] = list(check(out).failed)
    for name, other in (("diff before update", folder / "before"), ("diff full build update", folder / "whole")):
        compared = diff(other, out)
        found[name] = {key: compared[key] for key in ("pages", "documents", "questions", "retired", "triplets")}
    return found


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, required=True, help="folder of HTML pages")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.pages, Path(folder))
    sys.stdout.write(json.dumps({"command": command("update.py"), **machine(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
