"""Every page of the site in one folder, and the settings of zensical beside it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from docs.generate.api import api_page
from docs.generate.commands import commands_page
from docs.generate.figures import write_figures
from docs.generate.numbers import numbers_page
from docs.generate.reasons import reasons_page
from docs.generate.recipe import recipe_page
from docs.generate.tables import tables_page

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
GENERATED: dict[str, Callable[[], str]] = {
    "reference/tables.md": tables_page,
    "reference/recipe.md": recipe_page,
    "reference/commands.md": commands_page,
    "reference/api.md": api_page,
    "reference/reasons.md": reasons_page,
    "numbers.md": lambda: numbers_page(RESULTS),
}
# A link from a page of the repository to a file that is no page.
_RESULT_LINK = re.compile(r"\]\((?:\.\./)+benchmarks/results/")


def write_pages(out: Path) -> list[Path]:
    """Write all pages below ``out``/pages, and ``out``/zensical.toml; returns the pages."""
    pages = out / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    for source in sorted((ROOT / "docs").rglob("*.md")):
        target = pages / source.relative_to(ROOT / "docs")
        target.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * (len(target.relative_to(pages).parts) - 1)
        target.write_text(_RESULT_LINK.sub(f"]({up}results/", source.read_text(encoding="utf-8")), encoding="utf-8")
    for name, page in GENERATED.items():
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        (pages / name).write_text(page(), encoding="utf-8")
    shutil.copytree(RESULTS, pages / "results")
    shutil.copytree(ROOT / "docs" / "images", pages / "images")
    write_figures(RESULTS, pages / "figures")
    (pages / "extra.css").write_text("td:first-child > code { white-space: nowrap; }\n", encoding="utf-8")
    settings = (Path(__file__).parent / "zensical.toml").read_text(encoding="utf-8")
    (out / "zensical.toml").write_text(settings, encoding="utf-8")
    return sorted(pages.rglob("*.md"))
